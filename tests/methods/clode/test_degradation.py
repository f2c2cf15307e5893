import pytest
import torch

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.training.config import DarkeningPrior, SensorNoisePrior, WhiteBalanceConfig
from clode_core.methods.clode.training.degradation import (
    darken,
    darken_bracket,
    darkening_exponent,
    expose_to_mean,
    on_black,
    residual_noise,
    white_balanced,
)
from clode_core.methods.clode.training.losses import logit
from clode_core.methods.clode.training.sensor import correlated, noisy_pair

PLAIN = {
    "colour": 0.0,
    "shared": 0.0,
    "chroma": 0.0,
    "blurred": 0.0,
    "clean": 0.0,
    "tails": 0.0,
    "frames": 0.0,
    "eight_bit": 0.0,
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def pictures():
    return torch.rand(6, 3, 40, 32, generator=generator(9)) * 0.8 + 0.1


@pytest.mark.parametrize(
    "degrade",
    [
        lambda x, g: darken(x, DarkeningPrior(), g),
        lambda x, g: darken_bracket(x, DarkeningPrior(), g),
        lambda x, g: on_black(x, 0.5, g),
        lambda x, g: residual_noise(x, DarkeningPrior(), g),
        lambda x, g: noisy_pair(x, SensorNoisePrior(), g)[0],
    ],
    ids=["darken", "darken_bracket", "on_black", "residual_noise", "noisy_pair"],
)
def test_a_degradation_stays_in_range_and_is_fixed_by_its_seed(pictures, degrade):
    one, again, other = (degrade(pictures, generator(seed)) for seed in (1, 1, 2))
    assert one.shape == pictures.shape and one.dtype == torch.float32
    assert float(one.min()) >= 0 and float(one.max()) <= 1
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_the_darkening_exponent_has_the_level_of_its_prior(pictures):
    exponent = darkening_exponent(pictures.repeat(50, 1, 1, 1), DarkeningPrior(), generator())
    levels = exponent.mean((1, 2, 3))
    assert float(levels.mean()) == pytest.approx(3, abs=0.25)
    assert float(levels.min()) > 0.3 and float(levels.max()) < 5.7
    assert float(exponent.min()) >= -0.5 and float(exponent.max()) <= 6


def test_a_prior_of_level_alone_darkens_evenly(pictures):
    prior = DarkeningPrior(level=2, level_range=0, field=0, slope=0, slope_spread=0, fine_slope=0, colour=0)
    assert torch.allclose(
        darken(pictures, prior, generator()), curve(pictures, torch.tensor(-2.0)), atol=1e-6
    )


def test_white_balance_moves_towards_grey_within_its_limit():
    cast = torch.tensor([0.5, 0.4, 0.3])[None, :, None, None].expand(1, 3, 8, 8)
    balanced = white_balanced(cast, WhiteBalanceConfig(strength=0.4, limit=0.35))
    before, after = (logit(x).mean((2, 3))[0] for x in (cast, balanced))
    spread_before, spread_after = (float(x.max() - x.min()) for x in (before, after))
    assert 0.55 * spread_before < spread_after < 0.75 * spread_before
    extreme = torch.tensor([0.95, 0.5, 0.05])[None, :, None, None].expand(1, 3, 8, 8)
    moved = logit(white_balanced(extreme, WhiteBalanceConfig(strength=1.0))) - logit(extreme)
    assert float(moved.abs().max()) <= 0.35 + 1e-4
    grey = torch.full((1, 3, 8, 8), 0.3)
    assert torch.allclose(white_balanced(grey, WhiteBalanceConfig()), grey, atol=1e-6)


def test_exposing_to_a_mean_reaches_it(pictures):
    wanted = torch.linspace(0.36, 0.54, 6)[:, None, None, None]
    reached = expose_to_mean(curve(pictures, torch.tensor(-3.0)), wanted).mean((1, 2, 3))
    assert torch.allclose(reached, wanted.flatten(), atol=2e-3)


def test_correlated_noise_keeps_its_variance_and_radius_zero_keeps_it_white():
    noise = torch.randn(2, 3, 128, 128, generator=generator())
    radius = torch.tensor([0.9, 0.0])[:, None, None, None]
    blurred = correlated(noise, radius)
    assert float(blurred[0].std()) == pytest.approx(1, abs=0.05)
    assert float((blurred[0, :, :, 1:] * blurred[0, :, :, :-1]).mean()) > 0.5
    assert torch.allclose(blurred[1], noise[1], atol=1e-6)


def test_noise_at_mid_grey_has_the_level_of_the_prior():
    prior = SensorNoisePrior(exposure=(0, 0), level=(3, 3), sigma=(0.03, 0.03), **PLAIN)
    noisy, clean = noisy_pair(torch.full((8, 3, 64, 64), 0.5), prior, generator())
    assert torch.equal(clean, torch.full_like(clean, 0.5))
    assert float((noisy - clean).std()) == pytest.approx(0.03, rel=0.1)


def test_heavy_tails_keep_the_level_of_the_noise():
    prior = SensorNoisePrior(exposure=(0, 0), level=(1, 1), sigma=(0.01, 0.01), **{**PLAIN, "tails": 0.5})
    noisy, clean = noisy_pair(torch.full((32, 3, 64, 64), 0.5), prior, generator())
    assert float((noisy - clean).std()) == pytest.approx(0.01, rel=0.1)


def test_a_picture_without_noise_comes_back_but_for_quantisation():
    prior = SensorNoisePrior(level=(1, 1), **{**PLAIN, "clean": 1.0})
    noisy, clean = noisy_pair(torch.rand(4, 3, 16, 16, generator=generator()), prior, generator())
    assert float((noisy - clean).abs().max()) < 1e-3


def test_on_black_shows_parts_of_some_pictures_and_nothing_brighter(pictures):
    shown = on_black(pictures.repeat(20, 1, 1, 1), 0.5, generator())
    before = pictures.repeat(20, 1, 1, 1)
    kept = (shown == before).flatten(1).all(1)
    assert 0.3 < float(kept.float().mean()) < 0.7
    black = (shown[~kept].amax(1) < 0.02).float().mean((1, 2))
    assert float(black.mean()) > 0.3 and float(black.min()) < 0.3
    assert bool((shown <= before.amax(1, keepdim=True) + 1e-6).all())
    grey = (shown[~kept].diff(dim=1).abs().amax((1, 2, 3)) < 1e-6).float().mean()
    assert 0.25 < float(grey) < 0.75
    assert torch.equal(on_black(pictures, 0.0, generator()), pictures)
