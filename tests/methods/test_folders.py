"""Every part that can be deleted leaves the rest whole."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import clode_core
from clode_core.methods import DEFAULT_METHOD, available_methods

PACKAGE = Path(clode_core.__file__).parent
FOLDERS = {}
for _info in available_methods().values():
    FOLDERS.setdefault(_info.implementation.split(".")[2], []).append(_info.name)

ENHANCE = """
import clode_core, numpy as np
from typer.testing import CliRunner
from clode_core import cli
from clode_core.methods import available_methods, load_method
assert clode_core.__file__.startswith(sys.path[0])
dark = np.full((30, 40, 3), 20, np.uint8)
assert clode_core.enhance(dark).mean() > 40
run = lambda *a: CliRunner().invoke(cli.app, a)
assert run("--help").exit_code == run("info").exit_code == run("methods").exit_code == 0
"""


@pytest.fixture
def run_without(tmp_path):
    """Run code on a copy of the package that lacks some folders."""

    def run(code, *folders):
        place = tmp_path / "place"
        shutil.copytree(PACKAGE, place / "clode_core", ignore=shutil.ignore_patterns("__pycache__"))
        for folder in folders:
            shutil.rmtree(place / "clode_core" / folder)
        code = f"import sys; sys.path.insert(0, {str(place)!r})\n{code}"
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, done.stderr

    return run


@pytest.mark.parametrize("folder", sorted(set(FOLDERS) - {DEFAULT_METHOD}))
def test_without_the_folder_of_a_method_it_is_gone_everywhere_and_the_rest_is_whole(folder, run_without):
    code = f"""{ENHANCE}
gone = {FOLDERS[folder]!r}
for name, info in available_methods().items():
    assert name not in gone
    if not info.missing():
        assert load_method(name, device="cpu").enhance(dark).dtype == np.uint8
for name in gone:
    told = run("enhance", "x.png", "--method", name)
    assert told.exit_code == 1 and f"--method takes one of clode" in told.stderr, told
    for command in ("enhance", "train", "video", "methods"):
        assert name not in [w.strip(",;|") for w in run(command, "--help").stdout.split()], (command, name)
from clode_core.evaluation.methods import choose_methods
from clode_core.training import load_config, packaged_configs
from clode_core.training.loading import recipe_of
for name in packaged_configs():
    config = load_config(name)
    assert config.method not in gone
    recipe_of(config.method).untrained(config)
choose_methods(["clode"], reference=False)
try:
    choose_methods(gone, reference=False)
except ValueError as error:
    assert "unknown method" in str(error), error
else:
    raise AssertionError
"""
    run_without(code, f"methods/{folder}")


@pytest.mark.parametrize("folder", ["training", "evaluation", "video", "batch", "worker"])
def test_without_another_folder_all_methods_enhance(folder, run_without):
    code = f"""{ENHANCE}
for name, info in available_methods().items():
    if not info.missing():
        assert load_method(name, device="cpu").enhance(dark).dtype == np.uint8
"""
    run_without(code, folder)


def test_the_methods_are_listed_without_torch():
    code = (
        "import sys; from clode_core import available_methods; available_methods(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_clode_imports_no_other_method():
    others = sorted(set(FOLDERS) - {DEFAULT_METHOD})
    code = (
        "import sys, clode_core, numpy as np; clode_core.enhance(np.full((30, 40, 3), 20, np.uint8)); "
        f"print([m for m in sys.modules for o in {others!r} if m.startswith(f'clode_core.methods.{{o}}.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_former_name_of_load_method_still_works_and_says_what_to_use():
    from clode_core.baselines import load_baseline

    with pytest.warns(DeprecationWarning, match="load_baseline is now clode_core.load_method"):
        assert load_baseline("gamma").info.name == "gamma"
