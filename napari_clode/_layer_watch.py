"""Tells what becomes of the chosen layer."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

if TYPE_CHECKING:
    from napari.layers import Image


class LayerWatch(QObject):
    """Follows one image layer, which may vanish at any time.

    Signals
    -------
    data_changed : bool
        The layer has other pixels; True if they are of another kind, so that other controls fit.
    moved
        The layer lies elsewhere.
    """

    data_changed = Signal(bool)
    moved = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layer: weakref.ref[Image] | None = None
        self._kind: tuple[Any, ...] = ()

    @property
    def layer(self) -> Image | None:
        """The layer, if there still is one."""
        return self._layer() if self._layer is not None else None

    def watch(self, layer: Image | None) -> None:
        """Follow another layer, or none."""
        before = self.layer
        if before is not None:
            before.events.data.disconnect(self._on_data)
            for emitter in _transform_events(before):
                emitter.disconnect(self._on_moved)
        self._layer = None if layer is None else weakref.ref(layer)
        if layer is not None:
            self._kind = _kind(layer)
            layer.events.data.connect(self._on_data)
            for emitter in _transform_events(layer):
                emitter.connect(self._on_moved)

    def _on_data(self, event: Any = None) -> None:
        layer = self.layer
        if layer is not None:
            before, self._kind = self._kind, _kind(layer)
            self.data_changed.emit(self._kind != before)

    def _on_moved(self, event: Any = None) -> None:
        self.moved.emit()


def _transform_events(layer: Image) -> list[Any]:
    events = layer.events
    return [events.scale, events.translate, events.rotate, events.shear, events.affine]


def _kind(layer: Image) -> tuple[Any, ...]:
    return layer.ndim, layer.rgb, layer.dtype
