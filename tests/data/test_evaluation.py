"""The comparison on real pictures: the order of the methods, and discrete against continuous."""

import pytest

from clode_core.evaluation.ablation import ablate
from clode_core.evaluation.comparison import compare
from clode_core.evaluation.methods import choose_methods, load_methods
from clode_core.evaluation.metrics import choose_metrics
from clode_core.evaluation.pairs import match
from clode_core.evaluation.sets import examples_of
from clode_core.methods import load_method

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def pairs(data_folder):
    folder = data_folder / "lol_train" / "full"
    matched = match(folder / "low", folder / "high")
    assert len(matched.pairs) == 60 and not matched.alone
    return matched.pairs[::10]


def test_clode_is_ahead_of_the_classical_methods(pairs, model):
    names = ["clode", "clode@best", "gamma@best", "gain@best", "histogram-equalisation", "clahe", "lime"]
    methods = choose_methods(names, reference=True)
    metrics = choose_metrics(["psnr", "ssim", "delta-e-2000"], reference=True)
    loaded = load_methods(methods, lambda info: load_method(info.name, device="cpu"))
    done = compare(examples_of(pairs), methods, metrics, loaded)
    assert not done.failures
    table = {method.name: values for method, values in done.means()}
    for name in names[4:]:
        assert table["clode"]["psnr"] > table[name]["psnr"] + 2
        assert table["clode"]["ssim"] > table[name]["ssim"] + 0.2
    for name in names[2:]:
        assert table["clode@best"]["psnr"] > table[name]["psnr"] + 2
        assert table["clode@best"]["delta-e-2000"] < table[name]["delta-e-2000"]


def test_the_ode_is_nearer_to_the_tightest_solve_than_discrete_steps(pairs, model):
    rows, failures = ablate(pairs[:3], model, steps=(10, 13))
    assert not failures
    table = {row.name: row for row in rows}
    default = next(row for row in rows if "(default)" in row.name)
    assert default.distance > table["discrete, 13 steps"].distance
    assert default.best_psnr > table["discrete, 10 steps"].best_psnr
