"""The widget: an exposure-time slider on an image layer."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_clode import _results
from napari_clode._controls import Choices, Controls
from napari_clode._engine import TIMES, Settings, Solved, Stack, warm_up
from napari_clode._jobs import Newest, Ticket
from napari_clode._live import LiveVideo, is_video
from napari_clode._planes import LayerError, LayerPlanes
from napari_clode._stack import enhance_stack, is_large

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image
    from numpy.typing import NDArray

_DIMS_PAUSE = 40  # milliseconds between two planes while the dims slider moves
_THUMBNAIL_PAUSE = 400  # milliseconds of rest before the thumbnail is drawn again
_PLOTTED = np.linspace(*TIMES, 61)


class EnhanceWidget(QWidget):
    """Exposure time, noise removal and levels for an image layer; the result follows in a layer beside it.

    Parameters
    ----------
    napari_viewer : Viewer
        The viewer whose layers are enhanced.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer: napari.viewer.Viewer | None = napari_viewer
        self.controls = Controls(self._sources)
        layout = QVBoxLayout(self)
        layout.addWidget(self.controls)
        self._live = False
        self._auto_wanted = False
        self._notice = ""  # what stays under the buttons when nothing is happening
        self._stack: Stack | None = None
        self._solved: Solved | None = None
        self._shown: Solved | None = None
        self._touched = False  # whether a user has asked for another picture since the last was shown
        self._remembered: weakref.WeakKeyDictionary[Image, Choices] = weakref.WeakKeyDictionary()
        self._applied_to: weakref.ref[Image] | None = None
        self._watched: weakref.ref[Image] | None = None
        self._kind: tuple[Any, ...] = ()
        self._warming, self._solving, self._showing = Newest(self), Newest(self), Newest(self)
        self._cleaning, self._applying = Newest(self), Newest(self)
        self._video = LiveVideo(self)
        self._jobs = [self._warming, self._solving, self._showing, self._cleaning, self._applying]
        self._jobs += self._video.jobs
        self._dims = QTimer(self)
        self._dims.setSingleShot(True)
        self._dims.setInterval(_DIMS_PAUSE)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_THUMBNAIL_PAUSE)
        self._connect(napari_viewer)
        self.destroyed.connect(partial(_stop_all, self._jobs))
        self._warming.ask(lambda ticket: warm_up())
        self._on_layers()

    def _connect(self, viewer: napari.viewer.Viewer) -> None:
        controls = self.controls
        controls.layer_chosen.connect(self._on_layer)
        controls.settings_changed.connect(self._restart)
        controls.time_changed.connect(self._on_time)
        controls.denoise_changed.connect(self._on_denoise)
        controls.enhance.clicked.connect(self.start)
        controls.auto.clicked.connect(self._on_auto)
        controls.keep.clicked.connect(self.keep)
        controls.apply.clicked.connect(self.apply_to_all)
        controls.cancel.clicked.connect(self.cancel)
        self._solving.done.connect(self._on_solved)
        self._showing.done.connect(self._on_shown)
        self._cleaning.done.connect(self._on_cleaned)
        self._applying.done.connect(self._on_applied)
        self._video.said.connect(self.controls.say)
        self._video.failed.connect(self._on_failed)
        self._video.chosen.connect(controls.time.setValue)
        self._video.curve.connect(controls.plot.set_curve)
        for job in (self._solving, self._showing, self._cleaning, self._applying):
            job.failed.connect(self._on_failed)
            job.warned.connect(self._on_warned)
        for job in (self._solving, self._cleaning, self._applying):
            job.progressed.connect(self._on_progress)
            job.idle.connect(self._on_idle)
        self._dims.timeout.connect(self._on_plane)
        self._rest.timeout.connect(self._on_rest)
        events = viewer.layers.events
        self._subscriptions = [
            (events.inserted, self._on_layers),
            (events.removed, self._on_removed),
            (events.reordered, self._on_layers),
            (events.renamed, self._on_layers),
            (viewer.dims.events.current_step, self._on_dims),
        ]
        for emitter, slot in self._subscriptions:
            emitter.connect(slot)

    # what users do

    def start(self) -> None:
        """Enhance the plane that is shown; the result follows the slider from now on."""
        if self.controls.layer is None:
            self._trouble("There is no image layer: open a picture first.")
            return
        self._live = self._touched = True
        self._restart()

    def keep(self) -> None:
        """Make the result independent and stop following the slider."""
        layer, viewer, shown = self.controls.layer, self._viewer, self._shown
        film = self._stack if self._video.active else None
        if layer is None or viewer is None or not (shown or film) or not self._has_preview(layer):
            self._trouble("There is no result to keep yet: press Enhance first.")
            return
        if film is not None:
            self._video.settle()
            _results.keep(viewer, layer, film.planes, None)
        elif shown is not None:
            _results.keep(viewer, layer, shown.stack.planes, shown.index)
        self._live = False
        self._cancel_preview()
        self.controls.say("Kept as a layer of its own.")

    def apply_to_all(self) -> None:
        """Enhance every plane of the layer into a layer of its own, in the background."""
        layer = self.controls.layer
        if layer is None:
            return
        stack = self._stack_for(layer)
        if stack is None:
            return
        if self._applying.busy:
            return
        time, denoise = self.controls.time.value(), self.controls.denoise.isChecked()
        self._applied_to = target = weakref.ref(layer)
        self.controls.apply.setEnabled(False)
        self.controls.show_progress(0.0)
        self.controls.say("Preparing …" if is_large(stack) else f"Enhancing {len(stack.planes)} planes …")

        def work(ticket: Ticket) -> tuple[weakref.ref[Image], Stack, _results.Look, Any]:
            data = enhance_stack(stack, time, denoise, ticket)
            return target, stack, _look(stack, time, denoise), data

        self._applying.ask(work)

    def cancel(self) -> None:
        """Stop what is running in the background; what is shown stays."""
        self._applying.cancel()
        self._solving.cancel()
        if self._cleaning.busy:
            self._cleaning.cancel()
            self.controls.denoise.setChecked(False)
        self._on_idle()
        self.controls.say("Cancelled.")

    # what happens then

    def _sources(self, _: Any = None) -> list[tuple[str, Image]]:
        from napari.layers import Image

        viewer = self._viewer
        if viewer is None:
            return []
        found = [
            layer
            for layer in viewer.layers
            if isinstance(layer, Image) and not _results.is_live(viewer, layer)
        ]
        return [(layer.name, layer) for layer in reversed(found)]

    def _on_layers(self, event: Any = None) -> None:
        watched = self._watched() if self._watched is not None else None
        self.controls.offer_layers(watched)
        self._on_layer()

    def _on_removed(self, event: Any) -> None:
        gone = event.value
        if self._applied_to is not None and self._applied_to() is gone:
            self._applying.cancel()
        watched = self._watched() if self._watched is not None else None
        _results.forget(gone)
        if watched is gone:
            self._forget()
        elif watched is not None and _results.is_preview(gone, watched):
            self._live = False
            self._cancel_preview()
        self._on_layers()

    def _has_preview(self, layer: Image) -> bool:
        viewer = self._viewer
        return viewer is not None and _results.preview_of(viewer, layer) is not None

    def _on_layer(self) -> None:
        """Another layer, or none, has been chosen."""
        layer = self.controls.layer
        watched = self._watched() if self._watched is not None else None
        if layer is watched and layer is not None:
            return  # only its name or place has changed
        if watched is not None:
            self._remembered[watched] = self.controls.choices
        self._forget()
        self.controls.fit_to(layer, busy=self._applying.busy)
        if layer is None:
            self._notice = "Open a picture, or try File > Open Sample > CLODE."
            self.controls.say(self._notice)
            return
        self.controls.say("")
        if layer in self._remembered:
            self.controls.choices = self._remembered[layer]
        self._watched = weakref.ref(layer)
        layer.events.data.connect(self._on_data)
        for emitter in _places(layer):
            emitter.connect(self._on_moved)
        self._kind = _kind(layer)

    def _forget(self) -> None:
        watched = self._watched() if self._watched is not None else None
        if watched is not None:
            watched.events.data.disconnect(self._on_data)
            for emitter in _places(watched):
                emitter.disconnect(self._on_moved)
        self._watched = None
        self._live = False
        self._stack = None
        self._notice = ""
        self._cancel_preview()
        self.controls.plot.set_curve(np.zeros(0), np.zeros(0))

    def _cancel_preview(self) -> None:
        self._solved = None
        self._video.stop()
        for job in (self._solving, self._showing, self._cleaning):
            job.cancel()
        self._auto_wanted = False
        self._on_idle()
        self._settle()

    def _settle(self) -> None:
        """Say what is still true when nothing is happening."""
        if not self.controls.troubled and not self._applying.busy:
            self.controls.say(self._notice)

    def _on_data(self, event: Any = None) -> None:
        """The source has other pixels."""
        layer = self.controls.layer
        if layer is not None and _kind(layer) != self._kind:
            self._kind = _kind(layer)
            self.controls.fit_to(layer, busy=self._applying.busy)
        self._stack = None
        self._restart()

    def _on_moved(self, event: Any = None) -> None:
        """The source lies elsewhere; so will the result."""
        self._follow()

    def _on_dims(self, event: Any = None) -> None:
        if self._video.active and self._stack is not None and self.controls.layer is not None:
            index = self._index(self.controls.layer, self._stack.planes)
            if index is not None:
                self._video.move(index[0])
        elif self._live and not self._dims.isActive():
            self._dims.start()

    def _on_plane(self) -> None:
        """The dims slider has moved; only another plane matters."""
        layer, stack = self.controls.layer, self._stack
        if layer is None or stack is None or not self._live:
            return
        if self._solved is None or self._index(layer, stack.planes) != self._solved.index:
            self._cleaning.cancel()
            self._solve(layer, stack)

    def _stack_for(self, layer: Image) -> Stack | None:
        settings: Settings = self.controls.settings
        if self._stack is None or self._stack.settings != settings:
            try:
                self._stack = Stack(LayerPlanes(layer, settings.channels), settings)
            except LayerError as error:
                self._trouble(str(error))
                self._stack = None
        return self._stack

    def _index(self, layer: Image, planes: LayerPlanes) -> tuple[int, ...] | None:
        """Index into the stack axes of the plane that is shown; None where the layer has none there."""
        viewer = self._viewer
        if viewer is None:
            return None
        point = np.asarray(viewer.dims.point)[-layer.ndim :] * _unit_factors(viewer, layer)
        leading = len(planes.stack)
        places = (np.round(layer.world_to_data(point)) + 0.5) / np.asarray(planes.factors)
        found = tuple(int(np.floor(place)) for place in places[:leading])
        if any(not 0 <= i < n for i, n in zip(found, planes.stack, strict=True)):
            return None
        return tuple(i if n > 1 else 0 for i, n in zip(found, planes.pictures, strict=True))

    def _restart(self) -> None:
        """Solve the plane that is shown, if it is wanted."""
        layer = self.controls.layer
        if layer is None or not self._live:
            self._solved = None
            return
        wanted = self._auto_wanted
        self._notice = ""
        self.controls.say("")
        self._cancel_preview()
        self._auto_wanted = wanted
        stack = self._stack_for(layer)
        if stack is not None:
            self._solve(layer, stack)

    def _solve(self, layer: Image, stack: Stack) -> None:
        """Solve the plane that is shown, after the one that is being solved."""
        index = self._index(layer, stack.planes)
        if index is None:
            self._solved = None
            self.controls.plot.set_curve(np.zeros(0), np.zeros(0))
            self.controls.say(f"{layer.name} has no plane here.")
            return
        viewer, controls = self._viewer, self.controls
        if is_video(layer) and viewer is not None:
            denoise = controls.denoise.isChecked()
            self._video.start(viewer, layer, stack, index[0], controls.time.value(), denoise)
            if self._auto_wanted:
                self._set_auto()
            return

        def work(ticket: Ticket) -> tuple[Solved, NDArray[np.float64]]:
            ticket(0.0)
            solved = stack.solve(index, ticket)
            solved.path.auto()  # found here, so that asking for it costs nothing
            return solved, solved.path.brightness(_PLOTTED)

        self.controls.say("Solving …")
        self._solving.ask(work)

    def _on_solved(self, outcome: tuple[Solved, NDArray[np.float64]]) -> None:
        self._solved, brightness = outcome
        self.controls.plot.set_curve(_PLOTTED, brightness)
        reduced = self._solved.stack.planes.reduced
        if reduced > 1:
            self._notice = f"A plane is very large: it is enhanced at 1/{reduced:.3g} of its size."
        elif not self._notice and not self._planes_are_shown():
            self._notice = "The result is one plane (Y, X); for volumes, apply to all planes."
        self.controls.say(self._notice)
        if self._auto_wanted:
            self._set_auto()
        self._follow()
        self._clean()

    def _planes_are_shown(self) -> bool:
        """Whether the viewer shows the last two axes, the ones a picture has."""
        viewer = self._viewer
        return viewer is None or tuple(viewer.dims.displayed) == (viewer.dims.ndim - 2, viewer.dims.ndim - 1)

    def _on_auto(self) -> None:
        self._auto_wanted = True
        if self._solved is None and not self._video.active:
            self.start()
        else:
            self._set_auto()

    def _set_auto(self) -> None:
        self._auto_wanted = False
        if self._video.active:
            self._video.choose()
        elif self._solved is not None:
            self.controls.time.setValue(self._solved.path.auto())

    def _on_time(self, time: float) -> None:
        self._touched = True
        if self._video.active:
            self._video.set_time(time)
        elif self._solved is not None:
            self._follow()
        elif not self._live and self.controls.layer is not None:
            self.start()

    def _on_denoise(self, wanted: bool) -> None:
        self._touched = True
        self._video.set_denoise(wanted)
        if not wanted:
            self._cleaning.cancel()
            self._on_idle()
            self._settle()
        self._follow()
        self._clean()

    def _clean(self) -> None:
        """Remove the noise of the solved plane, once; meanwhile it is shown with its noise."""
        solved = self._solved
        if solved is None or solved.cleaned or not self.controls.denoise.isChecked():
            return

        def work(ticket: Ticket) -> Solved:
            solved.at(solved.path.auto(), True, ticket)
            return solved

        self.controls.say("Removing noise …")
        self._cleaning.ask(work)

    def _on_cleaned(self, solved: Solved) -> None:
        solved.cleaned = True
        if solved is self._solved:
            self.controls.say(self._notice)
            self._follow()

    def _follow(self) -> None:
        """Show the solved plane at the slider's exposure time."""
        solved = self._solved
        if solved is None or not self._live:
            return
        time = self.controls.time.value()
        denoise = self.controls.denoise.isChecked() and solved.cleaned

        def work(ticket: Ticket) -> tuple[Solved, _results.Look, NDArray[Any]]:
            return solved, _look(solved.stack, time, denoise), solved.at(time, denoise)

        self._showing.ask(work)

    def _on_shown(self, shown: tuple[Solved, _results.Look, NDArray[Any]]) -> None:
        solved, look, picture = shown
        layer, viewer = self.controls.layer, self._viewer
        if not self._live or solved.stack is not self._stack or layer is None or viewer is None:
            return
        if layer not in viewer.layers:
            return
        result = _results.show_plane(viewer, layer, solved.stack.planes, solved.index, picture, look)
        self._shown = solved
        if self._touched and not result.visible:
            result.visible = True
        self._touched = False
        self._rest.start()

    def _on_rest(self) -> None:
        layer, viewer = self.controls.layer, self._viewer
        result = _results.preview_of(viewer, layer) if layer is not None and viewer is not None else None
        if result is not None:
            result.refresh(data_displayed=False, highlight=False, extent=False)

    def _on_applied(self, outcome: tuple[weakref.ref[Image], Stack, _results.Look, Any]) -> None:
        target, stack, look, data = outcome
        layer, viewer = target(), self._viewer
        if layer is None or viewer is None or layer not in viewer.layers:
            return
        look = look._replace(name=f"{stack.planes.name} [CLODE, all planes]")
        _results.show_stack(viewer, layer, stack.planes, data, look)
        _results.hide_preview(viewer, layer)
        if not self.controls.troubled:
            self.controls.say(
                "The result is large: each plane is computed when it is shown."
                if is_large(stack)
                else "Done."
            )

    def _on_progress(self, fraction: float) -> None:
        if not self._applying.busy or self.sender() is self._applying:
            self.controls.show_progress(fraction)

    def _on_idle(self) -> None:
        if not self._applying.busy:
            self.controls.apply.setEnabled(self.controls.layer is not None)
            if not self._cleaning.busy and not self._solving.busy:
                self.controls.show_progress(None)

    def _on_failed(self, error: Exception) -> None:
        expected = isinstance(error, ValueError | MemoryError | OSError) and str(error)
        text = (
            " ".join(str(error).split()) if expected else " ".join(f"{type(error).__name__}: {error}".split())
        )
        advice = text.find("pass levels=")
        self._trouble(text if advice < 0 else f"{text[:advice]}set the Levels above.")
        self._on_idle()

    def _on_warned(self, text: str) -> None:
        self._notice = f"{text}."
        self.controls.say(self._notice)

    def _trouble(self, text: str) -> None:
        self.controls.say(text, trouble=True)

    # the end

    def event(self, event: QEvent | None) -> bool:
        """Stop everything when the widget is taken out of the window."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.shut()
            self.deleteLater()
        return bool(super().event(event))

    def shut(self) -> None:
        """Stop all work and let go of the viewer; result layers stay."""
        for emitter, slot in self._subscriptions:
            emitter.disconnect(slot)
        self._subscriptions = []
        self._forget()
        self._viewer = None
        _stop_all(self._jobs)


def _unit_factors(viewer: napari.viewer.Viewer, layer: Image) -> NDArray[np.float64]:
    """What the viewer's coordinates are to be multiplied by to be in the units of a layer."""
    units = getattr(viewer.dims, "units", None) or ()
    factors = np.ones(layer.ndim)
    for axis, (seen, own) in enumerate(zip(tuple(units)[-layer.ndim :], layer.units, strict=False)):
        if seen != own and seen.is_compatible_with(own):
            factors[axis] = (1 * seen).to(own).magnitude
    return factors


def _places(layer: Image) -> list[Any]:
    events = layer.events
    return [events.scale, events.translate, events.rotate, events.shear, events.affine]


def _kind(layer: Image) -> tuple[Any, ...]:
    """What the controls were made to fit."""
    return layer.ndim, layer.rgb, layer.dtype


def _look(stack: Stack, time: float, denoise: bool) -> _results.Look:
    """How a result is named, drawn and described; in the background, for levels may have to be read."""
    settings, limits = stack.settings, stack.limits
    about = {
        "exposure_time": time,
        "denoise": denoise,
        "levels": limits,
        "shared_exposure": settings.shared,
        "weights": settings.weights or "packaged",
    }
    return _results.Look(f"{stack.planes.name} [CLODE]", stack.planes.rgb, limits, about)


def _stop_all(jobs: list[Newest], _: Any = None) -> None:
    for job in jobs:
        job.cancel()
