"""All planes of a layer enhanced into a layer of their own, in the background."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_clode import _results
from napari_clode._jobs import JobProgress, LatestJob
from napari_clode._stack import enhance_stack, is_large

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from napari_clode._engine import Stack

    Outcome = tuple[weakref.ref[Image], Stack, _results.Appearance, Any]


class AllPlanes(QObject):
    """Enhances one stack at a time.

    Signals
    -------
    finished : str
        The result is there; what is to be said of it.
    """

    finished = Signal(str)

    def __init__(self, viewer: napari.viewer.Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self.job = LatestJob(self)
        self.job.done.connect(self._on_done)
        self._viewer = weakref.ref(viewer)
        self._source: weakref.ref[Image] | None = None

    def start(self, layer: Image, stack: Stack, value: float, denoise: bool) -> str:
        """Enhance every plane of a layer; gives what is to be said meanwhile."""
        self._source = source = weakref.ref(layer)

        def work(progress: JobProgress) -> Outcome:
            data = enhance_stack(stack, value, denoise, progress)
            return source, stack, _results.appearance(stack, value, denoise), data

        self.job.submit(work)
        return "Preparing …" if is_large(stack) else f"Enhancing {len(stack.planes)} planes …"

    def forget(self, gone: Any) -> None:
        """A layer has been removed."""
        if self._source is not None and self._source() is gone:
            self.job.cancel()

    def _on_done(self, outcome: Outcome) -> None:
        source, stack, style, data = outcome
        layer, viewer = source(), self._viewer()
        if layer is None or viewer is None or layer not in viewer.layers:
            return
        style = style._replace(name=f"{stack.planes.name} [{stack.info.title}, all planes]")
        _results.show_stack(viewer, layer, stack.planes, data, style)
        _results.hide_preview(viewer, layer)
        large = is_large(stack)
        self.finished.emit(
            "The result is large: each plane is computed when it is shown." if large else "Done."
        )
