"""A run from the command line: from folders to a report."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from clode_core.batch.finding import find_tasks, remove_left_over
from clode_core.batch.memory import PROCESS, available
from clode_core.batch.record import Record, only_run
from clode_core.batch.work import Outcome, Settings, Task, Work
from clode_core.cli.batch_report import Report
from clode_core.cli.terminal import print_error, progress_bar
from clode_core.errors import UserError
from clode_core.pictures.atomic import make_folder

MOST_PER_CORE = 4


@dataclass(frozen=True)
class Means:
    """With what the pictures are enhanced; results do not depend on it.

    Attributes
    ----------
    jobs : int
        Processes on this machine.
    memory : float or None
        Gigabytes that they may use together; by default most of what is free.
    scheduler : str or None
        Address of a Dask scheduler whose workers are to do the work instead.
    """

    jobs: int = 1
    memory: float | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise UserError(f"--jobs takes a whole number, 1 or more, not {self.jobs}")
        if self.memory is not None and not (math.isfinite(self.memory) and self.memory > 0):
            raise UserError(f"--memory takes gigabytes, a number above 0, not {self.memory}")
        if self.scheduler is not None and self.jobs > 1:
            raise UserError("--jobs is for this machine and --scheduler for a cluster: leave one of them out")

    @property
    def bytes(self) -> int:
        """Memory that may be used."""
        return available() if self.memory is None else int(self.memory * 1e9)


def run(
    paths: Sequence[Path],
    output: Path,
    settings: Settings,
    means: Means,
    *,
    weights: Path | None = None,
    device: str = "auto",
    resume: bool = False,
    suffix: str | None = None,
    name: str | None = None,
) -> None:
    """Enhance pictures and folders of them; print the path of every result, and at the end what failed.

    Parameters
    ----------
    paths : sequence of Path
        Pictures and folders, see `find_tasks`.
    output : Path
        Folder for the results.
    settings : Settings
        How the pictures are enhanced.
    means : Means
        With what.
    weights : Path, optional
        A ``.safetensors`` file; by default the packaged weights.
    device : str
        "auto", "cpu", "cuda", ...
    resume : bool
        Leave out what the record in `output` says is done. A record is kept for folders; where neither this
        nor `means` ask for anything, it is taken away once all is done.
    suffix, name : str, optional
        Of the results, see `find_tasks`.

    Raises
    ------
    UserError
        If the run cannot begin, or a picture could not be enhanced; all others are done.
    """
    work = Work(settings, weights, device)
    report = Report()
    tasks, closed = find_tasks(paths, output, suffix=suffix, name=name, skipped=report.skipped)
    make_folder(output)
    with ExitStack() as stack:
        record: Record | None = None
        large = resume or (name is None and (means.jobs > 1 or means.scheduler is not None))
        if large or any(map(os.path.isdir, paths)):
            stack.enter_context(only_run(output))
            record = stack.enter_context(closing(Record(output, work.fingerprint)))
        if resume and record is not None:
            remove_left_over(output, below=name is None)
            left = [task for task in tasks if not record.holds(task)]
            report.earlier = len(tasks) - len(left)
            tasks = left
        stack.callback(report.tell)
        for outcome in closed:
            report.add(outcome)
        advance = stack.enter_context(progress_bar(len(tasks), "enhance", rate="pictures/s"))
        outcomes = stack.enter_context(closing(_outcomes(tasks, work, means, output, advance)))
        for done, outcome in enumerate(outcomes, 1):
            if record is not None:
                record.add(outcome)
            report.add(outcome)
            advance(done, outcome.task.source.name)
        if record is not None and not large and not report.failed:
            record.remove()  # a few pictures, all done: nothing but results is left
    if record is not None and record.failed:
        print_error(f"the record could not be kept ({record.failed}): --resume will make some pictures again")
    report.check()


def _outcomes(
    tasks: list[Task], work: Work, means: Means, output: Path, advance: Callable[[float, str], None]
) -> Generator[Outcome, None, None]:
    """Choose who does the work."""
    if not tasks:
        return
    if means.scheduler is not None:
        try:
            from clode_core.batch.cluster import on_cluster
        except ModuleNotFoundError as error:
            raise UserError(
                f"--scheduler needs {error.name}: pip install 'clode-core[distributed]'"
            ) from None
        yield from on_cluster(tasks, work, means.scheduler, output)
        return
    from clode_core.batch.local import in_processes, in_this_process

    memory = means.bytes
    jobs = min(means.jobs, len(tasks))
    if means.jobs == 1:
        yield from in_this_process(tasks, work, memory, advance)
        return
    import torch

    cores = os.cpu_count() or 1
    allowed = max(1, min(jobs, MOST_PER_CORE * cores, memory // PROCESS))
    if allowed < jobs:
        print_error(
            f"{allowed} processes are used: {cores} cores and {memory / 1e9:.1f} GB have no room for more"
        )
    yield from in_processes(tasks, work, allowed, memory, max(1, torch.get_num_threads() // allowed))
