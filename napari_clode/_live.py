"""The widget on a video: its result is the whole video, exposed where it is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_clode import _results
from napari_clode._engine import TIMES
from napari_clode._exposed import ExposedPlanes, VideoExposure
from napari_clode._jobs import Newest, Ticket
from napari_clode._video import VideoPlanes

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from clode_core import Trajectory
    from napari_clode._engine import Stack

_REDRAW = 15  # milliseconds between two pictures while the slider moves
_REST = 400  # milliseconds without a change after which the frame that is shown is made at its best
_PLOTTED = np.linspace(*TIMES, 61)


def is_video(layer: Image | None) -> bool:
    """Whether a layer is a video that is read frame by frame."""
    return layer is not None and not layer.multiscale and isinstance(layer.data, VideoPlanes)


class LiveVideo(QObject):
    """Keeps the exposed video beside a video.

    Signals
    -------
    said : str
        What is going on; nothing special for "".
    failed : object
        An exception.
    chosen : float
        The automatic exposure time of the frame that is shown, if it was asked for.
    curve : (ndarray, ndarray)
        Exposure times, and the brightness of the frame that is shown.
    """

    said = Signal(str)
    failed = Signal(object)
    chosen = Signal(float)
    curve = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.opening, self.looking, self.improving = Newest(self), Newest(self), Newest(self)
        self.jobs = [self.opening, self.looking, self.improving]
        self.opening.done.connect(self._on_opened)
        self.improving.done.connect(self._on_improved)
        for job in self.jobs:
            job.failed.connect(self.failed)
        self._redraw = _timer(self, _REDRAW, self._on_redraw)
        self._rest = _timer(self, _REST, self._on_rest)
        self._where: tuple[napari.viewer.Viewer, Image, Stack] | None = None
        self.data: ExposedPlanes | None = None
        self._number = 0
        self._denoise = self._auto = False

    @property
    def active(self) -> bool:
        """Whether a video is being followed."""
        return self._where is not None

    def start(
        self,
        viewer: napari.viewer.Viewer,
        layer: Image,
        stack: Stack,
        number: int,
        time: float,
        denoise: bool,
    ) -> None:
        """Show the exposed video of a layer, at the frame that is shown first of all."""
        self.stop()
        self._where = viewer, layer, stack
        self._number, self._denoise = number, denoise
        data = ExposedPlanes(layer.data, VideoExposure(layer.data, stack), time)
        self.data = data

        def work(ticket: Ticket) -> ExposedPlanes:
            data.exposure.at(number)
            return data

        self.said.emit("Solving …")
        self.opening.ask(work)

    def settle(self) -> None:
        """Make the exposed video independent of what is followed: steady wherever it is looked at."""
        if self.data is not None:
            self.data.cleaned = None
            self.data.exposure.waits = True

    def stop(self) -> None:
        """Follow no longer; the exposed video stays as it is."""
        self._where = self.data = None
        self._auto = False
        self._redraw.stop()
        self._rest.stop()
        for job in self.jobs:
            job.cancel()

    def set_time(self, time: float) -> None:
        """Another exposure time."""
        if self.data is not None:
            self.data.time = time
            self._redraw.start()

    def set_denoise(self, wanted: bool) -> None:
        """Remove noise of frames that rest, or do not."""
        self._denoise = wanted
        if self.data is not None:
            if not wanted:
                self.improving.cancel()
                self.data.cleaned = None
                self._redraw.start()
            self._rest.start()

    def choose(self) -> None:
        """Ask for the automatic exposure time of the frame that is shown."""
        self._auto = True
        if self.opening.busy:
            return
        self._give_auto()

    def move(self, number: int) -> None:
        """Another frame is shown."""
        if self.data is None or number == self._number:
            return
        self._number = number
        if self.improving.busy:
            self.improving.cancel()
        self._rest.start()
        self._look()

    def _look(self) -> None:
        """Look through what comes next, unless that is known or being done."""
        data, number = self.data, self._number
        if data is None or data.exposure.is_known(number):
            return
        near = data.exposure._stretch(float(data.planes.seconds[number]))
        if self.looking.busy:
            if near is not None:
                return
            self.looking.cancel()
        self.looking.ask(lambda ticket: data.exposure.look_from(number, ticket))

    def _on_opened(self, data: ExposedPlanes) -> None:
        if data is not self.data or self._where is None:
            return
        viewer, layer, stack = self._where
        if layer not in viewer.layers:
            return
        _results.show_video(viewer, layer, stack.planes, data, self._look_of(data))
        rate = data.planes.frame_rate
        self.said.emit(
            f"The video runs at {rate:.4g} frames per second: set that by a right click on the play button."
        )
        self._give_auto()
        self._rest.start()
        self._look()

    def _look_of(self, data: ExposedPlanes) -> _results.Look:
        assert self._where is not None
        stack = self._where[2]
        about = {
            "exposure_time": data.time,
            "denoise": data.cleaned is not None,
            "levels": (0.0, float(np.iinfo(data.dtype).max)),
            "shared_exposure": "over time",
            "weights": stack.settings.weights or "packaged",
        }
        return _results.Look(f"{stack.planes.name} [CLODE]", True, about["levels"], about)

    def _give_auto(self) -> None:
        if self._auto and self.data is not None:
            self._auto = False
            self.chosen.emit(self.data.exposure.at(self._number).auto)

    def _on_redraw(self) -> None:
        """Expose the frame that is shown again."""
        if self._where is None or self.data is None:
            return
        viewer, layer, _ = self._where
        result = _results.preview_of(viewer, layer)
        if result is not None and result.data is self.data:
            result.metadata["clode"] = self._look_of(self.data).about
            result.refresh(thumbnail=False, highlight=False, extent=False)
            self._rest.start()

    def _on_rest(self) -> None:
        """Draw the curve of the frame that is shown, and remove its noise."""
        data, number, denoise = self.data, self._number, self._denoise
        if data is None or self.opening.busy:
            return
        if data.cleaned is not None and data.cleaned[0] == number:
            return

        def work(ticket: Ticket) -> tuple[ExposedPlanes, int, Trajectory, NDArray[np.float64], bool]:
            path = data.path(number)
            brightness = path.brightness(_PLOTTED)
            if denoise:
                path.at("auto", denoise=True, progress=ticket)
            return data, number, path, brightness, denoise

        self.improving.ask(work)

    def _on_improved(self, outcome: tuple[ExposedPlanes, int, Trajectory, NDArray[np.float64], bool]) -> None:
        data, number, path, brightness, denoise = outcome
        if data is not self.data or number != self._number:
            return
        self.curve.emit(_PLOTTED, brightness)
        if denoise and self._denoise:
            data.cleaned = number, path
            self._redraw.start()


def _timer(parent: QObject, milliseconds: int, slot: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(slot)
    return timer
