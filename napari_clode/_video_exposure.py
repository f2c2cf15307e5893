"""A video exposed steadily over time, frame by frame as it is looked at."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_clode._engine import Stack
from napari_clode._methods import EVEN, Local
from napari_clode._video import Planes, VideoPlanes

if TYPE_CHECKING:
    from collections.abc import Callable

    from clode_core import SharedExposure, Trajectory
    from clode_core.video import ExposureTimeline, TimelineBuilder

ANALYSED_AHEAD = 60.0
"""Seconds that are analysed beyond the frame that is shown."""
SETTLED = 4.0
"""Seconds beyond a frame that decide its exposure."""
_BEFORE = 1.0  # seconds before a place that are analysed too, so that it has neighbours on both sides
_ALIKE = 0.5  # seconds for which the exposure of a frame serves those after it
_NEAR = 5.0  # seconds beyond what is known that are analysed on the way, not jumped to


class _Section:
    """A part of the video that has been analysed.

    Attributes
    ----------
    start, frontier : float
        From when to when, in seconds.
    """

    def __init__(self, start: float, builder: TimelineBuilder) -> None:
        self.start = self.frontier = start
        self.builder = builder
        self.whole = False  # whether it reaches the end of the video

    def timeline(self) -> ExposureTimeline:
        """Exposure over time so far."""
        return self.builder.timeline()

    def covers(self, seconds: float) -> bool:
        """Whether a time has been analysed."""
        last = np.inf if self.whole else self.frontier
        return bool(self.builder.moments) and self.start <= seconds <= last


class VideoExposure:
    """The exposure of any frame of a video: steady where it has been analysed, else the frame's own.

    Parameters
    ----------
    planes : VideoPlanes
        The video.
    stack : Stack
        Gives the method.

    Attributes
    ----------
    exact : bool
        Whether a frame is only exposed when its neighbours have been analysed.
    """

    def __init__(self, planes: VideoPlanes, stack: Stack) -> None:
        self.planes = planes
        self.stack = stack
        self._sections: list[_Section] = []
        self._own: dict[int, SharedExposure] = {}
        self._analysing = threading.Lock()
        self._model: Any = None
        self.exact = False

    def model(self) -> Any:
        """The method, loaded once: one that works by tables."""
        if self._model is None:
            _, self._model = self.stack.run(lambda model: None)
        return self._model

    def at(self, number: int, progress: Callable[[float], None] | None = None) -> SharedExposure:
        """Exposure of frame `number`; what `progress` raises stops an analysis that it needs."""
        seconds = float(self.planes.seconds[number])
        section = self.section(seconds)
        if self.exact and not (section is not None and section.covers(seconds + SETTLED)):
            self.analyse_from(number, progress or (lambda _: None), SETTLED)
            section = self.section(seconds)
        if section is not None and section.covers(seconds):
            return section.timeline().at(seconds)
        before = [known for known in list(self._own) if 0 <= seconds - self.planes.seconds[known] < _ALIKE]
        if not before:
            self._own[number] = self._solve(number)
            before = [number]
        return self._own[max(before)]

    def settled(self, number: int) -> int:
        """How well the exposure of a frame is known: its own (0), that of its past (1), for good (2)."""
        seconds = float(self.planes.seconds[number])
        section = self.section(seconds)
        if section is None or not section.covers(seconds):
            return 0
        return 2 if section.covers(seconds + SETTLED) else 1

    def _solve(self, number: int) -> SharedExposure:
        from clode_core.video import FRAME_LEVELS

        model = self.model()
        small = self.planes.thumbnail(number, model.architecture.working_size)
        levels = FRAME_LEVELS.black, FRAME_LEVELS.white
        path = model.solve(small.stacked, span=self.stack.span, levels=levels, rgb=True)
        exposure: SharedExposure = path.own_exposure()
        return exposure

    def section(self, seconds: float) -> _Section | None:
        """Of the sections that reach there, or nearly, the one that begins first."""
        reached = [
            section
            for section in self._sections
            if section.start <= seconds and (section.whole or seconds < section.frontier + _NEAR)
        ]
        return min(reached, key=lambda section: section.start, default=None)

    def is_known(self, number: int) -> bool:
        """Whether the next seconds from frame `number` on have been analysed."""
        seconds = float(self.planes.seconds[number])
        section = self.section(seconds)
        return section is not None and (section.whole or section.frontier > seconds + ANALYSED_AHEAD / 2)

    def analyse_from(
        self, number: int, progress: Callable[[float], None], ahead: float = ANALYSED_AHEAD
    ) -> None:
        """Analyse the next seconds from frame `number` on, with a reader of its own."""
        from clode_core.video import FrameCursor, TimelineBuilder, VideoReader

        seconds = float(self.planes.seconds[number])
        model = self.model()
        with self._analysing, VideoReader(self.planes.path) as reader:
            section = self.section(seconds)
            if section is None:
                start = max(float(self.planes.seconds[0]), seconds - _BEFORE)
                section = _Section(start, TimelineBuilder(model, self.stack.span))
                self._sections.append(section)
            if section.whole:
                return
            cursor = FrameCursor(reader)
            frame = cursor.at(section.frontier)
            began = section.frontier
            while frame is not None and section.frontier < seconds + ahead:
                now = reader.seconds(frame)
                if now > section.frontier or not section.builder.moments:
                    section.builder.add(reader.thumbnail(frame, model.architecture.working_size))
                    section.frontier = now
                progress((now - began) / max(1e-9, seconds + ahead - began))
                frame = cursor.following()
            section.whole = frame is None


class ExposedPlanes(Planes):
    """A video at a value of the slider that can be changed.

    Parameters
    ----------
    planes : VideoPlanes
        The video as it is.
    exposure : VideoExposure
        Its exposure.
    value : float
        Of the slider.

    Attributes
    ----------
    local : Local
        What is added to the exposure time in shadows and highlights.
    cleaned : (int, Trajectory) or None
        A frame whose noise has been removed.
    """

    def __init__(self, planes: VideoPlanes, exposure: VideoExposure, value: float) -> None:
        super().__init__(planes.shape, planes.dtype)
        self.planes = planes
        self.exposure = exposure
        self.value = value
        self.local = EVEN
        self.cleaned: tuple[int, Trajectory] | None = None

    def plane(self, number: int) -> NDArray[Any]:
        """Picture `number`, (Y, X, 3)."""
        return self.picture(number, self.value, self.local)

    def picture(self, number: int, value: float, local: Local) -> NDArray[Any]:
        """Picture `number` at a value of the slider, (Y, X, 3)."""
        from clode_core.video import look_up, tone_tables

        cleaned = self.cleaned
        if cleaned is not None and cleaned[0] == number:
            return self._in_range(cleaned[1].at(value, denoise=True, **local.options))
        kind = self.dtype.type
        white = int(np.iinfo(kind).max)
        tables = tone_tables(self.exposure.at(number), value, kind, white, **local.options)
        out = np.empty(self.shape[1:], self.dtype)
        look_up(tables, self.planes.cleaned(number).planes, [out[..., channel] for channel in range(3)])
        return out

    def _in_range(self, pixels: NDArray[np.uint16]) -> NDArray[Any]:
        """16 bits with the white of frames, over the full range of the type."""
        from clode_core.video import Frame

        red, green, blue = np.moveaxis(pixels, -1, 0)
        return Frame((red, green, blue), 0.0).pixels(self.dtype.type)

    def path(self, number: int) -> Trajectory:
        """Frame `number` at all exposure times."""
        from clode_core.video import FRAME_LEVELS

        levels = FRAME_LEVELS.black, FRAME_LEVELS.white
        picture, exposure = self.planes.cleaned(number).stacked, self.exposure.at(number)
        return self.exposure.model().solve(picture, levels=levels, rgb=True, exposure=exposure)
