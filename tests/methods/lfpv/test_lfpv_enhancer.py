import json

import numpy as np
import pytest
import torch
from command_line import clode, sentence
from PIL import Image
from safetensors.torch import save_file

from clode_core.methods import load_method, method_info
from clode_core.methods.clode import denoising
from clode_core.methods.clode.model import Architecture as ModelArchitecture
from clode_core.methods.clode.model import Model, WeightsError, load_model
from clode_core.methods.lfpv.model import (
    BACKBONES,
    FORMAT,
    Architecture,
    References,
    SupervisedEnhancer,
    UNet,
)
from clode_core.methods.lfpv.references import add_updaters
from clode_core.pictures.files import read_picture

WIDTHS = (8, 8, 12)


FOUR = References(4, 2)


def made(backbone, references=FOUR, **options):
    """A small random enhancer that does something visible."""
    torch.manual_seed(2)
    method = SupervisedEnhancer(Architecture(backbone, WIDTHS, references, working_size=32, **options))
    with torch.no_grad():
        if backbone == "curve":
            method.h.head.weight.normal_(0, 0.3)
        if references:
            method.h.references.gates.normal_(0, 2.0)
    return method


@pytest.fixture(params=BACKBONES)
def backbone(request):
    return request.param


@pytest.fixture
def method(backbone):
    return made(backbone)


def test_the_plug_in_boosts_the_deepest_feature_of_either_backbone(method, backbone, dark):
    seen = []
    method.h.references.register_forward_hook(lambda module, given, out: seen.append(given[0].shape))
    boosted = method.enhance(dark)
    assert {shape[1] for shape in seen} == {WIDTHS[-1]}
    method.h.references.gates.zero_()
    assert not np.array_equal(method.enhance(dark), boosted)
    plain = SupervisedEnhancer(Architecture(backbone, WIDTHS, None, working_size=32))
    same = {k: v for k, v in method.state_dict().items() if "references" not in k}
    plain.load_state_dict(same)
    assert np.array_equal(plain.enhance(dark), method.enhance(dark))


def test_a_curve_backbone_exposes_like_clode_at_time_3(dark):
    method = made("curve", None)
    model = Model(ModelArchitecture("multiscale", "", {"widths": list(WIDTHS)}, working_size=32))
    model.h.load_state_dict(method.h.state_dict())
    assert np.array_equal(method.enhance(dark), model.solve(dark, span=(0, 3)).at(3.0, denoise=False))


@pytest.mark.parametrize("references", [None, References(4, 1), References(4, 2), References(4, 3)])
def test_tiles_of_the_unet_give_exactly_the_whole_picture(references, random, monkeypatch):
    method, picture = made("unet", references), random.random((210, 330, 3)).astype(np.float32)
    whole = method.enhance(picture)
    assert np.abs(whole - picture).max() > 0.01
    monkeypatch.setattr(
        denoising.remove_noise, "__kwdefaults__", {**denoising.remove_noise.__kwdefaults__, "tile": 64}
    )
    assert np.abs(method.enhance(picture) - whole).max() < 1e-5


def test_the_unet_sees_no_farther_than_it_says():
    torch.manual_seed(3)
    network = UNet((4, 4, 4))
    side = 8 * 40
    picture = torch.full((1, 3, side, side), 0.5, requires_grad=True)
    network(picture)[0, 0, side // 2 + 3, side // 2 + 4].backward()
    seen = torch.nonzero(picture.grad[0].abs().sum(0))
    farthest = max(int((seen - torch.tensor([side // 2 + 3, side // 2 + 4])).abs().max()), 0)
    assert 8 < farthest <= network.reach


def test_saved_weights_hold_no_updater_and_load_to_the_same_results(method, backbone, dark, tmp_path):
    expected = method.enhance(dark)
    add_updaters(method.h)
    assert [name for name in method.state_dict() if "updaters" in name]
    method.card = {"name": "mine"}
    loaded = load_method(f"lfpv-{backbone}", method.save(tmp_path / "w.safetensors"), device="cpu")
    assert loaded.card == {"name": "mine"} and loaded.architecture == method.architecture
    assert set(loaded.state_dict()) == {name for name in method.state_dict() if "updaters" not in name}
    assert np.array_equal(loaded.enhance(dark), expected)
    assert loaded.description == method.description
    assert f"({4 * 12 * 5 + 24} in learnable references)" in loaded.description


def test_the_control_takes_the_place_of_the_references(backbone, dark, tmp_path):
    method = made(backbone, None, control=5)
    before = method.enhance(dark)
    method.h.control.last.weight.normal_(0, 2.0)
    assert not np.array_equal(method.enhance(dark), before)
    loaded = SupervisedEnhancer.read(method.save(tmp_path / "w.safetensors"))
    assert np.array_equal(loaded.enhance(dark), method.enhance(dark))


SMALL = {"backbone": "unet", "widths": [4, 4], "references": {"count": 3, "patch": 2}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"backbone": "transformer"}, "unknown backbone 'transformer': choose one of unet, curve"),
        ({"widths": [4, 10**6]}, "widths must be a whole number from 1 to 512"),
        ({"widths": [4]}, "levels of widths must be a whole number from 2 to 4"),
        ({"references": {"count": 10**9}}, "count must be a whole number"),
        ({"references": {"count": 3, "patch": 3}}, "size mismatch"),
        ({"control": 3}, "cannot be in one network"),
        ({"depth": 3}, "unexpected keyword"),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(tmp_path, change, reason):
    weights = SupervisedEnhancer(Architecture("unet", (4, 4), References(3, 2))).state_dict()
    header = {"format": FORMAT, "architecture": json.dumps({**SMALL, **change}), "card": "{}"}
    path = tmp_path / "w.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path, metadata=header)
    with pytest.raises(WeightsError, match="describes networks that do not fit its weights") as caught:
        load_method("lfpv-unet", path, device="cpu")
    assert reason in str(caught.value) and "\n" not in str(caught.value)


def test_weights_of_another_method_are_refused_by_name(tmp_path):
    weights = made("curve").save(tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="holds weights of lfpv-curve, not of lfpv-unet"):
        load_method("lfpv-unet", weights, device="cpu")
    with pytest.raises(
        WeightsError, match=r"lfpv-curve comes without weights: train some, and name their file"
    ):
        load_method("lfpv-curve")
    with pytest.raises(WeightsError, match=r"not CLODE weights \(format 'supervised-1'\)"):
        load_model(weights)
    with pytest.raises(WeightsError, match=r"not supervised weights \(format 'zero-dce-1'\)"):
        load_method("lfpv-unet", method_info("zero-dce").weights)


@pytest.fixture
def photo(tmp_path, dark):
    path = tmp_path / "photo.png"
    Image.fromarray(dark).save(path)
    return path


def test_the_command_enhances_with_weights_of_ones_own(photo, tmp_path, method, backbone, dark):
    weights, out = method.save(tmp_path / "w.safetensors"), tmp_path / "out"
    result = clode("enhance", photo, "-o", out, "--method", f"lfpv-{backbone}", "--weights", weights)
    assert result.exit_code == 0, result.stderr
    assert np.array_equal(read_picture(out / "photo.png").pixels, method.enhance(dark))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--iterations", "8"], "lfpv-unet has no --iterations: leave it out"),
        (["--time", "3"], "lfpv-unet has no --time: leave it out"),
        (["--denoise"], "lfpv-unet has no --denoise: leave it out"),
        (["--weights", "nowhere.safetensors"], "no weights at nowhere.safetensors"),
        (["--weights", method_info("zero-dce").weights], "not supervised weights"),
    ],
)
def test_what_the_method_cannot_use_is_refused_and_nothing_is_written(photo, tmp_path, options, told):
    out = tmp_path / "out"
    line = sentence(clode("enhance", photo, "-o", out, "--method", "lfpv-unet", *options))
    assert told in line and not line.endswith("or use")
    assert not out.exists()


def test_the_packaged_weights_brighten_a_dark_picture(dark):
    method = load_method("lfpv-unet", device="cpu")
    assert {"stages", "metrics", "data", "seed"} <= set(method.card)
    assert "16,768 in learnable references" in method.description
    assert method.enhance(dark).mean() > 2 * dark.mean()


def test_the_packaged_unet_is_what_evaluation_measures(dark):
    from clode_core.evaluation.methods import Scene, choose_methods

    (chosen,) = choose_methods(["lfpv-unet"], reference=False)
    assert chosen.title == "U-Net with LFPV"
    enhanced = chosen.apply(Scene(dark, None, {"lfpv-unet": load_method("lfpv-unet", device="cpu")}))
    assert np.array_equal(enhanced.picture, load_method("lfpv-unet", device="cpu").enhance(dark))
    with pytest.raises(ValueError, match="nothing to choose"):
        choose_methods(["lfpv-unet@3"], reference=False)


def test_the_description_tells_what_the_references_add():
    described = load_method("lfpv-unet", device="cpu").description
    assert described == "279,404 parameters (16,768 in learnable references)"
