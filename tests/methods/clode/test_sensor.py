import pytest
import torch
from torch.nn import functional as F

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.training.config import SensorNoisePrior
from clode_core.methods.clode.training.degradation import Draw
from clode_core.methods.clode.training.sensor import (
    coarse_noise,
    enlarged,
    jpeg,
    noisy_pair,
    photons,
    some_as_jpeg,
    through_mosaic,
)

QUIET = {
    "blurred": 0.0,
    "tails": 0.0,
    "frames": 0.0,
    "clean": 0.0,
    "shared": 0.0,
    "chroma": 0.0,
    "colour": 0.0,
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def neighbours(noise):
    """Correlation of neighbours in a row, per channel."""
    return (noise[..., 1:] * noise[..., :-1]).mean((0, 2, 3)) / noise.square().mean((0, 2, 3))


def test_noise_through_a_mosaic_is_coarser_in_red_and_blue_than_in_green():
    noise = torch.randn(2, 3, 128, 128, generator=generator())
    red, green, blue = neighbours(through_mosaic(noise)).tolist()
    assert abs(red - blue) < 0.05 and red > green + 0.1 > 0.2


def test_noise_through_a_mosaic_keeps_what_the_channels_have_in_common():
    plain = through_mosaic(torch.ones(1, 3, 16, 16))
    assert torch.allclose(plain[..., 2:-2, 2:-2], torch.ones(1, 3, 12, 12))


def test_coarse_noise_has_unit_variance_and_grains_of_several_pixels():
    noise = coarse_noise((2, 3, 96, 96), 4.0, Draw(generator()))
    assert float(noise.std()) == pytest.approx(1, abs=0.02)
    assert float(neighbours(noise).min()) > 0.8


def test_an_enlarged_picture_is_a_part_of_it_and_softer():
    picture = torch.rand(1, 3, 64, 64, generator=generator()).expand(4, -1, -1, -1)
    prior = SensorNoisePrior(enlarged=1.0, enlargement=(2, 2))
    large = enlarged(picture, prior, Draw(generator()))
    assert torch.allclose(large, F.interpolate(picture[..., :32, :32], (64, 64), mode="bicubic").clamp(0, 1))
    assert torch.equal(enlarged(picture, SensorNoisePrior(), Draw(generator())), picture)


def test_where_light_is_scarce_most_pixels_hold_no_photon():
    dark = torch.full((1, 3, 64, 64), 0.05)
    grey = torch.full((1, 1, 1, 1), 0.05)
    seen = photons(dark, grey, SensorNoisePrior(photons=(0.1, 0.1)), Draw(generator()))
    assert 0.88 < float((seen == 0).float().mean()) < 0.93, "exp(-0.1) is 0.90"
    assert float(seen.mean()) == pytest.approx(0.05, rel=0.1)


def test_jpeg_loses_more_at_a_lower_quality_and_colour_first_at_half_size():
    picture = torch.rand(3, 32, 32, generator=generator())
    good, bad = ((jpeg(picture, quality, False) - picture).abs().mean() for quality in (95, 40))
    assert 0 < float(good) < float(bad)
    full, halved = (jpeg(picture, 95, half) for half in (False, True))
    colour = [float((x - x.mean(0) - picture + picture.mean(0)).abs().mean()) for x in (full, halved)]
    assert colour[1] > 2 * colour[0]


def test_only_a_share_of_the_pictures_is_saved_as_jpeg():
    pictures = torch.rand(40, 3, 16, 16, generator=generator())
    saved = some_as_jpeg(pictures, 0.5, (50, 50), Draw(generator()))
    changed = (saved != pictures).flatten(1).any(1)
    assert 10 < int(changed.sum()) < 30
    assert some_as_jpeg(pictures, 0.0, (50, 50), Draw(generator())) is pictures


def test_a_grey_picture_stays_grey_whatever_happens_to_it():
    prior = SensorNoisePrior(grey=1.0, coarse=1.0, mosaic=1.0, starved=0.5, enlarged=0.5, frames=0.5)
    for pair in noisy_pair(torch.rand(8, 3, 32, 32, generator=generator()), prior, generator()):
        assert float((pair - pair[:, :1]).abs().max()) < 1e-6


@pytest.mark.parametrize("kind", ["mosaic", "coarse", "starved", "jpeg", "jpeg_bright", "enlarged"])
def test_every_kind_of_damage_shows_in_the_pair(kind):
    pictures = torch.rand(4, 3, 32, 32, generator=generator(3)) * 0.6 + 0.2
    without, with_it = (
        noisy_pair(pictures, SensorNoisePrior(**QUIET, **{kind: share}), generator()) for share in (0.0, 1.0)
    )
    assert not torch.equal(without[0], with_it[0])
    assert float(with_it[0].min()) >= 0 and float(with_it[0].max()) <= 1
    assert torch.equal(
        with_it[1], noisy_pair(pictures, SensorNoisePrior(**QUIET, **{kind: 1.0}), generator())[1]
    )


def test_without_noise_the_pair_is_equal_up_to_the_curve_and_back():
    prior = SensorNoisePrior(**{**QUIET, "clean": 1.0}, exposure=(0.5, 0.5), level=(1, 1), eight_bit=0.0)
    pictures = torch.rand(2, 3, 16, 16, generator=generator())
    noisy, clean = noisy_pair(pictures, prior, generator())
    assert torch.allclose(clean, curve(pictures, torch.tensor(0.5)), atol=1e-6)
    assert torch.allclose(noisy, clean, atol=1e-3)
