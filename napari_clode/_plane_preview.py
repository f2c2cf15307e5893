"""The widget on planes: the plane that is shown is solved, and its result follows the slider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_clode import _results
from napari_clode._jobs import JobProgress, LatestJob, single_shot

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from napari_clode._engine import Solved, Stack
    from napari_clode._methods import Curve

_THUMBNAIL_PAUSE = 400  # milliseconds of rest before the thumbnail is drawn again


class PlanePreview(QObject):
    """Keeps the result of one plane beside its layer.

    Signals
    -------
    status_changed : str
        What is going on; nothing special for "".
    solved : object
        The plane that has been solved, a `Solved`.
    failed : object
        An exception.
    warned : str
        What the work warned of.
    chosen : float
        The automatic value of the plane, if it was asked for.
    curve : (ndarray, ndarray)
        Values of the slider, and the brightness of the plane at them.
    progressed : float
        Fraction done of what takes long.
    idle
        Nothing that takes long is left to do.

    Attributes
    ----------
    current : Solved or None
        The plane that is solved now.
    shown : Solved or None
        The plane whose result was drawn last.
    requested : bool
        Whether a user has asked for another picture since the last was drawn.
    auto_wanted : bool
        Whether the automatic value has been asked for and not been given yet.
    """

    status_changed = Signal(str)
    solved = Signal(object)
    failed = Signal(object)
    warned = Signal(str)
    chosen = Signal(float)
    curve = Signal(object, object)
    progressed = Signal(float)
    idle = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.solving, self.showing, self.cleaning = LatestJob(self), LatestJob(self), LatestJob(self)
        self.jobs = [self.solving, self.showing, self.cleaning]
        self.solving.done.connect(self._on_solved)
        self.showing.done.connect(self._on_shown)
        self.cleaning.done.connect(self._on_cleaned)
        for job in self.jobs:
            job.failed.connect(self.failed)
            job.warned.connect(self.warned)
        for job in (self.solving, self.cleaning):
            job.progressed.connect(self.progressed)
            job.idle.connect(self.idle)
        self._thumbnail = single_shot(self, _THUMBNAIL_PAUSE, self._draw_thumbnail)
        self._source: tuple[napari.viewer.Viewer, Image, Stack] | None = None
        self._value, self._denoise = 0.0, False
        self.current: Solved | None = None
        self.shown: Solved | None = None
        self.requested = self.auto_wanted = False

    @property
    def active(self) -> bool:
        """Whether a layer is being followed."""
        return self._source is not None

    @property
    def busy(self) -> bool:
        """Whether something that takes long is being done."""
        return self.solving.busy or self.cleaning.busy

    def start(
        self,
        viewer: napari.viewer.Viewer,
        layer: Image,
        stack: Stack,
        index: tuple[int, ...],
        value: float,
        denoise: bool,
    ) -> None:
        """Show the result of a plane; what is being solved ends first."""
        self._source = viewer, layer, stack
        self._value, self._denoise = value, denoise
        self.cleaning.cancel()

        def work(progress: JobProgress) -> tuple[Solved, Curve]:
            progress(0.0)
            solved = stack.solve(index, progress)
            return solved, solved.prepare(value, progress)

        self.status_changed.emit("Solving …")
        self.solving.submit(work)

    def stop(self) -> None:
        """Follow no longer; what is shown stays."""
        self._source = self.current = None
        self.auto_wanted = False
        for job in self.jobs:
            job.cancel()

    def set_value(self, value: float) -> None:
        """Another value of the slider."""
        self._value, self.requested = value, True
        self.redraw()

    def set_denoise(self, wanted: bool) -> None:
        """Remove noise, or do not."""
        self._denoise, self.requested = wanted, True
        if not wanted:
            self.cleaning.cancel()
            self.idle.emit()
            self.status_changed.emit("")
        self.redraw()
        self._clean()

    def choose(self) -> None:
        """Ask for the automatic value of the plane."""
        self.auto_wanted = self.current is None
        if self.current is not None:
            self.chosen.emit(self.current.path.auto())

    def redraw(self) -> None:
        """Show the solved plane at the value of the slider."""
        solved = self.current
        if solved is None or not self.active:
            return
        value, denoise = self._value, self._denoise and solved.cleaned

        def work(progress: JobProgress) -> tuple[Solved, _results.Appearance, NDArray[Any]]:
            return solved, _results.appearance(solved.stack, value, denoise), solved.at(value, denoise)

        self.showing.submit(work)

    def _on_solved(self, outcome: tuple[Solved, Curve]) -> None:
        self.current, curve = outcome
        self.curve.emit(*curve)
        self.solved.emit(self.current)
        if self.auto_wanted:
            self.choose()
        self.redraw()
        self._clean()

    def _clean(self) -> None:
        """Remove the noise of the solved plane, once; meanwhile it is shown with its noise."""
        solved, value = self.current, self._value
        if solved is None or solved.cleaned or not self._denoise:
            return

        def work(progress: JobProgress) -> Solved:
            solved.at(solved.auto() if solved.stack.info.automatic else value, True, progress)
            return solved

        self.status_changed.emit("Removing noise …")
        self.cleaning.submit(work)

    def _on_cleaned(self, solved: Solved) -> None:
        solved.cleaned = True
        if solved is self.current:
            self.status_changed.emit("")
            self.redraw()

    def _on_shown(self, shown: tuple[Solved, _results.Appearance, NDArray[Any]]) -> None:
        solved, style, picture = shown
        if self._source is None or solved.stack is not self._source[2]:
            return
        viewer, layer, stack = self._source
        if layer not in viewer.layers:
            return
        result = _results.show_plane(viewer, layer, stack.planes, solved.index, picture, style)
        self.shown = solved
        if self.requested and not result.visible:
            result.visible = True
        self.requested = False
        self._thumbnail.start()

    def _draw_thumbnail(self) -> None:
        if self._source is None:
            return
        viewer, layer, _ = self._source
        result = _results.preview_of(viewer, layer)
        if result is not None:
            result.refresh(data_displayed=False, highlight=False, extent=False)
