import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import clode_core as clode
from clode_core.methods.clode.model import FORMAT, Model, WeightsError, load_model


def test_saved_weights_give_the_same_pictures(untrained, dark, tmp_path):
    untrained.card["note"] = "made in a test"
    path = untrained.save(tmp_path / "own.safetensors")
    loaded = load_model(path, device="cpu")
    assert loaded.architecture == untrained.architecture
    assert loaded.card == untrained.card
    assert np.array_equal(
        loaded.solve(dark).at(2.0, denoise=True), untrained.solve(dark).at(2.0, denoise=True)
    )


def test_the_packaged_weights_carry_a_model_card(model):
    for entry in ("name", "data", "seed", "hardware", "limits"):
        assert entry in model.card


class Trap:
    def __reduce__(self):
        return (sys.exit, ("a pickle was executed",))


def _pickle(path):
    path.write_bytes(pickle.dumps(Trap()))


def _torch_zip(path):
    torch.save({"h": torch.zeros(1)}, path)


def _text(path):
    path.write_text("these are not weights")


def _empty(path):
    path.write_bytes(b"")


def _foreign(path):
    save_file({"x": torch.zeros(3)}, path)


def _misfit(path):
    save_file({"h.x": torch.zeros(3)}, path, metadata={"format": FORMAT, "architecture": "{}"})


def _unknown_network(path):
    save_file(
        {"x": torch.zeros(3)},
        path,
        metadata={"format": FORMAT, "architecture": '{"curve_network": "abacus"}'},
    )


def _odd_architecture(path):
    save_file({"x": torch.zeros(3)}, path, metadata={"format": FORMAT, "architecture": "[1, 2]"})


def _header(**changes):
    def write(path):
        header = {"format": FORMAT, "architecture": "{}", **changes}
        save_file({"h.x": torch.zeros(3)}, path, metadata=header)

    return write


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (_pickle, "not a readable safetensors file"),
        (_torch_zip, "not a readable safetensors file"),
        (_text, "not a readable safetensors file"),
        (_empty, "not a readable safetensors file"),
        (_foreign, "not CLODE weights"),
        (_misfit, "do not fit"),
        (_unknown_network, "do not fit"),
        (_odd_architecture, "do not fit"),
        (_header(architecture='{"working_size": 0}'), "working_size"),
        (_header(architecture='{"working_size": "128"}'), "working_size"),
        (_header(architecture='{"curve_options": {"widths": []}}'), "widths"),
        (_header(architecture='{"curve_options": {"widths": [1000000000, 8]}}'), "widths"),
        (_header(architecture='{"curve_options": {"amplitude": NaN}}'), "amplitude"),
        (_header(architecture='{"noise_options": 3}'), "network options"),
        (_header(architecture="not json"), "do not fit"),
        (_header(card="[1, 2]"), "model card"),
    ],
)
def test_a_file_that_only_looks_like_weights_is_refused_and_never_executed(tmp_path, make, part):
    path = tmp_path / "weights.safetensors"
    make(path)
    with pytest.raises(WeightsError, match=part) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda t: {**t, "extra": torch.zeros(2)}, "unexpected tensor extra"),
        (lambda t: {**t, "h.head.bias": t["h.head.bias"] * float("nan")}, "not finite"),
        (lambda t: {**t, "h.head.bias": t["h.head.bias"].long()}, "torch.int64"),
        (lambda t: {k: v for k, v in t.items() if k != "h.head.bias"}, "head.bias"),
        (lambda t: {**t, "h.head.bias": torch.zeros(7)}, "head.bias"),
    ],
)
def test_damaged_weights_are_refused(untrained, tmp_path, change, part):
    import json
    from dataclasses import asdict

    path = tmp_path / "w.safetensors"
    header = {"format": FORMAT, "architecture": json.dumps(asdict(untrained.architecture))}
    save_file(change({k: v.contiguous() for k, v in untrained.state_dict().items()}), path, metadata=header)
    with pytest.raises(WeightsError, match=part):
        load_model(path)


def test_weights_that_were_replaced_are_loaded_again(untrained, dark, tmp_path):
    path = untrained.save(tmp_path / "w.safetensors")
    before = clode.enhance(dark, model=path)
    other = Model(untrained.architecture)
    other.save(path)
    assert not np.array_equal(clode.enhance(dark, model=path), before)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"no weights at .*nowhere\.safetensors"):
        load_model(tmp_path / "nowhere.safetensors")


def test_cut_off_weights_are_refused(untrained, tmp_path):
    path = untrained.save(tmp_path / "own.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="not a readable"):
        load_model(path)


def test_a_stack_is_not_one_picture(model):
    with pytest.raises(clode.ImageError, match="one picture"):
        model.solve(np.zeros((3, 20, 30), np.uint8))


@pytest.mark.parametrize("device", ["abacus", "meta", "hpu", "cuda:99", "privateuseone"])
def test_an_unknown_device_is_named(device):
    with pytest.raises(ValueError, match=f"'{device}' is not available"):
        load_model(device=device)


@pytest.mark.parametrize("arguments", [{"device": None}, {"device": ["cpu"]}, {"weights": 5}])
def test_arguments_of_the_wrong_kind_are_named(arguments):
    with pytest.raises(ValueError, match=r"a device is|weights are the path"):
        load_model(**arguments)


def test_weights_without_noise_removal_say_so(dark):
    model = Model(clode.Architecture(noise_network="", working_size=32))
    assert model.solve(dark).at(1.0).shape == dark.shape
    with pytest.raises(ValueError, match="no noise removal"):
        model.solve(dark).at(1.0, denoise=True)


def test_the_state_can_be_cleaned_before_the_curve_network_as_in_the_paper(dark):
    architecture = clode.Architecture("paper", "paper", {"width": 8}, {"width": 8}, 48, clean_state=True)
    assert clode.enhance(dark, model=Model(architecture)).shape == dark.shape


@pytest.mark.parametrize("heavy", ["torch", "PIL", "tifffile", "rich", "lightning"])
def test_importing_the_package_imports_nothing_heavy(heavy):
    code = f"import sys, clode_core; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_asking_for_help_does_not_import_torch():
    code = (
        "import sys, clode_core.cli as c\n"
        "try: c.app(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_every_public_name_exists():
    for name in clode.__all__:
        assert getattr(clode, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = clode.nothing


def test_a_public_name_is_never_hidden_by_a_module_of_the_package():
    import pkgutil

    assert not {module.name for module in pkgutil.iter_modules(clode.__path__)} & set(clode.__all__)
