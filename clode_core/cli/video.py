"""The command ``clode video``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clode_core.cli.options import ChosenMethod, Device, Weights, with_method
from clode_core.cli.terminal import examples, plain_errors, print_error, print_path
from clode_core.errors import UserError

if TYPE_CHECKING:
    from clode_core.video.passing import Report


@with_method(video=True)
@examples(
    "clode video dark.mp4 bright.mp4 --time auto",
    "clode video dark.mp4 bright.mkv --time 2.5 --denoise --codec libx265",
    "clode video clips/ bright/ --jobs 2",
)
def video(
    source: Annotated[Path, typer.Argument(help="A video, or a folder of them.")],
    target: Annotated[
        Path,
        typer.Argument(
            help="The video to write: .mp4, .mov, .mkv, .webm, .avi, .ts; for a folder, a folder."
        ),
    ],
    chosen: ChosenMethod,
    smoothing: Annotated[
        float,
        typer.Option(
            help="Seconds over which the exposure is smoothed, so that it does not flicker.", min=0, max=60
        ),
    ] = 1.0,
    natural_dark: Annotated[
        bool,
        typer.Option("--natural-dark/--no-natural-dark", help="Put right the dark that compression damaged."),
    ] = True,
    deinterlace: Annotated[
        bool,
        typer.Option(
            "--deinterlace/--no-deinterlace",
            help="Make whole frames of interlaced ones; otherwise they stay interlaced.",
        ),
    ] = False,
    codec: Annotated[
        str, typer.Option(help="auto (as the source), libx264, libx265, libvpx-vp9, libsvtav1, ffv1, ...")
    ] = "auto",
    quality: Annotated[
        float,
        typer.Option(
            help="Quality of the new file: lower numbers look better and take more room.", min=0, max=51
        ),
    ] = 18.0,
    preset: Annotated[str, typer.Option(help="ultrafast to slow: slower makes smaller files.")] = "veryfast",
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where the same command was cut short."),
    ] = False,
    jobs: Annotated[int, typer.Option(help="Clips of a folder that are enhanced at once.")] = 1,
    weights: Weights = None,
    device: Device = "auto",
) -> None:
    """Brighten a video without flicker; sound, subtitles and timestamps stay."""
    with plain_errors():
        try:
            import av  # noqa: F401
        except ModuleNotFoundError:
            raise UserError("videos need PyAV: pip install 'clode-core[video]'") from None
        from clode_core.video.clips import ClipWork, sentences
        from clode_core.video.writing import Encoding

        work = ClipWork(
            chosen.name,
            chosen.settings,
            {"smoothing": smoothing, "natural_dark": natural_dark, "deinterlace": deinterlace},
            Encoding(codec, quality, preset),
            weights,
            device,
            resume,
        )
        if source.is_dir():
            from clode_core.cli import clips

            clips.run(source, target, work, jobs, resume)
            return
        work.load()
        with _way_on(target), _frames_bar(source.name) as report:
            summary = work.enhance(source, target, report)
        for sentence in sentences(summary, target):
            print_error(f"{source}: {sentence}")
        print_path(target)
        if summary.damaged or summary.ends:
            raise typer.Exit(1)


@contextmanager
def _way_on(target: Path) -> Iterator[None]:
    """Say how a run that is interrupted can go on."""
    from clode_core.video.parts import frames_done

    try:
        yield
    except KeyboardInterrupt:
        if done := frames_done(target):
            print_error(f"{done:,} frames are done: the same command with --resume goes on from there")
        raise


@contextmanager
def _frames_bar(name: str) -> Iterator[Report]:
    """A progress bar with frames per second and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:.0f} frames, {task.fields[rate]} a second"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks = {
            what: bar.add_task(f"{what} {name}", total=None, start=False, rate="0", visible=False)
            for what in ("look", "enhance")
        }

        def report(what: str, done: int, total: int | None) -> None:
            task = bar.tasks[tasks[what]]
            if not task.started:
                bar.start_task(tasks[what])
            speed = done / task.elapsed if task.elapsed else 0.0
            bar.update(
                tasks[what],
                completed=done,
                total=max(done, total or 0) or None,
                rate=f"{speed:.1f}",
                visible=True,
            )

        yield report
