"""Which layer the widget works on, and what was chosen for each."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_clode import _results
from napari_clode._layer_watch import LayerWatch
from napari_clode._selected import others_selected

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from napari_clode._controls import Choices, Controls
    from napari_clode._engine import Settings

_choices: weakref.WeakKeyDictionary[Image, Choices] = weakref.WeakKeyDictionary()


class ActiveLayer(QObject):
    """Tells which image a user works on: the active layer, or what a result that is active was made of.

    Signals
    -------
    activated : object
        An image layer that can be enhanced has become active.
    selected
        Other layers are selected.
    """

    activated = Signal(object)
    selected = Signal()

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

    @property
    def images(self) -> list[Image]:
        """All images that are selected, or of which results are; the lowest first."""
        viewer = self._viewer()
        if viewer is None:
            return []
        selected = viewer.layers.selection
        found = [self._image(layer) for layer in viewer.layers if layer in selected]
        return list(dict.fromkeys(image for image in found if image is not None))

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
        if not _results.is_inserting():
            self.selected.emit()


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
        self._said = ""
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

    @property
    def images(self) -> list[Image]:
        """All images that are selected."""
        return self._active.images

    def chosen_before(self, layer: Image) -> Settings | None:
        """The settings that were chosen for a layer when it was worked on."""
        before = _choices.get(layer)
        return before.settings if before is not None else None

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
        self._on_selected()

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

    def _on_selected(self) -> None:
        """Say what several selected images mean."""
        layer, images = self.layer, self.images
        if layer is None:
            return
        others = others_selected(self)
        self._controls.offer_apply(1 + len(others))
        text = ""
        if others:
            text = f"{1 + len(others)} images are selected: the slider moves {layer.name}, Apply takes all."
        elif len(images) > 1:
            text = f"{len(images)} images are selected: working on {layer.name}."
        if text != self._said:
            self._said = text
            self.selected.emit(text)
