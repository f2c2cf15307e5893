import json

import pytest
import torch
from safetensors.torch import save_file

from clode_core.methods import load_method, method_info
from clode_core.methods.clode.model import WeightsError, load_model
from clode_core.methods.zero_dce.model import FORMAT, Architecture, ZeroDCE

BASELINES = ("zero-dce", "zero-dce++")


def test_saved_weights_load_to_the_same_results(method, variant, dark, tmp_path):
    method.card = {"name": "mine"}
    loaded = load_method(variant, method.save(tmp_path / "w.safetensors"), device="cpu")
    assert loaded.card == {"name": "mine"} and loaded.architecture == method.architecture
    assert (loaded.enhance(dark) == method.enhance(dark)).all()


@pytest.mark.parametrize("name", BASELINES)
def test_the_packaged_weights_brighten_a_dark_picture(name, dark):
    method = load_method(name, device="cpu")
    assert {"stages", "metrics", "data", "seed"} <= set(method.card)
    path = method.solve(dark)
    means = [path.at(n).mean() for n in (0, 4, 8)]
    assert means[1] > 1.4 * means[0] and means[2] > 1.2 * means[1]


def test_weights_of_the_other_network_are_refused_by_name(method, variant, tmp_path):
    weights = method.save(tmp_path / "w.safetensors")
    (other,) = set(BASELINES) - {variant}
    with pytest.raises(WeightsError, match=rf"holds weights of {variant.replace('+', '.')}, not of"):
        load_method(other, weights, device="cpu")


def test_clode_and_zero_dce_refuse_each_others_weights(full_size, tmp_path):
    weights = full_size.save(tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"not CLODE weights \(format 'zero-dce-1'\)"):
        load_model(weights)
    with pytest.raises(WeightsError, match=r"not Zero-DCE weights \(format 'clode-1'\)"):
        load_method("zero-dce", method_info("clode").weights)


def header(**architecture):
    return {"format": FORMAT, "architecture": json.dumps(architecture), "card": "{}"}


SMALL = {"variant": "zero-dce", "width": 4, "working_size": 32}


def tensors(change=lambda name, tensor: tensor):
    weights = ZeroDCE(Architecture(**SMALL)).state_dict()
    return {name: change(name, tensor).contiguous() for name, tensor in weights.items()}


@pytest.mark.parametrize(
    ("metadata", "weights"),
    [
        (header(**SMALL | {"width": 5}), tensors()),
        (header(**SMALL | {"width": 10**6}), tensors()),
        (header(**SMALL | {"variant": "one-dce"}), tensors()),
        (header(**SMALL, depth=3), tensors()),
        (header(**SMALL) | {"card": "[]"}, tensors()),
        (header(**SMALL) | {"architecture": "{"}, tensors()),
        ({"format": FORMAT}, tensors()),
        (header(**SMALL), tensors(lambda name, x: x.double() if "up.2" in name else x * torch.nan)),
        (header(**SMALL), tensors(lambda name, x: x.to(torch.int32))),
        (header(**SMALL), {**tensors(), "g.weight": torch.zeros(3)}),
        (header(**SMALL), {k: v for k, v in tensors().items() if k != "h.up.2.bias"}),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(tmp_path, metadata, weights):
    path = tmp_path / "w.safetensors"
    save_file(weights, path, metadata=metadata)
    with pytest.raises(WeightsError, match="describes networks that do not fit its weights") as caught:
        load_method("zero-dce", path, device="cpu")
    assert "\n" not in str(caught.value)


def test_what_is_no_weights_file_is_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(WeightsError, match="no weights at"):
        load_method("zero-dce", path)
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="pickled checkpoints are never loaded"):
        load_method("zero-dce", path)
    with pytest.raises(WeightsError, match="are the path of"):
        load_method("zero-dce", 3)


def test_an_unknown_baseline_is_told_with_those_there_are():
    with pytest.raises(
        ValueError, match=r"there is no method 'retinex': choose one of clode, .*zero-dce, zero-dce\+\+"
    ):
        load_method("retinex")
    with pytest.raises(ValueError, match="is not available here"):
        load_method("zero-dce", device="cuda:99")
