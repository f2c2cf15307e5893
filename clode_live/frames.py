"""Frames on their way from the video to the window, and the settings they are rendered with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clode_core.video import Frame
from clode_live.methods import FrameRenderer, Progress
from clode_live.packing import Packed, frame_of, pack_frame, pack_pixels
from clode_live.sources import Source, pixel_aspect, start_time

if TYPE_CHECKING:
    from av import VideoFrame
    from numpy.typing import NDArray

_WORTHWHILE = 0.8  # a frame is reduced where its sides come to less than this


@dataclass(frozen=True)
class PlaybackSettings:
    """What users have set.

    Attributes
    ----------
    value : float
        Of the slider; means nothing to a method without one.
    auto, denoise, split : bool
        Whether the method chooses the value; noise is removed; the recorded frame is wanted too.
    playing, loop : bool
        Whether the video plays, and begins again at the end.
    long_side : int
        Long side of a frame on the screen, in pixels; 0 for no limit.
    """

    value: float = 0.0
    auto: bool = False
    denoise: bool = False
    split: bool = False
    playing: bool = True
    loop: bool = False
    long_side: int = 0


@dataclass(frozen=True)
class RenderedFrame:
    """A frame ready to be drawn.

    Attributes
    ----------
    after, before : ndarray
        0xffRRGGBB, (Y, X): enhanced, and as it was recorded where that was wanted.
    time : float
        Seconds from the start of the file.
    value : float
        Of the slider.
    aspect : float
        How much wider than high a pixel is.
    best : bool
        Whether it is as good as it gets.
    """

    after: Packed
    before: Packed | None
    time: float
    value: float
    aspect: float
    best: bool


class DecodedFrame:
    """A decoded frame and its renderer.

    Parameters
    ----------
    source : Source
        Where it comes from.
    decoded : VideoFrame
        The frame as the decoder gives it.
    renderer : FrameRenderer
        Enhances it.

    Attributes
    ----------
    time : float
        When it is shown, in seconds as the file counts.
    """

    def __init__(self, source: Source, decoded: VideoFrame, renderer: FrameRenderer) -> None:
        self.source = source
        self.decoded = decoded
        self.renderer = renderer
        self.time = source.reader.seconds(decoded)
        self._frames: dict[int, Frame] = {}

    def duration(self, frames_per_second: float) -> float:
        """How long it is shown, in seconds."""
        given = float((self.decoded.duration or 0) * (self.decoded.time_base or 0))
        return given if given > 0 else 1 / frames_per_second

    def at_size(self, long_side: int) -> Frame:
        """The frame upright, reduced where fewer pixels are wanted; 0 for all."""
        size = long_side if self._is_reduced(long_side) else 0
        if size not in self._frames:
            reader = self.source.reader
            reduced = reader.thumbnail(self.decoded, size) if size else reader.upright(self.decoded)
            self._frames[size] = reduced
        return self._frames[size]

    def prepare(self, settings: PlaybackSettings) -> None:
        """Convert the frame ahead of its time."""
        if not settings.denoise:
            self.at_size(self._size(settings))

    def is_denoised(self) -> bool:
        """Whether the noise of the whole frame has been removed already."""
        return self.renderer.is_denoised(self.at_size(0))

    def render(self, settings: PlaybackSettings, progress: Progress, best: bool) -> RenderedFrame:
        """Enhance the frame for the window; in its own size and without noise if the best is wanted."""
        renderer = self.renderer
        size = 0 if best else self._size(settings)
        frame = self.at_size(size)
        value = self._value(settings, frame)
        wants_denoised = settings.denoise and renderer.info.noise_removal
        denoised = wants_denoised and (best or settings.playing)
        if denoised:
            after = pack_pixels(renderer.denoised(frame, value, progress))
        else:
            after = renderer.quick(frame, value, progress)
        before = pack_frame(frame) if settings.split else None
        is_best = best or (denoised == wants_denoised and not self._is_reduced(size))
        reader = self.source.reader
        time = self.time - start_time(reader)
        return RenderedFrame(after, before, time, value, pixel_aspect(reader), is_best)

    def pixels(self, settings: PlaybackSettings, progress: Progress) -> NDArray[Any]:
        """The whole frame, enhanced, in the depth of the video."""
        frame = self.at_size(0)
        value = self._value(settings, frame)
        denoise = settings.denoise and self.renderer.info.noise_removal
        enhance = self.renderer.denoised if denoise else self.renderer.exact
        return frame_of(enhance(frame, value, progress)).pixels(self.source.reader.dtype)

    def _value(self, settings: PlaybackSettings, frame: Frame) -> float:
        if settings.auto and self.renderer.info.automatic:
            return self.renderer.automatic_value(frame)
        return settings.value

    def _is_reduced(self, long_side: int) -> bool:
        """Whether the frame is reduced to a long side that is wanted."""
        return 0 < long_side < _WORTHWHILE * max(self.decoded.width, self.decoded.height)

    def _size(self, settings: PlaybackSettings) -> int:
        """Long side to which the frame is reduced; 0 for its own."""
        limits = (settings.long_side, self.renderer.info.preview_side if settings.playing else 0)
        return min((limit for limit in limits if limit > 0), default=0)
