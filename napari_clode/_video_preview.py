"""The widget on a video: its result is the whole video, exposed where it is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_clode import _results
from napari_clode._appearance import Appearance, appearance
from napari_clode._jobs import JobProgress, LatestJob, single_shot
from napari_clode._video_exposure import VideoExposure
from napari_clode._video_frames import ShownVideo

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from clode_core import Trajectory
    from napari_clode._engine import Stack
    from napari_clode._methods import Curve, Local

_IDLE = 400  # milliseconds without a change after which the frame that is shown is made at its best
_CURVE_POINTS = 61


class VideoPreview(QObject):
    """Keeps the exposed video beside a video, for methods that work by tables.

    Signals
    -------
    status_changed : str
        What is going on; nothing special for "".
    failed : object
        An exception.
    chosen : float
        The automatic value of the frame that is shown, if it was asked for.
    curve : (ndarray, ndarray)
        Values of the slider, and the brightness of the frame that is shown.
    """

    status_changed = Signal(str)
    failed = Signal(object)
    chosen = Signal(float)
    curve = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.opening, self.analysing, self.improving = LatestJob(self), LatestJob(self), LatestJob(self)
        self.choosing = LatestJob(self)
        self.jobs = [self.opening, self.analysing, self.improving, self.choosing]
        self.opening.done.connect(self._on_opened)
        self.improving.done.connect(self._on_improved)
        self.choosing.done.connect(self._on_chosen)
        self.analysing.done.connect(lambda _: self._redraw())
        for job in self.jobs:
            job.failed.connect(self.failed)
        self._idle = single_shot(self, _IDLE, self._on_idle)
        self._where: tuple[napari.viewer.Viewer, Image, Stack] | None = None
        self.data: ShownVideo | None = None
        self._number = 0
        self._denoise = self._auto = False

    @property
    def auto_wanted(self) -> bool:
        """Whether the automatic value has been asked for and not been given yet."""
        return self._auto

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
        value: float,
        denoise: bool,
    ) -> None:
        """Show the exposed video of a layer, at the frame that is shown first of all."""
        self.stop()
        self._where = viewer, layer, stack
        self._number, self._denoise = number, denoise
        data = ShownVideo(layer.data, VideoExposure(layer.data, stack), value)
        data.local = stack.local
        self.data = data

        def work(progress: JobProgress) -> ShownVideo:
            data.maker.make(number, progress)
            return data

        self.status_changed.emit("Solving …")
        self.opening.submit(work)

    def detach(self) -> None:
        """Make the exposed video independent of what is followed: steady wherever it is looked at."""
        if self.data is not None:
            self.data.cleaned = None
            self.data.exposure.exact = True

    def stop(self) -> None:
        """Follow no longer; the exposed video stays as it is."""
        self._where = self.data = None
        self._auto = False
        self._idle.stop()
        for job in self.jobs:
            job.cancel()

    def set_value(self, value: float) -> None:
        """Another value of the slider."""
        if self.data is not None:
            self.data.value = value
            self._redraw()

    def set_local(self, local: Local) -> None:
        """Another exposure in shadows and highlights."""
        if self.data is not None:
            self.data.local = local
            self._redraw()

    def set_denoise(self, wanted: bool) -> None:
        """Remove noise of frames that rest, or do not."""
        self._denoise = wanted
        if self.data is not None:
            if not wanted:
                self.improving.cancel()
                self.data.cleaned = None
                self._redraw()
            self._idle.start()

    def choose(self) -> None:
        """Ask for the automatic value of the frame that is shown."""
        self._auto = True
        if not self.opening.busy:
            self._give_auto()

    def move(self, number: int) -> None:
        """Another frame is shown."""
        if self.data is None or number == self._number:
            return
        self._number = number
        if self.improving.busy:
            self.improving.cancel()
        self._idle.start()
        self._analyse()

    def _analyse(self) -> None:
        """Analyse what comes next, unless that is known or being done."""
        data, number = self.data, self._number
        if data is None or data.exposure.is_known(number):
            return
        near = data.exposure.section(float(data.planes.seconds[number]))
        if self.analysing.busy:
            if near is not None:
                return
            self.analysing.cancel()
        self.analysing.submit(lambda progress: data.exposure.analyse_from(number, progress))

    def _on_opened(self, data: ShownVideo) -> None:
        if data is not self.data or self._where is None:
            return
        viewer, layer, stack = self._where
        if layer not in viewer.layers:
            return
        result = _results.show_video(viewer, layer, stack.planes, data, self._appearance(data))
        data.maker.draw_in(result)
        rate = data.planes.frame_rate
        self.status_changed.emit(
            f"The video runs at {rate:.4g} frames per second: set that by a right click on the play button."
        )
        self._give_auto()
        self._idle.start()
        self._analyse()

    def _appearance(self, data: ShownVideo) -> Appearance:
        assert self._where is not None
        return appearance(
            self._where[2].bent(data.local), data.value, data.cleaned is not None, shared="over time"
        )

    def _give_auto(self) -> None:
        data, number = self.data, self._number
        if self._auto and data is not None:
            self.choosing.submit(lambda progress: data.exposure.at(number, progress).auto)

    def _on_chosen(self, value: float) -> None:
        if self._auto:
            self._auto = False
            self.chosen.emit(value)

    def _redraw(self) -> None:
        """Let the frame that is shown be made again."""
        if self._where is None or self.data is None:
            return
        viewer, layer, _ = self._where
        result = _results.preview_of(viewer, layer)
        if result is not None and result.data is self.data:
            _results.describe_video(result, self._appearance(self.data))
            self.data.maker.ask(self._number)
            self._idle.start()

    def _on_idle(self) -> None:
        """Draw the curve of the frame that is shown, and remove its noise."""
        data, number, denoise = self.data, self._number, self._denoise
        if data is None or self.opening.busy:
            return
        if data.cleaned is not None and data.cleaned[0] == number:
            return

        values = np.linspace(*data.exposure.stack.span, _CURVE_POINTS)

        def work(progress: JobProgress) -> tuple[ShownVideo, int, Trajectory, Curve, bool]:
            path = data.path(number)
            brightness = path.brightness(values)
            if denoise:
                path.at("auto", denoise=True, progress=progress)
            return data, number, path, (values, brightness), denoise

        self.improving.submit(work)

    def _on_improved(self, outcome: tuple[ShownVideo, int, Trajectory, Curve, bool]) -> None:
        data, number, path, curve, denoise = outcome
        if data is not self.data or number != self._number:
            return
        self.curve.emit(*curve)
        if denoise and self._denoise:
            data.cleaned = number, path
            self._redraw()
