import os
import sys

import numpy as np
import pytest


def pytest_collection_modifyitems(items):
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        no_screen = pytest.mark.skip(reason="there is no screen: install Xvfb and use make test")
        for item in items:
            if "viewer" in item.fixturenames:
                item.add_marker(no_screen)


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
def opened(viewer, qtbot):
    """Open the widget as its menu entry does; gives a function of the layers to add first."""

    def open_with(*layers):
        for layer in layers:
            viewer.add_layer(layer)
        action = next(a for a in viewer.window.plugins_menu.actions() if a.text().startswith("CLODE Enhance"))
        action.trigger()
        widget = viewer.window._wrapped_dock_widgets["CLODE Enhance (CLODE)"].inner_widget()
        widget.controls.denoise.setChecked(False)
        return widget

    return open_with


@pytest.fixture
def rest(qtbot):
    """Wait until a widget has done everything it was asked for."""

    def wait(widget, timeout=30_000):
        qtbot.waitUntil(
            lambda: not widget._dims.isActive() and all(job._progress is None for job in widget._jobs),
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
