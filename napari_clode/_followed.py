"""Which layer the widget works on, and what was chosen for each."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_clode import _results
from napari_clode._layer_watch import LayerWatch

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from napari_clode._controls import Choices, Controls

_choices: weakref.WeakKeyDictionary[Image, Choices] = weakref.WeakKeyDictionary()


class ActiveLayer(QObject):
    """Tells which image a user works on: the active layer, or what a result that is active was made of.

    Signals
    -------
    activated : object
        An image layer that can be enhanced has become active.
    selected : str
        What is to be said where several images are selected; "" where not.
    """

    activated = Signal(object)
    selected = Signal(str)

    def __init__(self, viewer: napari.viewer.Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = weakref.ref(viewer)
        self._events = viewer.layers.selection.events
        self._events.active.connect(self._on_active)
        self._events.changed.connect(self._on_selection)

    def stop(self) -> None:
        """Listen no longer."""
        self._events.active.disconnect(self._on_active)
        self._events.changed.disconnect(self._on_selection)

    @property
    def layer(self) -> Image | None:
        """The image that is active now."""
        viewer = self._viewer()
        return self._image(viewer.layers.selection.active) if viewer is not None else None

    def _image(self, layer: Any) -> Image | None:
        from napari.layers import Image

        viewer = self._viewer()
        if viewer is None or not isinstance(layer, Image):
            return None
        return _results.source_of(viewer, layer) or layer

    def _on_active(self, event: Any) -> None:
        layer = self._image(event.value)
        if layer is not None and not _results.is_inserting():
            self.activated.emit(layer)

    def _on_selection(self, event: Any = None) -> None:
        viewer = self._viewer()
        if viewer is None or _results.is_inserting():
            return
        images = {found for layer in viewer.layers.selection if (found := self._image(layer)) is not None}
        self.selected.emit(f"{len(images)} images are selected" if len(images) > 1 else "")


class FollowedLayer(QObject):
    """Keeps the controls on the layer that a user works on.

    Signals
    -------
    left
        The layer is not worked on any more.
    entered : object
        A layer, or None, is worked on from now on; the controls fit it.
    selected : str
        What is to be said where several images are selected; "" where not.

    Attributes
    ----------
    watch : LayerWatch
        Tells what becomes of the layer.
    """

    left = Signal()
    entered = Signal(object)
    selected = Signal(str)

    def __init__(self, viewer: napari.viewer.Viewer, controls: Controls, parent: QObject) -> None:
        super().__init__(parent)
        self._controls = controls
        self.watch = LayerWatch(self)
        self._active = ActiveLayer(viewer, self)
        self._active.activated.connect(self._follow)
        self._active.selected.connect(self._on_selected)
        controls.layer_chosen.connect(self.update)
        controls.pin.toggled.connect(self._on_pin)

    @property
    def layer(self) -> Image | None:
        """The layer that is worked on."""
        return self.watch.layer

    def begin(self) -> None:
        """Take up the active layer, or else the uppermost."""
        self.offer()
        self._follow(self._active.layer)

    def stop(self) -> None:
        """Listen no longer."""
        self._active.stop()
        self.leave()

    def offer(self) -> None:
        """The layers of the viewer are others, or have other names."""
        self._controls.offer_layers(self.layer)
        self.update()

    def update(self) -> None:
        """Work on what the controls name now."""
        chosen = self._controls.layer
        if chosen is self.layer and chosen is not None:
            return  # only its name or place has changed
        self.leave()
        self._controls.fit_to(chosen)
        self.watch.watch(chosen)
        before = _choices.get(chosen) if chosen is not None else None
        if before is not None:
            self._controls.choices = before
        self.entered.emit(chosen)

    def leave(self) -> None:
        """Work on nothing; what was chosen for the layer is kept, for this widget or another."""
        if self.layer is not None:
            _choices[self.layer] = self._controls.choices
        self.watch.watch(None)
        self.left.emit()

    def _follow(self, layer: Image | None) -> None:
        box = self._controls.layer_box
        offered = any(choice is layer for choice in box.choices)
        if offered and layer is not self._controls.layer and not self._controls.pin.isChecked():
            box.value = layer

    def _on_pin(self, held: bool) -> None:
        if not held:
            self._follow(self._active.layer)

    def _on_selected(self, text: str) -> None:
        if self.layer is not None:
            self.selected.emit(f"{text}: working on {self.layer.name}." if text else "")
