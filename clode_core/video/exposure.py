r"""Exposure that is steady over time: found at moments, averaged over their neighbours, fresh in every scene.

A frame solved on its own has an exposure of its own, which differs a little from the next frame's: the video
flickers. Here the exponent is solved at moments half a second apart, one for each channel of the frame, and
a frame at time ``t`` of a scene gets the average

.. math:: \bar S_t = \frac{\sum_k w_k S_k}{\sum_k w_k}, \qquad w_k = e^{-(t - t_k)^2 / 2 \sigma^2}

over the moments ``k`` of the same scene, those to come included: there is no delay, and no first frames that
are too dark. A camera that runs has no moments to come; see `LiveExposure`.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from clode_core.methods.clode.exposure import SharedExposure
from clode_core.methods.clode.model import DEFAULT_SPAN, Model
from clode_core.methods.clode.ode import Solver
from clode_core.video.frames import FRAME_LEVELS, Frame
from clode_core.video.scenes import SceneDetector

INTERVAL = 0.5
"""Seconds between two moments at which the exposure is solved."""
SMOOTHING = 1.0
"""Seconds over which the exposure is averaged: the standard deviation of the weights."""
_NEGLIGIBLE = 4.0  # standard deviations


def solve_exposure(
    model: Model,
    thumbnail: Frame,
    span: tuple[float, float] = DEFAULT_SPAN,
    solver: Solver | str | None = None,
) -> SharedExposure:
    """Exposure of one frame: its exponent for each channel, averaged over the frame."""
    path = model.solve(thumbnail.stacked, span=span, solver=solver, levels=_LEVELS, rgb=True)
    return path.own_exposure()


_LEVELS = (FRAME_LEVELS.black, FRAME_LEVELS.white)


@dataclass(frozen=True)
class Moment:
    """The exposure solved at a moment of a scene.

    Attributes
    ----------
    time : float
        Seconds from the start.
    scene : int
        Number of the scene.
    exposure : SharedExposure
        What was found.
    """

    time: float
    scene: int
    exposure: SharedExposure


class ExposureTimeline:
    """The exposure of every frame of a video that has been looked through.

    Parameters
    ----------
    moments : sequence of Moment
        In the order of time; at least one.
    cuts : sequence of float
        When new scenes begin, in seconds.
    smoothing : float
        Standard deviation of the weights in seconds; 0 takes the nearest moment.
    """

    def __init__(
        self, moments: Sequence[Moment], cuts: Sequence[float] = (), smoothing: float = SMOOTHING
    ) -> None:
        if not moments:
            raise ValueError("an exposure over time needs at least one moment")
        if not (math.isfinite(smoothing) and smoothing >= 0):
            raise ValueError(f"smoothing must be a number of seconds from 0 on, not {smoothing}")
        self.moments = list(moments)
        self.cuts = list(cuts)
        self.smoothing = smoothing

    def scene(self, time: float) -> int:
        """Number of the scene that a time in seconds belongs to, from 0."""
        return bisect.bisect_right(self.cuts, time)

    def at(self, time: float) -> SharedExposure:
        """Exposure at a time in seconds."""
        scene = self.scene(time)
        # Cuts may have been withdrawn since a moment was solved, so its scene is looked up again.
        nearby = [m for m in self._around(time) if self.scene(m.time) == scene] or self.moments
        nearest = min(nearby, key=lambda m: abs(m.time - time))
        if self.smoothing == 0 or abs(nearest.time - time) > _NEGLIGIBLE * self.smoothing:
            return nearest.exposure
        weights = [math.exp(-0.5 * ((time - m.time) / self.smoothing) ** 2) for m in nearby]
        return SharedExposure.mean([m.exposure for m in nearby], weights)

    def _around(self, time: float) -> list[Moment]:
        reach = max(_NEGLIGIBLE * self.smoothing, 2 * INTERVAL)
        first = bisect.bisect_left(self.moments, time - reach, key=lambda m: m.time)
        last = bisect.bisect_right(self.moments, time + reach, key=lambda m: m.time)
        return self.moments[first:last]


class TimelineBuilder:
    """Looks through a video, frame by frame, and makes its timeline.

    Parameters
    ----------
    model : Model
        Solves the moments.
    span : (float, float)
        Exposure times that will be asked for.
    solver : Solver or str, optional
        How they are solved.
    smoothing : float
        See `ExposureTimeline`.
    interval : float
        Seconds between two moments; every scene begins with one.
    """

    def __init__(
        self,
        model: Model,
        span: tuple[float, float] = DEFAULT_SPAN,
        solver: Solver | str | None = None,
        smoothing: float = SMOOTHING,
        interval: float = INTERVAL,
    ) -> None:
        self.model = model
        self.span = span
        self.solver = solver
        self.smoothing = smoothing
        self.interval = interval
        self.moments: list[Moment] = []
        self._scenes = SceneDetector()

    def add(self, thumbnail: Frame) -> bool:
        """Look at the next frame, made small; returns whether it was solved."""
        scene = self._scenes.update(thumbnail)
        last = self.moments[-1] if self.moments else None
        if last is not None and scene == last.scene and thumbnail.time < last.time + self.interval:
            return False
        exposure = solve_exposure(self.model, thumbnail, self.span, self.solver)
        self.moments.append(Moment(thumbnail.time, scene, exposure))
        return True

    def timeline(self) -> ExposureTimeline:
        """The exposure of all frames so far."""
        return ExposureTimeline(self.moments, self._scenes.cuts, self.smoothing)


class LiveExposure:
    r"""Exposure of video that is running: it follows the moments solved so far.

    Between two frames ``dt`` apart the exposure moves towards that of the last moment,
    :math:`\bar S \leftarrow \bar S + (1 - e^{-dt/\tau})(S_k - \bar S)`; the first frame, a new scene and a
    jump in time start afresh.

    Parameters
    ----------
    model, span, solver, interval
        As in `TimelineBuilder`.
    smoothing : float
        Time constant in seconds.
    executor : Executor, optional
        Solves the moments within a scene, so that frames do not wait for them; only the first frame of a
        scene does.
    """

    def __init__(
        self,
        model: Model,
        span: tuple[float, float] = DEFAULT_SPAN,
        solver: Solver | str | None = None,
        smoothing: float = SMOOTHING,
        interval: float = INTERVAL,
        executor: Executor | None = None,
    ) -> None:
        self.model = model
        self.span = span
        self.solver = solver
        self.smoothing = smoothing
        self.interval = interval
        self.executor = executor
        self._scenes = SceneDetector()
        self._coming: Future[Moment] | None = None
        self._aim: Moment | None = None
        self._shown: SharedExposure | None = None
        self._time = -math.inf

    def update(self, thumbnail: Frame) -> SharedExposure:
        """Exposure of the next frame, which is given made small."""
        passed = thumbnail.time - self._time
        if not 0 <= passed <= 2.0:
            self._scenes, self._aim, self._shown = SceneDetector(), None, None
        self._time = thumbnail.time
        scene = self._scenes.update(thumbnail)
        fresh = self._aim is None or self._aim.scene != scene
        aim = self._solve(thumbnail, scene) if fresh else self._newest(thumbnail, scene)
        self._aim = aim
        if fresh or self._shown is None or self.smoothing <= 0:
            self._coming = None
            self._shown = aim.exposure
        else:
            step = 1 - math.exp(-passed / self.smoothing)
            self._shown = SharedExposure.mean([self._shown, aim.exposure], [1 - step, step])
        return self._shown

    def _solve(self, thumbnail: Frame, scene: int) -> Moment:
        exposure = solve_exposure(self.model, thumbnail, self.span, self.solver)
        return Moment(thumbnail.time, scene, exposure)

    def _newest(self, thumbnail: Frame, scene: int) -> Moment:
        """The last moment of a scene that goes on."""
        assert self._aim is not None
        if self._coming is not None:
            if not self._coming.done():
                return self._aim
            found, self._coming = self._coming.result(), None
            return found
        if thumbnail.time < self._aim.time + self.interval:
            return self._aim
        if self.executor is None:
            return self._solve(thumbnail, scene)
        self._coming = self.executor.submit(self._solve, thumbnail, scene)
        return self._aim
