"""A video exposed steadily over time, frame by frame as it is looked at."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_clode._engine import TIMES, Stack
from napari_clode._video import Planes, VideoPlanes

if TYPE_CHECKING:
    from collections.abc import Callable

    from clode_core import Model, SharedExposure, Trajectory
    from clode_core.video import ExposureTimeline, TimelineBuilder

LOOK_AHEAD = 60.0
"""Seconds that are looked through beyond the frame that is shown."""
_BEFORE = 1.0  # seconds before a place that are looked through too, so that it has neighbours on both sides
_SETTLED = 4.0  # seconds beyond a frame that decide its exposure
_ALIKE = 0.5  # seconds for which the exposure of a frame serves those after it
_NEAR = 5.0  # seconds beyond what is known that are looked through on the way, not jumped to


class _Stretch:
    """A part of the video that has been looked through.

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
        """Whether a time has been looked at."""
        last = np.inf if self.whole else self.frontier
        return bool(self.builder.moments) and self.start <= seconds <= last


class VideoExposure:
    """The exposure of any frame of a video: steady where it has been looked through, else the frame's own.

    Parameters
    ----------
    planes : VideoPlanes
        The video.
    stack : Stack
        Gives the model.

    Attributes
    ----------
    waits : bool
        Whether a frame is only exposed when its neighbours have been looked through.
    """

    def __init__(self, planes: VideoPlanes, stack: Stack) -> None:
        self.planes = planes
        self.stack = stack
        self._stretches: list[_Stretch] = []
        self._own: dict[int, SharedExposure] = {}
        self._looking = threading.Lock()
        self._model: Model | None = None
        self.waits = False

    def model(self) -> Model:
        """The model, loaded once."""
        if self._model is None:
            _, self._model = self.stack._run(lambda model: None)
        return self._model

    def at(self, number: int) -> SharedExposure:
        """Exposure of frame `number`."""
        seconds = float(self.planes.seconds[number])
        stretch = self._stretch(seconds)
        if self.waits and not (stretch is not None and stretch.covers(seconds + _SETTLED)):
            self.look_from(number, lambda _: None, _SETTLED)
            stretch = self._stretch(seconds)
        if stretch is not None and stretch.covers(seconds):
            return stretch.timeline().at(seconds)
        before = [known for known in list(self._own) if 0 <= seconds - self.planes.seconds[known] < _ALIKE]
        if not before:
            self._own[number] = self._solve(number)
            before = [number]
        return self._own[max(before)]

    def _solve(self, number: int) -> SharedExposure:
        from clode_core.video import FRAME_LEVELS

        model = self.model()
        small = self.planes.thumbnail(number, model.architecture.working_size)
        levels = FRAME_LEVELS.black, FRAME_LEVELS.white
        return model.solve(small.stacked, span=TIMES, levels=levels, rgb=True).own_exposure()

    def _stretch(self, seconds: float) -> _Stretch | None:
        """Of the stretches that reach there, or nearly, the one that begins first."""
        reached = [
            stretch
            for stretch in self._stretches
            if stretch.start <= seconds and (stretch.whole or seconds < stretch.frontier + _NEAR)
        ]
        return min(reached, key=lambda stretch: stretch.start, default=None)

    def is_known(self, number: int) -> bool:
        """Whether the next seconds from frame `number` on have been looked through."""
        seconds = float(self.planes.seconds[number])
        stretch = self._stretch(seconds)
        return stretch is not None and (stretch.whole or stretch.frontier > seconds + LOOK_AHEAD / 2)

    def look_from(self, number: int, progress: Callable[[float], None], ahead: float = LOOK_AHEAD) -> None:
        """Look through the next seconds from frame `number` on, with a reader of its own."""
        from clode_core.video import FrameCursor, TimelineBuilder, VideoReader

        seconds = float(self.planes.seconds[number])
        model = self.model()
        with self._looking, VideoReader(self.planes.path) as reader:
            stretch = self._stretch(seconds)
            if stretch is None:
                start = max(float(self.planes.seconds[0]), seconds - _BEFORE)
                stretch = _Stretch(start, TimelineBuilder(model, TIMES))
                self._stretches.append(stretch)
            if stretch.whole:
                return
            cursor = FrameCursor(reader)
            frame = cursor.at(stretch.frontier)
            began = stretch.frontier
            while frame is not None and stretch.frontier < seconds + ahead:
                now = reader.seconds(frame)
                if now > stretch.frontier or not stretch.builder.moments:
                    stretch.builder.add(reader.thumbnail(frame, model.architecture.working_size))
                    stretch.frontier = now
                progress((now - began) / max(1e-9, seconds + ahead - began))
                frame = cursor.following()
            stretch.whole = frame is None


class ExposedPlanes(Planes):
    """A video at an exposure time that can be changed.

    Parameters
    ----------
    planes : VideoPlanes
        The video as it is.
    exposure : VideoExposure
        Its exposure.
    time : float
        Exposure time.

    Attributes
    ----------
    cleaned : (int, Trajectory) or None
        A frame whose noise has been removed.
    """

    def __init__(self, planes: VideoPlanes, exposure: VideoExposure, time: float) -> None:
        super().__init__(planes.shape, planes.dtype)
        self.planes = planes
        self.exposure = exposure
        self.time = time
        self.cleaned: tuple[int, Trajectory] | None = None

    def plane(self, number: int) -> NDArray[Any]:
        """Picture `number`, (Y, X, 3)."""
        from clode_core.video import look_up, tone_tables

        if self.cleaned is not None and self.cleaned[0] == number:
            return self._in_range(self.cleaned[1].at(self.time, denoise=True))
        kind = self.dtype.type
        tables = tone_tables(self.exposure.at(number), self.time, kind, int(np.iinfo(kind).max))
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
