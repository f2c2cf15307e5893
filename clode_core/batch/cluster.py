"""Pictures on a Dask cluster, whose workers read and write the same file system as the caller."""

from __future__ import annotations

import os
import time
import uuid
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, Worker, WorkerPlugin, as_completed, get_worker
from distributed.comm import get_address_host_port

from clode_core._version import __version__
from clode_core.batch.local import TaskRunner
from clode_core.batch.memory import MemoryBudget, available, refusal, size_of
from clode_core.batch.work import Outcome, Task
from clode_core.errors import UserError

PATIENCE = 60.0
"""Seconds in which a cluster must have its first worker."""
_RETRIES = 2
_LOOK_AGAIN = 5.0
DIED = "the workers that enhanced it died, perhaps for lack of memory: cut it into parts"


def on_cluster(tasks: Sequence[Task], work: TaskRunner, address: str, output: Path) -> Iterator[Outcome]:
    """Do tasks on a cluster.

    Parameters
    ----------
    tasks : sequence of Task
        What to do; the workers must see the files under the same absolute paths.
    work : TaskRunner
        How. It is sent to every worker process once, also to those that come later.
    address : str
        Of the scheduler, such as "tcp://10.0.0.1:8786".
    output : Path
        Folder of the results, which must exist.

    Yields
    ------
    Outcome
        One for every task, as they are done. A task whose workers died as often as the scheduler allows
        (`distributed.scheduler.allowed-failures`) is tried once more at the end, alone.

    Raises
    ------
    UserError
        If there is no scheduler or worker, their versions differ, they do not see the folder of the results,
        or the scheduler goes away.

    Notes
    -----
    At most two tasks for every thread of the cluster are under way. A worker that dies loses nothing: its
    tasks are done by others, and since a result is written beside and renamed, twice is as good as once.
    """
    with _connected(address) as client:
        _look_at(client, output)
        run = _Run(client, work, address)
        client.register_plugin(_TaskRunnerPlugin(run.name, work, __version__), name=run.name)
        try:
            suspects: list[Task] = []
            yield from run.do(tasks, suspects)
            for task in suspects:
                died: list[Task] = []
                yield from run.do([task], died)
                if died:
                    yield Outcome(task, DIED)
        finally:
            run.end()


@dataclass(frozen=True)
class _WorkerState:
    """What a worker process keeps for a run."""

    work: TaskRunner
    budget: MemoryBudget
    version: str


_runs: dict[str, _WorkerState] = {}


class _TaskRunnerPlugin(WorkerPlugin):  # type: ignore[misc]
    """Brings the work to every worker process, whenever it starts."""

    def __init__(self, run: str, work: TaskRunner, version: str) -> None:
        self.run, self.work, self.version = run, work, version

    def setup(self, worker: Worker) -> None:
        limit = worker.memory_manager.memory_limit or available()
        _runs[self.run] = _WorkerState(self.work, MemoryBudget(int(limit)), self.version)

    def teardown(self, worker: Worker) -> None:
        _runs.pop(self.run, None)


def _do(run: str, source: str, target: str) -> Outcome:
    """Do a task, in a thread of a worker."""
    here = _runs[run]
    if here.version != __version__:
        raise UserError(_version_mismatch(get_worker().address, "clode-core", __version__, here.version))
    import torch

    torch.set_num_threads(1)  # a worker has one thread for each core that it may use
    task = Task(Path(source), Path(target))
    size = size_of(task.source)
    refused = refusal(task.source, size, here.budget.limit)
    if refused:
        return Outcome(task, refused)
    with here.budget.taken(size.needed):
        return here.work(task)


class _Run:
    """Tasks under way."""

    def __init__(self, client: Client, work: TaskRunner, address: str) -> None:
        self.name = f"clode-{uuid.uuid4().hex}"
        self._client, self._address = client, address
        self._doing: dict[Future, Task] = {}
        self._window, self._looked = 0, 0.0

    def do(self, tasks: Sequence[Task], died: list[Task]) -> Iterator[Outcome]:
        """Do tasks; those whose workers died go to `died`."""
        waiting = deque(enumerate(tasks))
        finished = as_completed(loop=self._client.loop)
        while waiting or self._doing:
            while waiting and len(self._doing) < self._capacity():
                finished.add(self._give(*waiting.popleft()))
            future = next(finished)
            task = self._doing.pop(future)
            try:
                done: Outcome = future.result()
            except KilledWorker:
                died.append(task)
            except (CancelledError, OSError) as error:
                raise UserError(
                    f"the scheduler at {self._address} went away ({type(error).__name__}): "
                    "finished files are complete, go on with --resume"
                ) from None
            except UserError:
                raise
            except Exception as error:
                yield Outcome(task, f"{type(error).__name__}: {error}")
            else:
                yield Outcome(task, done.error, done.source, done.target, done.notes)

    def end(self) -> None:
        """Give up what is under way, and take the work away from the workers."""
        if self._client.status == "running":
            self._client.cancel(list(self._doing))
            self._client.unregister_worker_plugin(self.name)

    def _give(self, number: int, task: Task) -> Future:
        paths = os.path.abspath(task.source), os.path.abspath(task.target)
        key = f"{self.name}-{number}-{uuid.uuid4().hex}"
        future = self._client.submit(_do, self.name, *paths, key=key, retries=_RETRIES, pure=False)
        self._doing[future] = task
        return future

    def _capacity(self) -> int:
        """Twice the threads of the cluster, which may grow and shrink."""
        if time.monotonic() > self._looked + _LOOK_AGAIN:
            self._window = 2 * max(1, sum(self._client.nthreads().values()))
            self._looked = time.monotonic()
        return self._window


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        get_address_host_port(address, strict=True)  # a client that cannot be made ends with a traceback
    except ValueError as error:
        raise UserError(
            f"--scheduler takes an address such as tcp://10.0.0.1:8786, not {address!r} ({error})"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other versions are told below
            client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(
            f"no Dask scheduler answers at {address} ({str(error) or type(error).__name__}): "
            "check the address, or start one with 'dask scheduler'"
        ) from None
    with client:
        yield client


def _look_at(client: Client, output: Path) -> None:
    """Make sure that there are workers, and that they can do the work."""
    first = client.submit(os.getpid, pure=False)  # a cluster that grows when there is work has none before
    try:
        first.result(timeout=PATIENCE)
    except TimeoutError:
        raise UserError(
            f"the scheduler at {client.scheduler.address} has no workers: start some with 'dask worker'"
        ) from None
    told = client.get_versions()
    ours = _versions(told["client"])
    for where, theirs in [(client.scheduler.address, told["scheduler"]), *told["workers"].items()]:
        for what, version in _versions(theirs).items():
            if version != ours[what]:
                raise UserError(_version_mismatch(where, what, version, ours[what]))
    for where, seen in client.run(_folder_state, os.path.abspath(output), on_error="return").items():
        if isinstance(seen, Exception):
            raise UserError(f"{where} cannot import clode_core: install clode-core {__version__} there")
        version, folder = seen
        if version != __version__:
            raise UserError(_version_mismatch(where, "clode-core", version, __version__))
        if not folder:
            raise UserError(
                f"{where} does not see {output}: pictures and results must lie where all workers see them"
            )


def _versions(packages: dict[str, Any]) -> dict[str, str]:
    """The versions that must agree for tasks to be understood."""
    python = str(packages["host"]["python"])
    return {"Python": ".".join(python.split(".")[:2]), "distributed": packages["packages"]["distributed"]}


def _folder_state(folder: str) -> tuple[str, bool]:
    return __version__, os.path.isdir(folder)


def _version_mismatch(where: str, what: str, theirs: str, ours: str) -> str:
    return f"{where} runs {what} {theirs}, this machine {ours}: install the same version on both"
