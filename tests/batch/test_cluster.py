import os
import random
import signal
import socket
import threading
import time

import pytest
from batch import Run, counts, disturbed, make_tree, recorded, results

pytest.importorskip("distributed")

from clode_core.batch import cluster
from clode_core.batch.cluster import DIED, on_cluster
from clode_core.errors import UserError

pytestmark = pytest.mark.filterwarnings("default")  # Dask warns of slow start and of what we kill


@pytest.fixture(scope="module")
def workers():
    import dask
    from distributed import LocalCluster

    settings = {
        "distributed.deploy.lost-worker-timeout": "10 minutes",  # a busy machine restarts workers slowly
        "distributed.scheduler.allowed-failures": 1,
    }
    with (
        dask.config.set(settings),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as local,
    ):
        yield local


def pids(workers):
    return [nanny.pid for nanny in workers.workers.values() if nanny.pid]


def test_a_worker_killed_in_mid_run_loses_nothing(workers, scripted, tasks, tmp_path):
    given = tasks(*(f"slow{n}.png" for n in range(40)))
    given[0].target.parent.mkdir()
    victim = pids(workers)[0]
    outcomes = []
    for outcome in on_cluster(given, scripted, workers.scheduler_address, given[0].target.parent):
        outcomes.append(outcome)
        if len(outcomes) == 5:
            os.kill(victim, signal.SIGKILL)
    assert victim not in pids(workers)
    assert sorted(o.task.source.name for o in outcomes) == sorted(t.source.name for t in given)
    assert not [o for o in outcomes if o.error]
    attempts = [scripted.attempts(task.source.name) for task in given]
    assert min(attempts) == 1 and 40 <= sum(attempts) <= 40 + 10
    assert sorted(os.listdir(given[0].target.parent)) == sorted(task.target.name for task in given)


def test_a_picture_that_kills_every_worker_is_listed_and_the_others_are_done(workers, scripted, tasks):
    given = tasks("1.png", "bomb.png", "2.png", "3.png")
    given[0].target.parent.mkdir()
    outcomes = list(on_cluster(given, scripted, workers.scheduler_address, given[0].target.parent))
    assert {o.task.source.name: o.error for o in outcomes} == {
        "1.png": "",
        "2.png": "",
        "3.png": "",
        "bomb.png": DIED,
    }


@pytest.mark.parametrize("options", [(), ("--method", "zero-dce")])
def test_the_cluster_gives_the_same_bytes_as_this_machine(clode, tree, tmp_path, workers, options):
    assert clode(tree, "-o", tmp_path / "here", *options).exit_code == 0
    there = clode(tree, "-o", tmp_path / "there", "--scheduler", workers.scheduler_address, *options)
    assert there.exit_code == 0, there.stderr
    assert results(tmp_path / "here") == results(tmp_path / "there")


def test_a_run_killed_twice_with_a_worker_each_time_and_resumed_is_whole(tmp_path, workers):
    broken = make_tree(tmp_path / "in", 60, broken_every=20)
    assert Run(tmp_path / "in", tmp_path / "calm").wait()[0]
    told, _ = disturbed(
        tmp_path / "in",
        tmp_path / "killed",
        60,
        ["--scheduler", workers.scheduler_address],
        random.Random(2),
        lambda: os.kill(pids(workers)[0], signal.SIGKILL),
    )
    assert counts(told) == (len(broken), 60)
    assert results(tmp_path / "killed") == results(tmp_path / "calm")
    assert len(set(recorded(tmp_path / "killed"))) == 60 - len(broken)


def test_weights_of_ones_own_reach_the_workers(clode, tree, tmp_path, workers, untrained):
    weights = untrained.save(tmp_path / "mine.safetensors")
    options = ("--weights", weights)
    assert clode(tree, "-o", tmp_path / "here", *options).exit_code == 0
    there = clode(tree, "-o", tmp_path / "there", "--scheduler", workers.scheduler_address, *options)
    assert there.exit_code == 0, there.stderr
    assert results(tmp_path / "here") == results(tmp_path / "there")


def test_another_version_on_the_workers_is_told(workers, scripted, tasks, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "9.9")
    with pytest.raises(UserError, match=r"runs clode-core .* this machine 9\.9"):
        list(on_cluster(tasks("1.png"), scripted, workers.scheduler_address, tmp_path))


def test_workers_that_do_not_see_the_folder_are_told(workers, scripted, tasks, tmp_path):
    with pytest.raises(UserError, match="where all workers see them"):
        list(on_cluster(tasks("1.png"), scripted, workers.scheduler_address, tmp_path / "elsewhere"))


def test_a_scheduler_without_workers_is_told(scripted, tasks, tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    with (
        LocalCluster(n_workers=0, processes=True, dashboard_address=":0") as empty,
        pytest.raises(UserError, match="has no workers"),
    ):
        list(on_cluster(tasks("1.png"), scripted, empty.scheduler_address, tmp_path))


def test_no_scheduler_is_told(scripted, tasks, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UserError, match="no Dask scheduler answers"):
        list(on_cluster(tasks("1.png"), scripted, address, tmp_path))


def test_a_scheduler_that_goes_away_ends_the_run_in_words(scripted, tasks, tmp_path):
    from distributed import LocalCluster

    local = LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0")
    given = tasks(*(f"slow{n}.png" for n in range(60)))
    given[0].target.parent.mkdir()
    closing = threading.Thread(target=local.close)
    with pytest.raises(UserError, match="went away"):
        for n, _ in enumerate(on_cluster(given, scripted, local.scheduler_address, given[0].target.parent)):
            if n == 2:
                closing.start()
                time.sleep(1)
    closing.join()
