"""Videos and cameras, read frame by frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from clode_core.video.fields import deinterlacer, field_order
from clode_core.video.frames import Frame, Planes16, read_planes
from clode_core.video.hdr import Light, Signal, signal_of
from clode_core.video.transparency import alpha_decoder, has_alpha

if TYPE_CHECKING:
    from types import TracebackType

    from av import Packet, VideoCodecContext, VideoFrame
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

SUFFIXES = frozenset(
    [".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv"]
)
"""Endings of files that are offered as videos; others are read too where FFmpeg knows them."""
_MOST_DAMAGE = 100
_LOOK_EVERY = 15  # frames
_USUAL_RATE = Fraction(25)


class VideoError(ValueError):
    """A video that cannot be read or written; the message says what to do."""


def _refuse(source: object, error: Exception) -> NoReturn:
    import av.error

    if isinstance(error, av.error.FileNotFoundError):
        raise VideoError(f"{source} does not exist: check the name") from None
    if isinstance(error, av.error.PermissionError):
        raise VideoError(f"{source} may not be read: change its permissions") from None
    if isinstance(error, av.error.IsADirectoryError):
        raise VideoError(f"{source} is a folder: name a video file") from None
    raise VideoError(f"{source} cannot be read as a video: it is damaged, or no video") from None


@dataclass(frozen=True)
class FrameKind:
    """What the first frame of a video says of all of them.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns as they are stored.
    pixel_format : str
        FFmpeg's name of how they are stored.
    quarter_turns : int
        Turns, counter-clockwise, that put them upright.
    signal : Signal or None
        Tables between what is stored and what is exposed, for PQ.
    light : Light
        What an HDR file says of its light.
    fields : str or None
        "tff" or "bff" if they are interlaced.
    """

    shape: tuple[int, int]
    pixel_format: str
    quarter_turns: int = 0
    signal: Signal | None = None
    light: Light = field(default_factory=Light)
    fields: str | None = None

    @classmethod
    def of(cls, frame: VideoFrame, stream: VideoStream) -> FrameKind:
        """Look at a frame."""
        return cls(
            (frame.height, frame.width),
            frame.format.name,
            round(frame.rotation / 90) % 4,
            signal_of(frame),
            Light.of(frame),
            field_order(frame, stream),
        )


class VideoReader:
    """A video file or a camera, whose frames come upright and in order.

    Parameters
    ----------
    source : str or Path
        A file, or whatever FFmpeg opens.
    container_format : str, optional
        FFmpeg's name of the input, needed for cameras ("v4l2", "avfoundation", "dshow").
    options : dict, optional
        FFmpeg's options of the input.
    clean : bool
        Make the dark fit to be brightened; see `darkness.clean_dark`.
    deinterlace : bool
        Make whole frames of interlaced ones.

    Attributes
    ----------
    black : float or None
        Black level in [0, 1). None until it is set or a frame is read, then the lowest of those looked at.
    strength : float or None
        How much the video was compressed, from 0 to 1: the mean of the frames looked at.
    container : InputContainer
        FFmpeg's view of the file.
    stream : VideoStream
        The video in it.
    damaged : int
        Packets so far that could not be decoded.
    reached : float
        When the last packet so far ends, in seconds.
    kind : FrameKind
        What the frames are like.

    Raises
    ------
    VideoError
        If it cannot be opened or holds no video.
    """

    def __init__(
        self,
        source: str | Path,
        container_format: str | None = None,
        options: dict[str, str] | None = None,
        *,
        clean: bool = True,
        deinterlace: bool = False,
    ) -> None:
        try:
            import av
        except ModuleNotFoundError:
            raise VideoError("videos need PyAV: pip install 'clode-core[video]'") from None
        from av.video.reformatter import VideoReformatter

        self.name = str(source)
        self.damaged = 0
        self.reached = 0.0
        self.clean = clean
        self._deinterlaces = deinterlace
        self.black: float | None = None
        self.strength: float | None = None
        self._read = 0
        self._looked_at = 0
        self._dark_is_known = False
        if isinstance(source, Path) and not source.is_file():
            raise VideoError(
                f"{source} is a folder: name a video file"
                if source.is_dir()
                else f"{source} does not exist: check the name"
            )
        self._format, self._options = container_format, options
        self._open()
        context = self.stream.codec_context
        self.kind = FrameKind((context.height, context.width), context.pix_fmt or "yuv420p")
        self._reformatter = VideoReformatter()
        self._small = VideoReformatter()
        try:
            if container_format is None:
                self.kind = self._first_kind()
        except (av.error.FFmpegError, ValueError) as error:
            self.container.close()
            _refuse(source, error)

    def _open(self) -> None:
        import av

        try:
            self.container: InputContainer = av.open(
                self.name, format=self._format, options=self._options, metadata_errors="ignore"
            )
        except (av.error.FFmpegError, ValueError) as error:
            _refuse(self.name, error)
        if not self.container.streams.video:
            self.container.close()
            raise VideoError(f"{self.name} holds no video")
        self.stream: VideoStream = self.container.streams.video[0]
        self.stream.thread_type = "AUTO"
        self._untimed = 0
        self._decoder: VideoCodecContext | None = alpha_decoder(self.stream)
        self._whole: Callable[[VideoFrame | None], Iterator[VideoFrame]] | None = (
            deinterlacer() if self._deinterlaces else None
        )

    def _first_kind(self) -> FrameKind:
        """What the first frame is like; the file is read from its start afterwards."""
        import av.error

        for frame in self.decoded():
            kind = FrameKind.of(frame, self.stream)
            self.rewind()
            return kind
        raise av.error.InvalidDataError(0, "no frame", self.name)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file or the camera."""
        self.container.close()

    @property
    def stored_shape(self) -> tuple[int, int]:
        """Rows and columns of the frames as they are stored."""
        return self.kind.shape

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the upright frames."""
        rows, columns = self.kind.shape
        return (columns, rows) if self.kind.quarter_turns % 2 else (rows, columns)

    @property
    def bits(self) -> int:
        """Bits per sample that are stored."""
        from av import VideoFormat

        return max((c.bits for c in VideoFormat(self.kind.pixel_format).components), default=8)

    @property
    def has_alpha(self) -> bool:
        """Whether parts of the picture are transparent."""
        return has_alpha(self.kind.pixel_format)

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """The smallest type that holds a sample."""
        return np.uint8 if self.bits <= 8 else np.uint16

    @property
    def time_base(self) -> Fraction:
        """Seconds in one unit of the timestamps."""
        return self.stream.time_base or 1 / _USUAL_RATE

    @property
    def frame_rate(self) -> Fraction:
        """Mean frames per second."""
        return self.stream.average_rate or self.stream.guessed_rate or _USUAL_RATE

    @property
    def duration(self) -> float | None:
        """Seconds, or None if the file does not say."""
        if self.stream.duration is not None:
            return float(self.stream.duration * self.time_base)
        return None if self.container.duration is None else self.container.duration / 1e6

    @property
    def frame_count(self) -> int | None:
        """About how many frames there are, or None if nothing is known."""
        if self.duration is not None:
            return max(1, round(self.duration * float(self.frame_rate)))
        return self.stream.frames or None

    def demuxed(self, carried: Collection[Stream] = ()) -> Iterator[VideoFrame | Packet[Any]]:
        """Frames as the decoder gives them, and the packets of other streams, in the order of the file.

        What cannot be decoded is left out and counted in `damaged`.

        Raises
        ------
        VideoError
            If nothing more can be read, though the file goes on.
        """
        import av

        in_a_row = 0
        packets = self.container.demux(self.stream, *carried)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.EOFError):
                break
            except av.error.FFmpegError as error:
                in_a_row += 1
                self.damaged += 1
                if in_a_row > _MOST_DAMAGE:
                    _refuse(self.name, error)
                continue
            self.note_end(packet)
            if packet.stream is not self.stream and packet.stream.index != self.stream.index:
                if packet.dts is not None and not packet.is_discard:
                    yield packet
                continue
            try:
                decoded = self._decode(packet)
                in_a_row = 0
            except av.error.FFmpegError:
                self.damaged += 1
                continue
            for frame in decoded:
                if isinstance(frame, av.VideoFrame) and not frame.is_corrupt:
                    yield from self._whole(self._timed(frame)) if self._whole else (self._timed(frame),)
                else:
                    self.damaged += 1
        if self._whole is not None:
            yield from self._whole(None)

    def _decode(self, packet: Packet[Any]) -> Iterable[Any]:
        if self._decoder is None:
            return packet.decode()
        return self._decoder.decode(packet if packet.size else None)

    def note_end(self, packet: Packet[Any]) -> None:
        """Remember when the last packet ends."""
        if packet.pts is not None and packet.time_base is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.reached = max(self.reached, end)

    def _timed(self, frame: VideoFrame) -> VideoFrame:
        """A frame with a timestamp: a bare stream has none, its frames follow at the usual rate."""
        if frame.pts is None:
            frame.time_base = self.time_base
            frame.pts = round(self._untimed / (self.frame_rate * self.time_base))
            self._untimed += 1
        return frame

    def decoded(self) -> Iterator[VideoFrame]:
        """Frames as the decoder gives them."""
        import av

        for item in self.demuxed():
            assert isinstance(item, av.VideoFrame)  # nothing else was asked for
            yield item

    def __iter__(self) -> Iterator[Frame]:
        for frame in self.decoded():
            yield self.upright(frame)

    def upright(self, frame: VideoFrame) -> Frame:
        """Convert a decoded frame to red, green and blue, its dark made fit to be brightened."""
        planes = self.planes(frame)
        if self.clean:
            from clode_core.video.darkness import clean_dark

            if self._read % _LOOK_EVERY == 0 and not self._dark_is_known:
                self.look_at_dark(planes)
            self._read += 1
            planes = clean_dark(planes, self.black or 0.0, self.strength)
        return Frame(planes, self.seconds(frame), frame.pts, int(frame.duration or 0))

    def planes(self, frame: VideoFrame) -> Planes16:
        """Red, green and blue of a decoded frame as they are stored, upright."""
        planes = read_planes(frame, self._reformatter, self.kind.quarter_turns)
        return planes if self.kind.signal is None else self.kind.signal.entered(planes)

    def look_at_dark(self, planes: Planes16) -> None:
        """Lower the black level to that of a frame, and let its compression count."""
        from clode_core.video.darkness import black_level, frame_compression

        here = black_level(planes)
        self.black = here if self.black is None else min(self.black, here)
        self._looked_at += 1
        known = self.strength or 0.0
        self.strength = known + (frame_compression(planes) - known) / self._looked_at

    def fix_dark(self) -> None:
        """Take black level and compression as known: the whole video has been looked at."""
        self._dark_is_known = True

    def thumbnail(self, frame: VideoFrame, long_side: int) -> Frame:
        """A decoded frame, averaged down to a long side in pixels, upright."""
        scale = long_side / max(frame.width, frame.height)
        width, height = (max(16, round(n * scale)) for n in (frame.width, frame.height))
        planes = read_planes(frame, self._small, self.kind.quarter_turns, (width, height))
        planes = planes if self.kind.signal is None else self.kind.signal.entered(planes)
        return Frame(planes, self.seconds(frame), frame.pts)

    def seconds(self, frame: VideoFrame) -> float:
        """When a frame is shown, in seconds."""
        return 0.0 if frame.pts is None else float(frame.pts * (frame.time_base or self.time_base))

    def rewind(self) -> None:
        """Go back to the start by opening the file again.

        Seeking to the start lands after the first key frame of a transport stream, and a bare stream cannot
        be sought at all.
        """
        self.container.close()
        self._open()
        self.damaged, self.reached = 0, 0.0

    def seek(self, seconds: float) -> None:
        """Go to the last frame at or before a time from which decoding can start."""
        stamp = math.floor(seconds / self.time_base)
        self.container.seek(max(stamp, self.stream.start_time or 0), stream=self.stream)
        if self._decoder is not None:
            self._decoder.flush_buffers()

    def timestamps(self) -> list[int]:
        """Timestamps of all frames, in order, found without decoding; the reader is at its start then."""
        self.rewind()
        stamps = [
            packet.pts
            for packet in self.container.demux(self.stream)
            if packet.pts is not None and not packet.is_discard
        ]
        self.rewind()
        return sorted(stamps)
