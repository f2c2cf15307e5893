import io

import numpy as np
import pytest
import torch
from PIL import Image

import clode_core as clode
from clode_core.methods.clode.natural_dark import NaturalDark, compression
from clode_core.pictures.arrays import Levels
from clode_core.pictures.source import Source


def source(array, white=None):
    top = white or (np.iinfo(array.dtype).max if array.dtype.kind == "u" else 1.0)
    return Source(array, Levels(0.0, float(top)), alpha=False, device=torch.device("cpu"))


def night(random, height=128, width=192):
    """A noisy dark picture as a camera would store it without loss."""
    y, x = np.mgrid[:height, :width]
    light = 6 + 4 * np.sin(x / 30) + y / 40
    picture = light[..., None] * np.array([1.1, 1.0, 0.8]) + random.normal(0, 1.5, (height, width, 3))
    picture[20:60, 20:70] = 180, 120, 60
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def as_jpeg(picture, quality=60):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=2)
    return np.array(Image.open(file))


def blotched(height=96, width=128):
    """Grey of 5 codes whose chroma has one value in every block of 16 pixels."""
    rows, columns = np.mgrid[:height, :width] // 16
    tint = np.array([[0, 0, 0], [1, 0, -1], [-1, 0, 1], [0, -1, 1]])[(rows * 3 + columns * 5) % 4]
    return (5 + tint).astype(np.uint8)


def spread(picture):
    """Mean distance of the channels."""
    return float(np.ptp(picture.astype(float), axis=-1).mean())


def blotches(picture):
    """How far the colour of the pixels lies from the mean colour: standard deviation over the picture."""
    chroma = picture - picture.mean(-1, keepdims=True)
    return float(chroma.std((0, 1)).mean())


@pytest.fixture(scope="module")
def model():
    return clode.load_model(device="cpu")


def both(model, picture, time=3.0, **options):
    levels = options.pop("levels", "dtype")
    return tuple(
        model.solve(picture, natural_dark=on, levels=levels).at(time, **options) for on in (False, True)
    )


def test_noise_of_a_sensor_tells_a_picture_that_was_not_compressed(random):
    picture = night(random)
    assert compression(torch.from_numpy(picture).permute(2, 0, 1).float()) == 0
    for quality in (50, 75, 90):
        assert compression(torch.from_numpy(as_jpeg(picture, quality)).permute(2, 0, 1).float()) > 0.8


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64", "grey16", "12 bits"])
def test_pictures_that_were_not_compressed_are_the_same_with_and_without(model, random, kind):
    picture = night(random)
    levels = "dtype"
    fine = picture / 255 + random.uniform(0, 1 / 255, picture.shape)
    if kind == "uint16":
        picture = (fine.clip(0, 1) * 65535).astype(np.uint16)
    elif kind == "grey16":
        picture = (fine[..., 0].clip(0, 1) * 65535).astype(np.uint16)
    elif kind == "12 bits":
        picture, levels = (fine[..., 0].clip(0, 1) * 4095).astype(np.uint16), (0, 4095)
    elif kind.startswith("float"):
        picture = fine.clip(0, 1).astype(kind)
    without, with_it = both(model, picture, levels=levels)
    np.testing.assert_array_equal(without, with_it)


def test_a_compressed_picture_is_changed_and_only_where_it_is_dark(model, random):
    picture = as_jpeg(night(random))
    without, with_it = both(model, picture)
    assert (without != with_it).any()
    np.testing.assert_array_equal(without[28:52, 30:60], with_it[28:52, 30:60])


def test_blocks_of_chroma_lose_their_colour(model):
    without, with_it = both(model, blotched())
    assert blotches(with_it) < 0.3 * blotches(without)


def test_strong_colour_in_the_dark_stays(model):
    picture = np.full((96, 128, 3), 4, np.uint8)
    picture[32:64, 32:96] = 30, 4, 4
    without, with_it = both(model, picture)
    inside = (slice(40, 56), slice(40, 88))
    assert spread(with_it[inside]) > 0.9 * spread(without[inside])


def test_what_was_recorded_as_black_stays_black_and_light_grows_smoothly(model):
    means = []
    for code in (0, 1, 2, 3, 5, 8, 12):
        without, with_it = both(model, np.full((64, 64, 3), code, np.uint8))
        means.append(with_it.mean() / max(1.0, without.mean()))
    assert means[0] == 0
    assert means == sorted(means) and means[-1] > 0.97
    assert means[1] < 0.85


def test_a_step_of_a_code_becomes_a_ramp(model):
    picture = np.full((64, 128, 3), 3, np.uint8)
    picture[:, 64:] = 4
    without, with_it = both(model, picture)
    row = with_it[32].astype(float).mean(-1)
    assert np.abs(np.diff(row)).max() < 0.4 * np.abs(np.diff(without[32].astype(float).mean(-1))).max()


def test_the_slider_begins_without_it_and_darkening_does_nothing(model, random):
    picture = as_jpeg(night(random))
    plain, path = (model.solve(picture, natural_dark=on) for on in (False, True))
    np.testing.assert_array_equal(path.at(0.0), picture)
    np.testing.assert_array_equal(path.at(-2.0), plain.at(-2.0))
    early, late = (np.abs(path.at(t).astype(int) - plain.at(t)).mean() for t in (0.1, 1.0))
    assert early < late


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_bands_and_parts_are_those_of_the_whole(random, rows):
    picture = source(as_jpeg(night(random, 101, 150)))
    dark = NaturalDark.measure(picture)
    unit = picture.read(slice(0, 101))
    whole = dark.apply(unit, slice(0, 101))
    for top in range(0, 101, rows):
        band = slice(top, min(101, top + rows))
        np.testing.assert_allclose(dark.apply(unit[:, band], band), whole[:, band], atol=1e-6)
        part = slice(37, 95)
        np.testing.assert_allclose(
            dark.apply(unit[:, band, part], band, part), whole[:, band, part], atol=1e-6
        )


def test_a_region_is_that_of_the_whole_picture(model, random):
    picture = as_jpeg(night(random))
    path = model.solve(picture)
    part = path.region((13, 90), (17, 171), 3.0)
    assert np.abs(part.astype(int) - path.at(3.0)[13:90, 17:171]).max() <= 1


def test_a_preview_shows_what_the_picture_will_be(model, random):
    picture = as_jpeg(night(random, 256, 384))
    small = model.solve(picture).reduced(96).at(3.0)
    shrunk = model.solve(picture).at(3.0).reshape(64, 4, 96, 4, 3).mean((1, 3)) / 255
    assert small.shape == shrunk.shape
    assert np.abs(small - shrunk).mean() < 0.02


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
def test_a_picture_recorded_in_8_bits_is_known_in_every_dtype(model, random, kind):
    picture = as_jpeg(night(random))
    expected = model.solve(picture).at(3.0).astype(float) / 255
    scale = {"uint8": 1, "uint16": 257}.get(kind)
    same = picture.astype(kind) * scale if scale else (picture / 255).astype(kind)
    out = model.solve(same.astype(kind)).at(3.0)
    assert out.dtype == np.dtype(kind)
    full = np.iinfo(kind).max if kind.startswith("u") else 1.0
    assert np.abs(out / full - expected).max() < 0.012


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3, 3), (9, 17, 3), (64, 2, 3), (40, 50), (33, 20, 4)])
def test_any_shape(model, shape):
    picture = np.full(shape, 3, np.uint8)
    without, with_it = both(model, picture, denoise=True)
    assert with_it.shape == without.shape == shape
    if shape[-1] == 4:
        np.testing.assert_array_equal(with_it[..., 3], picture[..., 3])


def test_grey_steps_are_smoothed_and_grey_noise_is_left(model, random):
    steps = np.repeat(np.arange(2, 10), 16)[None].repeat(64, 0).astype(np.uint8)
    without, with_it = both(model, steps)
    assert np.abs(np.diff(with_it[32].astype(float))).max() < np.abs(np.diff(without[32].astype(float))).max()
    path = model.solve(steps)
    np.testing.assert_array_equal(path.at(3.0), path.at(3.0))
    noisy = np.clip(np.rint(6 + random.normal(0, 1.5, (64, 96))), 0, 255).astype(np.uint8)
    without, with_it = both(model, noisy)
    np.testing.assert_array_equal(without, with_it)


def test_holes_stay_holes_and_do_not_spread(model, random):
    picture = (as_jpeg(night(random)) / 255).astype(np.float32)
    holed = picture.copy()
    holed[70, 80] = np.nan
    holed[71, 90, 1] = np.inf
    out = model.solve(holed).at(3.0)
    assert np.isnan(out[70, 80]).all() and np.isinf(out[71, 90, 1])
    assert np.isfinite(out).sum() == out.size - 4


def test_the_picture_itself_is_not_changed(model, random):
    picture = as_jpeg(night(random)).copy()
    kept = picture.copy()
    clode.enhance(picture, 3.0, model=model)
    np.testing.assert_array_equal(picture, kept)


def test_the_switch_reaches_the_library(model, random):
    picture = as_jpeg(night(random))
    off = clode.enhance(picture, 3.0, model=model, denoise=False, natural_dark=False)
    np.testing.assert_array_equal(off, model.solve(picture, natural_dark=False).at(3.0))
    assert (off != clode.enhance(picture, 3.0, model=model, denoise=False)).any()
