"""Transparency of video: decoded, and put into the frames that are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clode_core.video.fields import plane_rows

if TYPE_CHECKING:
    from av import VideoCodecContext, VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
ENCODERS = {"webm": "libvpx-vp9", "matroska": "libvpx-vp9", "mov": "prores_ks", "avi": "ffv1"}
"""Encoders that keep transparency, by the container."""
_BESIDE = ("webm", "matroska")  # containers that hold the second picture in which VP9 stores it


def alpha_decoder(stream: VideoStream) -> VideoCodecContext | None:
    """A decoder for transparency that FFmpeg's usual one leaves out; None where that one gives all."""
    marks = {key.lower(): value for key, value in stream.metadata.items()}
    name = _DECODERS.get(stream.codec_context.name)
    if marks.get("alpha_mode") != "1" or name is None:
        return None
    import av

    try:
        decoder = av.CodecContext.create(name, "r")
    except (ValueError, av.error.FFmpegError):
        return None
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.extradata = stream.codec_context.extradata
    return decoder


def has_alpha(pixel_format: str) -> bool:
    """Whether a pixel format holds transparency."""
    from av import VideoFormat

    layout = VideoFormat(pixel_format)
    return any(c.is_alpha for c in layout.components) and not layout.has_palette


def planar_with_alpha(encoder: str, container: str, stored: str) -> str | None:
    """A pixel format of an encoder that keeps transparency, the nearest to that of the source."""
    import av

    if encoder.startswith("libvpx") and container not in _BESIDE:
        return None
    try:
        formats = av.Codec(encoder, "w").video_formats or []
    except (ValueError, av.error.FFmpegError):
        return None
    known = [f.name for f in formats if has_alpha(f.name) and f.is_planar and not f.name.endswith("be")]
    wanted = [stored] if stored.startswith(("yuva", "gbrap")) else ["gbrap", "yuva444p"]
    wanted += ["yuva444p12le", "yuva444p10le", "yuva420p", *known]
    return next((name for name in wanted if name in known), None)


def _alpha(frame: VideoFrame, reformatter: VideoReformatter) -> tuple[NDArray[Any], int]:
    """Transparency of a frame (Y, X), and its bits."""
    layout = frame.format
    bits = max(c.bits for c in layout.components if c.is_alpha)
    if not (layout.is_planar and len(frame.planes) == 4) or layout.is_big_endian:
        bits = 8 if bits <= 8 else 16
        frame = reformatter.reformat(frame, format="gbrap" if bits == 8 else "gbrap16le")
    return plane_rows(frame.planes[3], bits)[:, : frame.width], bits


def copy_alpha(source: VideoFrame, target: VideoFrame, turns: int, reformatter: VideoReformatter) -> None:
    """Give a frame with four planes the transparency of another, turned as its picture is."""
    values, bits = _alpha(source, reformatter)
    deep = target.format.components[3].bits
    values = np.rot90(values, turns)
    if bits != deep:
        values = np.rint(values * ((2**deep - 1) / (2**bits - 1)))
    rows = plane_rows(target.planes[3], deep)
    rows[:, : target.width] = values
