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
from napari_clode._engine import Stack
from napari_clode._form import error_text
from napari_clode._jobs import JobProgress, LatestJob
from napari_clode._planes import LayerError, LayerPlanes
from napari_clode._selected import others_selected, settings_for
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
    from napari_clode._followed import FollowedLayer

    Outcome = tuple[weakref.ref[Image], Stack, Appearance, Any]


class AllPlanes(QObject):
    """Enhances whole layers, one run at a time.

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
        self._sources: list[weakref.ref[Image]] = []
        self._folder: Path | None = None

    def start(self, layer: Image, stack: Stack, value: float, denoise: bool, followed: FollowedLayer) -> str:
        """Enhance every plane of a layer, and of the others that are selected.

        Gives what is to be said meanwhile, nothing if it is called off.
        """
        stack = stack.bent(stack.local.frozen())  # what is changed meanwhile is for another time
        others = others_selected(followed)
        if others:
            return self._start_several([layer, *others], stack, value, denoise, followed)
        folder = None
        if not fits_in_memory([stack]):
            folder = self._asked_for(layer, stack, value)
            if folder is None:
                return ""
        source = weakref.ref(layer)
        self._sources, self._folder = [source], folder

        def work(progress: JobProgress) -> list[Outcome]:
            progress(0.0)
            style = _style(stack, value, denoise)
            if folder is None:
                data = enhance_in_memory(stack, value, denoise, progress)
            else:
                data = enhance_to_disk(stack, value, denoise, progress, folder, style.about)
            return [(source, stack, style, data)]

        begun = planes_done(folder) if folder is not None else 0
        self.job.submit(work)
        where = f" into {folder.name}" if folder is not None else ""
        from_there = f", going on after {begun}" if begun else ""
        return f"Enhancing {len(stack.planes)} planes{where}{from_there} …"

    def _start_several(
        self, layers: list[Image], stack: Stack, value: float, denoise: bool, followed: FollowedLayer
    ) -> str:
        """Enhance several layers into memory; the first of them with a stack that is there."""
        settings = [settings_for(layer, followed, stack.settings) for layer in layers[1:]]
        self._sources, self._folder = [weakref.ref(layer) for layer in layers], None
        sources = self._sources

        def work(progress: JobProgress) -> list[Outcome]:
            progress(0.0)
            rest = zip(sources[1:], settings, strict=True)
            there = [(source, layer, chosen) for source, chosen in rest if (layer := source()) is not None]
            stacks = [(sources[0], stack)]
            for source, layer, chosen in there:
                other = Stack(LayerPlanes(layer, chosen.channels), chosen)
                stacks.append((source, other.bent(stack.local.over(layer))))
            if not fits_in_memory([each for _, each in stacks]):
                raise LayerError("these layers do not fit into memory together: apply to one at a time")
            return _enhance_each(stacks, value, denoise, progress)

        self.job.submit(work)
        return f"Enhancing {len(layers)} layers …"

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
        if any(source() is gone for source in self._sources):
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

    def _on_done(self, outcomes: list[Outcome]) -> None:
        viewer = self._viewer()
        shown = []
        for source, stack, style, data in outcomes:
            layer = source()
            if layer is not None and viewer is not None and layer in viewer.layers:
                _results.show_stack(viewer, layer, stack.planes, data, style)
                _results.hide_preview(viewer, layer)
                shown.append(stack.planes)
        if not shown:
            return
        where = f" They lie in {self._folder}." if self._folder is not None else ""
        text = f"{len(shown)} layers are enhanced."
        if len(outcomes) == 1:
            text = f"{len(shown[0])} planes of {shown[0].name} are enhanced.{where}"
        announce(text)
        self.finished.emit(text)

    def _on_failed(self, error: Exception) -> None:
        announce(error_text(error), error=True)


def _style(stack: Stack, value: float, denoise: bool) -> Appearance:
    planes = ", all planes" if stack.planes.stack else ""
    name = f"{stack.planes.name} [{title(stack.info, value, stack.local)}{planes}]"
    return appearance(stack, value, denoise)._replace(name=name)


def _enhance_each(
    stacks: list[tuple[weakref.ref[Image], Stack]], value: float, denoise: bool, progress: JobProgress
) -> list[Outcome]:
    """Enhance one stack after another; the progress is that of all, by their pixels."""
    sizes = [result_bytes(stack) for _, stack in stacks]
    outcomes: list[Outcome] = []
    for number, (source, stack) in enumerate(stacks):
        done, share = sum(sizes[:number]) / sum(sizes), sizes[number] / sum(sizes)

        def report(fraction: float, done: float = done, share: float = share) -> None:
            progress(done + share * fraction)

        style = _style(stack, value, denoise)
        outcomes.append((source, stack, style, enhance_in_memory(stack, value, denoise, report)))
    return outcomes
