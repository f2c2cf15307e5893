"""One exposure for all planes: how much a time series flickers with it, and with every plane by itself."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

from napari.layers import Image

LAMP = np.array([1.0, 0.8, 1.1, 0.9, 1.2, 0.85])[:, None, None]


@pytest.fixture
def scene():
    y, x = np.mgrid[:48, :64]
    return 150 + 60 * np.sin(x / 7) + 40 * np.cos(y / 9)


def flicker(series):
    """Mean change of brightness from frame to frame, in stops, where nothing moves."""
    still = series[:, 10:30, 20:30].astype(float).reshape(len(series), -1).mean(1)
    return np.abs(np.diff(np.log2(still))).mean()


def applied(viewer, widget, rest, series):
    """Flicker of all planes, each exposed by itself, and with one exposure."""
    widget.controls.levels.choice = (2, "0", "4095")
    found = []
    for shared in (False, True):
        widget.controls.shared.setChecked(shared)
        widget.buttons.apply.click()
        rest(widget)
        whole = viewer.layers[-1]
        assert whole.metadata["clode"]["shared_exposure"] is shared and whole.data.shape == series.shape
        found.append(flicker(whole.data))
    return found


def test_with_one_exposure_a_bright_cell_that_comes_and_goes_leaves_the_others_alone(
    viewer, opened, rest, random, scene
):
    frames = np.stack([scene] * 6)
    frames[[1, 3, 4], :, 36:] += 2500
    series = random.poisson(frames).clip(0, 4095).astype(np.uint16)
    by_itself, one = applied(viewer, opened(Image(series, name="cells")), rest, series)
    assert one < 1.1 * flicker(series) and by_itself > 10 * one


def test_one_exposure_keeps_the_lamp_as_it_was_and_single_planes_even_it_out(
    viewer, opened, rest, random, scene
):
    series = random.poisson(scene * LAMP).clip(0, 4095).astype(np.uint16)
    by_itself, one = applied(viewer, opened(Image(series, name="cells")), rest, series)
    assert by_itself < 0.3 * one and 0.3 * flicker(series) < one < flicker(series)
