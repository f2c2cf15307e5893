import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from test_enlightengan_networks import lively

from clode_core.methods import load_method
from clode_core.methods.clode.model import WeightsError, load_model
from clode_core.methods.enlightengan import model as enlightengan
from clode_core.methods.enlightengan.model import FORMAT, Architecture, EnlightenGAN
from clode_core.training import load_config

SMALL = {"width": 4, "depth": 2, "working_size": 32}


@pytest.fixture
def method():
    method = EnlightenGAN(Architecture(**SMALL))
    lively(method.h)
    return method


def test_a_picture_of_any_size_is_what_the_generator_gives_continued_by_reflection(method, random):
    picture = random.random((61, 90, 3)).astype(np.float32)
    padded = np.pad(picture, ((32, 35), (32, 34), (0, 0)), "reflect")
    out = method.h(torch.from_numpy(padded).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    expected = out[32 : 32 + 61, 32 : 32 + 90].clip(0, 1)
    assert np.abs(method.enhance(picture) - expected).max() < 1e-5
    assert np.abs(expected - picture).max() > 0.05


@pytest.fixture
def scene():
    """A smooth dark picture (96, 144, 3) with a bright disc, as floats."""
    y, x = np.mgrid[:96, :144]
    smooth = np.stack([0.1 + 0.05 * np.sin(x / 20), 0.08 + 0.04 * np.cos(y / 15), 0.05 + x / 2000], -1)
    smooth[(y - 40) ** 2 + (x - 50) ** 2 < 400] += 0.4
    return smooth.astype(np.float32)


def test_of_a_large_picture_a_smaller_copy_is_seen_and_the_rest_is_as_if_it_were_seen_whole(
    method, scene, monkeypatch
):
    seen = []

    def residual(x):  # smooth, unlike that of an untrained network
        seen.append(tuple(x.shape[2:]))
        return 0.5 - 0.3 * x

    monkeypatch.setattr(method.h, "residual", residual)
    large = np.kron(scene, np.ones((2, 2, 1), np.float32))
    whole = method.enhance(large)
    monkeypatch.setattr(enlightengan, "LARGEST_SIDE", 144)
    result = method.enhance(large)
    assert seen == [(192 + 64, 288 + 64), (96 + 64, 144 + 64)]
    assert np.abs(result - whole).mean() < 0.02 * np.abs(whole - large).mean()


def test_what_is_added_to_a_large_picture_follows_its_edges(scene):
    added = np.where(scene[..., :1] > 0.3, 0.1, 0.6).astype(np.float32)
    working = torch.from_numpy(scene).permute(2, 0, 1)
    large = working.repeat_interleave(4, 1).repeat_interleave(4, 2)
    residual = torch.from_numpy(added).permute(2, 0, 1)
    fitted = enlightengan.Upsampled(residual, working, large.shape[1:])
    rows = slice(160, 164)  # through the middle of the disc
    guided = fitted.at(rows, large[:, rows])[0, 0]
    size = large.shape[1:]
    blurred = torch.nn.functional.interpolate(residual[None], size, mode="bilinear")[0, 0, 160]
    wanted = residual[0, 40].repeat_interleave(4)
    assert float((guided - wanted).abs().mean()) < 0.5 * float((blurred - wanted).abs().mean()) + 0.01


def test_a_grey_picture_is_shown_three_times_and_averaged(method, random):
    picture = random.random((40, 36)).astype(np.float32)
    shown = torch.from_numpy(np.pad(picture, 32, "reflect")).expand(1, 3, -1, -1)
    residual = method.h.residual(shown)[0].mean(0)[32:-32, 32:-32].numpy()
    expected = (picture + (1 - picture) * residual).clip(0, 1)
    assert np.abs(method.enhance(picture) - expected).max() < 1e-5


def test_nan_infinity_and_what_lies_beyond_the_levels_stay_and_do_not_spread(method, random):
    picture = random.random((40, 50, 3)).astype(np.float32) * 0.5
    broken = picture.copy()
    broken[20, 20] = np.nan
    broken[5, 5, 0] = np.inf
    broken[30, 30, 1] = -2
    result = method.enhance(broken)
    assert np.isnan(result[20, 20]).all() and np.isposinf(result[5, 5, 0]) and result[30, 30, 1] == -2
    assert np.isfinite(result).sum() == np.isfinite(broken).sum()
    assert np.nanmean(np.abs(method.enhance(picture) - result)[:, 30:]) < 0.02


def test_saved_weights_load_to_the_same_results(method, dark, tmp_path):
    method.card = {"name": "mine"}
    loaded = load_method("enlightengan", method.save(tmp_path / "w.safetensors"), device="cpu")
    assert loaded.card == {"name": "mine"} and loaded.architecture == method.architecture
    assert np.array_equal(loaded.enhance(dark), method.enhance(dark))


def test_the_packaged_weights_brighten_a_dark_picture_and_are_the_packaged_recipe(dark):
    method = load_method("enlightengan", device="cpu")
    assert method.enhance(dark).mean() > 2 * dark.mean()
    recipe = load_config("enlightengan-cpu")
    (stage,) = method.card["config"]["stages"]
    assert stage == recipe.stages[0].model_dump(mode="json") and stage["steps"] == 1000
    assert method.card["config"]["baseline"] == {
        "variant": "enlightengan",
        **recipe.architecture.model_dump(mode="json"),
    }
    assert {"psnr", "ssim", "input_psnr", "input_ssim"} == set(method.card["metrics"])


def test_each_baseline_refuses_the_weights_of_another(method, tmp_path):
    weights = method.save(tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"not Zero-DCE weights \(format 'enlightengan-1'\)"):
        load_method("zero-dce", weights)
    with pytest.raises(WeightsError, match="not CLODE weights"):
        load_model(weights)
    with pytest.raises(WeightsError, match=r"not EnlightenGAN weights \(format 'zero-dce-1'\)"):
        zero_dce = load_method("zero-dce", device="cpu").save(tmp_path / "z.safetensors")
        load_method("enlightengan", zero_dce)


def header(**architecture):
    return {"format": FORMAT, "architecture": json.dumps(architecture), "card": "{}"}


def tensors(change=lambda name, tensor: tensor):
    weights = EnlightenGAN(Architecture(**SMALL)).state_dict()
    return {name: change(name, tensor).contiguous() for name, tensor in weights.items()}


@pytest.mark.parametrize(
    ("metadata", "weights"),
    [
        (header(**SMALL | {"width": 5}), tensors()),
        (header(**SMALL | {"width": 10**6}), tensors()),
        (header(**SMALL | {"depth": True}), tensors()),
        (header(**SMALL, layers=3), tensors()),
        (header(**SMALL), tensors(lambda name, x: x * torch.nan)),
        (header(**SMALL), {**tensors(), "g.weight": torch.zeros(3)}),
        (header(**SMALL), {k: v for k, v in tensors().items() if k != "h.head.bias"}),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(tmp_path, metadata, weights):
    path = tmp_path / "w.safetensors"
    save_file(weights, path, metadata=metadata)
    with pytest.raises(WeightsError, match="describes networks that do not fit its weights") as caught:
        load_method("enlightengan", path, device="cpu")
    assert "\n" not in str(caught.value)
