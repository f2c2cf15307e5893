"""Frames on their way from a reader through their exposure to a file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from clode_core.pictures.atomic import write_atomically
from clode_core.video.ahead import ahead
from clode_core.video.frames import Canvas, Frame
from clode_core.video.parts import Joiner, Parts, part_container
from clode_core.video.reading import VideoError, VideoReader
from clode_core.video.writing import Encoding, VideoWriter

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.stream import Stream

Report = Callable[[str, int, int | None], None]
"""Called with what is being done, frames done, and about how many there are."""


@dataclass
class VideoSummary:
    """What came of a video.

    Attributes
    ----------
    frames : int
        Frames written.
    cuts : list of float
        When new scenes begin, in seconds.
    damaged : int
        Packets that could not be decoded and are missing.
    left_out : list of str
        What of the source could not be kept, in words.
    transcoded : list of str
        Sound that the container could not hold as it was, in words.
    ends : (float, float) or None
        If the file ends before its time, when it does and when it should, in seconds.
    seconds : float
        Time it took.
    """

    frames: int = 0
    cuts: list[float] = field(default_factory=list)
    damaged: int = 0
    left_out: list[str] = field(default_factory=list)
    transcoded: list[str] = field(default_factory=list)
    ends: tuple[float, float] | None = None
    seconds: float = 0.0


_CUT_OFF = 0.5
"""Seconds that a file may end before its time: headers are not exact."""


class _InOrder:
    """Does work in the order of its coming in a thread of its own: a few frames are encoded meanwhile."""

    _MOST = 3

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "clode-encoder")
        self._under_way: deque[Future[None]] = deque()

    def do(self, work: Callable[..., None], *arguments: object) -> None:
        """Hand in some work; what went wrong with earlier work is raised."""
        self._under_way.append(self._thread.submit(work, *arguments))
        while len(self._under_way) > self._MOST:
            self._under_way.popleft().result()

    def __enter__(self) -> _InOrder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            try:
                while self._under_way:
                    self._under_way.popleft().result()
            finally:
                self._thread.shutdown(cancel_futures=True)
        else:
            self._thread.shutdown(cancel_futures=True)


def _checked_order(reader: VideoReader, frame: VideoFrame, last: int | None) -> int | None:
    """The timestamp of a frame, which comes after the last one's and has the size of all."""
    at = f"at {reader.seconds(frame):.2f} s"
    stored = reader.stored_shape
    if (frame.height, frame.width) != stored:
        raise VideoError(
            f"{reader.name} changes its size from {stored[1]} x {stored[0]} to "
            f"{frame.width} x {frame.height} {at}: cut it there and enhance the parts"
        )
    if frame.pts is not None and last is not None and frame.pts <= last:
        raise VideoError(
            f"the timestamps of {reader.name} go back {at}: mend it first, for example by making it an .mkv"
        )
    return frame.pts


def _clock(text: str) -> float | None:
    """Seconds in a time such as 00:01:02.5."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None


def _promised(reader: VideoReader, carried: list[Stream]) -> float | None:
    """When a video ends, in seconds, as its header tells; None where it does not.

    Where only the whole file has a duration it counts if all that could last so long is carried over.
    """
    stream = reader.stream
    marks = {key.lower(): value for key, value in stream.metadata.items()}
    if stream.duration is not None:
        return float(((stream.start_time or 0) + stream.duration) * reader.time_base)
    if "duration" in marks:
        return _clock(marks["duration"])
    lasting = [s for s in reader.container.streams if s.type in ("video", "audio", "subtitle")]
    if reader.container.duration is None or len(lasting) > 1 + len(carried):
        return None
    return (reader.container.duration + max(0, reader.container.start_time or 0)) / 1e6


def written(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file beside and rename it; what FFmpeg says on the way names the file, not its stand-in."""
    import av.error

    try:
        write_atomically(target, write)
    except av.error.FFmpegError as error:
        raise VideoError(
            f"{target} cannot be written ({error.strerror}): choose another ending or --codec"
        ) from None


class Passing:
    """Frames of a video on their way from the reader through the exposure to the file."""

    def __init__(
        self,
        reader: VideoReader,
        target: Path,
        encoding: Encoding,
        exposer: Callable[[Frame, Canvas], None],
        summary: VideoSummary,
        report: Report | None,
    ) -> None:
        self.reader, self.target, self.encoding = reader, target, encoding
        self.exposer, self.summary, self.report = exposer, summary, report
        self._last: int | None = None

    def _tell(self) -> None:
        if self.report is not None:
            self.report("enhance", self.summary.frames, self.reader.frame_count)

    def _prepared(
        self, items: Iterable[VideoFrame | Packet[Any]]
    ) -> Iterator[tuple[VideoFrame, Frame] | Packet[Any]]:
        """Frames with their pixels, ready to be exposed; packets as they are."""
        import av

        for item in items:
            if isinstance(item, av.Packet):
                yield item
            else:
                self._last = _checked_order(self.reader, item, self._last)
                yield item, self.reader.upright(item)

    def _write_all(
        self, items: Iterable[VideoFrame | Packet[Any]], writer: VideoWriter, encoder: _InOrder
    ) -> None:
        """Decode in one thread, expose in this one, and encode in a third."""
        with closing(ahead(self._prepared(items))) as prepared:
            for item in prepared:
                if isinstance(item, tuple):
                    self._write(*item, writer, encoder)
                else:
                    encoder.do(writer.carry, item)

    def _write(self, frame: VideoFrame, upright: Frame, writer: VideoWriter, encoder: _InOrder) -> None:
        canvas = writer.canvas()
        self.exposer(upright, canvas)
        encoder.do(writer.write, canvas, frame)
        self.summary.frames += 1
        self._tell()

    def _end(self, carried: list[Stream]) -> None:
        """See whether the file is whole, once it has been read."""
        promised = _promised(self.reader, carried)
        if promised is not None and self.reader.reached < promised - _CUT_OFF:
            self.summary.ends = self.reader.reached, promised
        if self.summary.frames == 0:
            raise VideoError(f"{self.reader.name} holds no frame that can be decoded")

    def at_once(self, handle: BinaryIO) -> None:
        """Write the whole video to an open file."""
        with VideoWriter(handle, self.target, self.reader, self.encoding) as writer, _InOrder() as encoder:
            self.summary.left_out, self.summary.transcoded = writer.left_out, writer.transcoded
            self._write_all(self.reader.demuxed(writer.carried), writer, encoder)
        self.summary.damaged = self.reader.damaged
        self._end(writer.carried)

    def in_parts(self, parts: Parts) -> None:
        """Write the parts that are missing, then join all."""
        if not parts.complete:
            frames = self.reader.decoded()
            for frame in islice(frames, sum(parts.frames)):
                self._last = _checked_order(self.reader, frame, self._last)
                self.summary.frames += 1
            if parts.frames:
                self._tell()
            while (first := next(frames, None)) is not None:
                before, part = self.summary.frames, chain([first], islice(frames, parts.size - 1))
                written(parts.path(len(parts.frames)), partial(self._part, part, parts))
                start = (first.pts or 0) * Fraction(first.time_base or self.reader.time_base)
                parts.add(self.summary.frames - before, start, self.reader)
            parts.add(0, Fraction(0), self.reader)
        self.summary.frames = sum(parts.frames)
        self.summary.damaged = parts.damaged
        self.reader.rewind()
        self.reader.reached = parts.reached
        written(self.target, partial(self._join, parts))
        parts.finished = True

    def _part(self, frames: Iterable[VideoFrame], parts: Parts, handle: BinaryIO) -> None:
        with (
            VideoWriter(handle, self.target, self.reader, self.encoding, part_container) as writer,
            _InOrder() as encoder,
        ):
            parts.left_out = writer.left_out
            self._write_all(frames, writer, encoder)

    def _join(self, parts: Parts, handle: BinaryIO) -> None:
        joiner = Joiner(handle, parts, self.reader)
        joiner.write()
        self.summary.left_out = [*parts.left_out, *joiner.others.left_out]
        self.summary.transcoded = joiner.others.transcoded
        self._end(joiner.carried)
