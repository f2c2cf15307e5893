"""JPEG XL and JPEG 2000: up to 16 bits, EXIF and XMP in boxes of their own."""

from __future__ import annotations

import re
import struct
from typing import Any, BinaryIO

import numpy as np

from clode_core.pictures.files.boxes import box, boxes, found
from clode_core.pictures.files.effort import jpeg_xl_options
from clode_core.pictures.files.exif import made_upright
from clode_core.pictures.files.jpeg_xl_header import header_of, with_srgb_curve
from clode_core.pictures.files.linear_light import to_curve, to_light
from clode_core.pictures.files.picture import Picture, PictureError, check_size, icc_for
from clode_core.pictures.files.pixels import depth_of, picture_from, scaled_to
from clode_core.pictures.files.reading import LOST_SECTOR, Reading, Say, check_claim
from clode_core.pictures.files.thumbnail import exif_for

_EXIF_2000 = b"JpgTiffExif->JP2"
_XMP_2000 = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_LOSSY_BITS = 1.5
"""Bits for each intensity below which a JPEG XL file cannot have been coded without loss of a photograph."""
_DISTANCE = 0.7
_LEAST_BITS = 1 / 8192
_NO_DATA = re.compile(rb"\xff[\x94-\xff]")
"""What coded pixels never hold (ISO/IEC 15444-1, Annex A.1); 0xff90 to 0xff93 begin parts and packets."""


def read_jpeg_xl(reading: Reading) -> Picture:
    """Read one picture; a file has boxes, or is nothing but the coded picture."""
    import imagecodecs

    data = reading.data
    boxed = data[4:8] == b"JXL "
    info: dict[str, Any] = {}
    if boxed:
        info["exif"] = next((part[4:] for part in _unpacked(data, b"Exif")), None)
        info["xmp"] = next(_unpacked(data, b"xml "), None)
    coded = b"".join(part for kind in (b"jxlc", b"jxlp") for part in found(data, kind)) if boxed else data
    if bytes(LOST_SECTOR) in coded:
        reading.damaged("a part of it is empty")
    header = header_of(coded if not boxed or coded.startswith(b"\xff\x0a") else coded[4:])
    check_size(reading.file, header.width, header.height)
    pixels = imagecodecs.jpegxl_decode(data)
    if header.animation or pixels.ndim > 3 or (pixels.ndim == 3 and pixels.shape[2] > 4):
        raise PictureError(f"{reading.file} is an animation; save the frame you want as a picture.")
    if header.profile or not header.srgb:
        reading.say(
            "has colours of its own (a profile or another space than sRGB), which were taken for sRGB"
        )
    if header.extra:
        reading.say("holds more than its colours, such as depth; that was not kept")
    info["exif"] = _upright_already(info.get("exif"))
    lossless = not header.lossy and 8 * len(coded) > _LOSSY_BITS * pixels.size
    if pixels.dtype.kind == "f":
        reading.say("holds floats; its result has 16 bits")
    depth = header.bits if pixels.dtype == np.uint16 else 8 * pixels.dtype.itemsize
    if header.linear:
        pixels = _on_the_curve(pixels, depth)
    return picture_from(pixels, "jpeg xl", info, bit_depth=depth, lossless=lossless)


def _on_the_curve(light: np.ndarray, bits: int) -> np.ndarray:
    """Linear light on sRGB's curve, in the same type; alpha, which is no light, stays."""
    if light.dtype.kind == "f":
        pixels: np.ndarray = to_curve(light).astype(light.dtype)
    else:
        top = 2**bits - 1
        table = np.rint(to_curve(np.arange(top + 1) / top) * top).astype(light.dtype)
        pixels = table[np.minimum(light, top)]
    if light.ndim == 3 and light.shape[2] in (2, 4):
        pixels[..., -1] = light[..., -1]
    return pixels


def _unpacked(data: bytes, kind: bytes) -> Any:
    """Content of boxes of a kind, also of those that are compressed."""
    import imagecodecs

    yield from found(data, kind)
    for part in found(data, b"brob"):
        if part.startswith(kind):
            yield bytes(imagecodecs.brotli_decode(part[4:]))


def _upright_already(exif: bytes | None) -> bytes | None:
    """The decoder has turned the picture, by the orientation that the coded picture has itself."""
    return made_upright(exif, None).exif


def encode_jpeg_xl(
    handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say
) -> None:
    """Write 8 to 16 bits, without loss unless they come from a lossy file."""
    import imagecodecs

    lossless = like is None or like.lossless
    coding: dict[str, Any] = {"lossless": True} if lossless else {"distance": _DISTANCE}
    coding |= jpeg_xl_options(lossless)
    if pixels.dtype == np.uint16:
        coding["bitspersample"] = depth = depth_of(pixels, like)
        if not lossless:  # the encoder takes more than 8 bits for linear light, and codes what the eye sees
            pixels = _as_light(pixels, channels, depth)
    data = bytes(imagecodecs.jpegxl_encode(np.ascontiguousarray(pixels), usecontainer=True, **coding))
    handle.write(_said_to_be_on_the_curve(data))
    if like is None:
        return
    if exif := exif_for(like, pixels, say):
        handle.write(box(b"Exif", bytes(4) + exif))
    if like.xmp:
        handle.write(box(b"xml ", like.xmp))


def _as_light(pixels: np.ndarray, channels: int, bits: int) -> np.ndarray:
    top = 2**bits - 1
    light: np.ndarray = np.rint(to_light(np.arange(top + 1) / top) * top).astype(np.uint16)[pixels]
    if channels in (2, 4):
        light[..., -1] = pixels[..., -1]
    return light


def _said_to_be_on_the_curve(data: bytes) -> bytes:
    """A file whose picture is said to be on sRGB's curve, as the pixels are."""
    first = next(part for part in boxes(data) if part.kind in (b"jxlc", b"jxlp"))
    start = first.content + 4 * (first.kind == b"jxlp")
    return data[:start] + with_srgb_curve(data[start : first.end]) + data[first.end :]


def read_jpeg_2000(reading: Reading) -> Picture:
    """Read grey or colour."""
    import imagecodecs

    data = reading.data
    boxed = data[4:8] == b"jP  "
    coded = next(found(data, b"jp2c")) if boxed else data
    left, right = struct.unpack_from(">II", coded, 8), struct.unpack_from(">II", coded, 16)
    width, height = right[0], left[1]
    check_size(reading.file, width, height)
    check_claim(reading, width, height, _LEAST_BITS, len(coded))
    if not coded.rstrip(b"\0\r\n").endswith(b"\xff\xd9"):
        reading.damaged("its end is missing")
    if bytes(LOST_SECTOR) in coded:
        reading.damaged("a part of it is empty")
    if _NO_DATA.search(coded, coded.find(b"\xff\x93"), len(coded.rstrip(b"\0\r\n")) - 2):
        reading.damaged("its coded pixels make no sense")
    pixels = imagecodecs.jpeg2k_decode(data)
    info: dict[str, Any] = {}
    if boxed:
        for part in found(data, b"uuid"):
            if part.startswith(_EXIF_2000):
                info["exif"] = part[16:]
            elif part.startswith(_XMP_2000):
                info["xmp"] = part[16:]
        for part in found(data, b"jp2h", b"colr"):
            if part[0] == 2:
                info["icc_profile"] = part[3:]
    bits = (coded[42] & 127) + 1
    return picture_from(pixels, "jpeg 2000", info, bit_depth=max(8, bits))


def encode_jpeg_2000(
    handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say
) -> None:
    """Write 8 to 16 bits without loss."""
    import imagecodecs

    bits, exif = 8, exif_for(like, pixels, say)
    if pixels.dtype == np.uint16:
        bits = depth_of(pixels, like)
        pixels = scaled_to(pixels, like, bits)
    data = bytes(imagecodecs.jpeg2k_encode(np.ascontiguousarray(pixels), level=0, bitspersample=bits))
    if like is not None:
        data = _with_profile(data, icc_for(like, channels))
        if exif:
            data += box(b"uuid", _EXIF_2000 + exif)
        if like.xmp:
            data += box(b"uuid", _XMP_2000 + like.xmp)
    handle.write(data)


def _with_profile(data: bytes, icc: bytes | None) -> bytes:
    """Put a colour profile in the place of the name of a colour space."""
    if not icc:
        return data
    out = b""
    for part in boxes(data):
        if part.kind != b"jp2h":
            out += data[part.start : part.end]
            continue
        inner = b"".join(
            box(b"colr", b"\2\0\0" + icc) if held.kind == b"colr" else data[held.start : held.end]
            for held in boxes(data, part.content, part.end)
        )
        out += box(b"jp2h", inner)
    return out
