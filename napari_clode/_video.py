"""Videos as image layers: (T, Y, X, 3), read when they are looked at."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame
    from napari.layers import Image

    from clode_core.video import Frame

LayerData = tuple[Any, dict[str, Any], str]
CACHE_BYTES = 1 << 27
"""Memory that decoded frames may take."""
INDEX_SECONDS = 0.3
"""How long the timestamps of all frames are looked for; a longer file is divided evenly."""
_CONVERTED = 3  # frames that are kept as colour planes


class Planes:
    """What napari asks of a stack of colour pictures; nothing is computed before it is asked for.

    Parameters
    ----------
    shape : tuple of int
        (T, Y, X, 3).
    dtype : type
        Of the pictures.
    """

    ndim = 4

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)

    def plane(self, number: int) -> NDArray[Any]:
        """Picture `number`, (Y, X, 3)."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first, *others = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis:
            first, others = slice(None), [Ellipsis, *others]
        chosen = np.arange(len(self))[first]
        inside = tuple(others)
        if chosen.ndim == 0:
            return self.plane(int(chosen))[inside]
        if chosen.size == 0:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *inside)]
        return np.stack([self.plane(int(number))[inside] for number in chosen])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:].astype(dtype or self.dtype, copy=False)


class VideoPlanes(Planes):
    """The frames of a video file.

    Every frame is one picture, found by its timestamp. Where the timestamps cannot be read in a moment,
    picture ``i`` is what is shown ``i`` mean frame durations after the start.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    seconds : ndarray
        When each picture is shown.
    frame_rate : float
        Mean frames per second.

    Raises
    ------
    clode_core.video.VideoError
        If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        from clode_core.video import FrameCursor, VideoReader

        self.path = path
        self.reader = VideoReader(path, clean=False)  # a layer shows what the file holds
        self.cursor = FrameCursor(self.reader)
        self.frame_rate = float(self.reader.frame_rate)
        self.seconds = self._found_times()
        self._lock = threading.RLock()
        self._decoded: OrderedDict[int, VideoFrame] = OrderedDict()
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._cleaned: OrderedDict[int, Frame] = OrderedDict()
        rows, columns = self.reader.shape
        self._kept = max(4, CACHE_BYTES // (2 * rows * columns * self.reader.dtype().itemsize))
        super().__init__((len(self.seconds), rows, columns, 3), self.reader.dtype)

    def _found_times(self) -> NDArray[np.float64]:
        reader, base = self.reader, float(self.reader.time_base)
        started = time.monotonic()
        stamps = []
        for packet in reader.container.demux(reader.stream):
            if packet.pts is not None and not packet.is_discard:
                stamps.append(packet.pts)
            if time.monotonic() - started > INDEX_SECONDS:
                stamps = []
                break
        reader.rewind()
        if stamps:
            return np.unique(np.array(stamps, np.int64)) * base
        start = float((reader.stream.start_time or 0) * base)
        return start + np.arange(reader.frame_count or 1) / self.frame_rate

    def decoded(self, number: int) -> VideoFrame:
        """Frame `number` as the decoder gives it."""
        with self._lock:
            if number not in self._decoded:
                frame = self.cursor.at(float(self.seconds[number]))
                assert frame is not None  # nobody cancels
                self._decoded[number] = frame
                while len(self._decoded) > self._kept:
                    self._decoded.popitem(last=False)
            self._decoded.move_to_end(number)
            return self._decoded[number]

    def frame(self, number: int) -> Frame:
        """Frame `number` upright, as planes of red, green and blue."""
        with self._lock:
            if number not in self._frames:
                self._frames[number] = self.reader.upright(self.decoded(number))
                while len(self._frames) > _CONVERTED:
                    self._frames.popitem(last=False)
            return self._frames[number]

    @cached_property
    def black(self) -> float:
        """Black level of the video, from its first, middle and last frame."""
        from clode_core.video import black_level

        return min(black_level(self.frame(number).planes) for number in self._told)

    @cached_property
    def strength(self) -> float:
        """How much the video was compressed, from the same frames."""
        from clode_core.video import frame_compression

        return sum(frame_compression(self.frame(n).planes) for n in self._told) / len(self._told)

    @property
    def _told(self) -> list[int]:
        return sorted({0, len(self.seconds) // 2, len(self.seconds) - 1})

    def cleaned(self, number: int) -> Frame:
        """Frame `number`, its dark made fit to be brightened."""
        from clode_core.video import clean_dark

        with self._lock:
            known = self._cleaned.get(number)
        if known is None:  # made without the lock, for others must not wait for it
            frame = self.frame(number)
            known = replace(frame, planes=clean_dark(frame.planes, self.black, self.strength))
        with self._lock:
            self._cleaned[number] = known
            self._cleaned.move_to_end(number)
            while len(self._cleaned) > _CONVERTED:
                self._cleaned.popitem(last=False)
        return known

    def thumbnail(self, number: int, long_side: int) -> Frame:
        """Frame `number` upright, averaged down."""
        with self._lock:
            return self.reader.thumbnail(self.decoded(number), long_side)

    def plane(self, number: int) -> NDArray[Any]:
        """Picture `number`, (Y, X, 3)."""
        return self.frame(number).pixels(self.dtype.type)


class CleanedVideo(Planes):
    """The frames of a video, their dark made fit to be brightened."""

    def __init__(self, planes: VideoPlanes) -> None:
        super().__init__(planes.shape, planes.dtype)
        self.planes = planes

    def plane(self, number: int) -> NDArray[Any]:
        """Picture `number`, (Y, X, 3)."""
        return self.planes.cleaned(number).pixels(self.dtype.type)


def is_video(layer: Image | None) -> bool:
    """Whether a layer is a video that is read frame by frame."""
    return layer is not None and not layer.multiscale and isinstance(layer.data, VideoPlanes)


def read_video(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Reader of napari for videos; None for what is none."""
    from clode_core.video import SUFFIXES

    paths = [path] if isinstance(path, str) else path
    return _layers if all(Path(p).suffix.lower() in SUFFIXES for p in paths) else None


def _layers(path: str | list[str]) -> list[LayerData]:
    return [_layer(Path(p)) for p in ([path] if isinstance(path, str) else path)]


def _layer(path: Path) -> LayerData:
    planes = VideoPlanes(path)
    about = {
        "name": path.stem,
        "rgb": True,
        "scale": (1 / planes.frame_rate, 1.0, 1.0),
        "units": ("second", "pixel", "pixel"),
        "axis_labels": ("t", "y", "x"),
        "metadata": {"file": str(path), "frame_rate": planes.frame_rate},
    }
    return planes, about, "image"
