"""The packaged weights on the validation pairs, beside the control with the same noise removal."""

import pytest
import quality

from clode_core.methods.clode.control import control_of
from clode_core.pictures.files import read_picture

pytestmark = pytest.mark.data

# Noise removal that never saw grey pictures reaches 25.01 dB at the best time, but leaves grey noise alone.
GOALS = {"T=3": (18.6, 0.76), "best T": (24.95, 0.80), "auto": (19.8, 0.76)}


@pytest.fixture(scope="module")
def tables(model, data_folder):
    folder = data_folder / "lol_train" / "full"
    pairs = [
        (read_picture(low).pixels, read_picture(folder / "high" / low.name).pixels)
        for low in sorted((folder / "low").iterdir())
    ]
    assert len(pairs) == 60
    return tuple(quality.rows_of(candidate, pairs, True, False) for candidate in (model, control_of(model)))


@pytest.mark.parametrize("column", GOALS)
def test_the_weights_reach_the_goal(tables, column):
    psnr, ssim, _ = tables[0][column]
    assert psnr >= GOALS[column][0]
    assert ssim >= GOALS[column][1]


@pytest.mark.parametrize("column", GOALS)
def test_the_network_is_above_the_control(tables, column):
    clode, control = (table[column] for table in tables)
    assert clode[0] > control[0]
    assert clode[1] > control[1]


def test_the_automatic_time_is_as_good_as_the_fixed_one(tables):
    # All the pairs are dark, so there is nothing to be gained; in bright pictures there is.
    assert tables[0]["auto"][0] > tables[0]["T=3"][0] - 0.05


@pytest.mark.parametrize("name", ["hela-cells.tif", "membrane_2d_timelapse.tif", "xyzc_16bit__spots.tif"])
def test_microscopy_keeps_its_dtype_and_shape_and_gets_brighter(model, data_folder, name):
    import clode_core as clode

    picture = read_picture(data_folder / "microscopy" / name)
    pixels = picture.pixels
    while pixels.ndim > 3:
        pixels = pixels[:2]
        if pixels.ndim > 3:
            pixels = pixels[0]
    out = clode.enhance(pixels, model=model, levels="auto", rgb=False)
    assert out.dtype == pixels.dtype and out.shape == pixels.shape
    assert out.mean() > pixels.mean()
