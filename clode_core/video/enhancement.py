"""One call from a dark video to a bright one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from clode_core._version import __version__
from clode_core.methods.clode.local_exposure import checked_bend
from clode_core.methods.clode.model import Model, load_model
from clode_core.methods.clode.ode import Solver
from clode_core.methods.clode.rendering import ExposureTime
from clode_core.methods.clode.spans import span_for
from clode_core.methods.device import with_fallback
from clode_core.pictures.atomic import remove_abandoned
from clode_core.video.exposure import SMOOTHING, ExposureTimeline, TimelineBuilder
from clode_core.video.frames import FRAME_LEVELS, WHITE, Canvas, Frame
from clode_core.video.parts import Parts, forget, in_parts
from clode_core.video.passing import Passing, Report, VideoSummary, written
from clode_core.video.reading import VideoError, VideoReader
from clode_core.video.tone import look_up, tone_tables
from clode_core.video.writing import Encoding, container_format

if TYPE_CHECKING:
    from clode_core.pictures.arrays import Array


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


def _key(
    source: Path, model: Model, span: tuple[float, float], clean: bool, settings: tuple[object, ...]
) -> dict[str, object]:
    """What the exposure of a video depends on."""
    state = source.stat()
    weights = hashlib.sha256()
    for tensor in model.state_dict().values():
        weights.update(tensor.detach().cpu().numpy().tobytes())
    return {
        "source": [str(source.resolve()), state.st_size, state.st_mtime_ns],
        "weights": weights.hexdigest(),
        "version": __version__,
        "span": list(span),
        "clean": clean,
        "settings": list(settings),
    }


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
    resume: bool = False,
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
    resume : bool
        Go on where a run with the same settings was cut short. Long videos are made in parts of
        `parts.PART_FRAMES` frames, which are joined in the end; those that are finished stay.
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
    remove_abandoned(target)
    if not resume:
        forget(target)
    clean = natural_dark and brightens
    with VideoReader(source, clean=clean, deinterlace=deinterlace) as reader, ExitStack() as cleanup:
        exposer: Callable[[Frame, Canvas], None]
        parts: Parts | None = None
        if method is not None:
            exposer = partial(_expose_by_method, method)
        else:
            used = model if isinstance(model, Model) else load_model(model, device=device)
            if in_parts(reader):
                key = _key(source, used, span, reader.clean, (deinterlace, denoise, smoothing, str(solver)))
                key["result"] = [exposure_time, bent, vars(encoding or Encoding())]
                parts = cleanup.enter_context(Parts(target, key, resume))
            kept = parts.exposure(reader, smoothing, used.device) if parts else None
            if kept is not None:
                timeline = kept
            else:
                timeline, used = with_fallback(
                    used, lambda on: look_through(reader, on, span, solver, smoothing, report)
                )
                if parts:
                    parts.keep(timeline, reader)
            summary.cuts = timeline.cuts
            exposer = _FrameExposer(timeline, exposure_time, denoise, used, bent)
        work = Passing(reader, target, encoding or Encoding(), exposer, summary, report)
        if parts is None:
            written(target, work.at_once)
        else:
            work.in_parts(parts)
    summary.seconds = time.perf_counter() - started
    return summary
