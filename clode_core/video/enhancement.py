"""One call from a dark video to a bright one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import numpy as np

from clode_core.methods.clode.local_exposure import checked_bend
from clode_core.methods.clode.model import Model, load_model
from clode_core.methods.clode.ode import Solver
from clode_core.methods.clode.rendering import ExposureTime
from clode_core.methods.clode.spans import span_for
from clode_core.methods.device import with_fallback
from clode_core.pictures.atomic import write_atomically
from clode_core.video.exposure import SMOOTHING, ExposureTimeline, TimelineBuilder
from clode_core.video.frames import FRAME_LEVELS, WHITE, Canvas, Frame
from clode_core.video.reading import VideoError, VideoReader
from clode_core.video.tone import look_up, tone_tables
from clode_core.video.writing import Encoding, VideoWriter, container_format

if TYPE_CHECKING:
    from av import VideoFrame

    from clode_core.pictures.arrays import Array

Report = Callable[[str, int, int | None], None]
"""Called with what is being done, frames done, and about how many there are."""


@dataclass
class VideoSummary:
    """What came of a video.

    Attributes
    ----------
    frames : int
        Frames written.
    cuts : list of float
        When new scenes begin, in seconds.
    damaged : int
        Packets that could not be decoded and are missing.
    left_out : list of str
        What of the source could not be kept, in words.
    transcoded : list of str
        Sound that the container could not hold as it was, in words.
    ends : (float, float) or None
        If the file ends before its time, when it does and when it should, in seconds.
    seconds : float
        Time it took.
    """

    frames: int = 0
    cuts: list[float] = field(default_factory=list)
    damaged: int = 0
    left_out: list[str] = field(default_factory=list)
    transcoded: list[str] = field(default_factory=list)
    ends: tuple[float, float] | None = None
    seconds: float = 0.0


_CUT_OFF = 0.5
"""Seconds that a file may end before its time: headers are not exact."""


class _InOrder:
    """Does work in the order of its coming in a thread of its own: a few frames are encoded meanwhile."""

    _MOST = 3

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "clode-encoder")
        self._under_way: deque[Future[None]] = deque()

    def do(self, work: Callable[..., None], *arguments: object) -> None:
        """Hand in some work; what went wrong with earlier work is raised."""
        self._under_way.append(self._thread.submit(work, *arguments))
        while len(self._under_way) > self._MOST:
            self._under_way.popleft().result()

    def __enter__(self) -> _InOrder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            try:
                while self._under_way:
                    self._under_way.popleft().result()
            finally:
                self._thread.shutdown(cancel_futures=True)
        else:
            self._thread.shutdown(cancel_futures=True)


class FrameMethod(Protocol):
    """Enhances single frames: a baseline."""

    def __call__(self, pixels: Array) -> Array:
        """Return a frame (Y, X, 3), 16 bits, white at `frames.WHITE`, enhanced."""
        ...


def _expose_by_method(method: FrameMethod, frame: Frame, canvas: Canvas) -> None:
    canvas.fill(method(frame.stacked))


class _FrameExposer:
    """Applies the exposure of its moment to each frame."""

    def __init__(
        self,
        timeline: ExposureTimeline,
        exposure_time: ExposureTime,
        denoise: bool,
        model: Model,
        bent: dict[str, float],
    ) -> None:
        self.bent = bent
        self.timeline = timeline
        self.exposure_time = exposure_time
        self.denoise = denoise
        self.model = model

    def __call__(self, frame: Frame, canvas: Canvas) -> None:
        exposure = self.timeline.at(frame.time)
        time = exposure.auto if self.exposure_time == "auto" else float(self.exposure_time)
        if not self.denoise:
            if canvas.leave is None:
                tables = tone_tables(exposure, time, canvas.dtype, canvas.white, **self.bent)
            else:
                exposed = tone_tables(exposure, time, np.uint16, WHITE, **self.bent)
                tables = [canvas.stored(table) for table in exposed]
            look_up(tables, frame.planes, canvas.planes)
            return
        shown, self.model = with_fallback(
            self.model,
            lambda on: on.solve(
                frame.stacked, levels=(FRAME_LEVELS.black, FRAME_LEVELS.white), rgb=True, exposure=exposure
            ).at(time, denoise=True, shadows=self.bent["shadows"], highlights=self.bent["highlights"]),
        )
        canvas.fill(shown)


def _checked_order(reader: VideoReader, frame: VideoFrame, last: int | None) -> int | None:
    """The timestamp of a frame, which comes after the last one's and has the size of all."""
    at = f"at {reader.seconds(frame):.2f} s"
    stored = reader.stored_shape
    if (frame.height, frame.width) != stored:
        raise VideoError(
            f"{reader.name} changes its size from {stored[1]} x {stored[0]} to "
            f"{frame.width} x {frame.height} {at}: cut it there and enhance the parts"
        )
    if frame.pts is not None and last is not None and frame.pts <= last:
        raise VideoError(
            f"the timestamps of {reader.name} go back {at}: mend it first, for example by making it an .mkv"
        )
    return frame.pts


def _written(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file beside and rename it; what FFmpeg says on the way names the file, not its stand-in."""
    import av.error

    try:
        write_atomically(target, write)
    except av.error.FFmpegError as error:
        raise VideoError(
            f"{target} cannot be written ({error.strerror}): choose another ending or --codec"
        ) from None


def look_through(
    reader: VideoReader,
    model: Model,
    span: tuple[float, float],
    solver: Solver | str | None = None,
    smoothing: float = SMOOTHING,
    report: Report | None = None,
) -> ExposureTimeline:
    """Find the exposure of a whole video, over time; the reader is at its start afterwards.

    Parameters
    ----------
    reader : VideoReader
        At its start.
    model : Model
        Solves the exposure.
    span : (float, float)
        Exposure times that will be asked for.
    solver : Solver or str, optional
        How the exposure is solved.
    smoothing : float
        Seconds over which it is averaged; see `ExposureTimeline`.
    report : callable, optional
        See `Report`; what it raises stops the work.

    Returns
    -------
    ExposureTimeline
        The exposure of every frame.

    Raises
    ------
    VideoError
        If not a single frame can be decoded.
    """
    builder = TimelineBuilder(model, span, solver, smoothing)
    for number, frame in enumerate(reader.decoded(), 1):
        if builder.add(reader.thumbnail(frame, model.architecture.working_size)):
            reader.look_at_dark(reader.planes(frame))
        if report is not None:
            report("look", number, reader.frame_count)
    if not builder.moments:
        raise VideoError(f"{reader.name} holds no frame that can be decoded")
    reader.fix_dark()
    reader.rewind()
    return builder.timeline()


def enhance_video(
    source: str | Path,
    target: str | Path,
    exposure_time: ExposureTime = 3.0,
    *,
    denoise: bool = False,
    model: Model | str | Path | None = None,
    device: str = "auto",
    solver: Solver | str | None = None,
    smoothing: float = SMOOTHING,
    natural_dark: bool = True,
    deinterlace: bool = False,
    shadows: float = 0.0,
    highlights: float = 0.0,
    encoding: Encoding | None = None,
    method: FrameMethod | None = None,
    report: Report | None = None,
) -> VideoSummary:
    """Enhance a video with an exposure that is steady over time.

    The file is read twice: once to find the exposure (`ExposureTimeline`), once to apply it. Every frame
    keeps its timestamp; sound and subtitles are carried over as they are; turned videos come out upright.

    Parameters
    ----------
    source, target : str or Path
        Files. `target` is written beside and renamed, so that it is whole or not there.
    exposure_time : float or "auto"
        Exposure time ``T`` from -20 to 20; "auto" chooses for every moment, averaged like the exposure.
    denoise : bool
        Remove noise, frame by frame.
    model : Model or path, optional
        A loaded model or a ``.safetensors`` file; by default the packaged weights.
    device : str
        "auto", "cpu", "cuda", "mps"; not used if `model` is already loaded.
    solver : Solver or str, optional
        How the exposure is solved.
    smoothing : float
        Seconds over which the exposure is averaged.
    natural_dark : bool
        Make the dark fit to be brightened first; see `darkness.clean_dark`. Where nothing is to be
        brightened, at exposure times up to 0, it is left as it is.
    deinterlace : bool
        Make whole frames of interlaced ones; otherwise they stay interlaced.
    shadows, highlights : float
        What is added to the exposure time where the scene is dark, and where it is bright, from -5 to 5.
    encoding : Encoding, optional
        How the result is compressed.
    method : callable, optional
        A baseline to use in place of CLODE, frame by frame.
    report : callable, optional
        See `Report`; what it raises stops the work, and nothing is written.

    Returns
    -------
    VideoSummary
        What came of it.

    Raises
    ------
    VideoError
        If the source cannot be read, or the target cannot be written with these settings.
    WriteError
        If the disk does not take it.
    ValueError
        If another argument is out of range.
    """
    source, target = Path(source), Path(target)
    if np.ndim(exposure_time) > 0:
        raise ValueError("a video takes one exposure time, not a map of them")
    bent = {"shadows": checked_bend("shadows", shadows), "highlights": checked_bend("highlights", highlights)}
    span = span_for(exposure_time, automatic=denoise, **bent)
    container_format(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise VideoError(f"{source} would be overwritten: choose another name for the result")
    started = time.perf_counter()
    summary = VideoSummary()
    brightens = isinstance(exposure_time, str) or float(exposure_time) + max(0.0, *bent.values()) > 0
    with VideoReader(source, clean=natural_dark and brightens, deinterlace=deinterlace) as reader:
        exposer: Callable[[Frame, Canvas], None]
        if method is not None:
            exposer = partial(_expose_by_method, method)
        else:
            used = model if isinstance(model, Model) else load_model(model, device=device)
            timeline, used = with_fallback(
                used, lambda on: look_through(reader, on, span, solver, smoothing, report)
            )
            summary.cuts = timeline.cuts
            exposer = _FrameExposer(timeline, exposure_time, denoise, used, bent)

        def write(handle: BinaryIO) -> None:
            import av

            last: int | None = None
            with (
                VideoWriter(handle, target, reader, encoding or Encoding()) as writer,
                _InOrder() as encoder,
            ):
                summary.left_out, summary.transcoded = writer.left_out, writer.transcoded
                promised = reader.promised(writer.carried)
                for item in reader.demuxed(writer.carried):
                    if isinstance(item, av.Packet):
                        encoder.do(writer.carry, item)
                        continue
                    last = _checked_order(reader, item, last)
                    canvas = writer.canvas()
                    exposer(reader.upright(item), canvas)
                    encoder.do(writer.write, canvas, item)
                    summary.frames += 1
                    if report is not None:
                        report("enhance", summary.frames, reader.frame_count)
            if promised is not None and reader.reached < promised - _CUT_OFF:
                summary.ends = reader.reached, promised
            if summary.frames == 0:
                raise VideoError(f"{source} holds no frame that can be decoded")

        _written(target, write)
        summary.damaged = reader.damaged
    summary.seconds = time.perf_counter() - started
    return summary
