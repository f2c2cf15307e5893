"""Keep: what is seen becomes a layer of its own."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_clode import _results

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from napari_clode._previews import Previews


class Keeping(QObject):
    """Keeps the live result, once it is drawn whole.

    Signals
    -------
    kept : str
        A result is kept; its name.
    refused : str
        Why nothing can be kept.
    """

    kept = Signal(str)
    refused = Signal(str)

    def __init__(self, viewer: napari.viewer.Viewer, previews: Previews, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = weakref.ref(viewer)
        self._previews = previews
        self._wanted: weakref.ref[Image] | None = None
        previews.plane.settled.connect(self._on_settled)

    def keep(self, layer: Image | None) -> None:
        """Keep the result of a layer, as it is seen."""
        viewer = self._viewer()
        live = None if layer is None or viewer is None else _results.preview_of(viewer, layer)
        if layer is None or live is None:
            self.refused.emit("There is no result to keep yet: press Enhance first.")
        elif not live.visible:
            self.refused.emit("The result that follows the slider is hidden: move the slider to see it.")
        elif self._previews.live and self._previews.is_drawing:
            self._wanted = weakref.ref(layer)  # the slider has moved: keep what it asks for, and all of it
        else:
            self._keep(layer)

    def call_off(self) -> None:
        """Something else is wanted now."""
        self._wanted = None

    def _on_settled(self) -> None:
        layer = self._wanted() if self._wanted is not None else None
        if layer is not None:
            self._keep(layer)

    def _keep(self, layer: Image) -> None:
        viewer, self._wanted = self._viewer(), None
        if viewer is None:
            return
        self._previews.video.detach()
        kept = _results.keep(viewer, layer)
        self._previews.pause()
        if kept is not None:
            self.kept.emit(kept.name)
