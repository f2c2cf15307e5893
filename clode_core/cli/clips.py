"""A folder of clips from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from clode_core.batch.record import Record, only_run
from clode_core.batch.work import Outcome, Task
from clode_core.cli.terminal import print_error, print_path, progress_bar
from clode_core.errors import UserError
from clode_core.pictures.atomic import make_folder
from clode_core.video.clips import ClipWork, find_clips

_NO_LIMIT = 1 << 62  # a video needs the memory of a few frames


def run(folder: Path, output: Path, work: ClipWork, jobs: int, resume: bool) -> None:
    """Enhance all videos in a folder; print the path of every result, and at the end what failed.

    Raises
    ------
    UserError
        If the run cannot begin, or a clip is not whole; all others are done.
    """
    if jobs < 1:
        raise UserError(f"--jobs takes a whole number, 1 or more, not {jobs}")
    tasks = find_clips(folder, output)
    make_folder(output)
    failed: list[Outcome] = []
    with ExitStack() as stack:
        stack.enter_context(only_run(output))
        record = stack.enter_context(closing(Record(output, work.fingerprint)))
        if resume:
            left = [task for task in tasks if not record.holds(task)]
            if len(left) < len(tasks):
                print_error(f"{len(tasks) - len(left)} clips were done already")
            tasks = left
        advance = stack.enter_context(progress_bar(len(tasks), f"enhance {folder.name}"))
        for done, outcome in enumerate(_outcomes(tasks, work, jobs), 1):
            record.add(outcome)
            advance(done, outcome.task.source.name)
            if outcome.error:
                failed.append(outcome)
                print_error(outcome.error)
                continue
            print_path(outcome.task.target)
            for note in outcome.notes:
                print_error(f"{outcome.task.source}: {note}")
    if failed:
        raise UserError(f"{len(failed)} of {len(tasks)} clips are missing or not whole")


def _outcomes(tasks: list[Task], work: ClipWork, jobs: int) -> Iterator[Outcome]:
    if min(jobs, len(tasks)) < 2:
        yield from map(work, tasks)
        return
    import torch

    from clode_core.batch.local import in_processes

    threads = max(1, torch.get_num_threads() // jobs)
    with closing(in_processes(tasks, work, min(jobs, len(tasks)), _NO_LIMIT, threads)) as outcomes:  # type: ignore[type-var]
        yield from outcomes
