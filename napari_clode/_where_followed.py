"""Keeps the result on the regions that are chosen: painted, drawn, moved, renamed or removed."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

from napari_clode._where import brush_layer

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Labels, Shapes

    from napari_clode._controls import Controls
    from napari_clode._previews import Previews


class FollowedRegions(QObject):
    """Follows the layer of regions, and lets the result follow it."""

    def __init__(
        self, viewer: napari.viewer.Viewer, controls: Controls, previews: Previews, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer = weakref.ref(viewer)
        self._controls, self._previews = controls, previews
        self._layer: weakref.ref[Labels | Shapes] | None = None
        events = viewer.layers.events
        self._events = (events.inserted, events.removed, events.reordered, events.renamed)
        for emitter in self._events:
            emitter.connect(self._offer)
        box = controls.where
        box.changed.connect(previews.set_local)
        box.layer_changed.connect(self._watch)
        box.vanished.connect(previews.follow_regions)
        box.paint_wanted.connect(self.paint)
        previews.plane.drawn.connect(self._on_drawn)
        previews.plane.settled.connect(self._on_settled)
        self._offer()

    def stop(self) -> None:
        """Listen no longer."""
        for emitter in self._events:
            emitter.disconnect(self._offer)
        self._unwatch()

    def paint(self) -> None:
        """Add a layer to paint on, ready for the brush, and choose it."""
        viewer, picture = self._viewer(), self._controls.layer
        if viewer is None or picture is None:
            return
        layer = brush_layer(picture)
        viewer.add_layer(layer)
        viewer.layers.selection.active = layer
        layer.mode = "paint"
        self._controls.where.choose(layer)

    def _offer(self, event: Any = None) -> None:
        from napari.layers import Labels, Shapes

        viewer = self._viewer()
        if viewer is not None:
            found = [layer for layer in reversed(viewer.layers) if isinstance(layer, Labels | Shapes)]
            self._controls.where.offer(found)

    def _watch(self) -> None:
        self._unwatch()
        layer = self._controls.where.layer
        if layer is None:
            return
        self._layer = weakref.ref(layer)
        for emitter in _emitters(layer):
            emitter.connect(self._on_touched)
        layer.events.data.connect(self._on_data)
        for emitter in _colours(layer):
            emitter.connect(self._controls.where.recolour)

    def _unwatch(self) -> None:
        layer = self._layer() if self._layer is not None else None
        self._layer = None
        if layer is None:
            return
        for emitter in _emitters(layer):
            emitter.disconnect(self._on_touched)
        layer.events.data.disconnect(self._on_data)
        for emitter in _colours(layer):
            emitter.disconnect(self._controls.where.recolour)

    def _on_touched(self, event: Any = None) -> None:
        self._previews.follow_regions()

    def _on_data(self, event: Any = None) -> None:
        if str(getattr(event, "action", "")) == "removed":
            self._controls.where.shapes_removed(event.data_indices)
        self._previews.follow_regions()

    def _on_drawn(self) -> None:
        self._show_found(all_of_them=False)

    def _on_settled(self) -> None:
        self._show_found(all_of_them=True)

    def _show_found(self, *, all_of_them: bool) -> None:
        shown = self._previews.plane.shown
        regions = shown.regions if shown is not None else None
        if regions is not None:
            self._controls.where.show_found(regions.found, all_of_them=all_of_them)


def _emitters(layer: Labels | Shapes) -> list[Any]:
    """What tells that regions have changed or lie elsewhere."""
    events = layer.events
    of_labels = [events.labels_update] if hasattr(events, "labels_update") else []
    placed = [events.scale, events.translate, events.rotate, events.shear, events.affine]
    return [events.set_data, *of_labels, *placed]


def _colours(layer: Labels | Shapes) -> list[Any]:
    events = layer.events
    return [events.colormap] if hasattr(events, "colormap") else [events.face_color]
