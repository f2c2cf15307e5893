import pytest
import torch

from clode_core.methods.clode.upsampling import GuidedUpsampler
from clode_core.pictures.resampling import Interpolated, bands, shrink, working_shape


@pytest.mark.parametrize(("height", "row"), [(1, 1), (7, 10**7), (5000, 9000), (100000, 3)])
def test_bands_cover_every_row_once(height, row):
    rows = [r for band in bands(height, row) for r in range(band.start, band.stop)]
    assert rows == list(range(height))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((400, 600), (85, 128)), ((1, 1), (128, 128)), ((1, 5000), (16, 128)), ((64, 48), (128, 96))],
)
def test_the_working_shape_has_the_trained_long_side(size, expected):
    assert working_shape(*size, 128) == expected


@pytest.mark.parametrize("size", [(100, 150), (37, 53), (1, 1), (3, 500)])
def test_shrinking_keeps_the_mean(size):
    picture = torch.rand(3, *size)
    small = shrink(lambda band: picture[:, band], size[0], (10, 15))
    assert small.shape == (3, 10, 15)
    if size == (100, 150):
        assert torch.allclose(small, picture.reshape(3, 10, 10, 15, 10).mean((2, 4)), atol=1e-6)
    assert small.mean() == pytest.approx(float(picture.mean()), abs=0.12)


def test_interpolation_in_bands_equals_interpolation_of_the_whole():
    maps = torch.rand(2, 9, 13)
    rows = Interpolated(maps, (101, 77))
    together = torch.cat([rows[slice(a, min(a + 10, 101))] for a in range(0, 101, 10)], 1)
    whole = torch.nn.functional.interpolate(maps[None], size=(101, 77), mode="bilinear")[0]
    assert torch.allclose(together, whole, atol=1e-5)


def test_a_constant_exponent_stays_constant():
    upsampler = GuidedUpsampler(torch.rand(20, 30))
    slope, offset = upsampler.coefficients(torch.full((3, 20, 30), 2.5))
    assert slope.abs().max() < 1e-4
    assert torch.allclose(offset, torch.full_like(offset, 2.5), atol=1e-4)


def test_the_guide_restores_an_edge_that_working_resolution_blurred():
    full = torch.zeros(1, 64, 640)
    full[..., 320:] = 1.0
    guide = shrink(lambda band: full[:, band], 64, (8, 80))[0]
    exponent = 1 + 2 * guide[None]
    upsampler = GuidedUpsampler(guide, regularisation=1e-6)
    slope, offset = (Interpolated(c, (64, 640))[slice(0, 64)] for c in upsampler.coefficients(exponent))
    restored = slope * full + offset
    assert torch.allclose(restored, 1 + 2 * full, atol=0.01)
