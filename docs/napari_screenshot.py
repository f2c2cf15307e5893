"""Draw docs/napari.png and docs/napari-where.png: the widget in use, on the sample data and under a brush.

On a machine without a screen:  xvfb-run -a -s "-screen 0 1600x1000x24" python docs/napari_screenshot.py
"""

import argparse
from pathlib import Path

import napari
import numpy as np
from qtpy.QtTest import QTest

HERE = Path(__file__).parent
STROKE = (0.30, 0.82), (0.38, 0.62)  # rows and columns, of the height and width: over the face of the cat


def opened(theme, size):
    """A viewer of a size, as yet without a picture."""
    viewer = napari.Viewer()
    viewer.theme = theme
    viewer.window._qt_window.resize(*size)
    return viewer


def docked(viewer):
    """The widget, opened by its menu entry."""
    (menu,) = (action.menu() for action in viewer.window.plugins_menu.actions() if action.text() == "CLODE")
    menu.actions()[0].trigger()
    (dock,) = (d for name, d in viewer.window._wrapped_dock_widgets.items() if name.startswith("CLODE"))
    return dock.inner_widget()


def wait(viewer, widget):
    """Until all is done that was asked for."""
    QTest.qWait(400)
    while any(job.busy for job in widget._jobs) or len(viewer.layers) < 2:
        QTest.qWait(20)
    QTest.qWait(800)


def sample(viewer, name):
    """Open a sample and press Auto."""
    viewer.open_sample("clode-core", name)
    widget = docked(viewer)
    widget.controls.auto.click()
    wait(viewer, widget)


def painted(viewer):
    """Open the cat, keep it dark, and brighten its face with the brush."""
    viewer.open(HERE.parent / "examples" / "dark_cat.png")
    widget = docked(viewer)
    widget.controls.slider.setValue(1.0)
    wait(viewer, widget)
    where = widget.controls.where
    where.paint.click()
    brush = viewer.layers.selection.active
    rows, columns = (
        np.linspace(*ends, 5) * length for ends, length in zip(STROKE, brush.data.shape, strict=True)
    )
    brush.brush_size = 0.25 * brush.data.shape[0]
    for row in rows:
        for column in columns:
            brush.paint((row, column), 1)
    wait(viewer, widget)
    where.table.sliders[1].setValue(3.3)
    where.feather.setValue(round(0.3 * brush.data.shape[0]))
    wait(viewer, widget)


def main() -> None:
    """Make both pictures, or one with other settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", default="dark_cells")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--size", type=int, nargs=2, default=(1400, 860))
    parser.add_argument("--output", type=Path, default=HERE / "napari.png")
    parser.add_argument(
        "--where", type=Path, default=HERE / "napari-where.png", help="the one with the brush"
    )
    parser.add_argument("--only-where", action="store_true", help="leave the other as it is")
    asked = parser.parse_args()
    pictures = {} if asked.only_where else {asked.output: lambda viewer: sample(viewer, asked.sample)}
    pictures[asked.where] = painted
    for output, prepare in pictures.items():
        viewer = opened(asked.theme, asked.size)
        prepare(viewer)
        viewer.window._qt_viewer.dockLayerList.setFixedHeight(260)
        QTest.qWait(800)
        viewer.window.screenshot(str(output), canvas_only=False, flash=False)
        viewer.close()


if __name__ == "__main__":
    main()
