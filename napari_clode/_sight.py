"""What is seen: a source, or what was made of it; never both at once, and never a plane over another."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

from napari_clode import _results
from napari_clode._appearance import shines_through
from napari_clode._placement import unlink
from napari_clode._planes import has_plane_here, shows_planes

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

_covered: weakref.WeakSet[Image] = weakref.WeakSet()  # sources that are hidden while a result shows
_withheld: weakref.WeakSet[Image] = weakref.WeakSet()  # results that are hidden for a while


class Sight(QObject):
    """Hides and shows layers as the viewer moves.

    A source that would shine through its result (an additive channel, say) is hidden while a result of the
    plane is there. A live result is hidden where the viewer shows other axes than those of a picture.
    """

    def __init__(self, viewer: napari.viewer.Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = weakref.ref(viewer)
        self._compared: weakref.ref[Image] | None = None
        self._settling = False
        self._watched: weakref.WeakSet[Image] = weakref.WeakSet()

    def settle(self, _: Any = None) -> None:
        """Bring into sight what belongs there."""
        viewer = self._viewer()
        if viewer is None or self._settling:
            return
        self._settling = True
        try:
            for layer in list(viewer.layers):
                results = _made_of(viewer, layer)
                if results or layer in _covered:
                    self._settle_layer(viewer, layer, results)
        finally:
            self._settling = False

    def compare(self, layer: Image | None) -> None:
        """Show a source instead of all that was made of it; None to end that."""
        viewer, self._compared = self._viewer(), None if layer is None else weakref.ref(layer)
        if viewer is not None:
            self.settle()

    def _settle_layer(self, viewer: napari.viewer.Viewer, layer: Image, results: list[Image]) -> None:
        comparing = self._compared is not None and self._compared() is layer
        live = _results.preview_of(viewer, layer)
        for result in results:
            self._watch(result)
            one_plane = result is live and _results.shown_at(result) and not shows_planes(viewer)
            _withhold(layer, result, comparing or bool(one_plane))
        over = any(result.visible and has_plane_here(viewer, result) for result in results)
        _cover(layer, results, over and shines_through(layer))

    def _watch(self, result: Image) -> None:
        if result not in self._watched:
            self._watched.add(result)
            result.events.visible.connect(self.settle)


def _made_of(viewer: napari.viewer.Viewer, layer: Any) -> list[Image]:
    live = _results.preview_of(viewer, layer)
    return _results.results_of(viewer, layer) + ([live] if live is not None else [])


def _withhold(layer: Image, result: Image, wanted: bool) -> None:
    if wanted and result.visible:
        unlink(layer, result)
        result.visible = False
        _withheld.add(result)
    elif not wanted and result in _withheld:
        _withheld.discard(result)
        result.visible = True


def _cover(layer: Image, results: list[Image], wanted: bool) -> None:
    if wanted and layer not in _covered and layer.visible:
        for result in results:
            unlink(layer, result)
        layer.visible = False
        _covered.add(layer)
    elif not wanted and layer in _covered:
        _covered.discard(layer)
        layer.visible = True
