"""What is wanted, what is read, and what is seen: the things that go between window and player."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clode_core.video import Frame
from clode_live.methods import Look, Packed
from clode_live.sources import Source

if TYPE_CHECKING:
    from av import VideoFrame

_WORTHWHILE = 0.8  # a frame is made smaller where its sides come to less than this


@dataclass(frozen=True)
class Wish:
    """What the window wants.

    Attributes
    ----------
    value : float
        Of the slider.
    auto, denoise, split : bool
        Whether the method chooses the value; noise is removed; the frame as it is is wanted too.
    playing, loop : bool
        Whether time goes on, and begins again at the end.
    long_side : int
        Pixels on the screen that a frame has; 0 for as many as it likes.
    """

    value: float
    auto: bool = False
    denoise: bool = False
    split: bool = False
    playing: bool = True
    loop: bool = False
    long_side: int = 0


@dataclass(frozen=True)
class Picture:
    """A frame to be seen.

    Attributes
    ----------
    after, before : ndarray
        0xffRRGGBB, (Y, X): enhanced, and as it is where that was wanted.
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


class Shot:
    """A decoded frame, looked at by the method."""

    def __init__(self, source: Source, decoded: VideoFrame, look: Look) -> None:
        self.source = source
        self.decoded = decoded
        self.look = look
        self.time = source.reader.seconds(decoded)
        self._frames: dict[int, Frame] = {}

    def reduced(self, long_side: int) -> bool:
        """Whether the frame is made smaller for a long side that is wanted."""
        return 0 < long_side < _WORTHWHILE * max(self.decoded.width, self.decoded.height)

    def frame(self, long_side: int) -> Frame:
        """The frame upright, made smaller where fewer pixels are wanted; 0 for all."""
        size = long_side if self.reduced(long_side) else 0
        if size not in self._frames:
            reader = self.source.reader
            small = bool(size)
            self._frames[size] = (
                reader.thumbnail(self.decoded, size) if small else reader.upright(self.decoded)
            )
        return self._frames[size]

    def seconds(self, frames_per_second: float) -> float:
        """How long it is shown."""
        given = float((self.decoded.duration or 0) * (self.decoded.time_base or 0))
        return given if given > 0 else 1 / frames_per_second
