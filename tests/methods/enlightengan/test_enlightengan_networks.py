import pytest
import torch
from torch.nn import functional as F

from clode_core.methods.enlightengan.networks import Generator, PatchDiscriminator, attention_map


def lively(network):
    """The network with a last layer that says something."""
    torch.manual_seed(2)
    torch.nn.init.normal_(network.head.weight, 0, 0.2)
    return network.eval().requires_grad_(False)


def test_attention_is_one_less_the_largest_channel():
    image = torch.tensor([[0.2, 0.0, 1.0], [0.5, 0.0, 0.3], [0.1, 0.0, 0.9]]).reshape(1, 3, 1, 3)
    assert attention_map(image).flatten().tolist() == pytest.approx([0.5, 1.0, 0.0])
    assert attention_map(image).shape == (1, 1, 1, 3)


@pytest.mark.parametrize(("width", "parameters"), [(16, 2_161_827), (32, 8_636_739)])
def test_the_size_of_the_generator_follows_its_width(width, parameters):
    assert sum(p.numel() for p in Generator(width).parameters()) == parameters


def test_an_untrained_generator_leaves_pictures_as_they_are():
    image = torch.rand(2, 3, 32, 48)
    assert torch.equal(Generator(4)(image), image)


def test_the_output_is_the_picture_and_attention_times_the_residual():
    generator, image, residual = lively(Generator(4)), torch.rand(1, 3, 32, 32), []
    generator.head.register_forward_hook(lambda module, given, out: residual.append(out))
    out = generator(image)
    assert torch.allclose(out, image + (1 - image.amax(1, keepdim=True)) * residual[0])
    assert float((out - image).abs().max()) > 0.05


def test_a_white_pixel_needs_no_light_and_gets_none():
    generator, image = lively(Generator(4)), torch.rand(1, 3, 32, 32) * 0.5
    image[..., 5, 7] = torch.tensor([0.2, 1.0, 0.4])
    assert torch.equal(generator(image)[..., 5, 7], image[..., 5, 7])


def test_attention_of_each_level_multiplies_what_skips_to_the_other_side():
    generator, image = lively(Generator(4, depth=3)), torch.rand(1, 3, 32, 32)
    down, up = [], []
    for block in generator.down:
        block.register_forward_hook(lambda module, given, out: down.append(out))
    for block in reversed(generator.up):
        block.register_forward_hook(lambda module, given, out: up.append(given[0]))
    generator(image)
    for level, block_input in enumerate(reversed(up)):
        attention = F.avg_pool2d(attention_map(image), 1 << level)
        skipped = block_input[:, -down[level].shape[1] :]
        assert torch.allclose(skipped, down[level] * attention)


def test_the_way_up_is_bilinear_then_a_convolution():
    generator, seen = lively(Generator(4, depth=1)), {}
    generator.down[1].register_forward_hook(lambda module, given, out: seen.update(bottom=out))
    generator.lift[0].register_forward_hook(lambda module, given, out: seen.update(lifted=given[0]))
    image = torch.rand(1, 3, 16, 16)
    generator(image)
    deep = seen["bottom"] * F.avg_pool2d(attention_map(image), 2)
    expected = F.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(seen["lifted"], expected)


def test_features_are_normalised_by_the_picture_alone_in_training_and_after_it():
    generator, images = lively(Generator(4)), torch.rand(3, 3, 32, 32)
    alone = torch.cat([generator(image[None]) for image in images])
    assert torch.allclose(generator(images), alone, atol=1e-4)
    assert torch.allclose(generator.train()(images), alone, atol=1e-4)


@pytest.mark.parametrize(
    ("layers", "side", "scores"), [(5, 320, 8), (4, 96, 4), (3, 32, 2), (2, 32, 6), (1, 16, 6)]
)
def test_a_discriminator_scores_every_patch(layers, side, scores):
    discriminator = PatchDiscriminator(4, layers)
    assert discriminator(torch.rand(2, 3, side, side)).shape == (2, 1, scores, scores)


def test_channels_of_a_discriminator_double_up_to_eight_times_and_nothing_is_normalised():
    layers = list(PatchDiscriminator(8, 5).body)
    convolutions = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [8, 16, 32, 64, 64, 64, 1]
    assert {type(layer) for layer in layers} == {torch.nn.Conv2d, torch.nn.LeakyReLU}
