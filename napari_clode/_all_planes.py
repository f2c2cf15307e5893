"""All planes of a layer enhanced into a layer of their own, in the background."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_clode import _results
from napari_clode._activity import Activity, announce
from napari_clode._appearance import Appearance, appearance, title
from napari_clode._form import error_text
from napari_clode._jobs import JobProgress, LatestJob
from napari_clode._stack import (
    SUFFIX,
    enhance_in_memory,
    enhance_to_disk,
    fits_in_memory,
    planes_done,
    result_bytes,
)

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from napari_clode._engine import Stack

    Outcome = tuple[weakref.ref[Image], Stack, Appearance, Any]


class AllPlanes(QObject):
    """Enhances one stack at a time.

    Signals
    -------
    finished : str
        The result is there; what is to be said of it.
    """

    finished = Signal(str)

    def __init__(self, viewer: napari.viewer.Viewer, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self.job = LatestJob(self)
        self.job.done.connect(self._on_done)
        self.job.failed.connect(self._on_failed)
        self.activity = Activity(self.job, "CLODE: all planes", self)
        self._viewer = weakref.ref(viewer)
        self._source: weakref.ref[Image] | None = None
        self._folder: Path | None = None

    def start(self, layer: Image, stack: Stack, value: float, denoise: bool) -> str:
        """Enhance every plane of a layer; gives what is to be said meanwhile, nothing if it is called off."""
        stack = stack.bent(stack.local)  # what is changed meanwhile is for another time
        folder = None
        if not fits_in_memory(stack):
            folder = self._asked_for(layer, stack, value)
            if folder is None:
                return ""
        source = weakref.ref(layer)
        self._source, self._folder = source, folder
        name = f"{stack.planes.name} [{title(stack.info, value, stack.local)}, all planes]"

        def work(progress: JobProgress) -> Outcome:
            progress(0.0)
            style = appearance(stack, value, denoise)._replace(name=name)
            if folder is None:
                data = enhance_in_memory(stack, value, denoise, progress)
            else:
                data = enhance_to_disk(stack, value, denoise, progress, folder, style.about)
            return source, stack, style, data

        begun = planes_done(folder) if folder is not None else 0
        self.job.submit(work)
        where = f" into {folder.name}" if folder is not None else ""
        from_there = f", going on after {begun}" if begun else ""
        return f"Enhancing {len(stack.planes)} planes{where}{from_there} …"

    def cancel(self) -> str:
        """Stop; gives what is to be said of it, nothing if nothing was going on."""
        if not self.job.busy:
            return ""
        self.job.cancel()
        self.activity.end()
        if self._folder is None:
            return "Cancelled: no layer was made."
        return f"Cancelled. Choose {self._folder.name} again to go on where it stopped."

    def forget(self, gone: Any) -> None:
        """A layer has been removed."""
        if self._source is not None and self._source() is gone:
            self.job.cancel()

    def _asked_for(self, layer: Image, stack: Stack, value: float) -> Path | None:
        """The folder that a user chooses for a result that does not fit into memory."""
        beside = Path(layer.source.path).parent if layer.source.path else Path.home()
        name = f"{stack.planes.name} {title(stack.info, value, stack.local)}".replace("/", "-")
        size = f"{result_bytes(stack) / 1e9:.1f} GB"
        chosen, _ = QFileDialog.getSaveFileName(
            self._window,
            f"The result takes {size}, more than memory has room for: where is it to be written?",
            str(beside / (name + SUFFIX)),
            f"Zarr folders (*{SUFFIX})",
        )
        if not chosen:
            return None
        return Path(chosen) if chosen.endswith(SUFFIX) else Path(chosen + SUFFIX)

    def _on_done(self, outcome: Outcome) -> None:
        source, stack, style, data = outcome
        layer, viewer = source(), self._viewer()
        if layer is None or viewer is None or layer not in viewer.layers:
            return
        _results.show_stack(viewer, layer, stack.planes, data, style)
        _results.hide_preview(viewer, layer)
        where = f" They lie in {self._folder}." if self._folder is not None else ""
        text = f"{len(stack.planes)} planes of {stack.planes.name} are enhanced.{where}"
        announce(text)
        self.finished.emit(text)

    def _on_failed(self, error: Exception) -> None:
        announce(error_text(error), error=True)
