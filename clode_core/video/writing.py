"""Videos written with the sound, the timestamps and the colour description of the one they come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from clode_core.video.carrying import OtherStreams, kept_tags
from clode_core.video.fields import interlacing
from clode_core.video.frames import Canvas, to_stored
from clode_core.video.reading import VideoError, VideoReader
from clode_core.video.transparency import ENCODERS as WITH_ALPHA
from clode_core.video.transparency import copy_alpha, planar_with_alpha

if TYPE_CHECKING:
    from types import TracebackType

    from av import Codec, Packet, VideoFrame
    from av.container import OutputContainer
    from av.video.stream import VideoStream

CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".avi": "avi",
    ".ts": "mpegts",
    ".mts": "mpegts",
}
"""Endings that can be written, and FFmpeg's names of their containers."""
_ENCODERS = {
    "h264": "libx264",
    "hevc": "libx265",
    "vp8": "libvpx-vp9",
    "vp9": "libvpx-vp9",
    "av1": "libsvtav1",
    "prores": "prores_ks",
    "ffv1": "ffv1",
}
UNLISTED = {"mpegts"}
"""Containers that do not say what they can hold."""
_OWN_TAGS = {"alpha_mode", "rotate"}  # the writer and the turned picture tell these
_WITHOUT_QUALITY = {"prores_ks", "ffv1", "mpeg4"}
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow")
"""From the fastest, with the largest files."""


@dataclass(frozen=True)
class Encoding:
    """How a video is compressed.

    Attributes
    ----------
    codec : str
        "auto" for that of the source, or FFmpeg's name of an encoder: libx264, libx265, libvpx-vp9,
        libsvtav1, ffv1, prores_ks.
    quality : float
        Constant rate factor: 18 looks like the input, higher numbers make smaller files.
    preset : str
        ultrafast, superfast, veryfast, faster, fast, medium, slow: slower makes smaller files.
    """

    codec: str = "auto"
    quality: float = 18.0
    preset: str = "veryfast"

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise VideoError(f"unknown preset {self.preset!r}: choose one of {', '.join(PRESETS)}")
        if not 0 <= self.quality <= 51:
            raise VideoError(f"quality must be a number from 0 (best) to 51 (smallest), not {self.quality:g}")

    def encoder(self, source: str, supported: Iterable[str], preferred: str) -> str:
        """Name of the encoder for a source codec in a container."""
        if self.codec != "auto":
            return self.codec
        known = set(supported)
        chosen = _ENCODERS.get(source, "libx264")
        for encoder in (chosen, "libx264"):
            if not known or _stores(encoder) in known:
                return encoder
        return _ENCODERS.get(preferred, preferred)

    def options(self, encoder: str) -> dict[str, str]:
        """FFmpeg's options of an encoder."""
        if encoder in _WITHOUT_QUALITY:
            return {}
        options = {"crf": f"{self.quality:g}"}
        slowness = PRESETS.index(self.preset)
        if encoder.startswith("libvpx"):
            speed = str(8 - slowness)
            return options | {"b": "0", "deadline": "realtime", "cpu-used": speed, "row-mt": "1"}
        if encoder == "libsvtav1":
            return options | {"preset": str(12 - slowness)}
        options["preset"] = self.preset
        return options | {"x265-params": "log-level=none"} if encoder == "libx265" else options


def _stores(encoder: str) -> str:
    """The codec that an encoder writes."""
    return {v: k for k, v in _ENCODERS.items() if k != "vp8"}.get(encoder, encoder)


def container_format(target: Path) -> str:
    """FFmpeg's name of the container that a file name asks for."""
    try:
        return CONTAINERS[target.suffix.lower()]
    except KeyError:
        raise VideoError(
            f"{target} has no ending of a video: choose one of {', '.join(sorted(CONTAINERS))}"
        ) from None


def _pixel_format(stored: str, bits: int, shape: tuple[int, int], offered: list[str]) -> str:
    """The pixel format of the source where the encoder has it, or the nearest one that loses nothing."""
    plain = stored.replace("yuvj", "yuv").replace("yuva", "yuv")
    odd = shape[0] % 2 or shape[1] % 2
    depth = "" if bits <= 8 else "10le" if bits <= 10 else "12le"
    wanted = [f"yuv444p{depth}"] if odd else [plain, f"yuv420p{depth}", f"yuv422p{depth}", f"yuv444p{depth}"]
    wanted += ["yuv444p10le", "yuv422p10le", "yuv420p10le"] if bits > 8 else []
    wanted += ["yuv444p", "yuv420p"]
    return next((name for name in wanted if name in offered), offered[0] if offered else "yuv420p")


def codecs_of(output: OutputContainer, container: str) -> set[str]:
    """Codecs that a container holds; none if it does not say."""
    return set() if container in UNLISTED else set(output.supported_codecs)


def picture_tags(tags: dict[str, str]) -> dict[str, str]:
    """Tags of the picture that are still true of a new one."""
    return {key: value for key, value in tags.items() if key.lower() not in _OWN_TAGS}


def _joined(*options: dict[str, str]) -> dict[str, str]:
    """Options of an encoder from several places; lists of its own parameters are joined."""
    joined: dict[str, str] = {}
    for key, value in (pair for some in options for pair in some.items()):
        joined[key] = f"{joined[key]}:{value}" if key in joined else value
    return joined


def _with_alpha(name: str, encoding: Encoding, container: str, stored: str) -> tuple[str, str | None]:
    """The encoder, and its pixel format with transparency; the container's own if it is free to choose."""
    kept = planar_with_alpha(name, container, stored)
    other = WITH_ALPHA.get(container)
    if kept is None and encoding.codec == "auto" and other is not None:
        return other, planar_with_alpha(other, container, stored)
    return name, kept


class VideoWriter:
    """Writes frames, and the other streams of their source, to an open file.

    Parameters
    ----------
    handle : file
        Binary, open for reading and writing.
    target : Path
        Its name in the end, whose ending tells the container.
    source : VideoReader
        Where the frames come from.
    encoding : Encoding
        How they are compressed.
    part_container : callable, optional
        Write nothing but the picture, to a container of its own: its name from the target and the codec.

    Attributes
    ----------
    carried : list of Stream
        Streams of the source whose packets are to be carried over.
    left_out : list of str
        What of the source cannot be kept, in words.
    transcoded : list of str
        Sound that the container cannot hold as it is, in words.

    Raises
    ------
    VideoError
        If the container or the encoder cannot do it.
    """

    def __init__(
        self,
        handle: BinaryIO,
        target: Path,
        source: VideoReader,
        encoding: Encoding,
        part_container: Callable[[Path, str], str] | None = None,
    ) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        self.target = target
        self.source = source
        container = container_format(target)
        self.output: OutputContainer = av.open(handle, "w", format=container, metadata_errors="ignore")
        video = source.stream.codec_context
        supported = codecs_of(self.output, container)
        name = encoding.encoder(video.codec.canonical_name, supported, self.output.default_video_codec)
        self._alpha: str | None = None
        if source.has_alpha:
            name, self._alpha = _with_alpha(name, encoding, container, source.kind.pixel_format)
        light, fields = source.kind.light.options(name), interlacing(name, source.kind.fields)
        if part_container is not None:
            codec = av.Codec(name, "w").canonical_name if name in av.codecs_available else name
            self.output = av.open(handle, "w", format=part_container(target, codec))
        self.output.metadata.update(source.container.metadata)
        self.stream, encoder = self._added(name, _joined(encoding.options(name), light, fields))
        offered = [f.name for f in encoder.video_formats or []]
        stored = source.kind.pixel_format
        self.pixel_format = self._alpha or _pixel_format(stored, source.bits, source.shape, offered)
        deepest = max(c.bits for c in av.VideoFormat(self.pixel_format).components)
        self.bits = 8 if deepest <= 8 else 16
        self._describe(video, container)
        self._reformatter = VideoReformatter()
        self._others: OtherStreams | None = None
        self.left_out = self._lost(name, light, fields)
        if part_container is None:
            self._others = OtherStreams(source.container, source.stream, self.output, container, supported)
            self.left_out += self._others.left_out
        self.carried = self._others.carried if self._others else []
        self.transcoded = self._others.transcoded if self._others else []

    def _added(self, name: str, options: dict[str, str]) -> tuple[VideoStream, Codec]:
        """The stream of the picture, and its encoder."""
        import av

        if name == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # or it tells its settings on the error output
        try:
            encoder = av.Codec(name, "w")
            stream = self.output.add_stream(name, rate=self.source.frame_rate, options=options)
            if not isinstance(stream, av.VideoStream):
                raise ValueError
        except (ValueError, av.error.FFmpegError):
            raise VideoError(
                f"{self.target} cannot be written with the encoder {name!r}: choose another by --codec, "
                "such as libx264, or another ending"
            ) from None
        return stream, encoder

    def _lost(self, encoder: str, light: dict[str, str], fields: dict[str, str]) -> list[str]:
        """What of the picture's properties this encoder cannot keep."""
        kind, lost = self.source.kind, []
        if self.source.has_alpha and self._alpha is None:
            lost.append("transparency")
        if kind.fields and not fields:
            lost.append(f"mark as interlaced ({encoder} has none; --deinterlace makes whole frames)")
        if (kind.light.display or kind.light.most) and not light:
            lost.append("mastering display and light level")
        return lost + list(kind.light.lost)

    def _describe(self, video: Any, container: str) -> None:
        """Size, times, shape of a pixel and colours, as the source has them."""
        rows, columns = self.source.shape
        context = self.stream.codec_context
        self.stream.width, self.stream.height = columns, rows
        self.stream.pix_fmt = self.pixel_format
        context.time_base = self.source.time_base
        aspect = self.source.stream.sample_aspect_ratio
        if aspect:
            turned = self.source.shape != (video.height, video.width)
            context.sample_aspect_ratio = 1 / aspect if turned else aspect
        context.color_range = 2 if "yuvj" in (video.pix_fmt or "") else video.color_range
        context.colorspace = video.colorspace
        context.color_primaries = video.color_primaries
        context.color_trc = video.color_trc
        if container in ("mp4", "mov") and context.name == "libx265":
            context.codec_tag = "hvc1"
        self.stream.metadata.update(picture_tags(kept_tags(self.source.stream)))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.output.close()

    def carry(self, packet: Packet[Any]) -> None:
        """Write a packet of another stream as it is."""
        assert self._others is not None  # only streams in `carried` come here
        self._others.carry(packet)

    def canvas(self) -> Canvas:
        """A frame to be filled."""
        signal = self.source.kind.signal
        return Canvas(self.source.shape, self.bits, signal.leave if signal else None)

    def write(self, canvas: Canvas, like: VideoFrame) -> None:
        """Write a filled frame in the place of a frame of the source."""
        stored = to_stored(canvas.frame, self.pixel_format, like, self._reformatter)
        if self._alpha:
            copy_alpha(like, stored, self.source.kind.quarter_turns, self._reformatter)
        stored.pts, stored.time_base = like.pts, like.time_base or self.source.time_base
        if like.duration:
            stored.duration = like.duration
        self.output.mux(self.stream.encode(stored))

    def finish(self) -> None:
        """Write what the encoder still holds, and the end of the file."""
        self.output.mux(self.stream.encode(None))
        if self._others is not None:
            self._others.finish()
        self.output.close()
