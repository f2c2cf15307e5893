"""What the slider means, and how a frame is shown at one of its values."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

import clode_core
from clode_core.video import FRAME_LEVELS, WHITE, Frame, LiveExposure, VideoReader, tone_tables

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoFrame

    from clode_core import Model, SharedExposure, Trajectory
    from clode_core.methods.zero_dce.model import IteratedCurve, ZeroDCE

Progress = Callable[[float], None]
Packed = NDArray[np.uint32]
"""(Y, X), 0xffRRGGBB: what Qt draws without converting it."""
SPAN = (-5.0, 5.0)
MOST_ITERATIONS = 24.0
_OPAQUE = np.uint32(0xFF000000)
_SHIFTS = (16, 8, 0)
_BAND = 1 << 16  # pixels that stay in the processor's cache
_LEVELS = (FRAME_LEVELS.black, FRAME_LEVELS.white)


class Slider(NamedTuple):
    """The slider of a method.

    Attributes
    ----------
    name : str
        What it sets.
    first, last, start, step : float
        Its range, where it stands first, and what a key moves it by.
    """

    name: str
    first: float
    last: float
    start: float
    step: float


class Look(Protocol):
    """How one frame is shown, at whatever value.

    Attributes
    ----------
    auto : float or None
        The value chosen for it, where the method chooses.
    """

    auto: float | None

    def quick(self, frame: Frame, value: float) -> Packed:
        """The frame at a value, in the time that playing leaves."""
        ...

    def is_clean(self, frame: Frame) -> bool:
        """Whether the noise of this frame has been removed, so that `clean` takes no time."""
        ...

    def clean(self, frame: Frame, value: float, progress: Progress) -> NDArray[np.uint16]:
        """The frame at a value without noise, (Y, X, 3), white at `WHITE`."""
        ...

    def exact(self, frame: Frame, value: float) -> NDArray[np.uint16]:
        """The frame at a value, (Y, X, 3), white at `WHITE`."""
        ...


class Method(Protocol):
    """Shows frames.

    Attributes
    ----------
    slider : Slider
        What users set.
    removes_noise, chooses : bool
        Whether noise can be removed, and a value be chosen.
    long_side : int
        Pixels to which frames are made smaller while they play, so that it keeps up; 0 for no limit.
    """

    slider: Slider
    long_side: int
    removes_noise: bool
    chooses: bool

    def look(self, reader: VideoReader, decoded: VideoFrame) -> Look:
        """Look at the next frame that is to be shown."""
        ...

    def close(self) -> None:
        """End what runs in the background."""
        ...


def pack(tables: list[NDArray[Any]], frame: Frame) -> Packed:
    """Look up the planes of a frame in tables of bytes, and put the three into one number."""
    shifted = [table.astype(np.uint32) << shift for table, shift in zip(tables, _SHIFTS, strict=True)]
    shifted[0] |= _OPAQUE
    height, width = frame.shape
    rows = max(1, _BAND // width)
    out = np.empty((height, width), np.uint32)
    part = np.empty((rows, width), np.uint32)
    for top in range(0, height, rows):
        band = out[top : top + rows]
        one = part[: len(band)]
        np.take(shifted[0], frame.planes[0][top : top + rows], out=band, mode="clip")
        for table, plane in zip(shifted[1:], frame.planes[1:], strict=True):
            np.take(table, plane[top : top + rows], out=one, mode="clip")
            np.bitwise_or(band, one, out=band)
    return out


@cache
def _bytes() -> list[NDArray[Any]]:
    table = np.minimum(np.rint(np.arange(1 << 16) * (255 / WHITE)), 255).astype(np.uint8)
    return [table] * 3


def pack_as_it_is(frame: Frame) -> Packed:
    """The frame itself."""
    return pack(_bytes(), frame)


def pack_pixels(pixels: NDArray[np.uint16]) -> Packed:
    """Pixels (Y, X, 3) of 16 bits, white at `WHITE`."""
    red, green, blue = np.moveaxis(pixels, -1, 0)
    return pack_as_it_is(Frame((red, green, blue), 0.0))


class _ClodeLook:
    """A frame of a video at the exposure of its moment."""

    def __init__(self, method: Clode, exposure: SharedExposure) -> None:
        self.method = method
        self.exposure = exposure
        self.auto: float | None = exposure.auto
        self._solved: tuple[Frame, Model, Trajectory] | None = None
        self._cleaned: Frame | None = None

    def quick(self, frame: Frame, value: float) -> Packed:
        return pack(tone_tables(self.exposure, value), frame)

    def is_clean(self, frame: Frame) -> bool:
        return self._cleaned is frame

    def clean(self, frame: Frame, value: float, progress: Progress) -> NDArray[np.uint16]:
        def work(model: Model) -> NDArray[np.uint16]:
            if self._solved is None or self._solved[:2] != (frame, model):
                path = model.solve(frame.stacked, levels=_LEVELS, rgb=True, exposure=self.exposure)
                self._solved = frame, model, path
            return self._solved[2].at(value, denoise=True, progress=progress)

        shown, self.method.model = clode_core.with_fallback(self.method.model, work)
        self._cleaned = frame
        return shown

    def exact(self, frame: Frame, value: float) -> NDArray[np.uint16]:
        tables = tone_tables(self.exposure, value, np.uint16, WHITE)
        return np.stack([table[plane] for table, plane in zip(tables, frame.planes, strict=True)], axis=-1)


class Clode:
    """CLODE: the slider is the exposure time; one table for each channel of a frame.

    Parameters
    ----------
    model : Model
        Finds the exposure.
    """

    removes_noise = True
    chooses = True
    long_side = 0

    def __init__(self, model: Model) -> None:
        self.model = model
        self.slider = Slider("Exposure time", *SPAN, 3.0, 0.1)
        self._solving = ThreadPoolExecutor(1, "clode exposure")
        self._exposure = LiveExposure(model, SPAN, executor=self._solving)

    def look(self, reader: VideoReader, decoded: VideoFrame) -> Look:
        """Look at the next frame that is to be shown."""
        thumbnail = reader.thumbnail(decoded, self.model.architecture.working_size)
        return _ClodeLook(self, self._exposure.update(thumbnail))

    def close(self) -> None:
        """End what runs in the background."""
        self._solving.shutdown(cancel_futures=True)


class _DCELook:
    """A frame on its own, as Zero-DCE sees it."""

    auto: float | None = None

    def __init__(self, network: ZeroDCE) -> None:
        self.network = network
        self._solved: tuple[Frame, IteratedCurve] | None = None

    def exact(self, frame: Frame, value: float) -> NDArray[np.uint16]:
        if self._solved is None or self._solved[0] is not frame:
            from clode_core.methods.zero_dce.model import DOWNSAMPLE

            path = self.network.solve(frame.stacked, levels=_LEVELS, rgb=True, downsample=DOWNSAMPLE)
            self._solved = frame, path
        return self._solved[1].at(value)

    def quick(self, frame: Frame, value: float) -> Packed:
        return pack_pixels(self.exact(frame, value))

    def is_clean(self, frame: Frame) -> bool:
        return False

    def clean(self, frame: Frame, value: float, progress: Progress) -> NDArray[np.uint16]:
        raise ValueError("Zero-DCE does not remove noise")


class ZeroDCEMethod:
    """Zero-DCE or Zero-DCE++: the slider is the number of iterations; the network looks at a small copy.

    Parameters
    ----------
    network : ZeroDCE
        The network.
    """

    removes_noise = False
    chooses = False
    long_side = 640

    def __init__(self, network: ZeroDCE) -> None:
        self.network = network
        self.slider = Slider("Iterations", 0.0, MOST_ITERATIONS, 8.0, 1.0)

    def look(self, reader: VideoReader, decoded: VideoFrame) -> Look:
        """Look at the next frame that is to be shown."""
        return _DCELook(self.network)

    def close(self) -> None:
        """Nothing runs in the background."""


def load_method(name: str, weights: Path | None, device: str) -> Method:
    """Load a method by its name: clode, zero-dce or zero-dce++.

    Raises
    ------
    ValueError
        If the name is unknown, or weights or device cannot be used.
    """
    if name == "clode":
        return Clode(clode_core.load_model(weights, device=device))
    from clode_core.methods import load_baseline

    return ZeroDCEMethod(load_baseline(name, weights, device))
