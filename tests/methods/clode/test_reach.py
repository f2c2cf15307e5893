import numpy as np
import pytest
import torch

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.model import Architecture, Model, load_model
from clode_core.methods.clode.networks import ReachNet
from clode_core.methods.clode.training.config import ReachStage
from clode_core.methods.clode.training.fusion import KINDS, for_development, fuse, kept_back, parts
from clode_core.methods.clode.training.reach import ReachObjective, best_reach, flat_halves, undo_contrast
from clode_core.training import TrainingError, run_training
from clode_core.training.data import Batch

STAGE = {
    "kind": "reach",
    "steps": 40,
    "batch_size": 6,
    "learning_rate": 5e-3,
    "warmup_steps": 5,
    "hold_back": 7,
}


@pytest.fixture
def reaching(values):
    values["architecture"] |= {"curve_network": "reach", "solver": "euler", "solver_step": 20}
    values["stages"] = [dict(STAGE, mixture={"pairs": 0})]
    return values


def test_a_scene_that_is_marked_anywhere_is_kept_back(tmp_path):
    table = tmp_path / "scenes.csv"
    table.write_text(
        "name,scene,validation,in_public_test\na.png,1,0,0\nb.png,1,1,0\nc.png,2,0,0\nd.png,3,0,1\n"
    )
    assert kept_back([table]) == {"a", "b", "d"}
    assert for_development([table], 1) == {"c"}
    assert for_development([table], 0) == set()
    table.write_text("name,scene\na.png,1\n")
    with pytest.raises(TrainingError, match="cannot be used as a table of scenes"):
        kept_back([table])


def test_scenes_are_trained_on_left_for_development_or_held_back():
    trained, development = parts(30, 7, 8)
    assert {0, 7, 14, 21, 28}.isdisjoint(trained + development)
    assert sorted(trained + development) == sorted(set(range(30)) - {0, 7, 14, 21, 28})
    assert len(development) == 3
    assert parts(5, 0, 0) == ([0, 1, 2, 3, 4], [])


def test_the_fusion_of_equal_pictures_is_that_picture():
    pytest.importorskip("cv2")
    picture = torch.full((3, 40, 48), 120, dtype=torch.uint8)
    fused = fuse(torch.stack([picture] * 3))
    assert fused.dtype == torch.uint8
    assert (fused.int() - 120).abs().max() <= 1


def test_the_best_reach_is_found_in_the_picture():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, 3, 20, 24, generator=generator) * 0.3 + 0.01
    exponent = 2 + torch.rand(image.shape, generator=generator)
    scale = torch.tensor([0.5, 0.97, 1.4])[:, None, None, None]
    found = best_reach(image, exponent, curve(image, scale * exponent))
    assert found.shape == (3, 1, 1, 1)
    assert torch.allclose(found, scale, atol=0.03)


def test_two_flat_halves_are_flat_but_for_their_edge():
    picture, even = flat_halves(4, (40, 48), torch.Generator().manual_seed(1))
    assert picture.shape == (4, 3, 40, 48)
    assert even.shape == (4, 1, 40, 48)
    inside = even[..., 1:] * even[..., :-1]
    assert float((picture.diff(dim=-1).abs() * inside).max()) == 0
    assert picture.flatten(2).unique(dim=2).shape[2] > 1
    assert 0.7 < float(even.mean()) < 1


def test_contrast_undone_darkens_shadows_more_than_highlights():
    stage = ReachStage(
        kind="reach", steps=1, contrast=(1.0, 1.0), contrast_field=0.0, darkening={"colour": 0}
    )
    target = torch.linspace(0.1, 0.9, 60).expand(2, 3, 40, 60)
    dark = undo_contrast(target, stage, torch.Generator().manual_seed(0))
    removed = torch.logit(target) - torch.logit(dark)
    assert float(removed.min()) >= -1e-4
    assert float((removed[..., 10] - removed[..., 50]).min()) > 1


def test_a_short_training_lowers_the_loss_and_judges(reaching, configured, logged, tmp_path):
    pytest.importorskip("cv2")
    weights = run_training(configured(reaching))
    losses = logged(tmp_path / "out" / "1-reach", "train/picture")[:, 1]
    assert losses[-2:].mean() < losses[:2].mean()
    model = load_model(weights, device="cpu")
    assert (model.architecture.solver, model.architecture.step) == ("euler", 20)
    path = model.solve(np.random.default_rng(0).integers(0, 60, (40, 50, 3), np.uint8))
    assert path.evaluations == 1
    assert -5 <= path.auto() <= 5


def test_on_black_are_only_pictures_that_are_their_own_targets():
    stage = ReachStage(kind="reach", steps=1, on_black=1.0)
    pictures = torch.full((12, 3, 48, 48), 150, dtype=torch.uint8)
    counts = torch.tensor([2] * len(KINDS))
    batch = Batch(pictures, pictures, counts, torch.tensor(1))
    known = ReachObjective(stage, None).pairs(batch, torch.Generator().manual_seed(0))
    black = (known.target.amax(1) < 0.02).flatten(1).float().mean(1)
    own = [kind in ("contrast", "undo", "fine") for kind in KINDS for _ in range(2)]
    assert [share > 0.02 for share in black.tolist()] == own
    fine = slice(2 * KINDS.index("fine"), 2 * KINDS.index("fine") + 2)
    assert torch.equal(known.image[fine], known.target[fine])


def test_pairs_of_scenes_that_are_kept_back_are_not_trained_on(reaching, configured, folders, tmp_path):
    pytest.importorskip("cv2")
    table = tmp_path / "scenes.csv"
    table.write_text("name,scene,validation,in_public_test\npair0.png,1,1,0\npair1.png,2,0,1\n")
    reaching["stages"][0]["mixture"] = dict.fromkeys(KINDS, 1.0)
    reaching["data"] |= {
        "low": [str(folders / "low")],
        "high": [str(folders / "high")],
        "scenes": [str(table)],
    }
    with pytest.raises(TrainingError, match="no pair of a scene that is not kept back"):
        run_training(configured(reaching))


def test_a_reach_stage_needs_its_network(reaching, configured):
    reaching["architecture"]["curve_network"] = "multiscale"
    with pytest.raises(TrainingError, match=r"needs architecture\.curve_network reach"):
        configured(reaching)


def test_one_euler_step_is_a_straight_path_and_auto_is_three_times_the_reach():
    torch.manual_seed(0)
    model = Model(Architecture("reach", "", {"widths": [8, 8, 8]}, working_size=32, solver="euler", step=20))
    assert isinstance(model.h, ReachNet)
    with torch.no_grad():
        list(model.h.judge.parameters())[-1].fill_(-0.5)
    path = model.solve(np.random.default_rng(0).integers(0, 200, (30, 40, 3), np.uint8))
    assert path.evaluations == 1
    assert path.auto() == pytest.approx(-1.5, abs=1e-3)
    for time in (-4.0, 1.0, 5.0):
        assert torch.allclose(path.exponent.at(time), path.exponent.at(3.0) * time / 3, atol=1e-5)


def test_an_untrained_network_is_the_control():
    image = torch.rand(2, 3, 24, 32)
    A, reach = ReachNet((8, 8, 8)).judged(image, torch.zeros(2))
    assert torch.allclose(curve(image, A), curve(image, torch.ones(())), atol=1e-5)
    assert torch.allclose(reach, torch.ones(2), atol=1e-3)


def test_a_picture_that_is_hardly_changed_is_judged_fine():
    network = ReachNet((8, 8, 8))
    image = torch.rand(1, 3, 24, 32)
    reached = []
    with torch.no_grad():
        for level in (0.0, 0.02, 0.3):
            network.head.bias.fill_(level)
            reached.append(float(network.judged(image, torch.zeros(1))[1]))
    assert reached[0] == 0
    assert reached[1] < 0.2 / 3
    assert reached[2] > 0.95
