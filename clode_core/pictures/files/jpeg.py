"""JPEG: eight bits a sample, decoded so that damage is heard, written as coarse or fine as the source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np

from clode_core.pictures.files.exif import dpi_of_exif, made_upright
from clode_core.pictures.files.jpeg_segments import Frame, JpegFile, take_apart
from clode_core.pictures.files.photoshop import as_segments, blocks_of, is_photoshop
from clode_core.pictures.files.photoshop import with_new_thumbnail as with_new_thumbnail_in_blocks
from clode_core.pictures.files.picture import (
    JpegLayout,
    Picture,
    PictureError,
    Segment,
    check_size,
    dpi_for,
    icc_for,
)
from clode_core.pictures.files.pixels import turned, upright
from clode_core.pictures.files.reading import Reading, Say, check_claim
from clode_core.pictures.files.thumbnail import with_new_thumbnail

_QUALITY = 95
_LONGEST_EXIF, _LONGEST_XMP = 65533 - 6, 65533 - 29
_LARGEST_JPEG_DPI = 65535
_ABOUT_METADATA = re.compile("JFIF|ICC|Adobe|SOS")
"""In messages of the decoder about what does not touch the pixels; some cameras write odd scan headers."""
_SAMPLINGS = {(1, 1): 0, (2, 1): 1, (2, 2): 2}
_READ_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}


def read_jpeg(reading: Reading) -> Picture:
    """Read grey or colour; CMYK and more than eight bits are refused."""
    from PIL import JpegImagePlugin

    file, data = reading.file, reading.data
    parts = take_apart(data)
    _check(reading, parts.frame, len(data))
    with JpegImagePlugin.JpegImageFile(BytesIO(data)) as image:
        mode, info, tables = image.mode, dict(image.info), image.quantization
        if mode not in ("L", "RGB"):
            raise PictureError(f"{file} holds {mode} colours for print; convert it to RGB first.")
    pixels = _decode(reading, data, grey=mode == "L")
    _tell_of_the_rest(reading, parts)
    channels = 1 if mode == "L" else 3
    orientation, exif, xmp = made_upright(info.get("exif"), info.get("xmp"))
    told = info.get("jfif_unit") in (1, 2)  # where the file says nothing, Pillow says 72
    dpi = info.get("dpi") if told else dpi_of_exif(exif)
    return Picture(
        upright(pixels, channels, orientation),
        "jpeg",
        channels,
        lossless=False,
        icc_profile=info.get("icc_profile") or None,
        exif=exif,
        xmp=xmp or None,
        dpi=turned((float(dpi[0]), float(dpi[1])) if dpi else None, orientation),
        jpeg=_layout(parts, info, tables, orientation),
    )


def _check(reading: Reading, frame: Frame, length: int) -> None:
    if frame.precision != 8:
        raise PictureError(
            f"{reading.file} is a JPEG of {frame.precision} bits a sample; convert it to a 16-bit TIFF first."
        )
    if frame.kind not in _READ_FRAMES:
        raise PictureError(f"{reading.file} is a JPEG of a rare kind (lossless); convert it to TIFF first.")
    check_size(reading.file, frame.width, frame.height)
    if frame.kind <= 0xC2:  # one bit for each block of 64 pixels; arithmetic coding may need less
        check_claim(reading, frame.width, frame.height, 1 / 64, length)


def _decode(reading: Reading, data: bytes, *, grey: bool) -> np.ndarray:
    """Decode by a library that passes on what libjpeg warns of: that it made up pixels it did not find."""
    import simplejpeg

    space = "GRAY" if grey else "RGB"
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(data, space)
    except ValueError as error:
        reason = str(error).removeprefix("Corrupt JPEG data: ").rstrip(".")
        if not _ABOUT_METADATA.search(reason):
            reading.damaged(reason)
        pixels = _forgiving(data, space)
    return pixels[..., 0] if grey else pixels


def _forgiving(data: bytes, space: str) -> np.ndarray:
    """Decode whatever can be decoded."""
    import simplejpeg
    from PIL import JpegImagePlugin

    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(data, space, strict=False)
        return pixels
    except ValueError:  # it minds some headers that it could read
        with JpegImagePlugin.JpegImageFile(BytesIO(data)) as image:
            return np.asarray(image).reshape(image.height, image.width, -1)


def _tell_of_the_rest(reading: Reading, parts: JpegFile) -> None:
    if parts.pictures and parts.behind:
        reading.say("holds more pictures than the one that was enhanced; they were not kept")
    elif parts.behind > 512:  # padding is nothing
        reading.say(
            f"holds {parts.behind} bytes behind the picture, perhaps a film of its moment; they were not kept"
        )


def _layout(
    parts: JpegFile, info: Mapping[Any, Any], tables: Mapping[int, Sequence[int]], orientation: int
) -> JpegLayout:
    sampling = parts.frame.sampling
    subsampling = 0
    if len(sampling) == 3 and sampling[1] == sampling[2] == (1, 1):
        across, down = sampling[0] if orientation < 5 else sampling[0][::-1]
        subsampling = _SAMPLINGS.get((across, down), 0)
    return JpegLayout(
        tuple(tuple(table) for _, table in sorted(tables.items())),
        subsampling,
        bool(info.get("progressive")),
        parts.kept,
    )


def encode_jpeg(handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say) -> None:
    """Write uint8 pixels without their alpha, with the tables and sampling of a JPEG they come from."""
    from PIL import Image

    if channels in (2, 4):
        pixels = pixels[..., 0] if channels == 2 else pixels[..., :3]
        say("has an alpha channel, which JPEG cannot hold")
    options: dict[str, Any] = {"icc_profile": icc_for(like, channels), "subsampling": 0}
    layout = like.jpeg if like is not None else None
    if layout and layout.tables:
        # Pillow takes as many tables as the picture has kinds of components.
        tables = [list(table) for table in layout.tables[: 2 if pixels.ndim == 3 else 1]]
        options |= {"qtables": tables, "subsampling": layout.subsampling, "progressive": layout.progressive}
    else:
        options["quality"] = _QUALITY
    if dpi := dpi_for(like, _LARGEST_JPEG_DPI):
        options["dpi"] = dpi
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", **options)
    data = file.getvalue()
    split = 4 + int.from_bytes(data[4:6], "big")  # behind the JFIF segment, which comes first
    handle.write(data[:split])
    if like is not None:
        handle.write(b"".join(map(_packed, _metadata(like, pixels, say))))
    handle.write(data[split:])


def _metadata(like: Picture, pixels: np.ndarray, say: Say) -> list[Segment]:
    """EXIF, XMP and all that was copied, as segments."""
    segments = []
    if like.exif:
        exif = with_new_thumbnail(like.exif, pixels, _LONGEST_EXIF, like)
        if len(exif) <= _LONGEST_EXIF:
            segments.append(Segment(0xE1, b"Exif\0\0" + exif))
        else:
            say("has more EXIF than JPEG can hold; it was left out")
    if like.xmp:
        if len(like.xmp) <= _LONGEST_XMP:
            segments.append(Segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + like.xmp))
        else:
            say("has more XMP than JPEG can hold; it was left out")
    others = [part for part in (like.jpeg.segments if like.jpeg else ()) if not is_photoshop(part)]
    if blocks := blocks_of(like):
        segments += as_segments(with_new_thumbnail_in_blocks(blocks, pixels, like))
    return [*segments, *others]


def _packed(segment: Segment) -> bytes:
    return bytes((0xFF, segment.marker)) + (len(segment.content) + 2).to_bytes(2, "big") + segment.content
