"""A video at a value of the slider as napari draws it: its frames are computed in the background."""

from __future__ import annotations

import sys
import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_clode._activity import announce
from napari_clode._form import error_text
from napari_clode._jobs import Cancelled, JobProgress, LatestJob, single_shot
from napari_clode._methods import Local
from napari_clode._video import CACHE_BYTES
from napari_clode._video_exposure import SETTLED, ExposedPlanes, VideoExposure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Image

    from napari_clode._methods import Local
from napari_clode._video import VideoPlanes

_AHEAD = 3  # frames that are made before they are asked for, while the video plays
_LARGEST_STEP = 5  # frames that a video which plays may leave out
_NEIGHBOUR = 0.5  # seconds for which a frame may stand in for another that is being made
_THUMBNAIL_PAUSE = 400  # milliseconds of rest before the thumbnail is drawn again


class Making(NamedTuple):
    """What a picture was made with: where it differs from what holds now, the picture is made again."""

    value: float
    local: Local
    settled: int
    clean: bool


class ShownVideo(ExposedPlanes):
    """A video at a value of the slider that does not keep napari waiting.

    A script that reads a frame gets it as soon as it is computed. napari, which draws in the window's
    thread, gets what is there: the frame, or an earlier picture of it, or a frame a moment away that was
    right, or the frame as it is in the file. The layer is drawn again when the frame has been made.

    Attributes
    ----------
    maker : FrameMaker
        Makes the frames.
    drawn : Making or None
        What the picture that napari was given last was made with; None for a frame as it is in the file.
    """

    def __init__(self, planes: VideoPlanes, exposure: VideoExposure, value: float) -> None:
        super().__init__(planes, exposure, value)
        self.drawn: Making | None = None
        self.maker = FrameMaker(self)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        if isinstance(key, tuple) and _is_drawn():
            chosen = np.arange(len(self))[key[0]]
            if chosen.size == 1:  # napari asks for one frame as a number, or as a slice of one
                picture = self.seen(int(chosen.item()))[key[1:]]
                return picture[np.newaxis] if chosen.ndim else picture
        return super().__getitem__(key)

    def seen(self, number: int) -> NDArray[Any]:
        """What can be shown of frame `number` now; the frame itself is on its way if it is not that."""
        self.maker.ask(number)
        found = self.maker.found(number)
        self.drawn = found[0] if found is not None else None
        return found[1] if found is not None else self.planes.plane(number)

    def making(self, number: int) -> Making:
        """What a picture of frame `number` is to be made with."""
        clean = self.cleaned is not None and self.cleaned[0] == number
        return Making(self.value, self.local, self.exposure.settled(number), clean)


class FrameMaker(QObject):
    """Makes frames of a video in the background and keeps the last ones.

    Signals
    -------
    arrived : int
        A frame has been made.
    """

    arrived = Signal(int)

    def __init__(self, data: ShownVideo) -> None:
        super().__init__()
        self._data = weakref.ref(data)
        self._layer: weakref.ref[Image] | None = None
        self.job = LatestJob(self)
        self.job.failed.connect(self._on_failed)
        self.arrived.connect(self._on_arrived)
        self._thumbnail = single_shot(self, _THUMBNAIL_PAUSE, self._draw_thumbnail)
        self._wanted = 0
        self._made: OrderedDict[int, tuple[Making, NDArray[Any]]] = OrderedDict()
        self._lock = threading.Lock()
        frame_bytes = int(np.prod(data.shape[1:])) * data.dtype.itemsize
        self._kept = max(2 + _AHEAD, CACHE_BYTES // frame_bytes)

    def draw_in(self, layer: Image) -> None:
        """Draw this layer again when a frame has been made."""
        self._layer = weakref.ref(layer)

    def make(self, number: int, progress: Callable[[float], None]) -> None:
        """Make a frame; not in the window's thread."""
        data = self._data()
        if data is None:
            return
        data.exposure.at(number, progress)
        making = data.making(number)
        picture = data.picture(number, making.value, making.local)
        with self._lock:
            self._made[number] = making, picture
            self._made.move_to_end(number)
            while len(self._made) > self._kept:
                self._made.popitem(last=False)

    def ask(self, number: int) -> None:
        """Let a frame be made if it is not there; those that follow it too, while the video plays."""
        data = self._data()
        if data is None:
            return
        step, self._wanted = number - self._wanted, number
        ahead = _AHEAD if 0 < abs(step) <= _LARGEST_STEP else 0
        numbers = [n for k in range(ahead + 1) if 0 <= (n := number + k * step) < len(data)]
        missing = [n for n in numbers if not self._is_right(data, n)]
        if missing:
            self.job.submit(lambda progress: self._make_all(missing, progress))

    def found(self, number: int) -> tuple[Making, NDArray[Any]] | None:
        """The last picture of a frame, or of the nearest one a moment away; None where there is none."""
        data = self._data()
        if data is None:
            return None
        seconds = data.planes.seconds
        with self._lock:
            away = {n: abs(float(seconds[n] - seconds[number])) for n in self._made}
            near = min(away, key=away.__getitem__, default=number)
            return self._made[near] if away.get(near, _NEIGHBOUR) < _NEIGHBOUR else None

    def _is_right(self, data: ShownVideo, number: int) -> bool:
        with self._lock:
            made = self._made.get(number)
        return made is not None and made[0] == data.making(number)

    def _make_all(self, numbers: Sequence[int], progress: JobProgress) -> None:
        data = self._data()
        for number in numbers:

            def go_on(fraction: float, number: int = number) -> None:
                progress(fraction)
                if self.job.has_next and self._is_far(number):
                    raise Cancelled

            go_on(0.0)
            if data is not None and not self._is_right(data, number):
                self.make(number, go_on)
                self.arrived.emit(number)
            if self.job.has_next:
                return  # what is wanted now is another

    def _is_far(self, number: int) -> bool:
        """Whether what is wanted now is so far from a frame that its exposure is of no use there."""
        data = self._data()
        seconds = data.planes.seconds if data is not None else None
        return seconds is None or abs(float(seconds[number] - seconds[self._wanted])) > SETTLED

    def _on_arrived(self, number: int) -> None:
        layer, data = self._layer() if self._layer is not None else None, self._data()
        if layer is None or data is None or layer.data is not data:
            return
        if number == self._wanted or not self._is_right(data, self._wanted):
            layer.refresh(thumbnail=False, highlight=False, extent=False)
            self._thumbnail.start()

    def _draw_thumbnail(self) -> None:
        layer = self._layer() if self._layer is not None else None
        if layer is not None:
            layer.refresh(data_displayed=False, highlight=False, extent=False)

    def _on_failed(self, error: Exception) -> None:
        announce(error_text(error), error=True)


def _is_drawn() -> bool:
    """Whether napari asks, in the window's thread and to draw, and not a script that wants the pixels."""
    asking = sys._getframe(2).f_globals.get("__name__", "")
    return asking.startswith("napari.layers.") and threading.current_thread() is threading.main_thread()
