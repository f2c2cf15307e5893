"""What is not selected stays to the bit; what is, is what the core makes of the whole layer."""

import numpy as np
import pytest

import clode_core as clode

CLOSE = {"U8": 0.5 / 255 + 1e-5, "U16": 0.5 / 65535 + 1e-5, "FLOAT": 1e-5}


@pytest.fixture(scope="module")
def placed(batch):
    batch.run("placement.py")
    return batch.results("placement")


def outcome(placed, name):
    assert placed.notes[name.removesuffix("-first").removesuffix("-second")]["said"] == "ok"
    return placed.pixels(f"{name}-before", 64, 96), placed.pixels(f"{name}-after", 64, 96)


@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "FLOAT_LINEAR"])
def test_a_selection_is_filled_from_the_exposure_of_the_whole_layer(placed, model, precision):
    before, after = outcome(placed, f"rectangle-{precision}")
    expected = before.copy()
    inside = np.s_[10:50, 20:50]
    whole = clode.enhance(before, 2.5, model=model, levels=(0, 1))
    expected[inside] = whole[inside]
    unselected = np.ones((64, 96), bool)
    unselected[inside] = False
    assert np.array_equal(after[unselected], before[unselected])
    assert np.abs(after - expected).max() <= CLOSE[precision.split("_")[0]]


@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "FLOAT_LINEAR"])
def test_a_feathered_selection_blends(placed, model, precision):
    before, after = outcome(placed, f"feathered-{precision}")
    weight = placed.pixels(f"feathered-{precision}-selection", 64, 96)
    new = clode.enhance(before, 2.5, denoise=False, model=model, levels=(0, 1))
    assert ((weight > 0.05) & (weight < 0.95)).sum() > 500, "the selection has no soft edge"
    assert np.array_equal(after[weight[..., 0] == 0], before[weight[..., 0] == 0])
    # GIMP blends in linear light, whatever the encoding of the layer.
    blend = weight * linear(new[..., :3]) + (1 - weight) * linear(before[..., :3])
    # Eight bits are rounded twice, in the shadow and in the layer; linear light is steeper near white.
    tolerance = 1e-5 if precision == "FLOAT_LINEAR" else 2.3 / 255
    assert np.abs(linear(after[..., :3]) - blend).max() <= tolerance
    assert np.abs(after[..., 3] - before[..., 3]).max() <= 1e-6


def linear(light):
    return np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)


def test_an_offset_layer_is_changed_where_the_selection_lies_on_it(placed, model):
    before, after = outcome(placed, "offset")
    inside = np.s_[0:21, 13:53]
    expected = before.copy()
    expected[inside] = clode.enhance(before, 2.5, denoise=False, model=model, levels=(0, 1))[inside]
    assert np.abs(after - expected).max() <= CLOSE["U8"]
    assert np.array_equal(after[21:], before[21:]) and np.array_equal(after[:, :13], before[:, :13])


def test_a_layer_larger_than_the_canvas_is_enhanced_as_a_whole(placed, model):
    before, after = outcome(placed, "larger-than-canvas")
    expected = clode.enhance(before, 2.5, model=model, levels=(0, 1))
    assert np.abs(after - expected).max() <= CLOSE["U8"]


def test_a_layer_mask_stays_and_hides_nothing_from_the_core(placed, model):
    before, after = outcome(placed, "mask")
    expected = clode.enhance(before, 2.5, denoise=False, model=model, levels=(0, 1))
    assert np.abs(after - expected).max() <= CLOSE["U16"]
    masks = [placed.pixels(f"mask-mask-{when}", 64, 96) for when in ("before", "after")]
    assert np.array_equal(*masks) and (masks[0] == 0).all()


@pytest.mark.parametrize(
    ("name", "time", "denoise"),
    [("alpha-locked", -1.5, False), ("auto", "auto", False), ("default", 3.0, True), ("darker", -2.5, False)],
)
def test_arguments_mean_what_they_mean_in_python(placed, model, name, time, denoise):
    before, after = outcome(placed, name)
    expected = clode.enhance(before, time, denoise=denoise, model=model, levels=(0, 1))
    assert np.abs(after - expected).max() <= CLOSE["FLOAT"]
    assert np.abs(after - before)[..., :3].max() > 0.05


def test_shadows_and_highlights_mean_what_they_mean_in_python(placed, model):
    before, after = outcome(placed, "bent")
    bent = {"shadows": 1.5, "highlights": -1.0}
    expected = clode.enhance(before, 1.0, denoise=False, model=model, levels=(0, 1), **bent)
    assert np.abs(after - expected).max() <= CLOSE["FLOAT"]
    plain = clode.enhance(before, 1.0, denoise=False, model=model, levels=(0, 1))
    assert np.abs(after - plain)[..., :3].max() > 0.05


def test_time_zero_changes_nothing(placed):
    before, after = outcome(placed, "zero")
    assert np.array_equal(before, after)


def test_values_beyond_white_and_holes_stay(placed, model):
    before, after = outcome(placed, "beyond")
    assert before[40, 30, 0] == 4 and before[40, 31, 1] == -0.25 and np.isnan(before[40, 32, 0])
    assert after[40, 30, 0] == pytest.approx(4, abs=1e-5)
    assert after[40, 31, 1] == pytest.approx(-0.25, abs=1e-5)
    assert np.isnan(after[40, 32, 0])
    expected = clode.enhance(before, 2.5, denoise=False, model=model, levels=(0, 1))
    np.testing.assert_allclose(after, expected, atol=CLOSE["FLOAT"])


@pytest.mark.parametrize("precision", ["U16_NON_LINEAR", "FLOAT_LINEAR", "FLOAT_PERCEPTUAL"])
def test_the_core_sees_the_numbers_of_a_colour_space_of_its_own(placed, model, precision):
    name = f"adobe-{precision}"
    assert placed.notes[name]["encoding"] not in ("R'G'B'A float", "R~G~B~A float")
    before, after = outcome(placed, name)
    expected = clode.enhance(before, 2.5, denoise=False, model=model, levels=(0, 1))
    assert np.abs(after - expected).max() <= CLOSE[precision.split("_")[0]]


def test_several_layers_are_enhanced_and_one_beyond_the_selection_is_left(placed, model):
    for name in ("several-first", "several-second"):
        before, after = outcome(placed, name)
        expected = clode.enhance(before, 2.5, denoise=False, model=model, levels=(0, 1))
        if name.endswith("second"):
            expected[58:], expected[:, 86:] = before[58:], before[:, 86:]
        assert np.abs(after - expected).max() <= CLOSE["FLOAT"]
    far = [placed.pixels(f"several-far-{when}", 64, 96) for when in ("before", "after")]
    assert np.array_equal(*far)
