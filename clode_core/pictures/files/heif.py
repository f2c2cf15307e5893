"""HEIF and HEIC, as phones write them: 8, 10 and 12 bits, with all metadata."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, BinaryIO, cast

import numpy as np

from clode_core.pictures.files.boxes import found
from clode_core.pictures.files.exif import made_upright
from clode_core.pictures.files.items import besides
from clode_core.pictures.files.picture import Picture, PictureError, check_size, icc_for
from clode_core.pictures.files.pixels import depth_of, picture_from, scaled_to
from clode_core.pictures.files.reading import LOST_SECTOR, Reading, Say
from clode_core.pictures.files.thumbnail import exif_for

_QUALITIES = (90, 80, 65, 45)
_LONGEST = 2**24
"""Bytes of a picture beyond which libde265, which most programs decode with, gives none."""
_SPACE = ("color_primaries", "transfer_characteristics", "matrix_coefficients")
_Space = tuple[int, int, int]
_NEEDS = "holds a HEIF picture; to read and write it: pip install 'clode-core[heif]'"


def read_heif(reading: Reading) -> Picture:
    """Read the primary picture; of others in the file only their loss is told."""
    try:
        import pillow_heif
    except ImportError:
        raise PictureError(f"{reading.file} {_NEEDS}") from None
    data = reading.data
    if any(bytes(LOST_SECTOR) in part for part in found(data, b"mdat")):
        reading.damaged("a part of it is empty")
    heif = pillow_heif.open_heif(BytesIO(data), convert_hdr_to_8bit=False)
    image = heif[heif.primary_index]
    check_size(reading.file, *image.size)
    info: dict[str, Any] = dict(image.info)
    if len(heif) > 1 or info.get("depth_images") or info.get("aux"):
        reading.say("holds more than the picture that was enhanced, such as depth; it was not kept")
    elif more := besides(data):
        reading.say(f"holds {' and '.join(more)} besides its pixels; that was not kept")
    pixels = np.asarray(image)
    bits = int(info.get("bit_depth") or 8)
    if pixels.dtype == np.uint16:
        pixels = pixels >> np.uint16(16 - bits)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    info["exif"] = made_upright(info.get("exif"), None).exif  # the decoder turns the picture
    named = info.get("nclx_profile") or {}
    space = tuple(int(named[part]) for part in _SPACE) if set(_SPACE) <= set(named) else None
    return picture_from(pixels, "heif", info, bit_depth=bits, colour_space=cast(_Space | None, space))


def encode_heif(handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say) -> None:
    """Write 8, 10 or 12 bits: those of the source, or 12 for 16."""
    try:
        import pillow_heif
    except ImportError:
        raise PictureError(f"the result {_NEEDS}") from None
    if channels == 2:
        pixels = pixels[..., [0, 0, 0, 1]]
    mode = {1: "L", 3: "RGB"}.get(channels, "RGBA")
    bits = 8
    options: dict[str, Any] = {}
    if exif := exif_for(like, pixels, say):
        options["exif"] = b"Exif\0\0" + exif
    if pixels.dtype == np.uint16:
        depth = depth_of(pixels, like)
        bits = depth if depth in (10, 12) else 12
        if depth > 12:
            say(f"has {depth} bits a colour; HEIF holds 12")
        pixels, mode = scaled_to(pixels, like, bits) << np.uint16(16 - bits), f"{mode};16"
    if like is not None and like.colour_space and like.rgb == (channels >= 3):
        options |= dict(zip(_SPACE, like.colour_space, strict=True))
    if like is not None and like.xmp:
        options["xmp"] = re.sub(rb"(tiff:Orientation(?:=[\"']|>))\d", rb"\g<1>1", like.xmp)
    image = pillow_heif.from_bytes(
        mode, (pixels.shape[1], pixels.shape[0]), np.ascontiguousarray(pixels).tobytes()
    )
    if icc := icc_for(like, channels):
        notes: dict[str, Any] = {"icc_profile": icc, "icc_profile_type": "prof"}
        image.info.update(notes)
    kept = pillow_heif.options.SAVE_HDR_TO_12_BIT
    pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
    try:
        for quality in _QUALITIES:
            file = BytesIO()
            image.save(file, quality=quality, **options)
            if file.tell() < _LONGEST:
                break
    finally:
        pillow_heif.options.SAVE_HDR_TO_12_BIT = kept
    if quality != _QUALITIES[0]:
        say(f"has so much grain that it was written with quality {quality}; larger HEIC files cannot be read")
    handle.write(file.getvalue())
