import pytest
import torch

from clode_core.methods.clode.model import Model
from clode_core.methods.clode.training import losses
from clode_core.methods.clode.training.config import DenoiseStage
from clode_core.methods.clode.training.data import DenoiseDataset
from clode_core.training import TrainingError, run_training
from clode_core.training.config import DataConfig

STAGE = {
    "kind": "denoise",
    "steps": 30,
    "batch_size": 4,
    "patch": 32,
    "warmup_steps": 3,
    "learning_rate": 5e-3,
}
CASCADE = {
    "noise_network": "cascade",
    "noise_options": {"width": 8, "coarse_widths": [8, 8], "coarse_depth": 1},
}


def dataset(data, **settings):
    stage = DenoiseStage(**{**STAGE, **settings})
    return DenoiseDataset(data, stage, 32, 0)


def test_brackets_that_are_held_back_are_not_among_the_clean_pictures(folders):
    data = DataConfig(normal=[folders / "mixed"])
    every, some = (len(dataset(data, brightness=(0.01, 0.99), hold_back=n).pictures) for n in (0, 4))
    assert every == 40 and some == 30, "scenes 0 and 4 of eight, five exposures each"


def test_references_of_scenes_that_are_kept_back_are_not_among_the_clean_pictures(folders, tmp_path):
    table = tmp_path / "scenes.csv"
    table.write_text("name,scene,validation,in_public_test\npair0,1,1,0\npair1,2,0,0\n")
    alone = len(dataset(DataConfig(normal=[folders / "mixed"])).pictures)
    both = DataConfig(normal=[folders / "mixed"], high=[folders / "high"], scenes=[table])
    assert len(dataset(both).pictures) == alone + 1


def test_structural_dissimilarity_is_nought_for_equal_pictures_and_sees_faint_grain():
    generator = torch.Generator().manual_seed(0)
    plain = torch.full((1, 3, 32, 32), 0.5)
    grain = plain + 0.02 * torch.randn(1, 3, 32, 32, generator=generator)
    assert float(losses.structural_dissimilarity(plain, plain)) == pytest.approx(0, abs=1e-5)
    # No structure in common and a variance of 4e-4: 1 - C2 / (C2 + 4e-4)
    assert float(losses.structural_dissimilarity(grain, plain)) == pytest.approx(0.3, abs=0.04)


def test_beyond_the_knee_the_share_of_an_error_counts():
    error = torch.tensor([0.02, 2.0], requires_grad=True)
    losses.evened(error, 0.001).backward()
    by_share = (error * error.grad).tolist()
    assert by_share[0] == pytest.approx(by_share[1], rel=0.06)
    assert float(losses.evened(torch.tensor([1e-4]), 1.0)) == pytest.approx(1e-4, rel=1e-3)


def cascade_values(values, **stage):
    values["architecture"] |= CASCADE
    values["stages"] = [{**STAGE, **stage}]
    return values


def test_a_cascade_learns_and_starts_from_a_network_of_half_its_size(values, configured, logged, tmp_path):
    values["architecture"] |= {"noise_options": {"widths": [8, 8], "depth": 1}}
    values["stages"] = [{**STAGE, "steps": 2}]
    coarse = run_training(configured(values))
    values["output"], values["noise_from"] = str(tmp_path / "cascade"), str(coarse)
    cascade_values(values, detail_only=True, weights={"structure": 0.3})
    result = Model.read(run_training(configured(values)))
    start = Model.read(coarse)
    same = zip(start.g.parameters(), result.g.coarse.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in same), "only the detail is trained"
    total = logged(tmp_path / "cascade" / "1-denoise", "train/loss")[:, 1]
    assert total[-2:].mean() < total[:2].mean()
    assert len(logged(tmp_path / "cascade" / "1-denoise", "train/structure"))


def test_the_whole_of_a_cascade_is_trained_unless_only_the_detail_is_asked_for(values, configured):
    config = configured(cascade_values(values, steps=3))
    model = Model.read(run_training(config))
    values["output"] += "-again"
    start = Model.read(run_training(configured(cascade_values(values, steps=3, detail_only=True))))
    differ = [
        not torch.equal(a, b)
        for a, b in zip(model.g.coarse.parameters(), start.g.coarse.parameters(), strict=True)
    ]
    assert any(differ)


def test_a_noise_network_that_fits_nowhere_is_refused(values, configured, tmp_path):
    values["stages"] = [{**STAGE, "steps": 1}]
    other = run_training(configured(values))
    values["output"], values["noise_from"] = str(tmp_path / "cascade"), str(other)
    cascade_values(values)
    values["architecture"]["noise_options"] = {"width": 8, "coarse_widths": [4, 4]}
    with pytest.raises(TrainingError, match="holds another noise network"):
        run_training(configured(values))
