"""WebP: eight bits a sample, with loss or without."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np

from clode_core.pictures.files.effort import webp_options
from clode_core.pictures.files.picture import Picture, PictureError, check_size, icc_for
from clode_core.pictures.files.pixels import picture_from
from clode_core.pictures.files.reading import LOST_SECTOR, Reading, Say
from clode_core.pictures.files.thumbnail import exif_for

_QUALITY = 95


def read_webp(reading: Reading) -> Picture:
    """Read one picture, lossy or not."""
    import imagecodecs

    file, data = reading.file, reading.data
    chunks = _riff_chunks(data)
    if any(bytes(LOST_SECTOR) in chunks.get(name, b"") for name in (b"VP8 ", b"VP8L")):
        reading.damaged("a part of it is empty")
    if b"ANIM" in chunks:
        raise PictureError(f"{file} is an animation; save the frame you want as a picture.")
    pixels = imagecodecs.webp_decode(data)
    info = {"exif": chunks.get(b"EXIF"), "xmp": chunks.get(b"XMP "), "icc_profile": chunks.get(b"ICCP")}
    check_size(file, pixels.shape[1], pixels.shape[0])
    return picture_from(pixels, "webp", info, lossless=b"VP8L" in chunks)


def _riff_chunks(data: bytes) -> dict[bytes, bytes]:
    """Chunks of a WebP file by name, which must be whole."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < end:
        raise ValueError("the end of the file is missing")
    chunks = {}
    position = 12
    while position + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, position)
        chunks[name] = data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
    return chunks


def encode_webp(handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say) -> None:
    """Write uint8 pixels as RGB or RGBA, without loss unless they come from a lossy file."""
    from PIL import Image

    options: dict[str, Any] = {"lossless": True, "exact": True} | webp_options()
    if like is not None:
        exif = exif_for(like, pixels, say) or b""
        options |= {"icc_profile": icc_for(like, 3), "exif": exif, "xmp": like.xmp or b""}
        if not like.lossless:
            options |= {"lossless": False, "quality": _QUALITY, "method": 4}
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.convert("RGBA" if channels in (2, 4) else "RGB").save(handle, "WEBP", **options)
