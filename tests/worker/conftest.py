import contextlib
import os
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from worker_helpers import wait

from clode_core.worker.link import Launcher
from clode_core.worker.link.owner import alive

PACKAGE = Path(__file__).resolve().parents[2] / "clode_core"


@pytest.fixture(autouse=True)
def private_place(monkeypatch):
    """A short private folder for sockets, removed with all workers that were started in it."""
    place = Path(f"/tmp/clode-test-{uuid.uuid4().hex[:8]}")
    place.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    yield place
    found = subprocess.run(
        ["pgrep", "-f", f"clode_core.worker --folder {place}"], capture_output=True, text=True
    )
    for number in found.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(number), signal.SIGKILL)
        wait(lambda number=number: not alive(int(number)), "the end of a worker")
    shutil.rmtree(place)


@pytest.fixture
def owner():
    """A process that a worker can serve and that a test may kill."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def launcher(owner):
    return Launcher(sys.executable, owner.pid, "test")


@pytest.fixture
def link(launcher):
    link = launcher.connect()
    yield link
    link.close()


@pytest.fixture
def wrapped(tmp_path):
    """A Python with something wrong: a script that starts this one after some shell lines."""

    def make(lines, options=""):
        script = tmp_path / "python"
        script.write_text(f'#!/bin/sh\n{lines}\nexec "{sys.executable}" {options} "$@"\n')
        script.chmod(0o755)
        return str(script)

    return make


@pytest.fixture
def package_without_weights(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "lib" / "clode_core", ignore=shutil.ignore_patterns("*.safetensors"))
    return tmp_path / "lib"
