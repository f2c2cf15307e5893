"""WebP: eight bits a sample, with loss or without."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from clode_core.pictures.files.exif import dpi_of_exif, exif_of_dpi, made_upright
from clode_core.pictures.files.picture import Picture, PictureError, check_size, dpi_for, icc_for
from clode_core.pictures.files.pixels import turned, upright
from clode_core.pictures.files.reading import LOST_SECTOR, Reading, Say

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
    return _with_metadata(file, pixels, "webp", info, lossless=b"VP8L" in chunks)


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


def _with_metadata(
    file: Path, pixels: np.ndarray, kind: str, info: Mapping[Any, Any], *, lossless: bool
) -> Picture:
    check_size(file, pixels.shape[1], pixels.shape[0])
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    orientation, exif, xmp = made_upright(info.get("exif"), info.get("xmp"))
    dpi = info.get("dpi") or dpi_of_exif(exif)
    return Picture(
        upright(pixels, channels, orientation),
        kind,
        channels,
        lossless=lossless,
        icc_profile=info.get("icc_profile") or None,
        exif=exif,
        xmp=xmp or None,
        dpi=turned((float(dpi[0]), float(dpi[1])) if dpi else None, orientation),
    )


def encode_webp(handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say) -> None:
    """Write uint8 pixels as RGB or RGBA, without loss unless they come from a lossy file."""
    from PIL import Image

    options: dict[str, Any] = {"lossless": True, "exact": True, "quality": 75}
    if like is not None:
        dpi = dpi_for(like)
        exif = like.exif or (exif_of_dpi(dpi) if dpi else b"")
        options |= {"icc_profile": icc_for(like, 3), "exif": exif, "xmp": like.xmp or b""}
        if not like.lossless:
            options |= {"lossless": False, "quality": _QUALITY}
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.convert("RGBA" if channels in (2, 4) else "RGB").save(handle, "WEBP", **options)
