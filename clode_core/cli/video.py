"""The command ``clode video``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from clode_core.cli.options import ChosenMethod, Device, Weights, with_method
from clode_core.cli.terminal import examples, plain_errors, print_error, print_path
from clode_core.errors import UserError

if TYPE_CHECKING:
    from clode_core import Model
    from clode_core.video.enhancement import FrameMethod
    from clode_core.video.passing import Report, VideoSummary


@with_method(video=True)
@examples(
    "clode video dark.mp4 bright.mp4 --time auto",
    "clode video dark.mp4 bright.mkv --time 2.5 --denoise --codec libx265",
)
def video(
    source: Annotated[Path, typer.Argument(help="A video.")],
    target: Annotated[Path, typer.Argument(help="The video to write: .mp4, .mov, .mkv, .webm, .avi, .ts.")],
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
        typer.Option("--resume", help="Go on where the same command was cut short; for long videos."),
    ] = False,
    weights: Weights = None,
    device: Device = "auto",
) -> None:
    """Brighten a video without flicker; sound, subtitles and timestamps stay."""
    with plain_errors():
        try:
            import av  # noqa: F401
        except ModuleNotFoundError:
            raise UserError("videos need PyAV: pip install 'clode-core[video]'") from None
        from clode_core.video.enhancement import enhance_video
        from clode_core.video.frames import WHITE
        from clode_core.video.writing import Encoding

        method, settings = chosen.load(weights, device), chosen.settings
        frames: FrameMethod | None = None
        if not chosen.info.video_tables:
            frames = partial(method.enhance, levels=(0.0, float(WHITE)), rgb=True, **settings)
        with _way_on(target), _frames_bar(source.name) as report:
            summary = enhance_video(
                source,
                target,
                settings.get("exposure_time", 3.0),
                denoise=settings.get("denoise", False),
                shadows=settings.get("shadows", 0.0),
                highlights=settings.get("highlights", 0.0),
                model=cast("Model", method) if chosen.info.video_tables else None,
                smoothing=smoothing,
                natural_dark=natural_dark,
                deinterlace=deinterlace,
                encoding=Encoding(codec, quality, preset),
                method=frames,
                resume=resume,
                report=report,
            )
        _tell(summary, source, target)
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


def _tell(summary: VideoSummary, source: Path, target: Path) -> None:
    """Say what is not as it was."""
    if summary.damaged:
        print_error(f"{source}: {summary.damaged} damaged parts could not be decoded, and are missing")
    if summary.ends:
        print_error(
            f"{source} ends at {summary.ends[0]:.1f} s and should last {summary.ends[1]:.1f} s: "
            "it was cut off, and the rest is missing"
        )
    for sound in summary.transcoded:
        print_error(f"{source}: {target.suffix} files cannot hold its sound as it is, which becomes: {sound}")
    for stream in summary.left_out:
        print_error(f"{source}: its {stream} cannot be kept, and is missing in {target}")


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
