import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import clode_core

PACKAGE = Path(clode_core.__file__).parent


@pytest.fixture
def run_without(tmp_path):
    """Run code on a copy of the package that lacks a folder, or files of a pattern."""

    def run(folder, code):
        place = tmp_path / "place"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE, place / "clode_core", ignore=ignored)
        for part in (place / "clode_core").glob(folder):
            shutil.rmtree(part) if part.is_dir() else part.unlink()
        code = f"import sys; sys.path.insert(0, {str(place)!r})\n{code}"
        return subprocess.run(
            [sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
        )

    return run


ENHANCE = """
import clode_core, numpy as np
assert clode_core.__file__.startswith(sys.path[0])
assert clode_core.enhance(np.full((30, 40, 3), 20, np.uint8)).mean() > 40
"""


def test_without_baselines_clode_enhances_trains_and_says_what_is_missing(run_without):
    code = (
        ENHANCE
        + """
from typer.testing import CliRunner
from clode_core import cli
from clode_core.training import load_config
from clode_core.training.recipe import family_of
from clode_core.methods.clode.training.objectives import make_objective
config = load_config("clode-cpu")
assert family_of(config).untrained().g is not None
for stage in config.stages:
    make_objective(stage)
run = lambda *a: CliRunner().invoke(cli.app, a)
assert run("info").exit_code == 0
told = run("enhance", "x.png", "--method", "zero-dce")
assert told.exit_code == 1 and "is not part of this installation" in told.stderr, told
try:
    family_of(load_config("zero-dce-cpu"))
except ValueError as error:
    assert "clode_core.methods is missing" in str(error), error
else:
    raise AssertionError
"""
    )
    result = run_without("baselines", code)
    assert result.returncode == 0, result.stderr


def test_without_training_the_baselines_enhance(run_without):
    code = (
        ENHANCE
        + """
from clode_core.methods import BASELINES, load_method, packaged_weights
for name in BASELINES:
    if not packaged_weights(name).is_file():
        continue
    assert load_method(name, device="cpu").enhance(np.full((30, 40, 3), 20, np.uint8)).mean() > 30
"""
    )
    result = run_without("training", code)
    assert result.returncode == 0, result.stderr


def test_without_learnable_references_the_other_baselines_are_whole_and_what_is_missing_is_told(run_without):
    code = (
        ENHANCE
        + """
from typer.testing import CliRunner
from clode_core import cli
from clode_core.methods import BASELINES, load_method
from clode_core.evaluation.methods import choose_methods
from clode_core.training import load_config
from clode_core.training.recipe import family_of
assert "zero-dce" in BASELINES and not [name for name in BASELINES if name.startswith("lfpv")]
assert load_method("zero-dce", device="cpu").enhance(np.full((30, 40, 3), 20, np.uint8)).mean() > 30
assert family_of(load_config("zero-dce-cpu")).untrained().h is not None
choose_methods(["zero-dce"], reference=False)
run = lambda *a: CliRunner().invoke(cli.app, a)
assert run("info").exit_code == 0
told = run("enhance", "x.png", "--method", "lfpv-unet")
assert told.exit_code == 1 and "--method takes one of clode, zero-dce" in told.stderr, told
for call in (
    lambda: choose_methods(["lfpv-unet"], reference=False),
    lambda: family_of(load_config("lfpv-unet-cpu")),
):
    try:
        call()
    except ValueError as error:
        assert "is not available" in str(error) or "lfpv is missing" in str(error), error
    else:
        raise AssertionError
"""
    )
    result = run_without("baselines/lfpv*", code)
    assert result.returncode == 0, result.stderr


def test_without_the_files_of_enlightengan_everything_else_works(run_without):
    code = (
        ENHANCE
        + """
from typer.testing import CliRunner
from clode_core import cli
from clode_core.methods import BASELINES, load_method
from clode_core.evaluation.methods import choose_methods
from clode_core.training import load_config
from clode_core.methods.clode.training.objectives import make_objective
from clode_core.training.recipe import family_of
import clode_core.training.run
assert "enlightengan" not in BASELINES and "zero-dce" in BASELINES
choose_methods(["clode", "zero-dce"], reference=False)
for name in ("clode-cpu", "zero-dce-cpu"):
    config = load_config(name)
    family_of(config).untrained()
    make_objective(config.stages[0])
assert CliRunner().invoke(cli.app, ["info"]).exit_code == 0
told = CliRunner().invoke(cli.app, ["enhance", "x.png", "--method", "enlightengan"])
assert told.exit_code == 1 and "--method takes one of clode, zero-dce" in told.stderr, told
for refused, sentence in (
    (lambda: choose_methods(["enlightengan"], reference=False), "enlightengan is not available"),
    (lambda: load_config("enlightengan-cpu"), "there is no such file"),
):
    try:
        refused()
    except ValueError as error:
        assert sentence in str(error), error
    else:
        raise AssertionError
"""
    )
    result = run_without("**/enlightengan*", code)
    assert result.returncode == 0, result.stderr


def test_without_the_evaluation_enlightengan_is_trained_and_its_features_are_read(run_without):
    code = (
        ENHANCE
        + """
from clode_core.training import load_config
from clode_core.training.recipe import family_of
assert family_of(load_config("enlightengan-cpu")).untrained().h is not None
from clode_core.methods.enlightengan.training.features import VGG_MODEL
try:
    VGG_MODEL.read()
except ValueError as error:
    assert "download" in str(error), error
"""
    )
    result = run_without("evaluation", code)
    assert result.returncode == 0, result.stderr


def test_the_names_of_the_baselines_are_known_without_torch():
    code = "import sys; from clode_core.methods import BASELINES; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_clode_does_not_import_the_baselines():
    code = ENHANCE.replace("assert clode_core.__file__.startswith(sys.path[0])", "") + (
        "assert not [m for m in sys.modules if m.startswith('clode_core.methods')]"
    )
    result = subprocess.run([sys.executable, "-c", "import sys" + code], capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
