import pytest
import torch

from clode_core.methods.zero_dce.model import Architecture
from clode_core.methods.zero_dce.networks import DCENet


@pytest.mark.parametrize(
    ("variant", "parameters", "maps"), [("zero-dce", 79_416, 8), ("zero-dce++", 10_561, 1)]
)
def test_the_networks_have_the_published_number_of_parameters_and_maps(variant, parameters, maps):
    network = Architecture(variant).build()
    assert sum(p.numel() for p in network.parameters()) == parameters
    out = network(torch.rand(2, 3, 20, 30))
    assert out.shape == (2, 3 * maps, 20, 30)
    assert float(out.detach().abs().max()) < 1


def test_the_seven_layers_are_joined_as_published():
    network = DCENet()
    weights = [tuple(layer.weight.shape) for layer in [*network.down, *network.up]]
    hidden = (32, 32, 3, 3)
    assert weights == [(32, 3, 3, 3), hidden, hidden, hidden, (32, 64, 3, 3), (32, 64, 3, 3), (24, 64, 3, 3)]


def test_a_skip_reaches_its_layer_and_no_other():
    network = DCENet(width=4)
    inputs = {}
    for k, layer in enumerate(network.up):
        layer.register_forward_hook(lambda module, given, out, k=k: inputs.update({k: given[0]}))
    outputs = {}
    for k, layer in enumerate(network.down):
        layer.register_forward_hook(lambda module, given, out, k=k: outputs.update({k: out.relu()}))
    network(torch.rand(1, 3, 8, 8))
    for k in range(3):
        assert torch.equal(inputs[k][:, :4], outputs[2 - k])
    assert torch.equal(inputs[0][:, 4:], outputs[3])


@pytest.mark.parametrize("separable", [False, True])
def test_an_output_pixel_sees_exactly_as_far_as_the_network_says(separable):
    torch.manual_seed(3)
    network = DCENet(width=4, separable=separable)
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, 0.001, 0.05)  # nothing is cut off by a ReLU, cancels or saturates
    picture = torch.rand(1, 3, 31, 31, requires_grad=True)
    network(picture)[0, 0, 15, 15].backward()
    seen = torch.nonzero(picture.grad[0].abs().sum(0))
    assert network.reach == 7
    assert seen.min().item() == 15 - 7 and seen.max().item() == 15 + 7
