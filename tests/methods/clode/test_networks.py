import pytest
import torch
from torch.nn import functional as F

from clode_core.methods.clode.networks import (
    CURVE_NETWORKS,
    NOISE_NETWORKS,
    CurveNet,
    NoiseNet,
    PaperCurveNet,
    TimeConv2d,
)


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


@pytest.mark.parametrize("name", NOISE_NETWORKS)
def test_noise_networks_state_how_far_they_see(name):
    torch.manual_seed(0)
    g = NOISE_NETWORKS[name]().double()
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
