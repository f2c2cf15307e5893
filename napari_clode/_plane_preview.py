"""The widget on planes: the plane that is shown is solved, and its result follows the slider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_clode import _results
from napari_clode._appearance import appearance
from napari_clode._jobs import JobProgress, LatestJob, single_shot
from napari_clode._methods import EVEN, Local
from napari_clode._placement import WHOLE, Part
from napari_clode._planes import window

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from napari_clode._appearance import Appearance
    from napari_clode._engine import Solved, Stack
    from napari_clode._methods import Curve

    Drawn = tuple[Solved, Appearance, NDArray[Any], Part]

_THUMBNAIL_PAUSE = 400  # milliseconds of rest before the thumbnail is drawn again
_REST = 250  # milliseconds without a move of the slider before a large plane is drawn whole


class PlanePreview(QObject):
    """Keeps the result of one plane beside its layer.

    While the slider moves, of a large plane only what is seen is drawn: the part in the window, or a smaller
    copy. At rest it is drawn whole.

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
    drawn
        The result layer has other pixels.
    settled
        The whole plane is drawn as the controls say.
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
    drawn = Signal()
    settled = Signal()
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
        self.rest = single_shot(self, _REST, self.redraw)
        self._source: tuple[napari.viewer.Viewer, Image, Stack] | None = None
        self._value, self._denoise, self._local = 0.0, False, EVEN
        self._drawing_whole = False
        self._refused: Solved | None = None  # the plane whose noise is to stay, for now
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

    @property
    def is_settled(self) -> bool:
        """Whether the whole plane is drawn as the controls say, but perhaps for its noise."""
        return not (self.solving.busy or self.showing.busy or self.rest.isActive())

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
        self._value, self._denoise, self._local = value, denoise, stack.local
        self.cleaning.cancel()

        def work(progress: JobProgress) -> tuple[Solved, Curve]:
            progress(0.0)
            solved = stack.solve(index, progress)
            return solved, solved.prepare(value, progress)

        self.status_changed.emit("Solving …")
        self.solving.submit(work)

    def stop(self) -> None:
        """Follow no longer; what is shown stays."""
        self._source = self.current = self._refused = None
        self.auto_wanted = False
        self.rest.stop()
        for job in self.jobs:
            job.cancel()

    def set_value(self, value: float) -> None:
        """Another value of the slider."""
        self._value, self.requested = value, True
        self._draw(moving=True)

    def set_local(self, local: Local) -> None:
        """An exposure time that differs otherwise from place to place."""
        self.requested = True
        self.follow(local)

    def follow(self, local: Local) -> None:
        """The same, not asked for in the widget: a result that is hidden stays so."""
        self._local = local
        self._draw(moving=True)

    def set_denoise(self, wanted: bool) -> None:
        """Remove noise, or do not."""
        self._denoise, self.requested = wanted, True
        self._refused = None
        if not wanted:
            self.cleaning.cancel()
            self.idle.emit()
            self.status_changed.emit("")
        self.redraw()
        self._clean()

    def leave_noise(self) -> None:
        """Do not go on removing the noise of this plane."""
        self.cleaning.cancel()
        self._refused = self.current

    def choose(self) -> None:
        """Ask for the automatic value of the plane."""
        self.auto_wanted = self.current is None
        if self.current is not None:
            self.chosen.emit(self.current.path.auto())

    def redraw(self) -> None:
        """Show the solved plane, the whole of it, at the value of the slider."""
        self._draw(moving=False)

    def _draw(self, *, moving: bool) -> None:
        solved = self.current
        if solved is None or self._source is None:
            return
        value, denoise, local = self._value, self._denoise and solved.cleaned, self._local
        viewer, layer, stack = self._source
        glimpse = moving and solved.large
        seen = window(viewer, layer, stack.planes) if glimpse else None

        def work(progress: JobProgress) -> Drawn:
            style = appearance(solved.stack.bent(local), value, denoise)
            if glimpse:
                return solved, style, *solved.glimpse(value, denoise, seen, local)
            return solved, style, solved.at(value, denoise, progress, local), WHOLE

        if self._drawing_whole:
            self.showing.cancel()  # another value counts now
        self._drawing_whole = not glimpse and solved.large
        self.showing.submit(work)
        if glimpse:
            self.rest.start()
        else:
            self.rest.stop()

    def _on_solved(self, outcome: tuple[Solved, Curve]) -> None:
        self.current, curve = outcome
        self.curve.emit(*curve)
        self.solved.emit(self.current)
        if self.auto_wanted:
            self.choose()
        self._draw(moving=True)
        self._clean()

    def _clean(self) -> None:
        """Remove the noise of the solved plane, once; meanwhile it is shown with its noise."""
        solved, value = self.current, self._value
        if solved is None or solved.cleaned or not self._denoise or solved is self._refused:
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
            if not self.rest.isActive():
                self.redraw()

    def _on_shown(self, shown: Drawn) -> None:
        solved, style, picture, part = shown
        if self._source is None or solved.stack is not self._source[2]:
            return
        viewer, layer, stack = self._source
        if layer not in viewer.layers:
            return
        _results.show_plane(viewer, layer, stack.planes, solved.index, picture, style, part)
        self.shown = solved
        if self.rest.isActive():
            self.rest.start()  # rest begins when the move is seen, however slow the machine
        if self.requested:
            _results.raise_preview(viewer, layer)
        self.requested = False
        self._thumbnail.start()
        self.drawn.emit()
        if self.is_settled:
            self.settled.emit()

    def _draw_thumbnail(self) -> None:
        if self._source is None:
            return
        viewer, layer, _ = self._source
        result = _results.preview_of(viewer, layer)
        if result is not None:
            result.refresh(data_displayed=False, highlight=False, extent=False)
