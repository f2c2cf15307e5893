"""How the frames of a video are enhanced: by tables, or each frame on its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import numpy as np

import clode_core
from clode_core.video import FRAME_LEVELS, WHITE, Frame, LiveExposure, VideoReader, tone_tables
from clode_live.packing import Packed, Pixels, pack, pack_pixels

if TYPE_CHECKING:
    from av import VideoFrame

    from clode_core import Method, MethodInfo, Model, SharedExposure, Trajectory

Progress = Callable[[float], None]
"""Called with the fraction done; what it raises stops the work."""
Result = TypeVar("Result")
_LEVELS = (FRAME_LEVELS.black, FRAME_LEVELS.white)


class FrameRenderer(Protocol):
    """Renders one frame at any value of the slider.

    Attributes
    ----------
    info : MethodInfo
        What the method can do.
    """

    info: MethodInfo

    def automatic_value(self, frame: Frame) -> float:
        """The value that the method chooses for the frame, where `info` says that it can."""
        ...

    def quick(self, frame: Frame, value: float, progress: Progress) -> Packed:
        """The frame at a value, as fast as the method can."""
        ...

    def is_denoised(self, frame: Frame) -> bool:
        """Whether the noise of this frame has been removed already, so that `denoised` takes no time."""
        ...

    def denoised(self, frame: Frame, value: float, progress: Progress) -> Pixels:
        """The frame at a value without noise."""
        ...

    def exact(self, frame: Frame, value: float, progress: Progress) -> Pixels:
        """The frame at a value in all its depth."""
        ...


class LiveMethod(ABC):
    """A method that enhances running video.

    Parameters
    ----------
    method : Method
        The loaded method.
    options : dict, optional
        Its settings other than the slider and noise removal.

    Attributes
    ----------
    info : MethodInfo
        What the method can do.
    """

    def __init__(self, method: Method, options: dict[str, Any] | None = None) -> None:
        self.method = method
        self.info = method.info
        self.options = options or {}

    @abstractmethod
    def renderer(self, reader: VideoReader, decoded: VideoFrame) -> FrameRenderer:
        """Renderer of the next frame that is to be shown."""

    @abstractmethod
    def close(self) -> None:
        """End what runs in the background."""

    def run(self, work: Callable[[Any], Result]) -> Result:
        """Do work with the method; on the CPU from now on if its accelerator runs out of memory."""
        result, self.method = clode_core.with_fallback(self.method, work)
        return result


class TableRenderer:
    """Renders a frame by tables that hold the exposure of its moment."""

    def __init__(self, live: LiveMethod, exposure: SharedExposure) -> None:
        self.info = live.info
        self.exposure = exposure
        self._live = live
        self._bent = {name: live.options.get(name, 0.0) for name in ("shadows", "highlights")}
        self._solved: tuple[Frame, Model, Trajectory] | None = None
        self._denoised: Frame | None = None

    def automatic_value(self, frame: Frame) -> float:
        """The automatic exposure time of the moment."""
        return self.exposure.auto

    def quick(self, frame: Frame, value: float, progress: Progress) -> Packed:
        """The frame by tables of bytes."""
        return pack(tone_tables(self.exposure, value, **self._bent), frame)

    def is_denoised(self, frame: Frame) -> bool:
        """Whether the noise of this frame has been removed already."""
        return self._denoised is frame

    def denoised(self, frame: Frame, value: float, progress: Progress) -> Pixels:
        """The frame without noise, at the exposure of its moment."""

        def work(model: Model) -> Pixels:
            if self._solved is None or self._solved[:2] != (frame, model):
                path = model.solve(frame.stacked, levels=_LEVELS, rgb=True, exposure=self.exposure)
                self._solved = frame, model, path
            return self._solved[2].at(value, denoise=True, progress=progress, **self._bent)

        shown = self._live.run(work)
        self._denoised = frame
        return shown

    def exact(self, frame: Frame, value: float, progress: Progress) -> Pixels:
        """The frame by tables of 16 bits."""
        tables = tone_tables(self.exposure, value, np.uint16, WHITE, **self._bent)
        return np.stack([table[plane] for table, plane in zip(tables, frame.planes, strict=True)], axis=-1)


class TableMethod(LiveMethod):
    """A method that finds one exposure for many frames; each is then looked up in tables.

    Parameters
    ----------
    method, options
        As in `LiveMethod`; the method has ``video_tables``.
    """

    def __init__(self, method: Method, options: dict[str, Any] | None = None) -> None:
        super().__init__(method, options)
        model, slider = cast("Model", method), method.info.slider
        assert slider is not None
        self._working_size = model.architecture.working_size
        self._solving = ThreadPoolExecutor(1, "clode exposure")
        self._exposure = LiveExposure(model, (slider.first, slider.last), executor=self._solving)

    def renderer(self, reader: VideoReader, decoded: VideoFrame) -> FrameRenderer:
        """Renderer of the next frame, which is looked at as a thumbnail."""
        return TableRenderer(self, self._exposure.update(reader.thumbnail(decoded, self._working_size)))

    def close(self) -> None:
        """End what runs in the background."""
        self._solving.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Solution:
    """A frame solved by a method, and the last result that was made of it."""

    frame: Frame
    method: Method
    denoise: bool
    path: Any
    shown: dict[float, Pixels]


class SingleFrameRenderer:
    """Renders a frame on its own, as if it were a picture."""

    def __init__(self, live: LiveMethod) -> None:
        self.info = live.info
        self._live = live
        self._solution: _Solution | None = None

    def _solved(self, method: Method, frame: Frame, denoise: bool) -> _Solution:
        """The solution of a frame; the last one is kept."""
        last = self._solution
        if last is None or (last.frame, last.method, last.denoise) != (frame, method, denoise):
            options = dict(self._live.options)
            if self.info.preview and not denoise:
                path = method.solve(frame.stacked, levels=_LEVELS, rgb=True, preview=True, **options)
            else:
                slider = self.info.slider
                values = (slider.first, slider.last) if slider else ()
                if self.info.noise_removal:
                    options["denoise"] = denoise
                path = method.solve_for(frame.stacked, values, levels=_LEVELS, rgb=True, **options)
            last = self._solution = _Solution(frame, method, denoise, path, {})
        return last

    def _rendered(self, frame: Frame, value: float, progress: Progress, denoise: bool = False) -> Pixels:
        def work(method: Method) -> Pixels:
            solution = self._solved(method, frame, denoise)
            if value not in solution.shown:
                shown = solution.path.at(*((value,) if self.info.slider else ()), progress=progress)
                solution.shown.clear()
                solution.shown[value] = shown
            return solution.shown[value]

        return self._live.run(work)

    def automatic_value(self, frame: Frame) -> float:
        """The value that the method chooses for this frame."""
        return self._live.run(lambda method: float(self._solved(method, frame, denoise=False).path.auto()))

    def quick(self, frame: Frame, value: float, progress: Progress) -> Packed:
        """The frame as it is drawn."""
        return pack_pixels(self._rendered(frame, value, progress))

    def is_denoised(self, frame: Frame) -> bool:
        """Whether the noise of this frame has been removed already."""
        return self._solution is not None and self._solution.denoise and self._solution.frame is frame

    def denoised(self, frame: Frame, value: float, progress: Progress) -> Pixels:
        """The frame without noise, where the method can."""
        return self._rendered(frame, value, progress, denoise=True)

    def exact(self, frame: Frame, value: float, progress: Progress) -> Pixels:
        """The frame in 16 bits."""
        return self._rendered(frame, value, progress)


class SingleFrameMethod(LiveMethod):
    """A method that enhances each frame on its own."""

    def renderer(self, reader: VideoReader, decoded: VideoFrame) -> FrameRenderer:
        """Renderer of the next frame."""
        return SingleFrameRenderer(self)

    def close(self) -> None:
        """Nothing runs in the background."""


def live_method(method: Method, options: dict[str, Any] | None = None) -> LiveMethod:
    """Make a loaded method ready for running video.

    Parameters
    ----------
    method : Method
        What `clode_core.load_method` gives.
    options : dict, optional
        Its settings other than the slider and noise removal.
    """
    kind = TableMethod if method.info.video_tables else SingleFrameMethod
    return kind(method, options)
