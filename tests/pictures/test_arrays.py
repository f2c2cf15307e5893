import numpy as np
import pytest
from PIL import Image

from clode_core.pictures.arrays import (
    ImageError,
    Levels,
    as_image,
    from_unit,
    layout,
    resolve_levels,
    to_unit,
    working_dtype,
)

DTYPES = [np.uint8, np.uint16, np.uint32, np.int16, np.int32, np.float16, np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_unit_intensities_and_back_is_the_same_array(dtype, random):
    if np.dtype(dtype).kind == "f":
        array = random.random((5, 7)).astype(dtype)
    else:
        array = random.integers(0, np.iinfo(dtype).max, (5, 7), endpoint=True).astype(dtype)
        array[0, :2] = 0, np.iinfo(dtype).max
    levels = resolve_levels(array)
    unit = to_unit(array, levels, working_dtype(array.dtype))
    assert unit.min() >= 0 and unit.max() <= 1 + 1e-6
    back = from_unit(unit, levels, array.dtype)
    assert back.dtype == array.dtype
    if array.dtype.kind == "f":
        assert np.allclose(back, array, rtol=1e-3 if dtype == np.float16 else 1e-6)
    else:
        assert np.array_equal(back, array)


@pytest.mark.parametrize(
    ("shape", "stack", "channels"),
    [
        ((40, 50), (), 0),
        ((1, 1), (), 0),
        ((1, 900), (), 0),
        ((40, 50, 1), (), 1),
        ((40, 50, 2), (), 2),
        ((40, 50, 3), (), 3),
        ((40, 50, 4), (), 4),
        ((1, 1, 3), (), 3),
        ((1, 900, 3), (), 3),
        ((5, 40, 50), (5,), 0),
        ((3, 40, 50), (3,), 0),
        ((5, 40, 50, 3), (5,), 3),
        ((6, 2, 40, 50), (6, 2), 0),
    ],
)
def test_the_layout_is_guessed_from_the_shape(shape, stack, channels):
    where = layout(np.zeros(shape, np.uint8))
    assert (where.stack, where.channels) == (stack, channels)


def test_rgb_settles_an_ambiguous_shape():
    array = np.zeros((40, 50, 4), np.uint8)
    assert layout(array, rgb=False).stack == (40,)
    assert layout(array, rgb=True).alpha


@pytest.mark.parametrize(
    ("array", "part"),
    [
        (np.zeros((0, 4)), "empty"),
        (np.zeros((4, 0, 3)), "empty"),
        (np.zeros(5), "two axes"),
        (np.float32(1), "two axes"),
        (np.zeros((4, 4), complex), "complex128"),
        (np.array([[None, 1]], object), "object"),
        (np.array([["a"]]), "dtype <U1"),
        (np.zeros((4, 4), bool), "bool"),
        ([[1, 2], [3]], "cannot be read as an image"),
        (np.ma.masked_less(np.ones((3, 3)) * [0, 1, 2], 1), "masked"),
        (Image.new("CMYK", (3, 3)), "mode CMYK"),
        (Image.new("P", (3, 3)), "mode P"),
    ],
)
def test_an_array_that_is_no_image_is_refused_in_one_sentence(array, part):
    with pytest.raises(ImageError, match=part) as caught:
        as_image(array)
    assert "\n" not in str(caught.value)


def test_five_channels_are_refused_with_a_way_out():
    with pytest.raises(ImageError, match=r"looks like 5 channels.*rgb=False"):
        layout(np.zeros((40, 50, 5), np.uint8))


def test_rgb_without_a_channel_axis_is_refused():
    with pytest.raises(ImageError, match="1 to 4 channels"):
        layout(np.zeros((40, 50), np.uint8), rgb=True)


def test_auto_levels_find_twelve_bits_and_the_camera_offset(random):
    array = random.integers(100, 3000, (64, 64)).astype(np.uint16)
    levels = resolve_levels(array, "auto")
    assert levels.white == 4095
    assert 100 <= levels.black <= 110


def cells(random, background, spread):
    """Twelve-bit camera counts (120, 160): bright discs, and a background with noise."""
    y, x = np.mgrid[:120, :160]
    light = sum(np.hypot(y - at, x - 1.3 * at) < 14 for at in (25, 60, 95)) * random.uniform(
        200, 900, y.shape
    )
    return np.clip(background + light + random.normal(0, spread, y.shape), 0, 4095).astype(np.uint16)


def test_an_unlit_slide_is_black_with_its_noise_on_both_sides(random):
    image = cells(random, 400, 6)
    image[:4, :30] = 0  # a scale bar
    assert resolve_levels(image, "auto").black == pytest.approx(400, abs=4)
    assert resolve_levels(image.astype(np.float32), "auto").black == pytest.approx(400, abs=4)


def test_the_even_dark_of_a_colour_photograph_is_no_background(random):
    image = np.stack([cells(random, 400, 6)] * 3, -1)
    image[:4] = 0
    assert resolve_levels(image, "auto").black == 0
    assert resolve_levels(image, "auto", rgb=False).black == pytest.approx(400, abs=4)


def test_what_is_bright_or_wide_is_no_background(random):
    bright = cells(random, 400, 6).max() - cells(random, 400, 6)
    assert resolve_levels(bright, "auto").black < 150
    ramp = np.linspace(100, 3000, 120 * 160).reshape(120, 160).astype(np.uint16)
    assert resolve_levels(ramp, "auto").black < 110


def test_auto_levels_of_floats_are_their_range_and_ignore_nan():
    array = np.linspace(10, 90, 5000).reshape(50, 100)
    array[0, 0] = np.nan
    array[0, 1] = np.inf
    levels = resolve_levels(array, "auto")
    assert levels.white == 90
    assert 10 <= levels.black < 10.2


def test_auto_levels_of_pixels_that_are_no_numbers_are_usable():
    levels = resolve_levels(np.full((8, 8), np.nan), "auto")
    assert levels.black < levels.white


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_auto_levels_of_a_constant_image_are_usable(value):
    levels = resolve_levels(np.full((8, 8), value), "auto")
    assert levels.black < levels.white


@pytest.mark.parametrize(
    ("levels", "part"),
    [
        ((10, 10), "black below white"),
        ((float("nan"), 1), "finite"),
        ("loud", "'dtype', 'auto'"),
        (("a", "b"), "'dtype', 'auto'"),
        ((1, 2, 3), "'dtype', 'auto'"),
        (b"ab", "'dtype', 'auto'"),
        ((0, 10**400), "'dtype', 'auto'"),
        ((0, 1e39), "too far apart"),
        ((0, 1e-40), "too close"),
        (7, "'dtype', 'auto'"),
    ],
)
def test_wrong_levels_are_named(levels, part):
    with pytest.raises(ImageError, match=part):
        resolve_levels(np.zeros((4, 4), np.uint8), levels)


def test_floats_far_beyond_one_ask_for_levels():
    with pytest.raises(ImageError, match="levels='auto'"):
        resolve_levels(np.full((4, 4), 200.0))


def test_levels_are_compared_in_the_units_of_the_array():
    unit = to_unit(np.array([[100, 2100, 4100]], np.uint16), Levels(100, 4100))
    assert unit.tolist() == [[0.0, 0.5, 1.0]]


def test_small_numbers_in_wide_integers_ask_for_levels():
    with pytest.raises(ImageError, match="reach only 200"):
        resolve_levels(np.full((4, 4), 200, np.int64))


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_auto_levels_stay_within_the_dtype(dtype):
    largest = np.iinfo(dtype).max
    assert resolve_levels(np.array([[0, largest]], dtype), "auto").white == largest


def test_auto_levels_look_at_every_channel():
    array = np.full((1000, 2000, 3), 100, np.uint16)
    array[..., 0] = 500
    assert resolve_levels(array, "auto").black == 100


@pytest.mark.parametrize("dtype", [np.uint64, np.int64, np.uint32])
def test_white_of_wide_integers_does_not_wrap_around(dtype):
    levels = resolve_levels(np.full((2, 2), np.iinfo(dtype).max, dtype))
    back = from_unit(np.ones((2, 2)), levels, np.dtype(dtype))
    assert (back > 0.99 * float(np.iinfo(dtype).max)).all()
