import subprocess
import sys

import pytest
from batch_hooks import Scripted
from PIL import Image
from typer.testing import CliRunner

from clode_core import cli
from clode_core.batch.work import Task

runner = CliRunner()


@pytest.fixture
def clode():
    return lambda *arguments: runner.invoke(cli.app, ["enhance", *map(str, arguments)])


@pytest.fixture
def process():
    """The command in a process of its own."""

    def start(*arguments, **options):
        command = [sys.executable, "-m", "clode_core.cli", "enhance", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, start_new_session=True, **(pipes | options))

    return start


@pytest.fixture
def scripted(tmp_path):
    (tmp_path / "marks").mkdir()
    return Scripted(tmp_path / "marks")


@pytest.fixture
def tasks(tmp_path):
    def make(*names):
        return [Task(tmp_path / "in" / name, tmp_path / "out" / name) for name in names]

    return make


@pytest.fixture
def tree(tmp_path, dark):
    """Two folders of small pictures."""
    for number, name in enumerate(("a.png", "b.jpg", "sub/c.png", "sub/deep/d.tif")):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dark[: 20 + number, :24]).save(path)
    return tmp_path / "in"
