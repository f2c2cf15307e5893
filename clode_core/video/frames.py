"""Colour planes of video frames: exact conversion from and to what codecs store."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clode_core.pictures.arrays import Levels
from clode_core.video.fields import split, weave

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.reformatter import VideoReformatter

Planes16 = tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]]
"""Red, green and blue, each (Y, X); 0 is black and `WHITE` is white."""

WHITE = 65280
"""What FFmpeg's 16-bit RGB gives for white: 255 times 256."""
FRAME_LEVELS = Levels(0.0, float(WHITE))
"""Black and white level of `Frame.stacked`."""
_PLANAR = "gbrp16le" if sys.byteorder == "little" else "gbrp16be"
_STORED = (2, 0, 1)  # red, green and blue among the planes G, B, R
_UNSPECIFIED = 2
_FULL_RANGE = 2
_HD_HEIGHT = 720


@dataclass(frozen=True)
class Frame:
    """A frame, upright.

    Attributes
    ----------
    planes : (ndarray, ndarray, ndarray)
        Red, green and blue, each (Y, X), 16 bits; white is `WHITE`.
    time : float
        When it is shown, in seconds from the start of the file.
    timestamp : int or None
        The same in units of the stream's time base.
    duration : int
        How long it is shown, in the same units; 0 if the file does not say.
    """

    planes: Planes16
    time: float
    timestamp: int | None = None
    duration: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.planes[0].shape[0], self.planes[0].shape[1]

    @cached_property
    def stacked(self) -> NDArray[np.uint16]:
        """The frame as one array (Y, X, 3), 16 bits, white at `WHITE`."""
        return np.stack(self.planes, axis=-1)

    def pixels(self, dtype: type[np.uint8] | type[np.uint16] = np.uint8) -> NDArray[Any]:
        """Return the frame as an array (Y, X, 3) over the full range of `dtype`."""
        top = np.iinfo(dtype).max
        table = np.minimum(np.rint(np.arange(1 << 16) * (top / WHITE)), top).astype(dtype)
        out = np.empty((*self.shape, 3), dtype)
        for channel, plane in enumerate(self.planes):
            out[..., channel] = table[plane]
        return out


def colour_matrix(frame: VideoFrame) -> int:
    """The matrix between YUV and RGB: the frame's own, or what its height suggests if it does not say."""
    from av.video.reformatter import Colorspace

    if int(frame.colorspace) != _UNSPECIFIED:
        return int(frame.colorspace)
    return int(Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601)


def full_range(frame: VideoFrame) -> bool:
    """Whether YUV values use all codes, rather than 16 to 235."""
    return int(frame.color_range) == _FULL_RANGE or frame.format.name.startswith("yuvj")


def _exact(shrinks: bool = False) -> int:
    """Without this FFmpeg's conversion is off by one or two of 255, which brightening shows as a tint."""
    from av.video.reformatter import Interpolation

    kind = Interpolation.AREA if shrinks else Interpolation.BILINEAR
    return int(kind | Interpolation.ACCURATE_RND)


def read_planes(
    frame: VideoFrame,
    reformatter: VideoReformatter,
    quarter_turns: int = 0,
    size: tuple[int, int] | None = None,
) -> Planes16:
    """Convert a decoded frame to red, green and blue, turned counter-clockwise by quarter turns.

    With a size (columns, rows of the stored frame) it is averaged down to that.
    """
    halves = split(frame) if size is None and frame.interlaced_frame else None
    if halves is None:
        planar = _planar(frame, reformatter, size)
    else:
        planar = weave([_planar(half, reformatter, None, like=frame) for half in halves], 16)
    red, green, blue = (np.rot90(_view(planar, i, np.dtype(np.uint16)), quarter_turns) for i in _STORED)
    return red, green, blue


def _planar(
    frame: VideoFrame,
    reformatter: VideoReformatter,
    size: tuple[int, int] | None,
    like: VideoFrame | None = None,
) -> VideoFrame:
    """Convert a frame to 16-bit RGB, by the colour description of another one."""
    like = like or frame
    matrix = colour_matrix(like)
    columns, rows = size or (frame.width, frame.height)
    return reformatter.reformat(
        frame,
        columns,
        rows,
        format=_PLANAR,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=2 if full_range(like) else 1,
        dst_color_range=2,
        interpolation=_exact(shrinks=size is not None),
    )


def _view(planar: VideoFrame, index: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A plane of a frame as an array that shares its memory."""
    plane = planar.planes[index]
    rows = np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // dtype.itemsize)  # type: ignore[call-overload]
    seen: NDArray[Any] = rows[:, : plane.width]
    return seen


class Canvas:
    """A new RGB frame of 8 or 16 bits, to be filled and handed to an encoder.

    Attributes
    ----------
    frame : VideoFrame
        The frame.
    planes : list of ndarray
        Its red, green and blue, each (Y, X), to be written to.
    white : int
        What white is in them.
    leave : ndarray or None
        Table from the signal that is exposed to the one that is stored, see `hdr.Signal`.
    """

    def __init__(self, shape: tuple[int, int], bits: int, leave: NDArray[np.uint16] | None = None) -> None:
        from av import VideoFrame

        self.leave = leave
        self.frame = VideoFrame(shape[1], shape[0], "gbrp" if bits == 8 else _PLANAR)
        self.dtype: type[np.uint8] | type[np.uint16] = np.uint8 if bits == 8 else np.uint16
        self.white = 255 if bits == 8 else WHITE
        self.planes = [_view(self.frame, i, np.dtype(self.dtype)) for i in _STORED]

    def stored(self, table: NDArray[np.uint16]) -> NDArray[Any]:
        """A table of exposed values, `WHITE` for white, as one of values of this canvas."""
        coded = table if self.leave is None else self.leave[table]
        return coded if self.white == WHITE else _TO_BYTES[coded]

    def fill(self, pixels: NDArray[np.uint16]) -> None:
        """Fill it with a frame (Y, X, 3) of 16 bits, whose white is `WHITE`."""
        for channel, plane in enumerate(self.planes):
            values = pixels[..., channel]
            if self.leave is not None:
                values = self.leave[values]
            plane[...] = values if self.white == WHITE else _TO_BYTES[values]


_TO_BYTES = np.minimum(np.rint(np.arange(1 << 16) * (255 / WHITE)), 255).astype(np.uint8)


def _as_stored(
    planar: VideoFrame, pixel_format: str, like: VideoFrame, reformatter: VideoReformatter
) -> VideoFrame:
    matrix = colour_matrix(like)
    return reformatter.reformat(
        planar,
        format=pixel_format,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=2,
        dst_color_range=2 if full_range(like) else 1,
        interpolation=_exact(),
    )


def to_stored(
    planar: VideoFrame, pixel_format: str, like: VideoFrame, reformatter: VideoReformatter
) -> VideoFrame:
    """Convert an RGB frame to a pixel format, with the colour description of another frame."""
    from av import VideoFormat

    layout = VideoFormat(pixel_format)
    subsampled = layout.chroma_height(4) < 4
    halves = split(planar, always=True) if like.interlaced_frame and subsampled else None
    if halves is None:
        stored = _as_stored(planar, pixel_format, like, reformatter)
    else:
        depth = max(c.bits for c in layout.components)
        stored = weave([_as_stored(half, pixel_format, like, reformatter) for half in halves], depth)
    stored.colorspace = like.colorspace
    stored.color_range = 2 if full_range(like) else like.color_range
    stored.color_primaries = like.color_primaries
    stored.color_trc = like.color_trc
    return stored
