"""How large a picture is, from the first bytes of its file: before it is decoded, so that there is room."""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from clode_core.pictures.files.boxes import Bytes, boxes, found
from clode_core.pictures.files.decoder_messages import quiet
from clode_core.pictures.files.formats import recognised
from clode_core.pictures.files.jpeg_xl_header import header_of


class Dimensions(NamedTuple):
    """What a header promises.

    Attributes
    ----------
    pixels : int
        Of one plane.
    channels : int
        At most; a palette or a transparent colour may turn out as four.
    decoded : int
        Bytes of all planes once decoded.
    working : int
        Bytes for each pixel that the decoder and the way to the curve need besides.
    """

    pixels: int
    channels: int
    decoded: int
    working: int = 0


def dimensions_of(path: Path) -> Dimensions:
    """Dimensions of a picture.

    Raises
    ------
    Exception
        Whatever decoders raise, where the file cannot be understood.
    """
    with path.open("rb") as file:
        start = file.read(32)
        kind = recognised(start, path.suffix)
        if kind in _OF_START:
            return _OF_START[kind](start)
        if kind in _OF_WHOLE:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _OF_WHOLE[kind](data)
    return {"jpeg": _jpeg, "raw": _raw}.get(kind or "", _tiff)(path)


def _plane(width: int, height: int, channels: int, depth: int, working: int = 0) -> Dimensions:
    pixels = abs(width * height)
    return Dimensions(pixels, channels, pixels * channels * depth, working)


def _png(start: bytes) -> Dimensions:
    width, height, bits, kind = struct.unpack_from(">IIBB", start, 16)
    channels = {0: 2, 2: 4, 3: 4, 4: 2, 6: 4}[kind]
    return _plane(width, height, channels, 2 if bits == 16 else 1)


def _webp(start: bytes) -> Dimensions:
    if start[12:16] == b"VP8X":
        size = 1 + int.from_bytes(start[24:27], "little"), 1 + int.from_bytes(start[27:30], "little")
    elif start[12:16] == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        size = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = struct.unpack_from("<HH", start, 26)
        size = width & 0x3FFF, height & 0x3FFF
    return _plane(*size, 4, 1)


def _bmp(start: bytes) -> Dimensions:
    width, height = struct.unpack_from("<ii", start, 18)
    return _plane(width, height, 4, 1)


def _gif(start: bytes) -> Dimensions:
    width, height = struct.unpack_from("<HH", start, 6)
    return _plane(width, height, 4, 1, 4)


def _isobmff(data: Bytes) -> Dimensions:
    """AVIF and HEIF: the largest picture in it."""
    meta = next(part for part in boxes(data) if part.kind == b"meta")
    inside = data[meta.start : meta.end]
    sizes = [struct.unpack_from(">II", size, 4) for size in found(inside, b"meta", b"iprp", b"ipco", b"ispe")]
    depth = max((part[5] for part in found(inside, b"meta", b"iprp", b"ipco", b"pixi")), default=8)
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return _plane(width, height, 4, 2 if depth > 8 else 1, 12)


def _jpeg_xl(data: Bytes) -> Dimensions:
    coded = data[:1026]
    if data[4:8] == b"JXL ":
        part = next(part for part in boxes(data) if part.kind in (b"jxlc", b"jxlp"))
        start = part.content + 4 * (part.kind == b"jxlp")
        coded = data[start : start + 1026]
    header = header_of(coded)
    return _plane(header.width, header.height, 4, 1 if header.bits == 8 else 2, 24)


def _jpeg_2000(data: Bytes) -> Dimensions:
    start = 0
    if data[4:8] == b"jP  ":
        start = next(part.content for part in boxes(data) if part.kind == b"jp2c")
    right, lower, left, upper = struct.unpack_from(">4I", data, start + 8)
    (channels,) = struct.unpack_from(">H", data, start + 40)
    depth = 1 if data[start + 42] & 0x7F < 8 else 2
    return _plane(right - left, lower - upper, min(4, channels), depth, 4 * min(4, channels))


def _exr(data: Bytes) -> Dimensions:
    place = data.find(b"dataWindow\0box2i\0")
    left, upper, right, lower = struct.unpack_from("<4i", data, place + 17 + 4)
    return _plane(right - left + 1, lower - upper + 1, 4, 4, 16)


def _radiance(data: Bytes) -> Dimensions:
    size = re.search(rb"\n[-+][XY] (\d+) [-+][XY] (\d+)\n", data[:65536])
    if size is None:
        raise ValueError("no size")
    return _plane(int(size[1]), int(size[2]), 3, 4, 12)


def _jpeg(path: Path) -> Dimensions:
    from PIL import JpegImagePlugin

    with quiet(), path.open("rb") as file, JpegImagePlugin.JpegImageFile(file) as image:
        return _plane(*image.size, len(image.getbands()), 1)


def _raw(path: Path) -> Dimensions:
    import rawpy

    with rawpy.imread(str(path)) as raw:
        return _plane(raw.sizes.width, raw.sizes.height, 3, 2, 20)


def _tiff(path: Path) -> Dimensions:
    import tifffile

    with quiet(), tifffile.TiffFile(path) as tif:
        page = tif.pages.first
        pixels = page.imagewidth * page.imagelength
        # Planes without pages of their own are stored as they are, so that the file is as large as they.
        decoded = max(page.nbytes * len(tif.pages), path.stat().st_size)
        return Dimensions(pixels, min(4, page.samplesperpixel), decoded)


_OF_START: dict[str | None, Callable[[bytes], Dimensions]] = {
    "png": _png,
    "webp": _webp,
    "bmp": _bmp,
    "gif": _gif,
}
_OF_WHOLE: dict[str | None, Callable[[Bytes], Dimensions]] = {
    "avif": _isobmff,
    "heif": _isobmff,
    "jpeg xl": _jpeg_xl,
    "jpeg 2000": _jpeg_2000,
    "exr": _exr,
    "radiance": _radiance,
}
