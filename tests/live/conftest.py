import os
import sys
import threading

import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("av")

from video_making import write_video

from clode_live.frames import PlaybackSettings
from clode_live.methods import live_method
from clode_live.sources import open_source
from clode_live.window import LiveWindow


def pytest_collection_modifyitems(items):
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        no_screen = pytest.mark.skip(reason="there is no screen: install Xvfb and use make test")
        for item in items:
            if "opened" in item.fixturenames:
                item.add_marker(no_screen)


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    """Two seconds, 60 frames, a cut in the middle."""
    return write_video(tmp_path_factory.mktemp("video") / "two scenes.mp4")


@pytest.fixture(scope="session")
def baseline():
    import torch

    from clode_core.methods.zero_dce.model import Architecture, ZeroDCE

    torch.manual_seed(0)
    return ZeroDCE(Architecture("zero-dce", width=4, working_size=32))


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("clode")]


@pytest.fixture
def opened(qtbot, untrained):
    """Open a window on a source; when the test ends it is closed, and no thread may be left."""
    windows = []

    def open_window(source, method=untrained, **wanted):
        start = {"value": method.info.slider.default} if method.info.slider else {}
        settings = PlaybackSettings(**start | wanted)
        source = open_source(str(source)) if not hasattr(source, "reader") else source
        window = LiveWindow(source, live_method(method), settings)
        windows.append(window)
        window.resize(500, 420)
        with qtbot.waitExposed(window):
            window.show()
        return window

    yield open_window
    for window in windows:
        window.close()
    assert not threads()
