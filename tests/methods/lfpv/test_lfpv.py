import copy
import math

import pytest
import torch
from torch import nn

from clode_core.methods.lfpv.references import (
    LearnableReferences,
    UpdaterOptions,
    Updaters,
    add_updaters,
    added_parameters,
    ask_patches,
    ask_vectors,
    attach,
    attend,
    attention,
    inference_state,
    plug_ins,
    updating_references,
)


class Foreign(nn.Module):
    """An encoder-decoder that knows nothing of references."""

    def __init__(self, channels=6):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, channels, 3, 2, 1), nn.BatchNorm2d(channels), nn.ReLU())
        self.decoder = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, 3, 3, padding=1))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def opened(plug_in):
    """With gates that are not zero, so that it does something."""
    with torch.no_grad():
        plug_in.gates.normal_()
    return plug_in


def boosted_network(updaters=True, **options):
    network = Foreign()
    attach(network, "encoder.2", opened(LearnableReferences(6, count=5, patch=2)))
    if updaters:
        add_updaters(network, UpdaterOptions(**options))
    return network


def softmax(*scores):
    weights = [math.exp(score) for score in scores]
    return [weight / sum(weights) for weight in weights]


def test_vectors_answer_with_the_softmax_mean_worked_out_by_hand():
    nodes = torch.tensor([[1.0, 0.0, 2.0, 0.0], [0.0, 3.0, 0.0, 1.0]])
    feature = torch.zeros(1, 4, 2, 1)
    feature[0, :, 0, 0] = torch.tensor([4.0, 1.0, 2.0, 2.0])  # root mean square 2.5
    a, b = softmax(8.0 / 2.5 / 2, 5.0 / 2.5 / 2)  # 4 + 4, and 3 + 2; both over the square root of 4
    answers = ask_vectors(feature, nodes)
    assert answers[0, :, 0, 0].tolist() == pytest.approx([a * 1, b * 3, a * 2, b * 1])
    assert answers[0, :, 1, 0].tolist() == pytest.approx([0.5, 1.5, 1.0, 0.5])  # zero asks all alike
    assert attention(feature[0, :, 0, 0], nodes).tolist() == pytest.approx([a, b])


def test_a_faint_feature_asks_as_sharply_as_a_strong_one():
    nodes, feature = torch.randn(5, 6), torch.randn(2, 6, 3, 4)
    assert torch.allclose(ask_vectors(0.1 * feature, nodes), ask_vectors(feature, nodes), atol=1e-4)
    sides = torch.randn(5, 24)
    assert torch.allclose(ask_patches(0.1 * feature, sides, 2), ask_patches(feature, sides, 2), atol=1e-4)


def test_patches_answer_with_the_softmax_mean_of_whole_blocks():
    nodes = torch.randn(3, 2 * 2 * 2)
    feature = torch.randn(2, 2, 4, 6)
    answers = ask_patches(feature, nodes, 2)
    assert answers.shape == feature.shape
    for top in (0, 2):
        for left in (0, 2, 4):
            block = feature[1, :, top : top + 2, left : left + 2].flatten()
            block = block / block.square().mean().sqrt()
            weights = torch.tensor(softmax(*[float(block @ node) / math.sqrt(8) for node in nodes]))
            expected = (weights[:, None] * nodes).sum(0).reshape(2, 2, 2)
            assert torch.allclose(answers[1, :, top : top + 2, left : left + 2], expected, atol=1e-5)


@pytest.mark.parametrize("size", [(5, 7), (1, 1), (2, 3), (7, 4)])
@pytest.mark.parametrize("patch", [1, 2, 3])
def test_sides_that_a_patch_does_not_divide_are_continued_and_cut_again(size, patch):
    nodes, feature = torch.randn(4, 2 * patch * patch), torch.randn(1, 2, *size)
    answers = ask_patches(feature, nodes, patch)
    assert answers.shape == feature.shape
    rows, columns = (torch.arange(-(-n // patch) * patch).clamp(max=n - 1) for n in size)
    continued = feature[:, :, rows][..., columns]
    assert torch.allclose(ask_patches(continued, nodes, patch)[..., : size[0], : size[1]], answers)


def test_patches_of_one_pixel_are_vectors():
    nodes, feature = torch.randn(4, 3), torch.randn(2, 3, 5, 4)
    assert torch.allclose(ask_patches(feature, nodes, 1), ask_vectors(feature, nodes), atol=1e-6)


def test_a_query_that_is_one_reference_loudly_gets_that_reference():
    nodes = 30 * torch.eye(4)
    assert torch.allclose(attend(nodes, nodes), nodes, atol=1e-4)


@pytest.fixture
def updaters():
    return Updaters(5, 6, UpdaterOptions(rounds=3, identity=4, hidden=7, step=0.2))


def literally(perceptron, *parts):
    """Two layers on the parts one after the other."""
    return torch.tanh(perceptron.last(torch.relu(perceptron.first(torch.cat(parts)))))


def test_the_sample_updater_sees_descriptor_node_and_identity_one_after_the_other(updaters):
    nodes, descriptors = torch.randn(5, 6), torch.randn(3, 6)
    updates = updaters.sample_updates(nodes, descriptors)
    assert updates.shape == (3, 5, 6)
    for d in range(3):
        for j in range(5):
            expected = literally(updaters.sample, descriptors[d], nodes[j], updaters.identities[j])
            assert torch.allclose(updates[d, j], 0.2 / 3 * expected, atol=1e-6)


def test_the_mutual_updater_sees_both_nodes_and_both_identities_in_order(updaters):
    nodes, e = torch.randn(5, 6), updaters.identities
    updates = updaters.mutual_updates(nodes)
    assert updates.shape == (5, 5, 6)
    for j in range(5):
        for h in range(5):
            expected = literally(updaters.mutual, nodes[j], nodes[h], e[j], e[h])
            assert torch.allclose(updates[j, h], 0.2 / 5 * expected, atol=1e-6)


def test_every_round_adds_all_updates_to_the_nodes_of_the_round_before(updaters):
    stored, descriptors = torch.randn(5, 6), torch.randn(3, 6)
    nodes = stored
    for _ in range(3):
        sample, mutual = updaters.sample_updates(nodes, descriptors), updaters.mutual_updates(nodes)
        sums = [sum(sample[d, j] for d in range(3)) + sum(mutual[j, h] for h in range(5)) for j in range(5)]
        nodes = nodes + torch.stack(sums)
    assert torch.allclose(updaters(stored, descriptors), nodes, atol=1e-6)
    assert not torch.allclose(updaters(stored, descriptors), stored, atol=1e-3)


def test_a_round_moves_no_number_by_more_than_twice_the_step(updaters):
    for parameter in updaters.parameters():
        nn.init.normal_(parameter, 0, 50.0)  # tanh at its ends
    stored = torch.randn(5, 6)
    moved = (updaters(stored, torch.randn(40, 6)) - stored).detach().abs().max()
    assert 0.2 < float(moved) <= 3 * 2 * 0.2 + 1e-5


def test_the_boosted_feature_is_the_sum_of_feature_and_both_answers():
    plug_in, feature = opened(LearnableReferences(6, count=5, patch=2)), torch.randn(2, 6, 4, 5)
    by_vector, by_patch = plug_in.gates[..., None, None]
    expected = (
        feature
        + by_vector * ask_vectors(feature, plug_in.vectors)
        + by_patch * ask_patches(feature, plug_in.patches, 2)
    )
    assert torch.allclose(plug_in(feature), expected)
    assert not torch.allclose(plug_in(feature), feature, atol=1e-2)


def test_an_untrained_plug_in_changes_nothing_but_can_learn():
    plug_in, feature = LearnableReferences(6, count=5), torch.randn(2, 6, 4, 5)
    assert torch.equal(plug_in(feature), feature)
    plug_in(feature).square().sum().backward()
    assert plug_in.gates.grad.abs().min() > 0


def test_the_default_adds_about_17_thousand_parameters_at_inference_and_none_of_them_an_updater():
    plug_in = LearnableReferences(64)
    plug_in.add_updaters(UpdaterOptions())
    assert sum(x.numel() for x in plug_in.parameters()) > 40_000
    assert added_parameters(plug_in) == 52 * 64 + 52 * 64 * 4 + 2 * 64 == 16_768
    assert set(inference_state(plug_in)) == {"vectors", "patches", "gates"}


def test_a_foreign_network_is_boosted_at_the_named_place_and_trained_with_it():
    network, picture = boosted_network(updaters=False), torch.rand(2, 3, 8, 10)
    plain = copy.deepcopy(network)
    with torch.no_grad():
        plug_ins(plain)["references"].gates.zero_()
    network.eval(), plain.eval()
    feature = plain.encoder(picture)
    assert torch.allclose(network.encoder(picture), network.references(feature), atol=1e-6)
    assert torch.allclose(network(picture), network.decoder(network.references(feature)), atol=1e-6)
    network(picture).sum().backward()
    assert all(p.grad is not None for p in network.references.parameters())
    assert {"references.vectors", "references.patches", "references.gates"} < set(network.state_dict())


def test_a_foreign_network_learns_with_its_plug_in_by_a_loop_of_its_own():
    network, dark = Foreign(), torch.rand(4, 3, 8, 8)
    attach(network, "encoder.2", LearnableReferences(6, count=5))
    add_updaters(network)
    before = {name: x.clone() for name, x in network.references.state_dict().items()}
    optimizer, losses = torch.optim.Adam(network.parameters(), 0.02), []
    for _ in range(30):
        with updating_references() as updates:
            updated = network(dark)
        loss = (updated - 2 * dark).square().mean() + (network(dark) - 2 * dark).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert len(updates) == 2 and losses[-1] < 0.5 * losses[0]
    after = network.references.state_dict()
    assert not [name for name, x in before.items() if torch.equal(x, after[name])]


def test_a_copy_of_a_network_asks_the_references_of_the_copy():
    network, picture = boosted_network(updaters=False).eval(), torch.rand(1, 3, 8, 8)
    before = network(picture)
    twin = copy.deepcopy(network)
    with torch.no_grad():
        network.references.vectors.mul_(-3)
    assert not torch.allclose(network(picture), before, atol=1e-4)
    assert torch.equal(twin(picture), before)


def test_two_plug_ins_boost_two_places():
    network = Foreign()
    attach(network, "encoder.0", LearnableReferences(6, 3), "early")
    attach(network, "encoder.2", LearnableReferences(6, 4), "late")
    assert list(plug_ins(network)) == ["early", "late"]
    assert added_parameters(network) == (3 + 4) * 6 * 5 + 2 * 12


def test_a_place_that_does_not_exist_or_a_name_that_is_taken_is_told():
    network = boosted_network(updaters=False)
    with pytest.raises(ValueError, match=r"no submodule 'bottleneck': choose one of encoder, encoder\.0"):
        attach(network, "bottleneck", LearnableReferences(6))
    with pytest.raises(ValueError, match="has a 'references' already: give another name"):
        attach(network, "encoder.0", LearnableReferences(6))


def test_updated_references_are_asked_only_while_that_is_wanted():
    network, picture = boosted_network(step=0.5), torch.rand(2, 3, 8, 8)
    network.eval()
    stored = network(picture)
    with updating_references() as updates:
        updated = network(picture)
    assert not torch.allclose(updated, stored, atol=1e-4)
    assert torch.equal(network(picture), stored)
    assert [tuple(u.stored.shape) for u in updates] == [(5, 6), (5, 24)]
    plug_in = network.references
    assert updates[0].stored is plug_in.vectors and updates[1].stored is plug_in.patches
    hidden = network.encoder[:2](picture).relu()
    described = plug_in.descriptors(hidden)
    assert torch.allclose(described["vectors"], hidden.mean((2, 3)))
    assert torch.allclose(described["patches"].reshape(2, 6, 2, 2)[1, 3, 0, 1], hidden[1, 3, :2, 2:].mean())
    assert torch.allclose(
        updates[1].updated, plug_in.updaters["patches"](plug_in.patches, described["patches"])
    )


def test_without_updaters_a_network_gives_what_the_stored_references_gave_in_training():
    trained, picture = boosted_network().eval(), torch.rand(2, 3, 8, 8)
    state = inference_state(trained)
    assert not [name for name in state if "updaters" in name]
    deployed = boosted_network(updaters=False).eval()
    deployed.load_state_dict(state, strict=True)
    assert torch.equal(deployed(picture), trained(picture))
    with updating_references() as updates:
        deployed(picture)
    assert updates == []
