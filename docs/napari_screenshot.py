"""Draw docs/napari.png: the widget in use, on the sample data.

On a machine without a screen:  xvfb-run -a -s "-screen 0 1600x1000x24" python docs/napari_screenshot.py
"""

import argparse
from pathlib import Path

import napari
from qtpy.QtTest import QTest

HERE = Path(__file__).parent


def main() -> None:
    """Open a sample, the widget by its menu entry, press Auto, and save what the window shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", default="dark_cells")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--size", type=int, nargs=2, default=(1400, 860))
    parser.add_argument("--output", type=Path, default=HERE / "napari.png")
    asked = parser.parse_args()
    viewer = napari.Viewer()
    viewer.theme = asked.theme
    viewer.window._qt_window.resize(*asked.size)
    viewer.open_sample("clode-core", asked.sample)
    (menu,) = (action.menu() for action in viewer.window.plugins_menu.actions() if action.text() == "CLODE")
    menu.actions()[0].trigger()
    (dock,) = (d for name, d in viewer.window._wrapped_dock_widgets.items() if name.startswith("CLODE"))
    widget = dock.inner_widget()
    widget.controls.auto.click()
    while any(job.busy for job in widget._jobs) or len(viewer.layers) < 2:
        QTest.qWait(20)
    viewer.window._qt_viewer.dockLayerList.setFixedHeight(260)
    QTest.qWait(800)
    viewer.window.screenshot(str(asked.output), canvas_only=False, flash=False)
    viewer.close()


if __name__ == "__main__":
    main()
