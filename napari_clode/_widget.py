"""The widget: an image layer and a result beside it that follows a slider."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_clode import _results
from napari_clode._all_planes import AllPlanes
from napari_clode._controls import Choices, Controls
from napari_clode._engine import Settings, Solved, Stack, warm_up
from napari_clode._form import error_text
from napari_clode._jobs import LatestJob, single_shot
from napari_clode._layer_watch import LayerWatch
from napari_clode._plane_preview import PlanePreview
from napari_clode._planes import LayerError, LayerPlanes, shown_index, shows_planes
from napari_clode._video import CleanedVideo, is_video
from napari_clode._video_preview import VideoPreview

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

_DIMS_PAUSE = 40  # milliseconds between two planes while the dims slider moves


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
        self._notice = ""  # what stays under the buttons when nothing is happening
        self._stack: Stack | None = None
        self._remembered: weakref.WeakKeyDictionary[Image, Choices] = weakref.WeakKeyDictionary()
        self._watch = LayerWatch(self)
        self._warming = LatestJob(self)
        self._plane, self._video = PlanePreview(self), VideoPreview(self)
        self._all_planes = AllPlanes(napari_viewer, self)
        self._jobs = [self._warming, self._all_planes.job, *self._plane.jobs, *self._video.jobs]
        self._dims = single_shot(self, _DIMS_PAUSE, self._on_plane)
        self._connect_controls()
        self._connect_work()
        events = napari_viewer.layers.events
        self._subscriptions = [
            *((emitter, self._on_layers) for emitter in (events.inserted, events.reordered, events.renamed)),
            (events.removed, self._on_removed),
            (napari_viewer.dims.events.current_step, self._on_dims),
        ]
        for emitter, slot in self._subscriptions:
            emitter.connect(slot)
        self.destroyed.connect(partial(_stop_all, self._jobs))
        self._warming.submit(lambda progress: warm_up())
        self._on_layers()

    def _connect_controls(self) -> None:
        controls = self.controls
        controls.layer_chosen.connect(self._on_layer)
        controls.settings_changed.connect(self._restart)
        controls.value_changed.connect(self._on_value)
        controls.denoise_changed.connect(self._on_denoise)
        controls.enhance.clicked.connect(self.start)
        controls.auto.clicked.connect(self._on_auto)
        controls.keep.clicked.connect(self.keep)
        controls.apply.clicked.connect(self.apply_to_all)
        controls.cancel.clicked.connect(self.cancel)

    def _connect_work(self) -> None:
        for preview in (self._plane, self._video):
            preview.status_changed.connect(self._on_status)
            preview.failed.connect(self._on_failed)
            preview.chosen.connect(self.controls.slider.setValue)
            preview.curve.connect(self.controls.plot.set_curve)
        self._plane.solved.connect(self._on_solved)
        self._plane.progressed.connect(self._on_progress)
        self._all_planes.job.progressed.connect(self.controls.show_progress)
        self._all_planes.job.failed.connect(self._on_failed)
        self._all_planes.finished.connect(self._on_applied)
        for work in (self._plane, self._all_planes.job):
            work.warned.connect(self._on_warned)
            work.idle.connect(self._on_idle)
        self._watch.data_changed.connect(self._on_data)
        self._watch.moved.connect(self._plane.redraw)

    # what users do

    def start(self) -> None:
        """Enhance the plane that is shown; the result follows the slider from now on."""
        if self.controls.layer is None:
            self._show_error("There is no image layer: open a picture first.")
            return
        self._live = self._plane.requested = True
        self._restart()

    def keep(self) -> None:
        """Make the result independent and stop following the slider."""
        layer, viewer = self.controls.layer, self._viewer
        if layer is None or viewer is None or _results.preview_of(viewer, layer) is None:
            self._show_error("There is no result to keep yet: press Enhance first.")
            return
        self._video.detach()
        _results.keep(viewer, layer)
        self._live = False
        self._stop_previews()
        self.controls.show_status("Kept as a layer of its own.")

    def apply_to_all(self) -> None:
        """Enhance every plane of the layer into a layer of its own, in the background."""
        layer = self.controls.layer
        stack = self._stack_for(layer) if layer is not None else None
        if layer is None or stack is None or self._all_planes.job.busy:
            return
        self.controls.apply.setEnabled(False)
        self.controls.show_progress(0.0)
        text = self._all_planes.start(layer, stack, self.controls.value, self.controls.removes_noise)
        self.controls.show_status(text)

    def cancel(self) -> None:
        """Stop what is running in the background; what is shown stays."""
        self._all_planes.job.cancel()
        self._plane.solving.cancel()
        if self._plane.cleaning.busy:
            self._plane.cleaning.cancel()
            self.controls.denoise.setChecked(False)
        self._on_idle()
        self.controls.show_status("Cancelled.")

    # what happens then

    def _sources(self, _: Any = None) -> list[tuple[str, Image]]:
        return [] if self._viewer is None else _results.sources(self._viewer)

    def _on_layers(self, event: Any = None) -> None:
        self.controls.offer_layers(self._watch.layer)
        self._on_layer()

    def _on_removed(self, event: Any) -> None:
        gone, watched = event.value, self._watch.layer
        self._all_planes.forget(gone)
        _results.forget(gone)
        if watched is gone:
            self._leave_layer()
        elif watched is not None and _results.is_preview(gone, watched):
            self._live = False
            self._stop_previews()
        self._on_layers()

    def _on_layer(self) -> None:
        """Another layer, or none, has been chosen."""
        layer, watched = self.controls.layer, self._watch.layer
        if layer is watched and layer is not None:
            return  # only its name or place has changed
        if watched is not None:
            self._remembered[watched] = self.controls.choices
        self._leave_layer()
        self.controls.fit_to(layer, busy=self._all_planes.job.busy)
        if layer is None:
            self._notice = "Open a picture, or try File > Open Sample > CLODE."
            self.controls.show_status(self._notice)
            return
        self.controls.show_status("")
        if layer in self._remembered:
            self.controls.choices = self._remembered[layer]
        self._watch.watch(layer)

    def _leave_layer(self) -> None:
        self._watch.watch(None)
        self._live = False
        self._stack = None
        self._notice = ""
        self._stop_previews()
        self.controls.plot.clear()

    def _stop_previews(self) -> None:
        self._plane.stop()
        self._video.stop()
        self._on_idle()
        self._on_status("")

    def _on_data(self, of_another_kind: bool) -> None:
        """The source has other pixels."""
        if of_another_kind:
            self.controls.fit_to(self.controls.layer, busy=self._all_planes.job.busy)
        self._stack = None
        self._restart()

    def _on_dims(self, event: Any = None) -> None:
        viewer, layer = self._viewer, self.controls.layer
        if self._video.active and self._stack is not None and layer is not None and viewer is not None:
            index = shown_index(viewer, layer, self._stack.planes)
            if index is not None:
                self._video.move(index[0])
        elif self._live and not self._dims.isActive():
            self._dims.start()

    def _on_plane(self) -> None:
        """The dims slider has moved; only another plane matters."""
        layer, stack, solved, viewer = self.controls.layer, self._stack, self._plane.current, self._viewer
        if layer is None or stack is None or viewer is None or not self._live:
            return
        if solved is None or shown_index(viewer, layer, stack.planes) != solved.index:
            self._solve(layer, stack)

    def _stack_for(self, layer: Image) -> Stack | None:
        settings: Settings = self.controls.settings
        if self._stack is None or self._stack.settings != settings:
            try:
                by_frame = is_video(layer) and not self.controls.advanced.info.video_tables
                data = CleanedVideo(layer.data) if by_frame else None
                self._stack = Stack(LayerPlanes(layer, settings.channels, data), settings)
            except LayerError as error:
                self._show_error(str(error))
                self._stack = None
        return self._stack

    def _restart(self) -> None:
        """Solve the plane that is shown, if it is wanted."""
        layer = self.controls.layer
        if layer is None or not self._live:
            return
        auto_wanted = self._plane.auto_wanted or self._video.auto_wanted
        self._notice = ""
        self.controls.show_status("")
        self._stop_previews()
        stack = self._stack_for(layer)
        if stack is not None:
            self._solve(layer, stack)
            if auto_wanted and stack.info.automatic:
                self._choose()

    def _solve(self, layer: Image, stack: Stack) -> None:
        """Solve the plane that is shown, after the one that is being solved."""
        viewer, controls = self._viewer, self.controls
        index = shown_index(viewer, layer, stack.planes) if viewer is not None else None
        if viewer is None or index is None:
            self._plane.current = None
            controls.plot.clear()
            controls.show_status(f"{layer.name} has no plane here.")
            return
        value, denoise = controls.value, controls.removes_noise
        if is_video(layer) and stack.info.video_tables:
            self._video.start(viewer, layer, stack, index[0], value, denoise)
        else:
            self._plane.start(viewer, layer, stack, index, value, denoise)

    def _on_solved(self, solved: Solved) -> None:
        reduced = solved.stack.planes.reduced
        if reduced > 1:
            self._notice = f"A plane is very large: it is enhanced at 1/{reduced:.3g} of its size."
        elif not self._notice and self._viewer is not None and not shows_planes(self._viewer):
            self._notice = "The result is one plane (Y, X); for volumes, apply to all planes."
        self.controls.show_status(self._notice)

    def _on_auto(self) -> None:
        if self._plane.current is None and not self._video.active:
            self.start()
        self._choose()

    def _choose(self) -> None:
        (self._video if self._video.active else self._plane).choose()

    def _on_value(self, value: float) -> None:
        if self._video.active:
            self._video.set_value(value)
            return
        self._plane.set_value(value)
        if not self._live and self.controls.layer is not None:
            self.start()

    def _on_denoise(self, wanted: bool) -> None:
        self._video.set_denoise(wanted)
        self._plane.set_denoise(wanted)

    def _on_applied(self, text: str) -> None:
        if not self.controls.shows_error:
            self.controls.show_status(text)

    def _on_progress(self, fraction: float) -> None:
        if not self._all_planes.job.busy:
            self.controls.show_progress(fraction)

    def _on_idle(self) -> None:
        if not self._all_planes.job.busy:
            self.controls.apply.setEnabled(self.controls.layer is not None)
            if not self._plane.busy:
                self.controls.show_progress(None)

    def _on_status(self, text: str) -> None:
        """Say what is going on; where it is nothing special, what is still true."""
        if text:
            self.controls.show_status(text)
        elif not self.controls.shows_error and not self._all_planes.job.busy:
            self.controls.show_status(self._notice)

    def _on_failed(self, error: Exception) -> None:
        self._show_error(error_text(error))
        self._on_idle()

    def _on_warned(self, text: str) -> None:
        self._notice = f"{text}."
        self.controls.show_status(self._notice)

    def _show_error(self, text: str) -> None:
        self.controls.show_status(text, error=True)

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
        self._leave_layer()
        self._viewer = None
        _stop_all(self._jobs)


def _stop_all(jobs: list[LatestJob], _: Any = None) -> None:
    for job in jobs:
        job.cancel()
