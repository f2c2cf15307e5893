import pytest
import torch
from torch.nn import functional as F

from clode_core.methods.clode.networks import (
    CURVE_NETWORKS,
    NOISE_NETWORKS,
    CurveNet,
    NoiseNet,
    PaperCurveNet,
    ReachNet,
    TimeConv2d,
)
from clode_core.methods.clode.noise_networks import EVENED_REACH, evened


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_folded_time_bias_equals_a_concatenated_time_channel(kernel_size, stride):
    conv = TimeConv2d(4, 6, kernel_size, stride).double()
    x = torch.rand(2, 4, 11, 13, dtype=torch.float64)
    time = torch.tensor([0.7, -2.0], dtype=torch.float64)
    channel = time[:, None, None, None].expand(2, 1, 11, 13)
    padded = F.pad(torch.cat([x, channel], 1), (kernel_size // 2,) * 4, mode="reflect")
    expected = F.conv2d(padded, conv.weight, conv.bias, stride)
    assert torch.allclose(conv(x, time), expected, atol=1e-12)


def test_the_control_is_one_everywhere():
    assert (CURVE_NETWORKS["control"]()(torch.rand(1, 3, 4, 5), torch.tensor(2.0)) == 1).all()


@pytest.mark.parametrize("name", CURVE_NETWORKS)
@pytest.mark.parametrize("size", [(16, 16), (17, 40), (128, 85), (16, 128)])
def test_curve_networks_give_a_bounded_map_of_the_size_of_the_picture(name, size):
    h = CURVE_NETWORKS[name]()
    A = h(torch.rand(2, 3, *size), torch.tensor(1.0))
    assert A.shape == (2, 3, *size)
    assert A.abs().max() <= getattr(h, "amplitude", 1.0)


@pytest.mark.parametrize("name", CURVE_NETWORKS)
def test_a_curve_network_answers_each_picture_of_a_batch_on_its_own(name):
    h = CURVE_NETWORKS[name]().double().eval()
    batch, time = torch.rand(3, 3, 32, 48, dtype=torch.float64), torch.tensor([0.0, 1.0, 2.0]).double()
    with torch.no_grad():
        together = h(batch, time)
        alone = torch.cat([h(batch[k : k + 1], time[k]) for k in range(3)])
    assert torch.allclose(together, alone, atol=1e-9)


def test_the_paper_networks_together_have_the_size_of_the_release():
    networks = PaperCurveNet(), NOISE_NETWORKS["paper"]()
    assert sum(p.numel() for network in networks for p in network.parameters()) == 207_425


def test_the_curve_network_starts_at_the_control():
    A = CurveNet()(torch.rand(1, 3, 64, 64), torch.tensor(1.5))
    assert torch.allclose(A, torch.full_like(A, 1.0), atol=0.01)


@pytest.mark.parametrize(
    ("name", "options"), [*((name, {}) for name in NOISE_NETWORKS), ("cascade", {"evening": 16})]
)
def test_noise_networks_state_how_far_they_see(name, options):
    torch.manual_seed(0)
    g = NOISE_NETWORKS[name](**options).double()
    size = 2 * g.reach + 3 * g.multiple
    size += -size % g.multiple
    for offset in range(g.multiple):
        x = torch.rand(1, 3, size, size, dtype=torch.float64, requires_grad=True)
        at = size // 2 + offset
        g(x)[0, :, at, at].sum().backward()
        seen = (x.grad.abs().sum((0, 1)) > 0).nonzero()
        assert at - int(seen.min()) <= g.reach
        assert int(seen.max()) - at <= g.reach
        assert int(seen.max()) > at, "a network that sees nothing proves nothing"


def test_a_noise_network_is_a_residual():
    g = NoiseNet((8, 8), 1)
    with torch.no_grad():
        g.head.weight.zero_()
        g.head.bias.zero_()
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(g(x), x)


def test_evening_ends_a_lattice_of_two_pixels_where_noise_was_removed():
    generator = torch.Generator().manual_seed(0)
    clean = torch.full((1, 3, 48, 64), 0.2)
    clean[..., ::2] += 0.002
    clean[..., ::2, :] -= 0.001
    noisy = clean + 0.05 * torch.randn(clean.shape, generator=generator)
    left = evened(noisy, clean, 16.0)
    assert clean.std() > 9e-4
    assert left[..., 4:-4, 4:-4].std() < 5e-5
    assert torch.allclose(left.mean(), clean.mean(), atol=1e-4)


def test_evening_keeps_what_is_smooth_and_what_the_noise_did_not_hide():
    generator = torch.Generator().manual_seed(0)
    across = torch.linspace(-1, 1, 64)
    smooth = (0.4 + 0.1 * across - 0.1 * across.square() + 0.2 * across**3).expand(1, 3, 48, 64)
    noisy = smooth + 0.05 * torch.randn(smooth.shape, generator=generator)
    assert torch.allclose(evened(noisy, smooth, 16.0)[..., 2:-2], smooth[..., 2:-2], atol=1e-6)
    rough = smooth + 0.1 * torch.randn(smooth.shape, generator=generator)
    noisy = rough + 0.02 * torch.randn(smooth.shape, generator=generator)
    assert (evened(noisy, rough, 16.0) - rough).abs().max() < 1e-3
    assert torch.equal(evened(rough, rough, 16.0), rough), "where no noise was removed nothing is evened"


def test_evening_sees_no_further_than_it_says():
    generator = torch.Generator().manual_seed(0)
    picture, clean = torch.rand(2, 1, 3, 64, 64, generator=generator, dtype=torch.float64)
    changed = clean.clone()
    changed[..., 31, 30] += 0.5
    differs = (evened(picture, changed, 16.0) != evened(picture, clean, 16.0)).any(1)[0].nonzero()
    away = (differs - torch.tensor([31, 30])).abs().max()
    assert 5 < away <= EVENED_REACH


def test_a_centred_network_shows_its_convolutions_dark_and_bright_shots_alike():
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 48, 64) * 0.3 + 0.3
    darker = torch.sigmoid(torch.logit(picture) - 1.5)
    seen = []
    for centred in (False, True):
        h = ReachNet(centred=centred)
        h.down[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        h(torch.cat([picture, darker]), torch.tensor(0.0))
        assert sum(p.numel() for p in h.parameters()) == 244_186
    assert not torch.allclose(seen[0][0], seen[0][1], atol=0.1)
    assert torch.allclose(seen[1][0], seen[1][1], atol=1e-5)
    assert abs(float(seen[1][0, 3:].mean())) < 1e-6
