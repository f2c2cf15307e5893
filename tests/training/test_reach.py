import numpy as np
import pytest
import torch

from clode_core.curve import curve
from clode_core.model import Architecture, Model, load_model
from clode_core.networks import ReachNet
from clode_core.training import TrainingError, run_training
from clode_core.training.fusion import KINDS, fuse, kept_back
from clode_core.training.reach import ridge_scale

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
    table.write_text("name,scene\na.png,1\n")
    with pytest.raises(TrainingError, match="cannot be used as a table of scenes"):
        kept_back([table])


def test_the_fusion_of_equal_pictures_is_that_picture():
    pytest.importorskip("cv2")
    picture = torch.full((3, 40, 48), 120, dtype=torch.uint8)
    fused = fuse(torch.stack([picture] * 3))
    assert fused.dtype == torch.uint8
    assert (fused.int() - 120).abs().max() <= 1


def test_the_ridge_scale_is_one_far_from_nothing_and_zero_at_it():
    one = torch.ones(1, 3, 4, 4)
    assert float(ridge_scale(3 * one, 3 * one, one)) == pytest.approx(1, abs=0.02)
    assert float(ridge_scale(0.01 * one, 0.01 * one, one)) < 0.01
    assert float(ridge_scale(one, -3 * one, one)) == -1


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
    assert path.auto() == pytest.approx(-1.5, abs=1e-5)
    for time in (-4.0, 1.0, 5.0):
        assert torch.allclose(path.exponent.at(time), path.exponent.at(3.0) * time / 3, atol=1e-5)


def test_an_untrained_network_is_the_control():
    image = torch.rand(2, 3, 24, 32)
    A, reach = ReachNet((8, 8, 8)).judged(image, torch.zeros(2))
    assert torch.allclose(curve(image, A), curve(image, torch.ones(())), atol=1e-5)
    assert torch.equal(reach, torch.ones(2))
