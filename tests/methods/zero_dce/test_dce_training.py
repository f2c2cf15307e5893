import json

import pytest
import torch
from safetensors import safe_open

from clode_core.methods import load_method
from clode_core.methods.clode.training import losses
from clode_core.methods.zero_dce.model import Architecture, ZeroDCE, iterated_curve
from clode_core.methods.zero_dce.training import ZeroDCEObjective, ZeroDCEStage
from clode_core.training import ConfigError, load_config, run_training
from clode_core.training.data import Batch

STAGE = {"kind": "zero_dce", "steps": 40, "batch_size": 4, "learning_rate": 5e-3, "warmup_steps": 5}
FILES = {"zero-dce": "zero-dce.safetensors", "zero-dce++": "zero-dce-pp.safetensors"}


@pytest.fixture(params=FILES)
def baseline(request, values):
    values |= {"method": request.param, "architecture": {"width": 8, "working_size": 32}}
    values["stages"] = [STAGE]
    return values


def test_a_short_training_lowers_the_loss_and_brightens(baseline, configured, logged, folders, tmp_path):
    baseline["validation"] = {"low": str(folders / "low"), "high": str(folders / "high"), "every_steps": 20}
    weights = run_training(configured(baseline))
    name = baseline["method"]
    stage = tmp_path / "out" / "1-zero_dce"
    assert weights == tmp_path / "out" / FILES[name]
    rows = logged(stage, "train/loss")[:, 1]
    assert rows[-1] < 0.8 * rows[0]
    assert len(logged(stage, "val/psnr_best")) == 2
    assert [p.name for p in sorted((stage / "panels").iterdir())] == [
        "panel-0000020.png",
        "panel-0000040.png",
    ]
    method = load_method(name, weights, device="cpu")
    dark = (torch.rand(40, 50, 3) * 50).byte().numpy()
    assert method.enhance(dark).mean() > 1.2 * dark.mean()
    with safe_open(weights, "pt") as file:
        header = file.metadata()
    card = json.loads(header["card"])
    assert header["format"] == "zero-dce-1"
    assert card["stages"][0]["data"] == {"mixed_exposure_pictures": 44}
    assert {"psnr_trained", "ssim_trained", "psnr_best", "ssim_best", "best_iterations"} == set(
        card["metrics"]
    )
    assert str(tmp_path) not in header["card"]


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(baseline, configured, tmp_path, monkeypatch):
    from clode_core.methods.zero_dce.training import ZeroDCEObjective

    terms, count = ZeroDCEObjective.terms, iter(range(10**6))

    def interrupted(self, *arguments):
        if next(count) == 17:
            raise KeyboardInterrupt
        return terms(self, *arguments)

    baseline["stages"] = [{**STAGE, "steps": 24}]
    baseline["trainer"]["threads"] = 1
    config = configured(baseline)
    with monkeypatch.context() as patch:
        patch.setattr(ZeroDCEObjective, "terms", interrupted)
        with pytest.raises((ValueError, SystemExit, KeyboardInterrupt)):
            run_training(config)
    assert (config.output / "1-zero_dce" / "last.ckpt").is_file()
    continued = ZeroDCE.read(run_training(config, resume=True)).state_dict()
    whole = ZeroDCE.read(run_training(configured(baseline, [f"output={tmp_path / 'whole'}"]))).state_dict()
    for name, tensor in whole.items():
        assert torch.allclose(tensor, continued[name], rtol=0, atol=1e-7), name


def test_a_training_starts_from_given_weights(baseline, configured, tmp_path):
    variant = baseline["method"]
    torch.manual_seed(5)
    start = ZeroDCE(Architecture(variant, width=8, working_size=32))
    path = start.save(tmp_path / "start.safetensors")
    overrides = [f"start_from={path}", "stages.0.steps=1", "stages.0.learning_rate=1e-9"]
    trained = ZeroDCE.read(run_training(configured(baseline, overrides))).state_dict()
    assert all(torch.allclose(x, trained[name], atol=1e-6) for name, x in start.state_dict().items())


def test_the_objective_is_the_four_losses_of_the_result_with_the_published_weights():
    picture, A = torch.rand(2, 3, 32, 32), torch.rand(2, 24, 32, 32) * 2 - 1
    mirrored = []

    def maps(name, image):
        mirrored.append(not torch.equal(image, picture))
        return A

    objective = ZeroDCEObjective(ZeroDCEStage(kind="zero_dce", steps=1))
    batch = Batch(picture, picture, torch.tensor([2, 0, 0]), torch.tensor(0))
    terms = objective.terms(maps, batch, torch.Generator().manual_seed(0))
    image = picture.flip(-1) if mirrored[0] else picture
    out = iterated_curve(image, A, 8)
    assert float(terms["spatial"]) == pytest.approx(float(losses.spatial_consistency(out, image)))
    assert float(terms["exposure"]) == pytest.approx(10 * float(losses.exposure_control(out, 16, 0.6)))
    assert float(terms["colour"]) == pytest.approx(5 * float(losses.colour_constancy(out)))
    assert float(terms["smooth"]) == pytest.approx(200 * float(losses.illumination_smoothness(A)))


def test_illumination_smoothness_by_hand():
    maps = torch.zeros(1, 2, 3, 3)
    maps[0, 0] = torch.arange(3.0)  # 1 from column to column, 0 from row to row
    maps[0, 1, 2] = 3.0  # 3 from the second row to the third: mean square 9 / 2
    assert float(losses.illumination_smoothness(maps)) == pytest.approx(2 * (1 + 4.5))
    both = torch.cat([maps, torch.zeros_like(maps)])
    assert float(losses.illumination_smoothness(both)) == pytest.approx(1 + 4.5)


def test_the_packaged_configurations_weigh_smoothness_as_published():
    weights = {name: load_config(name).stages[0].weights for name in ("zero-dce-cpu", "zero-dce-pp-cpu")}
    assert weights["zero-dce-cpu"].model_dump() == {"spatial": 1, "exposure": 10, "colour": 5, "smooth": 200}
    assert weights["zero-dce-pp-cpu"].smooth == 1600


def test_a_stage_and_what_it_trains_must_fit(values, configured):
    with pytest.raises(ConfigError, match=r"stages\.0\.kind: input should be 'zero_dce', not 'undo'"):
        configured({**values, "method": "zero-dce", "architecture": {}})
    with pytest.raises(ConfigError, match=r"input tag 'zero_dce' .* 'undo', 'denoise', 'zero_reference'"):
        configured({**values, "stages": [STAGE]})
    with pytest.raises(ConfigError, match=r"there is no method 'one-dce': choose one of clode, .*zero-dce"):
        configured({**values, "method": "one-dce", "architecture": {}, "stages": [STAGE]})
