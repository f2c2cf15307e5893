import os
import time
from contextlib import closing

import psutil
import pytest
from batch_hooks import Scripted

from clode_core.batch import local
from clode_core.batch.local import DIED, in_processes
from clode_core.batch.memory import Size
from clode_core.errors import UserError

GIGABYTES = 4 * 10**9


def test_a_process_that_dies_loses_nothing_but_its_picture(scripted, tasks):
    given = tasks("1.png", "bomb.png", "2.png", "once.png", "3.png")
    outcomes = list(in_processes(given, scripted, 2, GIGABYTES))
    assert sorted(o.task.source.name for o in outcomes) == sorted(t.source.name for t in given)
    errors = {o.task.source.name: o.error for o in outcomes if o.error}
    assert errors == {"bomb.png": DIED}
    assert [scripted.attempts(n) for n in ("1.png", "2.png", "bomb.png", "once.png")] == [1, 1, 2, 2]
    assert sorted(os.listdir(given[0].target.parent)) == ["1.png", "2.png", "3.png", "once.png"]


def test_processes_that_cannot_start_end_the_run_in_words(tmp_path, tasks):
    with pytest.raises(UserError, match="die before they begin"):
        list(in_processes(tasks("1.png", "2.png"), Scripted(tmp_path, dies_at_start=True), 1, GIGABYTES))


def test_who_stops_listening_ends_all_processes_at_once(scripted, tasks):
    before = set(psutil.Process().children(recursive=True))
    started = time.monotonic()
    with closing(in_processes(tasks("1.png", "endless.png", "endless2.png"), scripted, 2, GIGABYTES)) as run:
        assert next(run).task.source.name == "1.png"
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [p for p in left if "resource_tracker" not in " ".join(p.cmdline())]
    assert time.monotonic() - started < 50


def test_large_pictures_do_not_run_at_once(scripted, tasks, monkeypatch):
    """Three pictures that fill the memory each: no two attempts overlap."""
    monkeypatch.setattr(local, "size_of", lambda path: Size(100_000_000, 3, 10**8))
    given = tasks("slow1.png", "slow2.png", "slow3.png")
    assert len(list(in_processes(given, scripted, 2, 2 * 10**9))) == 3
    times = sorted(int(mark.name.split(".")[2]) for mark in scripted.marks.iterdir())
    assert all(b - a >= 0.3e9 for a, b in zip(times, times[1:], strict=False))


def test_a_picture_beyond_all_memory_is_refused_without_a_process(scripted, tasks, monkeypatch):
    monkeypatch.setattr(local, "size_of", lambda path: Size(10**10, 3, 3 * 10**10))
    (outcome,) = in_processes(tasks("1.png"), scripted, 2, GIGABYTES)
    assert "cut it into parts" in outcome.error and not scripted.attempts("1.png")
