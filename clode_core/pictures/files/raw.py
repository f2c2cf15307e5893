"""Camera raw files, developed by LibRaw: the camera's white balance, upright, on sRGB's curve at 16 bits.

LibRaw is asked for linear light without any brightening of its own, since brightening is what follows here.
That light is brought to sRGB's curve before the exposure is solved: the networks were trained on pictures on
that curve, and there the result is nearer to a well-exposed photograph than in linear light (see the tests).
"""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from clode_core.pictures.files.boxes import boxes, found
from clode_core.pictures.files.decoder_messages import quiet
from clode_core.pictures.files.exif import made_upright
from clode_core.pictures.files.linear_light import to_curve
from clode_core.pictures.files.photoshop import IPTC_TAG, PHOTOSHOP_TAG, of_iptc
from clode_core.pictures.files.picture import Picture, PictureError, check_size
from clode_core.pictures.files.reading import Reading
from clode_core.pictures.files.tiff_exif import read_camera

RAW_SUFFIXES = (
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos",
    ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
)  # fmt: skip
"""Suffixes of camera raw files, in lower case."""

_TABLE_STEPS = 65536
_MADE_ON = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
"""Date in the profile, which would otherwise be today's: equal files are to give equal results."""


def read_raw(reading: Reading) -> Picture:
    """Develop a raw file to RGB of 16 bits."""
    file = reading.file
    try:
        import rawpy
    except ImportError:
        raise PictureError(
            f"{file} is a camera raw file; to read it: pip install 'clode-core[raw]'"
        ) from None
    try:
        with rawpy.imread(str(file)) as raw:
            check_size(file, raw.sizes.width, raw.sizes.height)
            light = raw.postprocess(**_options(rawpy))
            exif, xmp, blocks = _camera(file, raw), *_of_its_directory(file)
    except rawpy.LibRawFileUnsupportedError:
        raise PictureError(
            f"{file} is no raw file of a camera that LibRaw knows; convert it to DNG first."
        ) from None
    curve = np.rint(to_curve(np.arange(_TABLE_STEPS) / (_TABLE_STEPS - 1)) * 65535).astype(np.uint16)
    return Picture(curve[light], "raw", 3, 16, icc_profile=_srgb(), exif=exif, xmp=xmp, photoshop=blocks)


def _options(rawpy: Any) -> dict[str, Any]:
    return {
        "use_camera_wb": True,
        "no_auto_bright": True,
        "gamma": (1, 1),
        "output_bps": 16,
        "output_color": rawpy.ColorSpace.sRGB,
    }


def _camera(file: Path, raw: Any) -> bytes | None:
    """EXIF of the camera: of the directories of the file itself, or else of the picture for its screen."""
    with file.open("rb") as handle:
        start = handle.read(16)
    exif = None
    if start[:2] in (b"II", b"MM"):
        exif = read_camera(file, described=True)
    elif start[4:12] == b"ftypcrx ":
        exif = _of_cr3(file)
    if exif is None:
        exif = _of_preview(raw)
    return made_upright(exif, None).exif


def _of_its_directory(file: Path) -> tuple[bytes | None, bytes | None]:
    """XMP, upright as the pixels are, and Photoshop's blocks with IPTC, of a file like TIFF."""
    import tifffile

    with suppress(Exception), quiet(), tifffile.TiffFile(file) as tif:  # it need not be one
        tags = tif.pages.first.tags
        iptc, blocks, xmp = (tags.valueof(code) for code in (IPTC_TAG, PHOTOSHOP_TAG, 700))
        if isinstance(xmp, bytes):
            xmp = re.sub(rb"(tiff:Orientation(?:=[\"']|>))\d", rb"\g<1>1", xmp)
        found_there = (
            blocks if isinstance(blocks, bytes) else of_iptc(iptc if isinstance(iptc, bytes) else None)
        )
        return (xmp or None), found_there
    return None, None


def _of_preview(raw: Any) -> bytes | None:
    import rawpy
    from PIL import Image

    try:
        preview = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    if preview.format != rawpy.ThumbFormat.JPEG:
        return None
    with Image.open(BytesIO(preview.data)) as image:
        found_there = image.info.get("exif")
    return found_there.removeprefix(b"Exif\0\0") if isinstance(found_there, bytes) else None


def _of_cr3(file: Path) -> bytes | None:
    """EXIF of a CR3 file, whose directories lie in boxes of their own, put together by Pillow."""
    from PIL import Image

    data = file.read_bytes()
    exif = Image.Exif()
    for holder in found(data, b"moov", b"uuid"):
        inside = holder[16:]  # behind the name of the box
        parts = {part.kind: inside[part.content : part.end] for part in boxes(inside)}
        if b"CMT1" not in parts:
            continue
        exif.load(b"Exif\0\0" + parts[b"CMT1"])
        for kind, tag in ((b"CMT2", 0x8769), (b"CMT4", 0x8825)):
            if kind in parts:
                inner = Image.Exif()
                inner.load(b"Exif\0\0" + parts[kind])
                exif.get_ifd(tag).update(dict(inner))
        return exif.tobytes().removeprefix(b"Exif\0\0")
    return None


def _srgb() -> bytes:
    from PIL import ImageCms

    profile: bytes = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + _MADE_ON + profile[36:]
