"""Interlaced video: two half pictures, taken one after the other, in the rows of one frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame
    from av.filter import Graph
    from av.video.stream import VideoStream

_BOTTOM_FIRST = (3, 4)  # FFmpeg's AV_FIELD_BB and AV_FIELD_TB


def interlacing(encoder: str, order: str | None) -> dict[str, str]:
    """An encoder's options for frames of two fields; none if it does not store fields."""
    if order is None or encoder != "libx264":
        return {}
    return {"flags": "+ildct+ilme", "x264-params": f"{order}=1"}


def field_order(frame: VideoFrame, stream: VideoStream) -> str | None:
    """Which field comes first, "tff" or "bff"; None for a progressive frame."""
    if not frame.interlaced_frame:
        return None
    return "bff" if int(stream.codec_context.field_order) in _BOTTOM_FIRST else "tff"


def plane_rows(plane: Any, depth: int) -> NDArray[Any]:
    """All bytes of a plane of a frame as rows of samples, the padding at their ends included."""
    dtype = np.dtype(np.uint8 if depth <= 8 else np.uint16)
    seen: NDArray[Any] = np.frombuffer(plane, dtype).reshape(plane.height, -1)
    return seen


def split(frame: VideoFrame, always: bool = False) -> list[VideoFrame] | None:
    """The two fields of a frame as frames of half the height, or None where nothing is gained by it.

    Only where a row of chroma serves two rows of luma do the fields have to be told apart.
    """
    layout = frame.format
    if len(frame.planes) < 3 or frame.height % 4 or not (always or layout.chroma_height(4) < 4):
        return None
    from av import VideoFrame

    depth, halves = layout.components[0].bits, []
    for first in (0, 1):
        half = VideoFrame(frame.width, frame.height // 2, layout.name)
        for source, target in zip(frame.planes, half.planes, strict=True):
            rows, into = plane_rows(source, depth), plane_rows(target, depth)
            width = min(rows.shape[1], into.shape[1])
            into[:, :width] = rows[first::2, :width]
        half.colorspace, half.color_range = frame.colorspace, frame.color_range
        halves.append(half)
    return halves


def weave(halves: list[VideoFrame], depth: int) -> VideoFrame:
    """One frame from two fields: `split` undone."""
    from av import VideoFrame

    whole = VideoFrame(halves[0].width, halves[0].height * 2, halves[0].format.name)
    for first, half in enumerate(halves):
        for source, target in zip(half.planes, whole.planes, strict=True):
            rows, into = plane_rows(source, depth), plane_rows(target, depth)
            width = min(rows.shape[1], into.shape[1])
            into[first::2, :width] = rows[:, :width]
    return whole


class _Filter:
    """Frames through one of FFmpeg's filters, made for the first of them."""

    def __init__(self, name: str, arguments: str) -> None:
        self.name, self.arguments = name, arguments
        self._graph: Graph | None = None

    def __call__(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """What comes out for a frame; None at the end."""
        import av.error

        if self._graph is None:
            if frame is None:
                return
            self._graph = self._made(frame)
        self._graph.push(frame)
        while True:
            try:
                done = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield done  # type: ignore[misc]  # a video graph gives frames of video

    def _made(self, frame: VideoFrame) -> Graph:
        from av.filter import Graph

        graph = Graph()
        source = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base or Fraction(1, 1000),
        )
        step, sink = graph.add(self.name, self.arguments), graph.add("buffersink")
        source.link_to(step)
        step.link_to(sink)
        graph.configure()
        return graph


def deinterlacer() -> Callable[[VideoFrame | None], Iterator[VideoFrame]]:
    """Makes whole frames, one for each, from its fields and its neighbours' (FFmpeg's bwdif)."""
    return _Filter("bwdif", "mode=send_frame:deint=interlaced")
