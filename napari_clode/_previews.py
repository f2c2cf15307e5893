"""The live result: of a plane, or of a video, whichever the layer is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_clode._engine import Solved, Stack
from napari_clode._jobs import single_shot
from napari_clode._plane_preview import PlanePreview
from napari_clode._planes import LayerError, LayerPlanes, shown_index, shows_planes
from napari_clode._video import CleanedVideo, is_video
from napari_clode._video_preview import VideoPreview

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from napari_clode._controls import Controls

_DIMS_PAUSE = 40  # milliseconds between two planes while the dims slider moves


class Previews(QObject):
    """Solves what the viewer shows and lets its result follow the controls.

    Signals
    -------
    said : str
        What stays true until the next picture; may be empty.
    refused : str
        Why a layer cannot be enhanced.

    Attributes
    ----------
    live : bool
        Whether the result follows the controls.
    plane, video
        What does it, for planes and for videos.
    """

    said = Signal(str)
    refused = Signal(str)

    def __init__(self, viewer: napari.viewer.Viewer, controls: Controls, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer: napari.viewer.Viewer | None = viewer
        self._controls = controls
        self._stack: Stack | None = None
        self.live = False
        self.plane, self.video = PlanePreview(self), VideoPreview(self)
        self.jobs = [*self.plane.jobs, *self.video.jobs]
        self.dims = single_shot(self, _DIMS_PAUSE, self._on_plane)
        self.plane.solved.connect(self._on_solved)

    @property
    def is_drawing(self) -> bool:
        """Whether the result is soon to be drawn otherwise than it is."""
        return not self.video.active and not self.plane.is_settled

    def start(self) -> None:
        """Let the result follow from now on."""
        self.live = self.plane.requested = True
        self.restart()

    def pause(self) -> None:
        """Follow no longer; what is shown stays."""
        self.live = False
        self.plane.stop()
        self.video.stop()

    def leave(self) -> None:
        """Let go of the layer."""
        self.pause()
        self._stack = None

    def shut(self) -> None:
        """Let go of the viewer."""
        self.leave()
        self._viewer = None

    def stack_for(self, layer: Image) -> Stack | None:
        """The planes of a layer with the settings that are chosen; None if they do not fit it."""
        settings = self._controls.settings
        if self._stack is None or self._stack.settings != settings:
            try:
                by_frame = is_video(layer) and not self._controls.advanced.info.video_tables
                data = CleanedVideo(layer.data) if by_frame else None
                self._stack = Stack(LayerPlanes(layer, settings.channels, data), settings)
            except LayerError as error:
                self._stack = None
                self.refused.emit(str(error))
        if self._stack is not None:
            self._stack.local = self._controls.local_of(layer)
        return self._stack

    def restart(self, *, other_pixels: bool = False) -> None:
        """Solve the plane that is shown, if it is wanted."""
        layer = self._controls.layer
        if other_pixels:
            self._stack = None
        if layer is None or not self.live:
            return
        auto_wanted = self.plane.auto_wanted or self.video.auto_wanted
        requested = self.plane.requested
        self.said.emit("")
        self.plane.stop()
        self.video.stop()
        self.plane.requested = requested
        stack = self.stack_for(layer)
        if stack is not None:
            self._solve(layer, stack)
            if auto_wanted and stack.info.automatic:
                self.choose()

    def choose(self) -> None:
        """Ask for the automatic value of what is shown."""
        (self.video if self.video.active else self.plane).choose()

    def set_value(self, value: float) -> None:
        """Another value of the slider."""
        if self.video.active:
            self.video.set_value(value)
            return
        self.plane.set_value(value)
        if not self.live and self._controls.layer is not None:
            self.start()

    def set_local(self) -> None:
        """An exposure time that differs otherwise from place to place."""
        layer = self._controls.layer
        if layer is None:
            return
        local = self._controls.local_of(layer)
        if self._stack is not None:
            self._stack.local = local
        if self.video.active:
            self.video.set_local(local)
            return
        self.plane.set_local(local)
        if not self.live:
            self.start()

    def follow_regions(self) -> None:
        """The regions with times of their own are others, or lie elsewhere."""
        layer = self._controls.layer
        if layer is not None and self._stack is not None and self.live and not self.video.active:
            self._stack.local = self._controls.local_of(layer)
            self.plane.follow(self._stack.local)

    def on_moved(self) -> None:
        """The picture lies elsewhere."""
        if self._controls.where.layer is not None:
            self.follow_regions()
        self.plane.redraw()

    def set_denoise(self, wanted: bool) -> None:
        """Remove noise, or do not."""
        self.video.set_denoise(wanted)
        self.plane.set_denoise(wanted)

    def cancel(self) -> str:
        """Stop what takes long; gives what is to be said of it, nothing if nothing was going on."""
        plane = self.plane
        if plane.solving.busy:
            plane.solving.cancel()
            return "Cancelled."
        if plane.cleaning.busy:
            plane.leave_noise()
            return "Noise removal was cancelled: the picture keeps its noise. Enhance starts it again."
        return ""

    def on_dims(self) -> None:
        """The viewer looks at another place."""
        viewer, layer = self._viewer, self._controls.layer
        if self.video.active and self._stack is not None and layer is not None and viewer is not None:
            index = shown_index(viewer, layer, self._stack.planes)
            if index is not None:
                self.video.move(index[0])
        elif self.live and not self.dims.isActive():
            self.dims.start()

    def _on_plane(self) -> None:
        """The dims slider has moved; only another plane matters."""
        layer, stack, solved, viewer = self._controls.layer, self._stack, self.plane.current, self._viewer
        if layer is None or stack is None or viewer is None or not self.live:
            return
        if solved is None or shown_index(viewer, layer, stack.planes) != solved.index:
            self._solve(layer, stack)

    def _solve(self, layer: Image, stack: Stack) -> None:
        """Solve the plane that is shown, after the one that is being solved."""
        viewer, controls = self._viewer, self._controls
        if viewer is None:
            return
        if stack.planes.stack and not shows_planes(viewer):
            self.plane.current = None
            self.said.emit(axes_message(viewer))
            return
        index = shown_index(viewer, layer, stack.planes)
        if index is None:
            self.plane.current = None
            controls.plot.clear()
            self.said.emit(f"{layer.name} has no plane here.")
            return
        value, denoise = controls.value, controls.removes_noise
        if is_video(layer) and stack.info.video_tables:
            self.video.start(viewer, layer, stack, index[0], value, denoise)
        else:
            self.plane.start(viewer, layer, stack, index, value, denoise)

    def _on_solved(self, solved: Solved) -> None:
        reduced = solved.stack.planes.reduced
        if self._controls.settings.levels == "auto":
            self._controls.levels.show_found(solved.stack.limits)
        coarse = f"A plane is very large: it is enhanced at 1/{reduced:.3g} of its size."
        if reduced > 1:  # else what was said of the work stays, such as a lack of memory
            self.said.emit(coarse)


def axes_message(viewer: Any) -> str:
    """Why no result is shown where the viewer shows other axes than those of a picture."""
    if viewer.dims.ndisplay == 3:
        return "The result is one plane, so in 3-D the source is shown: Apply to all planes makes a volume."
    return "The viewer shows other axes than those of a picture: roll them back to see the result."
