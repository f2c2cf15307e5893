"""The widget: an image layer and a result beside it that follows a slider."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_clode import _results
from napari_clode._activity import Activity
from napari_clode._all_planes import AllPlanes
from napari_clode._controls import Controls
from napari_clode._engine import warm_up
from napari_clode._followed import FollowedLayer
from napari_clode._form import error_text, scrolled
from napari_clode._history import History
from napari_clode._jobs import LatestJob
from napari_clode._keeping import Keeping
from napari_clode._messages import Messages, error_colour
from napari_clode._planes import shows_planes
from napari_clode._previews import Previews, axes_message
from napari_clode._sight import Sight
from napari_clode._where_followed import FollowedRegions

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image


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
        self.buttons = self.controls.actions_box
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(scrolled(self.controls))
        self.messages = Messages(self.buttons)
        self.followed = FollowedLayer(napari_viewer, self.controls, self)
        self.previews = Previews(napari_viewer, self.controls, self)
        self.keeping = Keeping(napari_viewer, self.previews, self)
        self.history = History(self.controls, self)
        self.all_planes = AllPlanes(napari_viewer, self)
        self._regions = FollowedRegions(napari_viewer, self.controls, self.previews, self)
        self._sight = Sight(napari_viewer, self)
        self._warming = LatestJob(self)
        self._jobs = [self._warming, self.all_planes.job, *self.previews.jobs]
        self._activities = [
            Activity(self.previews.plane.solving, "CLODE: solving", self),
            Activity(self.previews.plane.cleaning, "CLODE: removing noise", self),
        ]
        self._connect_controls()
        self._connect_work()
        self._subscriptions = self._listen(napari_viewer)
        self.destroyed.connect(partial(_stop_all, self._jobs))
        self._warming.submit(lambda progress: warm_up())
        self._on_theme()
        self.followed.begin()

    def _connect_controls(self) -> None:
        controls, buttons = self.controls, self.buttons
        controls.settings_changed.connect(self.previews.restart)
        controls.value_changed.connect(self._on_value)
        controls.denoise_changed.connect(self.previews.set_denoise)
        controls.advanced.local_changed.connect(self.previews.set_local)
        controls.auto.clicked.connect(self._on_auto)
        controls.reset.clicked.connect(self.reset)
        buttons.enhance.clicked.connect(self.start)
        buttons.back.clicked.connect(self.back)
        buttons.keep.clicked.connect(self.keep)
        buttons.apply.clicked.connect(self.apply_to_all)
        buttons.cancel.clicked.connect(self.cancel)
        buttons.compare.pressed.connect(lambda: self._sight.compare(controls.layer))
        buttons.compare.released.connect(lambda: self._sight.compare(None))

    def _connect_work(self) -> None:
        previews, messages = self.previews, self.messages
        for preview in (previews.plane, previews.video):
            preview.status_changed.connect(messages.say)
            preview.failed.connect(self._on_failed)
            preview.chosen.connect(self.controls.slider.setValue)
            preview.curve.connect(self.controls.plot.set_curve)
        previews.plane.drawn.connect(self._sight.settle)
        previews.said.connect(messages.note)
        previews.refused.connect(messages.error)
        for activity in self._activities:
            activity.progressed.connect(self._on_progress)
        self.all_planes.activity.progressed.connect(self.buttons.show_progress)
        self.all_planes.job.failed.connect(self._on_failed)
        self.all_planes.finished.connect(self._on_applied)
        for work in (previews.plane, self.all_planes.job):
            work.warned.connect(lambda text: messages.note(f"{text}."))
            work.idle.connect(self._on_idle)
        self.keeping.kept.connect(self._on_kept)
        self.keeping.refused.connect(messages.error)
        self.followed.left.connect(self._on_left)
        self.followed.entered.connect(self._on_entered)
        self.followed.selected.connect(messages.note)
        self.followed.watch.data_changed.connect(self._on_data)
        self.followed.watch.moved.connect(previews.on_moved)

    def _listen(self, viewer: napari.viewer.Viewer) -> list[tuple[Any, Any]]:
        layers, dims = viewer.layers.events, viewer.dims.events
        subscriptions = [
            *((emitter, self._on_layers) for emitter in (layers.inserted, layers.reordered, layers.renamed)),
            (layers.removed, self._on_removed),
            (dims.current_step, self._on_dims),
            *((emitter, self._on_view) for emitter in (dims.order, dims.ndisplay)),
            (viewer.events.theme, self._on_theme),
        ]
        for emitter, slot in subscriptions:
            emitter.connect(slot)
        return subscriptions

    # what users do

    def start(self) -> None:
        """Enhance the plane that is shown; the result follows the slider from now on."""
        if self.controls.layer is None:
            self.messages.error("There is no image layer: open a picture first.")
            return
        self.previews.start()
        self.history.visit()

    def keep(self) -> None:
        """Make what is seen independent and stop following the slider."""
        self.keeping.keep(self.controls.layer)

    def apply_to_all(self) -> None:
        """Enhance every plane of the selected layers into layers of their own, in the background."""
        layer, work = self.controls.layer, self.all_planes
        stack = self.previews.stack_for(layer) if layer is not None else None
        if layer is None or stack is None or work.job.busy:
            return
        controls = self.controls
        text = work.start(layer, stack, controls.value, controls.removes_noise, self.followed)
        if text:
            self.buttons.apply.setEnabled(False)
            self.buttons.show_progress(0.0)
        self.messages.say(text or "Nothing was enhanced: no place was chosen.")

    def cancel(self) -> None:
        """Stop what is running in the background; what is shown stays."""
        said = [self.all_planes.cancel(), self.previews.cancel()]
        for activity in self._activities:
            activity.end()
        self._on_idle()
        self.messages.say(next((text for text in said if text), "Cancelled."))

    def back(self) -> None:
        """Return to the setting before the present one."""
        if not self.history.back():
            self.messages.say("There is no setting before this one.")

    def reset(self) -> None:
        """Bring the picture back as it is; where the slider has no such place, by hiding the result."""
        layer, viewer = self.controls.layer, self._viewer
        if not self.history.reset() and layer is not None and viewer is not None:
            self._pause()
            _results.hide_preview(viewer, layer)
            self._sight.settle()

    # what happens then

    def _sources(self, _: Any = None) -> list[tuple[str, Image]]:
        return [] if self._viewer is None else _results.sources(self._viewer)

    def _on_layers(self, event: Any = None) -> None:
        self.followed.offer()

    def _on_removed(self, event: Any) -> None:
        gone, layer = event.value, self.followed.layer
        self.all_planes.forget(gone)
        _results.forget(gone)
        if layer is gone:
            self.followed.leave()
        elif layer is not None and _results.is_preview(gone, layer):
            self._pause()
        self._sight.settle()
        self.followed.offer()

    def _on_left(self) -> None:
        self.previews.leave()
        self.keeping.call_off()
        self.history.forget_moves()
        self.messages.note("")
        self._on_idle()
        self.controls.plot.clear()

    def _on_entered(self, layer: Image | None) -> None:
        self._on_idle()
        if layer is None:
            self.messages.note("Open a picture, or try File > Open Sample > CLODE.")
        elif self._viewer is not None and _results.preview_of(self._viewer, layer) is not None:
            self.messages.note("Its result is there: move the slider to go on.")

    def _pause(self) -> None:
        self.previews.pause()
        self._on_idle()
        self.messages.say("")

    def _on_data(self, of_another_kind: bool) -> None:
        """The source has other pixels."""
        if of_another_kind:
            self.controls.fit_to(self.controls.layer)
            self._on_idle()
        self.previews.restart(other_pixels=True)

    def _on_dims(self, event: Any = None) -> None:
        self._sight.settle()
        self.previews.on_dims()

    def _on_view(self, event: Any = None) -> None:
        """The viewer shows other axes."""
        viewer = self._viewer
        if viewer is not None and self.previews.live and not self.previews.video.active:
            self.messages.note("" if shows_planes(viewer) else axes_message(viewer))
        self._on_dims()

    def _on_auto(self) -> None:
        if self.previews.plane.current is None and not self.previews.video.active:
            self.start()
        self.previews.choose()

    def _on_value(self, value: float) -> None:
        self.keeping.call_off()
        self.previews.set_value(value)

    def _on_kept(self, name: str) -> None:
        self._on_idle()
        self.messages.note(f"Kept as {name}.")

    def _on_applied(self, text: str) -> None:
        self._sight.settle()
        if not self.messages.shows_error:
            self.messages.say(text)

    def _on_progress(self, fraction: float, left: str) -> None:
        if not self.all_planes.job.busy:
            self.buttons.show_progress(fraction, left)

    def _on_idle(self) -> None:
        if not self.all_planes.job.busy:
            self.buttons.apply.setEnabled(self.controls.layer is not None)
            if not self.previews.plane.busy:
                self.buttons.show_progress(None)
        else:
            self.buttons.apply.setEnabled(False)

    def _on_failed(self, error: Exception) -> None:
        self.messages.error(error_text(error))
        self._on_idle()

    def _on_theme(self, event: Any = None) -> None:
        if self._viewer is not None:
            self.buttons.set_error_colour(error_colour(get_theme(self._viewer.theme).type))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Ctrl+Z is Back, wherever in the widget the focus is."""
        if event is not None and event.matches(QKeySequence.StandardKey.Undo):
            self.back()
        else:
            super().keyPressEvent(event)

    # the end

    def event(self, event: QEvent | None) -> bool:
        """Stop everything when the widget is taken out of the window."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.shut()
            self.deleteLater()
        return bool(super().event(event))

    def shut(self) -> None:
        """Stop all work and let go of the viewer; result layers stay."""
        if self._viewer is None:
            return
        for emitter, slot in self._subscriptions:
            emitter.disconnect(slot)
        self.followed.stop()
        self._regions.stop()
        self.previews.shut()
        self._viewer = None
        _stop_all(self._jobs)


def _stop_all(jobs: list[LatestJob], _: Any = None) -> None:
    for job in jobs:
        job.cancel()
