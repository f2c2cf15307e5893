"""The formats of picture files: their names, how each is recognised, read and written."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

import numpy as np

from clode_core.pictures.files.avif import encode_avif, read_avif
from clode_core.pictures.files.bmp_gif import encode_bmp, encode_gif, read_bmp, read_gif
from clode_core.pictures.files.heif import encode_heif, read_heif
from clode_core.pictures.files.jpeg import encode_jpeg, read_jpeg
from clode_core.pictures.files.jpeg_xl_2000 import (
    encode_jpeg_2000,
    encode_jpeg_xl,
    read_jpeg_2000,
    read_jpeg_xl,
)
from clode_core.pictures.files.linear_light import encode_exr, encode_radiance, read_exr, read_radiance
from clode_core.pictures.files.picture import Picture
from clode_core.pictures.files.png import SIGNATURE, encode_png, read_png
from clode_core.pictures.files.raw import RAW_SUFFIXES, read_raw
from clode_core.pictures.files.reading import Reading, Say
from clode_core.pictures.files.tiff_reading import read_tiff
from clode_core.pictures.files.tiff_writing import encode_tiff
from clode_core.pictures.files.webp import encode_webp, read_webp

Reader = Callable[[Reading], Picture]
Encoder = Callable[[BinaryIO, np.ndarray, int, Picture | None, Say], None]


class Format(NamedTuple):
    """One format.

    Attributes
    ----------
    title : str
        What people call it.
    suffixes : tuple of str
        In lower case, that of new files first.
    read : callable
        Reads a whole file.
    encode : callable or None
        Writes one; None where there are only readers.
    bits : int
        Most bits of the integers it holds; 0 for any numbers.
    longest : int
        Most pixels of a side.
    own_depth : bool
        Whether integers of 10, 12 or so many bits stay so; otherwise they fill 8 or 16.
    lacks : tuple of str
        Of EXIF, XMP, profile and scale, those that it has no place for.
    """

    title: str
    suffixes: tuple[str, ...]
    read: Reader
    encode: Encoder | None
    bits: int = 8
    longest: int = 2**31 - 1
    own_depth: bool = False
    lacks: tuple[str, ...] = ()


EXIF, XMP, PROFILE, SCALE = "EXIF", "XMP", "a colour profile", "dots per inch"
FORMATS = {
    "png": Format("PNG", (".png",), read_png, encode_png, 16),
    "jpeg": Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), read_jpeg, encode_jpeg, 8, 65535),
    "tiff": Format("TIFF", (".tif", ".tiff"), read_tiff, encode_tiff, 0),
    "webp": Format("WebP", (".webp",), read_webp, encode_webp, 8, 16383),
    "heif": Format("HEIF", (".heic", ".heif", ".hif"), read_heif, encode_heif, 16, 16384, True),
    "avif": Format("AVIF", (".avif",), read_avif, encode_avif, 16, 65536, True),
    "jpeg xl": Format(
        "JPEG XL", (".jxl",), read_jpeg_xl, encode_jpeg_xl, 16, own_depth=True, lacks=(PROFILE,)
    ),
    "jpeg 2000": Format(
        "JPEG 2000", (".jp2", ".j2k", ".jpf"), read_jpeg_2000, encode_jpeg_2000, 16, own_depth=True
    ),
    "bmp": Format("BMP", (".bmp",), read_bmp, encode_bmp, lacks=(EXIF, XMP, PROFILE)),
    "gif": Format("GIF", (".gif",), read_gif, encode_gif, lacks=(EXIF, XMP, PROFILE, SCALE)),
    "exr": Format("OpenEXR", (".exr",), read_exr, encode_exr, 0, lacks=(EXIF, XMP, PROFILE, SCALE)),
    "radiance": Format(
        "Radiance HDR", (".hdr",), read_radiance, encode_radiance, 0, lacks=(EXIF, XMP, PROFILE, SCALE)
    ),
    "raw": Format("camera raw", RAW_SUFFIXES, read_raw, None, 16),
}
_BY_SUFFIX = {suffix: name for name, known in FORMATS.items() for suffix in known.suffixes}
SUFFIXES = tuple(_BY_SUFFIX)
"""Suffixes of the files that can be read, in lower case."""
WRITTEN = tuple(suffix for suffix, name in _BY_SUFFIX.items() if FORMATS[name].encode is not None)
"""Suffixes of the files that can be written."""

_STARTS = {
    SIGNATURE: "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"BM": "bmp",
    b"\xff\x0a": "jpeg xl",
    b"\0\0\0\x0cJXL ": "jpeg xl",
    b"\0\0\0\x0cjP  ": "jpeg 2000",
    b"\xff\x4f\xff\x51": "jpeg 2000",
    b"\x76\x2f\x31\x01": "exr",
    b"#?RADIANCE": "radiance",
    b"#?RGBE": "radiance",
}
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def format_of(suffix: str) -> str | None:
    """Name of the format that a suffix stands for."""
    return _BY_SUFFIX.get(suffix.lower())


def recognised(start: bytes, suffix: str) -> str | None:
    """Name of the format of a file, from its first 32 bytes.

    Raw files have many starts, some of them those of TIFF, and go by their suffix, unless what they hold is
    plainly another format.
    """
    for begin, name in _STARTS.items():
        if start.startswith(begin):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    if start[4:8] == b"ftyp" and start[8:12] != b"crx ":
        brands = [start[place : place + 4] for place in (8, *range(16, len(start), 4))]
        if b"avif" in brands or b"avis" in brands:
            return "avif"
        return "heif" if any(brand in _HEIF_BRANDS for brand in brands) else None
    if format_of(suffix) == "raw":
        return "raw"
    return "tiff" if start[:4] in _TIFF_STARTS else None
