"""Draw docs/napari.png: the widget in use, on the sample data.

On a machine without a screen:  xvfb-run -a -s "-screen 0 1600x1000x24" python docs/napari_screenshot.py
"""

from pathlib import Path

import napari
from qtpy.QtTest import QTest

HERE = Path(__file__).parent


def main() -> None:
    """Open a sample, the widget by its menu entry, press Auto, and save what the window shows."""
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1400, 860)
    viewer.open_sample("clode-core", "dark_cells")
    entry = next(a for a in viewer.window.plugins_menu.actions() if a.text().startswith("CLODE"))
    entry.trigger()
    (dock,) = (d for name, d in viewer.window._wrapped_dock_widgets.items() if name.startswith("CLODE"))
    widget = dock.inner_widget()
    widget.controls.auto.click()
    while any(job.busy for job in widget._jobs) or len(viewer.layers) < 2:
        QTest.qWait(20)
    viewer.camera.zoom *= 0.97
    viewer.window._qt_viewer.dockLayerList.setFixedHeight(260)
    QTest.qWait(800)
    viewer.window.screenshot(str(HERE / "napari.png"), canvas_only=False, flash=False)
    viewer.close()


if __name__ == "__main__":
    main()
