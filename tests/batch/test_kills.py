import os
import random
import re
import signal

import psutil
import pytest
from batch import Run, disturbed, make_tree, recorded, results

PICTURES = 60


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_run_killed_twice_and_resumed_gives_the_same_bytes(tmp_path, jobs):
    broken = make_tree(tmp_path / "in", PICTURES, broken_every=20)
    _, _, told, printed = Run(tmp_path / "in", tmp_path / "calm", "--jobs", jobs).wait()
    assert f"3 of {PICTURES} pictures" in told[-1] and len(told) == 4
    told, last = disturbed(tmp_path / "in", tmp_path / "killed", PICTURES, ["--jobs", jobs], random.Random(1))
    assert f"3 of {PICTURES} pictures" in told[-1]
    assert results(tmp_path / "killed") == results(tmp_path / "calm")
    assert len(results(tmp_path / "calm")) == len(printed) == PICTURES - len(broken)
    earlier, made = map(int, re.search(r"(\d+) pictures were done already, (\d+)", told[0]).groups())
    assert earlier >= 2 and earlier + made == PICTURES - 3 and len(last) == made
    names = recorded(tmp_path / "killed")
    assert len(set(names)) == PICTURES - 3 and len(names) <= PICTURES - 3 + 4


def test_the_processes_of_a_killed_parent_end_too(tmp_path):
    make_tree(tmp_path / "in", PICTURES)
    run = Run(tmp_path / "in", tmp_path / "out", "--jobs", "2")
    while not recorded(tmp_path / "out"):
        pass
    family = psutil.Process(run.process.pid).children(recursive=True)
    os.kill(run.process.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=30)
    run.process.communicate()
    assert len(family) >= 2 and not alive
