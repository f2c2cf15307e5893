import json

import numpy as np
import pytest
import torch
from safetensors import safe_open

from clode_core.methods.clode.model import Model, load_model
from clode_core.methods.clode.training.config import UndoStage
from clode_core.methods.clode.training.data import UndoDataset
from clode_core.methods.clode.training.objectives import UndoObjective
from clode_core.training import TrainingError, run_training
from clode_core.training.config import DataConfig
from clode_core.training.data import step_generator
from clode_core.training.module import learning_rate_factor

STAGES = {
    "undo": {"kind": "undo", "steps": 60, "batch_size": 6, "learning_rate": 5e-3, "warmup_steps": 5},
    "denoise": {
        "kind": "denoise",
        "steps": 120,
        "batch_size": 6,
        "patch": 32,
        "learning_rate": 3e-3,
        "warmup_steps": 5,
        "noise": {"sigma": [0.15, 0.2]},
    },
    "zero_reference": {
        "kind": "zero_reference",
        "steps": 40,
        "batch_size": 4,
        "learning_rate": 5e-3,
        "warmup_steps": 5,
        "solver": {"method": "euler", "steps": 2},
    },
}


@pytest.mark.parametrize("kind", STAGES)
def test_a_short_training_lowers_the_loss_and_writes_weights_that_load(
    values, configured, logged, tmp_path, kind
):
    values["stages"] = [STAGES[kind]]
    values["architecture"]["clean_state"] = kind == "zero_reference"
    weights = run_training(configured(values))
    losses = logged(tmp_path / "out" / f"1-{kind}", "train/loss")[:, 1]
    assert losses[-3:].mean() < 0.97 * losses[:3].mean()
    model = load_model(weights, device="cpu")
    picture = np.random.default_rng(0).integers(0, 60, (40, 50, 3), np.uint8)
    assert model.solve(picture).at(3.0).mean() > picture.mean()


@pytest.fixture
def two_stages(values, folders):
    values["stages"] = [{**STAGES["denoise"], "steps": 6}, {**STAGES["undo"], "steps": 6}]
    values["validation"] = {"low": str(folders / "low"), "high": str(folders / "high"), "every_steps": 3}
    values["trainer"]["precision"] = "bf16-mixed"
    return values


def test_stages_follow_each_other_and_leave_logs_panels_and_a_model_card(
    two_stages, configured, logged, tmp_path
):
    weights = run_training(configured(two_stages))
    out = tmp_path / "out"
    assert weights == out / "clode.safetensors"
    for folder in ("1-denoise", "2-undo"):
        assert [p.name for p in sorted((out / folder / "panels").iterdir())] == [
            "panel-0000003.png",
            "panel-0000006.png",
        ]
        assert list((out / folder / "tensorboard").glob("events*"))
    assert len(logged(out / "1-denoise", "val/psnr_clean")) == 2
    assert len(logged(out / "2-undo", "val/control_psnr_best")) == 2
    denoised, undone = (Model.read(out / folder / "clode.safetensors") for folder in ("1-denoise", "2-undo"))
    assert all(torch.equal(a, b) for a, b in zip(denoised.g.parameters(), undone.g.parameters(), strict=True))
    assert not torch.equal(denoised.h.head.bias, undone.h.head.bias)

    with safe_open(weights, "pt") as file:
        card = json.loads(file.metadata()["card"])
    assert card["name"] == "tiny" and card["seed"] == 0 and card["torch"] == torch.__version__
    assert [stage["steps"] for stage in card["stages"]] == [6, 6]
    assert card["stages"][1]["data"]["bracket_scenes"] == 8
    assert card["data"]["normal"] == ["mixed"] and str(tmp_path) not in json.dumps(card)
    assert {"psnr_trained", "ssim_best", "control_psnr_best", "denoised_ssim_trained"} <= set(card["metrics"])


def test_an_old_output_is_neither_overwritten_nor_silently_continued(values, configured):
    config = configured(values)
    run_training(config)
    before = (config.output / "clode.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=r"is not empty: resume .*\.$"):
        run_training(config)
    changed = configured(values, ["stages.0.steps=11"])
    with pytest.raises(TrainingError, match=r"^stages: differs from the training in"):
        run_training(changed, resume=True)
    assert (config.output / "clode.safetensors").read_bytes() == before


def test_resuming_what_is_finished_or_not_begun_just_works(values, configured):
    config = configured(values)
    weights = run_training(config, resume=True)
    tensors = Model.read(weights).state_dict()
    again = Model.read(run_training(config, resume=True)).state_dict()
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(values, configured, tmp_path):
    def trained(seed, name):
        overrides = [f"seed={seed}", f"output={tmp_path / name}", "stages.0.steps=3"]
        return Model.read(run_training(configured(values, overrides))).state_dict()["h.head.bias"]

    one, same, other = trained(1, "a"), trained(1, "b"), trained(2, "c")
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_a_training_starts_from_given_weights(values, configured, tmp_path):
    weights = run_training(configured(values))
    overrides = [f"start_from={weights}", f"output={tmp_path / 'more'}", "stages.0.steps=1"]
    more = run_training(configured(values, [*overrides, "stages.0.learning_rate=1e-9"]))
    one, other = (Model.read(path).state_dict()["h.head.weight"] for path in (weights, more))
    assert torch.allclose(one, other, atol=1e-6)
    with pytest.raises(TrainingError, match="another architecture"):
        wider = ["architecture.curve_options.widths=[16, 16]", f"output={tmp_path / 'wide'}"]
        run_training(configured(values, [*overrides, *wider]))


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("data.dark=[]", "data.dark names no folder"),
        ("data.normal=[]", "data.normal names no folder"),
        ("data.bracket_correlation=0.99999999", "holds no exposure bracket"),
        ("data.normal=[nowhere]", "nowhere does not exist"),
        ("trainer.accelerator=quantum", "^trainer.accelerator: .*quantum"),
    ],
)
def test_data_that_do_not_serve_are_told_in_one_sentence(values, configured, override, told):
    with pytest.raises(TrainingError, match=told) as caught:
        run_training(configured(values, [override]))
    assert "\n" not in str(caught.value)


def test_a_loss_that_is_not_finite_stops_the_training(values, configured, monkeypatch):
    def broken(self, networks, batch, generator):
        return {
            "picture": networks("g", batch.pictures.float()).mean() * 0
            + next(iter([torch.tensor(float("nan"))]))
        }

    monkeypatch.setattr("clode_core.methods.clode.training.objectives.DenoiseObjective.terms", broken)
    values["stages"] = [{**STAGES["denoise"], "steps": 10}]
    with pytest.raises(TrainingError, match="not a finite number at step 5"):
        run_training(configured(values))


def test_the_learning_rate_warms_up_and_ends_at_one_hundredth():
    stage = UndoStage(kind="undo", steps=1000, warmup_steps=10)
    assert learning_rate_factor(0, stage) == pytest.approx(0.1, rel=0.02)
    assert learning_rate_factor(10, stage) == pytest.approx(1.01, rel=0.01)
    assert learning_rate_factor(1000, stage) == pytest.approx(0.01)


def test_a_batch_of_undoing_holds_each_kind_and_depends_on_its_step_alone(folders):
    stage = UndoStage(kind="undo", steps=1, batch_size=64)
    data = DataConfig(normal=[folders / "mixed"], dark=[folders / "dark"])
    dataset = UndoDataset(data, stage, 32, seed=0)
    batch, again, later = dataset[5], dataset[5], dataset[6]
    assert (batch.counts > 0).all() and int(batch.counts.sum()) == 64
    assert torch.equal(batch.pictures, again.pictures) and not torch.equal(batch.pictures, later.pictures)
    other = UndoDataset(data, stage, 32, seed=0, rank=1)[5]
    assert not torch.equal(batch.pictures, other.pictures)

    dark, target = UndoObjective(stage, None).pairs(batch, step_generator(0, 5))
    assert dark.shape == target.shape and max(dark.shape[2:]) == 32 and min(dark.shape[2:]) >= 19
    assert float(dark.mean()) < float(target.mean())


def test_progress_shows_the_loss(values, configured, capfd):
    run_training(configured(values, ["trainer.progress=true"]))
    shown = capfd.readouterr()
    assert "loss=" in shown.out + shown.err and "v_num" not in shown.out + shown.err
