"""Pictures one after another in this process, or in several processes at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, Protocol

from clode_core.batch.finding import remove_left_over
from clode_core.batch.memory import PROCESS, MemoryBudget, Size, refusal, size_of
from clode_core.batch.work import Outcome, Task
from clode_core.errors import UserError

_START_ATTEMPTS = 3
DIED = "the process that enhanced it died, perhaps for lack of memory: cut it into parts, or use fewer --jobs"


class TaskRunner(Protocol):
    """What is done with a task; it can be pickled. `Work` is one."""

    def load(self) -> object:
        """Get ready, once in every process."""
        ...

    def __call__(self, task: Task) -> Outcome:
        """Do a task; what goes wrong is told in the outcome."""
        ...


def in_this_process(
    tasks: Sequence[Task],
    work: Callable[[Task, Callable[[float], None]], Outcome],
    memory: int,
    advance: Callable[[float, str], None],
) -> Iterator[Outcome]:
    """Do tasks one after another.

    Parameters
    ----------
    tasks : sequence of Task
        What to do.
    work : callable
        Takes a task and a callable for the fraction done.
    memory : int
        Bytes; a picture that is larger than that once opened is refused.
    advance : callable
        Called with the tasks done, as a number with a fraction, and a label.

    Yields
    ------
    Outcome
        One for every task.
    """
    for done, task in enumerate(tasks):

        def report(fraction: float, done: int = done, name: str = task.source.name) -> None:
            advance(done + fraction, name)

        refused = refusal(task.source, size_of(task.source), memory)
        yield Outcome(task, refused) if refused else work(task, report)


def in_processes(
    tasks: Sequence[Task], work: TaskRunner, jobs: int, memory: int, threads: int = 1
) -> Iterator[Outcome]:
    """Do tasks in several processes, each of which does one at a time.

    Parameters
    ----------
    tasks : sequence of Task
        What to do.
    work : TaskRunner
        How; it is sent to each process once.
    jobs : int
        Number of processes.
    memory : int
        Bytes for all of them. A picture waits until the estimated need of those under way leaves room for
        it; one that needs more than there is runs while no other does.
    threads : int
        Threads that PyTorch uses in each process.

    Yields
    ------
    Outcome
        One for every task, as they are done. If a process dies, its task is done once more at the end,
        while nothing else runs; if that process dies too, this is the outcome.

    Raises
    ------
    UserError
        If processes die before they are ready for work.
    """
    pool = _ProcessPool(work, threads)
    suspects: list[Task] = []
    try:
        yield from pool.do(
            tasks, jobs, MemoryBudget(max(0, memory - jobs * PROCESS)), memory, suspects.append
        )
        for task in suspects:
            pool.shut_down()
            died: list[Task] = []
            yield from pool.do([task], 1, MemoryBudget(0), memory, died.append)
            if died:
                yield Outcome(task, DIED)
    finally:
        pool.shut_down()


def _start(work: TaskRunner, threads: int, parent_pipe: Connection) -> None:
    """Make a new process ready for work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    threading.Thread(target=_end_with, args=(parent_pipe,), daemon=True).start()
    import torch

    torch.set_num_threads(threads)
    global _work
    _work = work
    work.load()


_work: TaskRunner


def _end_with(parent_pipe: Connection) -> None:
    """End this process, whatever it does, when the other end of the line is closed or its owner is killed."""
    parent_pipe.poll(None)
    os._exit(1)


def _ready() -> None:
    """Done once a process is ready."""


def _do(task: Task) -> Outcome:
    return _work(task)


class _Process:
    """One process, which lives until it is dismissed or dies."""

    def __init__(self, work: TaskRunner, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        theirs, self._lifeline = context.Pipe(duplex=False)
        self._theirs = theirs
        self._pool = ProcessPoolExecutor(1, context, _start, (work, threads, theirs))
        self._started = self._pool.submit(_ready)

    def do(self, task: Task) -> Future[Outcome]:
        return self._pool.submit(_do, task)

    @property
    def started(self) -> bool:
        return self._started.done() and self._started.exception() is None

    def end(self) -> None:
        """End at once, in the middle of a picture too."""
        self._lifeline.close()
        self._theirs.close()
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Assignment(NamedTuple):
    task: Task
    process: _Process
    needed: int


class _ProcessPool:
    """Processes, and what they are doing."""

    def __init__(self, work: TaskRunner, threads: int) -> None:
        self._work, self._threads = work, threads
        self._idle: list[_Process] = []
        self._duties: dict[Future[Outcome], _Assignment] = {}
        self._disturbed: set[Path] = set()
        self._failed_starts = 0

    def do(
        self,
        tasks: Iterable[Task],
        jobs: int,
        budget: MemoryBudget,
        memory: int,
        died: Callable[[Task], None],
    ) -> Iterator[Outcome]:
        """Do tasks, at most `jobs` at once; those whose process died are given to `died`."""
        waiting = deque(tasks)
        size: Size | None = None
        while waiting or self._duties:
            while waiting and len(self._duties) < jobs:
                size = size or size_of(waiting[0].source)
                refused = refusal(waiting[0].source, size, memory)
                if refused:
                    yield Outcome(waiting.popleft(), refused)
                elif budget.fits(size.needed):
                    budget.enter(size.needed)
                    self._give(waiting.popleft(), size.needed)
                else:
                    break
                size = None
            # A wait without end cannot be interrupted on Windows.
            for future in wait(self._duties, timeout=1.0, return_when=FIRST_COMPLETED).done:
                assignment = self._duties.pop(future)
                budget.leave(assignment.needed)
                try:
                    outcome = future.result()
                except BrokenProcessPool:
                    if self._died_at_work(assignment):
                        died(assignment.task)
                    else:
                        waiting.appendleft(assignment.task)
                        size = None
                else:
                    self._idle.append(assignment.process)
                    yield outcome

    def shut_down(self) -> None:
        """End all processes, and remove what those at work were writing."""
        ended, self._duties = list(self._duties.values()), {}
        for process in [*self._idle, *(assignment.process for assignment in ended)]:
            process.end()
        self._idle.clear()
        for folder in self._disturbed | {assignment.task.target.parent for assignment in ended}:
            remove_left_over(folder)
        self._disturbed.clear()

    def _give(self, task: Task, needed: int) -> None:
        future: Future[Outcome] | None = None
        while future is None:
            process = self._idle.pop() if self._idle else _Process(self._work, self._threads)
            try:
                future = process.do(task)
            except BrokenProcessPool:  # it died while it had nothing to do
                process.end()
        self._duties[future] = _Assignment(task, process, needed)

    def _died_at_work(self, assignment: _Assignment) -> bool:
        """Whether a dead process had been ready for work, so that its death may be its task's fault."""
        assignment.process.end()
        self._disturbed.add(assignment.task.target.parent)
        if assignment.process.started:
            return True
        self._failed_starts += 1
        if self._failed_starts == _START_ATTEMPTS:
            raise UserError("processes die before they begin, perhaps for lack of memory: use fewer --jobs")
        return False
