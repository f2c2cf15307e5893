import numpy as np
import pytest

from clode_core.video.darkness import black_level, clean_dark, frame_compression
from clode_core.video.frames import WHITE

CODE = WHITE / 255


def planes(luma, tint=(0, 0, 0)):
    """Planes of a luma map in codes of 255, each channel shifted by some codes."""
    return tuple(
        np.clip(np.rint((np.asarray(luma, float) + t) * CODE), 0, WHITE).astype(np.uint16) for t in tint
    )


def test_a_step_of_one_code_in_the_dark_becomes_a_ramp():
    luma = np.full((128, 128), 2.0)
    luma[:, 64:] = 3.0
    clean = clean_dark(planes(luma))[0][64] / CODE
    assert np.abs(np.diff(clean)).max() < 0.15
    # What is as dark as the noise of a code is trusted a little less than it was recorded.
    assert clean[10] == pytest.approx(2 * 4 / 4.64, abs=0.1)
    assert clean[-10] == pytest.approx(3 * 9 / 9.64, abs=0.1)


def test_an_edge_of_a_light_in_the_dark_stays_sharp():
    luma = np.full((128, 128), 3.0)
    luma[40:90, 40:90] = 120
    before = planes(luma)
    after = clean_dark(before)
    inside = (slice(41, 89), slice(41, 89))
    assert np.abs(after[1][inside].astype(int) - before[1][inside]).max() <= 0.3 * CODE
    jump = (after[1][64, 40].astype(float) - after[1][64, 39]) / CODE
    assert jump > 110


def test_chroma_of_a_code_goes_and_strong_chroma_stays():
    luma = np.full((64, 64), 4.0)
    faint = clean_dark(planes(luma, (0.5, -0.3, 1.2)))
    assert (faint[2].astype(float) - faint[0]).mean() / CODE < 0.4  # of 1.7
    strong = clean_dark(planes(luma + 6, (14, -3, -3)))
    kept = (strong[0].astype(float) - strong[2]).mean() / CODE
    assert 14 < kept < 17.1


def test_bright_frames_are_left_as_they_are(random):
    bright = planes(random.uniform(40, 250, (64, 64)), (0, 3, -5))
    assert clean_dark(bright) is bright


def test_the_bright_part_of_a_dark_frame_is_left_as_it_is(random):
    luma = np.full((96, 96), 2.0)
    luma[:, 60:] = random.uniform(60, 200, (96, 36))
    before = planes(luma)
    after = clean_dark(before, strength=1.0)
    assert after is not before
    assert np.abs(after[0][:, 64:].astype(int) - before[0][:, 64:]).max() <= 1


def test_the_black_level_becomes_black_and_white_stays_white():
    luma = np.full((64, 64), 2.5)
    luma[:20] = 255
    before = planes(luma)
    level = black_level(before)
    assert level * 255 == pytest.approx(2.5, abs=0.02)
    after = clean_dark(before, level)
    assert after[0][40:].max() <= 0.1 * CODE
    assert after[0][5, 5] == WHITE


def test_fog_is_no_black_level_and_a_few_dead_pixels_do_not_hide_one():
    assert black_level(planes(np.full((64, 64), 30.0))) == 0
    luma = np.full((300, 300), 2.0)
    luma[0, :6] = 0
    assert black_level(planes(luma)) * 255 == pytest.approx(2.0, abs=0.02)


def test_what_no_codec_made_is_left_as_it_is(random):
    noisy = tuple((random.uniform(2, 14, (64, 64)) * CODE).astype(np.uint16) for _ in range(3))
    assert frame_compression(noisy) == 0
    assert clean_dark(noisy) is noisy
    assert clean_dark(noisy, strength=1.0) is not noisy


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (9, 17), (64, 2), (61, 97)])
def test_any_size_keeps_its_shape(shape, random):
    before = planes(random.uniform(0, 20, shape))
    for one, other in zip(before, clean_dark(before, 0.002, 1.0), strict=True):
        assert one.shape == other.shape
        assert other.dtype == np.uint16


def test_turned_planes_give_the_turned_result(random):
    luma = np.full((64, 96), 2.0) + (random.random((64, 96)) > 0.5)
    straight = clean_dark(planes(luma))
    turned = clean_dark(tuple(np.rot90(p, 2) for p in planes(luma)))
    for one, other in zip(straight, turned, strict=True):
        assert np.abs(np.rot90(other, 2).astype(int) - one).max() <= 0.3 * CODE


def test_nothing_the_caller_holds_is_changed(random):
    before = planes(random.uniform(0, 10, (64, 64)))
    copies = [p.copy() for p in before]
    clean_dark(before, 0.005, 1.0)
    for one, other in zip(before, copies, strict=True):
        np.testing.assert_array_equal(one, other)
