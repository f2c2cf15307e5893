import os
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
WITHOUT = bool(os.environ.get("CLODE_NO_SCREEN"))
"""Whether this is the run of the build machine that has no screen, and expects skips."""
SCREEN = not WITHOUT and (sys.platform != "linux" or bool(os.environ.get("DISPLAY")))
NO_SCREEN = "there is no screen: install Xvfb and use make test"


def pytest_collection_modifyitems(items):
    """Skip every test of this folder where there is no screen."""
    if not SCREEN:
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker(pytest.mark.skip(reason=NO_SCREEN))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where no screen is expected, a skip for want of one stays a skip on the build machine too."""
    report = yield
    if WITHOUT and call.excinfo is not None and NO_SCREEN in str(call.excinfo.value):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {NO_SCREEN}")
    return report


@pytest.fixture
def quiet():
    """Wait until nothing runs in the background; no test may leave a thread behind."""
    from qtpy.QtCore import QThreadPool

    yield
    assert QThreadPool.globalInstance().waitForDone(20_000)


@pytest.fixture
def viewer(make_napari_viewer, quiet):
    return make_napari_viewer(strict_qt="raise")


@pytest.fixture
def menu_entry(viewer):
    """An entry of CLODE in the menu of plug-ins, by its text."""

    def entry(text):
        (menu,) = (a.menu() for a in viewer.window.plugins_menu.actions() if a.text() == "CLODE")
        return next(action for action in menu.actions() if action.text() == text)

    return entry


@pytest.fixture
def opened(viewer, menu_entry):
    """Open the widget as its menu entry does; gives a function of the layers to add first."""

    def open_with(*layers):
        for layer in layers:
            viewer.add_layer(layer)
        menu_entry("CLODE Enhance (CLODE)").trigger()
        widget = viewer.window._wrapped_dock_widgets["CLODE Enhance (CLODE)"].inner_widget()
        widget.controls.denoise.setChecked(False)
        return widget

    return open_with


@pytest.fixture
def rest(qtbot):
    """Wait until a widget has done everything it was asked for."""

    def wait(widget, timeout=30_000):
        qtbot.waitUntil(
            lambda: (
                not (widget.previews.dims.isActive() or widget.previews.plane.rest.isActive())
                and all(job._progress is None for job in widget._jobs)
            ),
            timeout=timeout,
        )

    return wait


@pytest.fixture
def stack(random):
    """A dark time series (5, 48, 64) as a 12-bit camera records it."""
    y, x = np.mgrid[:48, :64]
    scene = 150 + 90 * np.sin(x / 7) + 60 * np.cos(y / 9)
    lamp = np.array([1.0, 0.8, 1.1, 0.9, 1.2])[:, None, None]
    return np.clip(100 + random.poisson(scene * lamp), 0, 4095).astype(np.uint16)
