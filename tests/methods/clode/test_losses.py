import math

import pytest
import torch

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.training import losses


def constant(red, green, blue, size=(4, 4)):
    return torch.tensor([red, green, blue])[None, :, None, None].expand(1, 3, *size).contiguous()


def test_charbonnier_is_the_absolute_error_smoothed_at_zero():
    x, y = torch.tensor([0.5, 0.2]), torch.tensor([0.2, 0.2])
    expected = (math.sqrt(0.09 + 1e-5) + math.sqrt(1e-5)) / 2
    assert float(losses.charbonnier(x, y)) == pytest.approx(expected, rel=1e-5)


def test_logit_is_finite_at_black_and_white():
    assert torch.isfinite(losses.logit(torch.tensor([0.0, 1.0]))).all()
    assert float(losses.logit(torch.tensor(0.75))) == pytest.approx(math.log(3), rel=1e-5)


def test_best_scale_recovers_the_factor_between_two_exponents():
    exponent = torch.rand(2, 3, 8, 8) + 1
    factor = torch.tensor([0.7, 1.9])[:, None, None, None]
    scale = losses.best_scale(exponent, factor * exponent, torch.rand(2, 3, 8, 8))
    assert torch.allclose(scale, factor, rtol=1e-3)


def test_best_scale_ignores_pixels_without_weight_and_stays_within_its_limits():
    exponent, weight = torch.ones(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    true = torch.full((1, 3, 2, 2), 1.5)
    true[..., 0] = -50
    weight[..., 0] = 0
    assert float(losses.best_scale(exponent, true, weight)) == pytest.approx(1.5, rel=1e-3)
    assert float(losses.best_scale(exponent, 100 * exponent, torch.ones_like(weight))) == 3


def test_best_scale_passes_no_gradient():
    exponent = torch.ones(1, 3, 2, 2, requires_grad=True)
    assert not losses.best_scale(exponent, exponent, torch.ones(1, 3, 2, 2)).requires_grad


def test_exponent_weight_trusts_midtones_and_distrusts_black_and_white():
    dark = torch.tensor([0.2, 0.001, 0.2]).reshape(1, 3, 1, 1)
    target = torch.tensor([0.5, 0.5, 0.99]).reshape(1, 3, 1, 1)
    weight = losses.exponent_weight(dark, target).flatten()
    assert float(weight[0]) == pytest.approx(0.92, rel=1e-5)
    assert float(weight[1]) == pytest.approx(0.02, rel=1e-5)
    assert float(weight[2]) == pytest.approx(0.02 * math.sqrt(4 * 0.99 * 0.01), rel=1e-4)


def test_exponent_error_limits_what_one_pixel_can_cost():
    error = losses.exponent_error(
        torch.tensor([0.0, 0.0]), torch.tensor([1.0, 9.0]), torch.tensor([1.0, 0.5])
    )
    assert float(error) == pytest.approx((1 + 0.5 * 2) / 2)


def test_straightness_is_zero_where_the_exponent_grows_evenly():
    exponent = torch.rand(1, 3, 4, 4)
    assert float(losses.straightness([exponent / 3] * 4, exponent, 3.0)) == 0
    assert float(losses.straightness([exponent / 3 + 0.5], exponent, 3.0)) == pytest.approx(0.25, rel=1e-5)


def test_gradient_of_a_ramp_is_its_slope():
    ramp = torch.arange(4.0).expand(1, 1, 4, 4) * 0.1
    assert float(losses.gradient(ramp)) == pytest.approx(0.1, rel=1e-5)


def test_spatial_consistency_compares_contrasts_of_regions():
    original = torch.cat([constant(0.2, 0.2, 0.2), constant(0.3, 0.3, 0.3)], -1)
    enhanced = torch.cat([constant(0.4, 0.4, 0.4), constant(0.8, 0.8, 0.8)], -1)
    # two regions, each with one neighbour: (0.4 - 0.1)^2 for both
    assert float(losses.spatial_consistency(enhanced, original)) == pytest.approx(0.09, rel=1e-4)
    assert float(losses.spatial_consistency(original, original)) == 0


def test_exposure_control_is_the_squared_distance_of_patch_means():
    halves = torch.cat([constant(0.6, 0.6, 0.6, (16, 16)), constant(0.2, 0.3, 0.1, (16, 16))], -1)
    assert float(losses.exposure_control(halves)) == pytest.approx(0.08, rel=1e-4)


def test_colour_constancy_is_zero_for_grey_and_counts_each_pair_of_channels():
    assert float(losses.colour_constancy(constant(0.4, 0.4, 0.4))) == 0
    expected = 0.1**2 + 0.3**2 + 0.2**2
    assert float(losses.colour_constancy(constant(0.5, 0.4, 0.2))) == pytest.approx(expected, rel=1e-4)


def test_parameter_smoothness_integrates_squared_gradients_over_time():
    ramp = (torch.arange(4.0)[:, None] * 0.2 + torch.arange(4.0) * 0.1).expand(1, 3, 4, 4)
    value = losses.parameter_smoothness([ramp, 0 * ramp], [1.0, 2.0])
    assert float(value) == pytest.approx(3 * (0.1 + 0.2) ** 2, rel=1e-4)


def test_the_diagonal_pair_halves_each_block():
    block = torch.tensor([[1.0, 2.0], [3.0, 5.0]])[None, None]
    falling, rising = losses.diagonal_pair(block)
    assert float(falling) == 3.0 and float(rising) == 2.5


def test_zero_shot_noise_matches_its_equation():
    block = torch.tensor([[1.0, 2.0], [3.0, 5.0]])[None, None]
    # g(x) = x / 2: D1 = 3, D2 = 2.5, g(D1) = D1(g) = 1.5, g(D2) = D2(g) = 1.25
    expected = ((3 - 1.25) ** 2 + (2.5 - 1.5) ** 2) / 2
    assert float(losses.zero_shot_noise(lambda x: x / 2, block)) == pytest.approx(expected)


def test_zero_shot_noise_of_the_identity_on_a_flat_picture_is_zero():
    assert float(losses.zero_shot_noise(lambda x: x, constant(0.3, 0.4, 0.5, (8, 7)))) == 0


def test_the_losses_of_undoing_vanish_at_the_true_exponent():
    target = torch.rand(1, 3, 8, 8) * 0.6 + 0.2
    true = torch.full_like(target, 2.0)
    dark = curve(target, -true)
    assert float(losses.charbonnier(curve(dark, true), target)) < 4e-3
    weight = losses.exponent_weight(dark, target)
    assert float(losses.exponent_error(true, losses.logit(target) - losses.logit(dark), weight)) < 1e-4


def test_the_log_error_falls_by_a_twentieth_of_its_logarithm():
    target = torch.full((2, 3, 8, 8), 0.5)
    far, near = (float(losses.log_error(target + step, target, floor=0)) for step in (0.2, 0.02))
    assert far - near == pytest.approx(math.log(100) / 20, rel=1e-4)


def test_an_exponent_may_jump_where_the_light_jumps():
    edge = torch.full((1, 3, 8, 8), 0.1)
    edge[..., 4:] = 0.8
    field = torch.zeros(1, 3, 8, 8)
    field[..., 4:] = 1
    free = float(losses.edge_aware_gradient(field, edge))
    paid = float(losses.edge_aware_gradient(field, torch.full_like(edge, 0.4)))
    assert paid == pytest.approx(float(losses.gradient(field)), rel=1e-5)
    assert free < 0.02 * paid
