import json
import shutil

import pytest
import torch
from safetensors import safe_open
from training_making import write

from clode_core.methods import load_method
from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.training import losses
from clode_core.methods.lfpv.model import SupervisedEnhancer
from clode_core.methods.lfpv.references import (
    LearnableReferences,
    UpdaterOptions,
    attach,
    updating_references,
)
from clode_core.methods.lfpv.training.config import SupervisedStage
from clode_core.methods.lfpv.training.data import PairedDataset
from clode_core.methods.lfpv.training.objective import SupervisedObjective, untrained
from clode_core.training import ConfigError, TrainingError, load_config, run_training
from clode_core.training.config import DataConfig
from clode_core.training.data import Batch
from clode_core.training.pairs import match_pairs

STAGE = {
    "kind": "supervised",
    "steps": 30,
    "batch_size": 4,
    "learning_rate": 5e-3,
    "warmup_steps": 5,
    "ema": 0.9,
}
KINDS = {
    "unet": {**STAGE, "patch": 32},
    "curve": {**STAGE, "solver": {"method": "euler", "steps": 2}},
}
REFERENCES = {"count": 6, "patch": 2, "rounds": 2, "identity": 4, "hidden": 8}


@pytest.fixture(params=KINDS)
def backbone(request):
    return request.param


@pytest.fixture
def supervised(backbone, values, folders):
    del values["architecture"]
    values["method"] = f"lfpv-{backbone}"
    values["architecture"] = {"widths": [8, 8, 12], "references": REFERENCES, "working_size": 32}
    values["data"] = {"low": [str(folders / "low")], "high": [str(folders / "high")]}
    values["stages"] = [KINDS[backbone]]
    return values


def test_a_short_training_lowers_the_loss_and_leaves_weights_without_updaters(
    supervised, backbone, configured, logged, folders, tmp_path
):
    supervised["validation"] = {"low": str(folders / "low"), "high": str(folders / "high"), "every_steps": 15}
    weights = run_training(configured(supervised))
    stage = tmp_path / "out" / "1-supervised"
    assert weights == tmp_path / "out" / f"lfpv-{backbone}.safetensors"
    rows = logged(stage, "train/stored")[:, 1]
    assert rows[-1] < 0.8 * rows[0]
    for term in ("picture", "size", "consolidation"):
        assert len(logged(stage, f"train/{term}")) == 6
    assert len(logged(stage, "val/psnr")) == 2
    assert len(list((stage / "panels").iterdir())) == 2
    with safe_open(weights, "pt") as file:
        card, names = json.loads(file.metadata()["card"]), list(file.keys())
        assert float(file.get_tensor("h.references.gates").abs().max()) > 0
    assert not [name for name in names if "updaters" in name]
    assert card["stages"][0]["data"] == {"pairs": 2} and set(card["metrics"]) == {"psnr", "ssim"}
    assert str(tmp_path) not in json.dumps(card)
    method = load_method(f"lfpv-{backbone}", weights, device="cpu")
    dark = (torch.rand(40, 50, 3) * 30).byte().numpy()
    assert method.enhance(dark).mean() > 1.5 * dark.mean()


def test_without_references_there_is_one_term_and_with_the_control_as_many_parameters(
    supervised, configured, logged, tmp_path
):
    plain = run_training(configured(supervised, ["architecture.references=null", "stages.0.steps=5"]))
    folder = tmp_path / "out" / "1-supervised"
    assert len(logged(folder, "train/picture")) == 1 and len(logged(folder, "train/stored")) == 0
    control = ["architecture.references=null", "architecture.control=20", "stages.0.steps=5"]
    other = run_training(configured(supervised, [*control, f"output={tmp_path / 'other'}"]))
    more = set(SupervisedEnhancer.read(other).state_dict()) - set(SupervisedEnhancer.read(plain).state_dict())
    assert {name.split(".")[1] for name in more} == {"control"}


def test_the_control_of_the_packaged_configurations_is_as_large_as_their_references():
    for backbone in KINDS:
        sizes = []
        for change in (
            [],
            ["architecture.references=null", "architecture.control=130"],
            ["architecture.references=null"],
        ):
            from clode_core.methods.lfpv.references import inference_state

            made = untrained(load_config(f"lfpv-{backbone}-cpu", change))
            sizes.append(sum(x.numel() for x in inference_state(made.h).values()))
        assert sizes[0] - sizes[2] == 16_768
        assert abs(sizes[1] - sizes[0]) < 0.01 * 16_768


def test_runs_of_one_seed_begin_with_one_backbone_whatever_is_plugged_in():
    for backbone in KINDS:
        states = []
        for change in ("references={}", "references=null"):
            config = load_config(f"lfpv-{backbone}-cpu", [f"architecture.{change}"])
            torch.manual_seed(5)
            states.append(untrained(config).state_dict())
        assert all(torch.equal(tensor, states[0][name]) for name, tensor in states[1].items())


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(
    supervised, configured, tmp_path, monkeypatch
):
    terms, count = SupervisedObjective.terms, iter(range(10**6))

    def interrupted(self, *arguments):
        if next(count) == 9:
            raise KeyboardInterrupt
        return terms(self, *arguments)

    supervised["stages"] = [{**supervised["stages"][0], "steps": steps} for steps in (12, 4)]
    supervised["trainer"]["threads"] = 1
    config = configured(supervised)
    with monkeypatch.context() as patch:
        patch.setattr(SupervisedObjective, "terms", interrupted)
        with pytest.raises((ValueError, SystemExit, KeyboardInterrupt)):
            run_training(config)
    assert (config.output / "1-supervised" / "last.ckpt").is_file()
    continued = SupervisedEnhancer.read(run_training(config, resume=True)).state_dict()
    whole = run_training(configured(supervised, [f"output={tmp_path / 'whole'}"]))
    for name, tensor in SupervisedEnhancer.read(whole).state_dict().items():
        assert torch.allclose(tensor, continued[name], rtol=0, atol=1e-7), name


def test_a_training_starts_from_given_weights(supervised, backbone, configured, tmp_path):
    start = run_training(configured(supervised, ["stages.0.steps=2"]))
    overrides = [f"start_from={start}", "stages.0.steps=1", "stages.0.learning_rate=1e-9"]
    more = run_training(configured(supervised, [*overrides, f"output={tmp_path / 'more'}"]))
    one, other = (SupervisedEnhancer.read(path).state_dict() for path in (start, more))
    assert all(torch.allclose(tensor, other[name], atol=1e-6) for name, tensor in one.items())


class Toy(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Identity()
        plug_in = LearnableReferences(3, 4, 2)
        torch.nn.init.ones_(plug_in.gates)
        plug_in.add_updaters(UpdaterOptions(step=0.5))
        attach(self, "inner", plug_in)

    def forward(self, picture):
        return self.inner(picture)


def estimators(network):
    return lambda name, picture, *arguments: network(picture)


@pytest.fixture
def batch():
    low, high = torch.rand(2, 3, 8, 8) / 4, torch.rand(2, 3, 8, 8)
    return Batch(low, high, torch.tensor([2, 0, 0]), torch.tensor(0))


def test_the_loss_is_that_of_both_pictures_and_two_terms_of_the_references(batch):
    stage = SupervisedStage(kind="supervised", steps=1, patch=16, weights={"stored": 0.7, "size": 2})
    network = Toy()
    terms = SupervisedObjective(stage).terms(estimators(network), batch, torch.Generator())
    with updating_references() as updates:
        updated = network(batch.pictures)
    differences = torch.stack([(u.updated - u.stored).square().mean() for u in updates]).mean()
    expected = {
        "picture": losses.charbonnier(updated, batch.targets),
        "stored": 0.7 * losses.charbonnier(network(batch.pictures), batch.targets),
        "size": 2 * differences,
        "consolidation": 0.005 * differences,
    }
    assert set(terms) == set(expected)
    for name, value in expected.items():
        assert float(terms[name].detach()) == pytest.approx(float(value.detach()), rel=1e-5), name
    difference = (expected["picture"] - expected["stored"] / 0.7).detach()
    assert abs(float(difference)) > 1e-4


def test_consolidation_draws_the_stored_references_to_the_updated_and_leaves_the_updaters_alone(batch):
    network = Toy()
    objective = SupervisedObjective(SupervisedStage(kind="supervised", steps=1, patch=16))
    objective.terms(estimators(network), batch, torch.Generator())["consolidation"].backward()
    with updating_references() as updates, torch.no_grad():
        network(batch.pictures)
    step = -network.references.vectors.grad
    assert ((updates[0].updated - updates[0].stored) * step > 0).all()
    assert all(p.grad is None for p in network.references.updaters.parameters())


def test_a_curve_backbone_exposes_by_the_exponent_at_time_3(batch):
    solver = {"method": "euler", "steps": 3}
    objective = SupervisedObjective(SupervisedStage(kind="supervised", steps=1, solver=solver))

    def networks(name, picture, *arguments):
        return torch.full_like(picture, 0.5)

    expected = curve(batch.pictures, torch.tensor(1.5))
    assert torch.allclose(objective.picture(networks, batch.pictures), expected, atol=1e-6)
    assert set(objective.terms(networks, batch, torch.Generator())) == {"picture"}


def pairs_of(folders, **data):
    return DataConfig(**{"low": [folders / "low"], "high": [folders / "high"], **data})


def test_crops_of_a_pair_show_the_same_place_turned_alike(folders):
    same = DataConfig(low=[folders / "high"], high=[folders / "high"])
    stage = SupervisedStage(kind="supervised", steps=1, batch_size=16, patch=32)
    dataset = PairedDataset(same, stage, 32, seed=0)
    batch, again, later = dataset[3], dataset[3], dataset[4]
    assert batch.pictures.shape == (16, 3, 32, 32)
    assert torch.equal(batch.pictures, batch.targets)
    assert torch.equal(batch.pictures, again.pictures) and not torch.equal(batch.pictures, later.pictures)
    assert len({picture.numpy().tobytes() for picture in batch.pictures}) == 16


def test_a_dark_picture_is_paired_with_its_own_reference(folders):
    stage = SupervisedStage(kind="supervised", steps=1, batch_size=8)
    batch = PairedDataset(pairs_of(folders), stage, 24, seed=0)[0]
    assert batch.pictures.shape == (8, 3, 24, 24)
    exposed = curve(batch.pictures.float(), torch.tensor(3.0))
    assert float((exposed - batch.targets.float()).abs().mean()) < 0.03
    assert float((exposed - batch.targets.float().roll(1, 0)).abs().mean()) > 0.03


def test_whole_pictures_of_different_shapes_are_cut_to_what_they_share(tmp_path):
    for k, size in enumerate([(40, 60), (60, 40)]):
        for folder in ("low", "high"):
            write(tmp_path / folder / f"{k}.png", torch.rand(3, *size))
    stage = SupervisedStage(kind="supervised", steps=1, batch_size=8)
    batch = PairedDataset(pairs_of(tmp_path), stage, 30, seed=0)[0]
    assert batch.pictures.shape == (8, 3, 20, 20)


def test_excluded_names_are_not_paired(folders, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "pair1.webp").touch()
    pairs = match_pairs(pairs_of(folders, exclude=[tmp_path / "kept"]))
    assert [(low.name, high.name) for low, high in pairs] == [("pair0.png", "pair0.png")]


@pytest.fixture
def own(folders, tmp_path):
    for name in ("low", "high"):
        shutil.copytree(folders / name, tmp_path / name)
    return tmp_path


STAGE_OF_CROPS = SupervisedStage(kind="supervised", steps=1, patch=32)


def test_pairs_that_do_not_serve_are_told_in_one_sentence(own, folders):
    def told(match, data=None, stage=STAGE_OF_CROPS):
        with pytest.raises(TrainingError, match=match) as caught:
            PairedDataset(data or pairs_of(own), stage, 32, seed=0)
        assert "\n" not in str(caught.value)

    told(r"data\.low names no folder, but a supervised stage needs pairs", DataConfig())
    told(r"data\.high names no folder", DataConfig(low=[own / "low"]))
    told("nowhere does not exist", pairs_of(own, high=[own / "nowhere"]))
    told(
        "pair0.png is smaller than the stage's patch of 64",
        stage=STAGE_OF_CROPS.model_copy(update={"patch": 64}),
    )
    told("have the same name: keep one of them", pairs_of(own, low=[own / "low", folders / "low"]))
    write(own / "high" / "pair1.png", torch.rand(3, 30, 40))
    told("pair1.png and .*pair1.png differ in size")
    (own / "high" / "pair1.png").unlink()
    told(r"pair1.png has no reference of the same name in data\.high\.")
    write(own / "low" / "alone.png", torch.rand(3, 40, 40))
    told(r"alone.png has no reference of the same name in data\.high \(nor have 1 others\)")


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("method=zero-dce", r"architecture\.references: is not a known field"),
        ("stages.0.kind=undo", r"stages\.0\.kind: input should be 'supervised', not 'undo'"),
        ("stages.0.patch=null", "a U-Net is trained on crops: set the stage's patch"),
        ("stages.0.patch=40", "multiple of 16"),
        ("stages.0.solver={}", "a solver is what a curve backbone needs, and no other"),
        ("architecture.backbone=transformer", r"architecture\.backbone: is not a known field"),
        ("architecture.control=8", "set references to null"),
        ("architecture.references.count=0", r"architecture\.references\.count: .*greater than or equal to 1"),
    ],
)
def test_a_configuration_that_does_not_fit_is_told(override, told):
    with pytest.raises(ConfigError, match=told) as caught:
        load_config("lfpv-unet-cpu", [override])
    assert "\n" not in str(caught.value)


def test_a_curve_backbone_without_a_solver_is_told():
    with pytest.raises(ConfigError, match="a solver is what a curve backbone needs"):
        load_config("lfpv-curve-cpu", ["stages.0.solver=null"])
