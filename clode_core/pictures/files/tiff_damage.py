"""What a TIFF file says of its strips and tiles, held against what is there, before and besides decoding."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from clode_core.pictures.files.reading import LOST_SECTOR, Reading, check_claim

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

_UNPACKED_PER_BYTE = {
    1: 1.0, 5: 1400.0, 8: 1032.0, 32946: 1032.0, 32773: 64.0, 34925: 8000.0, 50000: 40_000.0,
}  # fmt: skip
"""Bytes that each coding can make of one at most."""
_FAX4, _JPEG, _ZSTD = 4, 7, 50000
_JPEG_BITS = 1 / 64
_DISAGREE = "its header and its pixels do not agree"
_END_OF_FAX = "000000000001" * 2


def check_storage(reading: Reading, tif: TiffFile, series: TiffPageSeries) -> None:
    """Refuse a picture that lacks strips or tiles, or has more or fewer bytes in them than its size needs.

    Raises
    ------
    PictureError
        Also when damage is accepted, where the header claims more than the file can hold.
    """
    page = series.keyframe
    compression = int(page.compression)
    if compression in _UNPACKED_PER_BYTE:
        bits = page.samplesperpixel * page.bitspersample / _UNPACKED_PER_BYTE[compression]
    else:
        bits = {6: _JPEG_BITS, _JPEG: _JPEG_BITS, _FAX4: 1 / max(1, page.imagewidth)}.get(compression, 0)
    check_claim(reading, page.imagewidth, page.imagelength, bits, sum(page.databytecounts))
    pages = [part for part in series.pages if part is not None]
    for part in pages:
        if compression != 1 and len(part.dataoffsets) != _segments(page):
            reading.damaged(_DISAGREE)
            return
        if not all(part.dataoffsets) or not all(part.databytecounts):
            reading.damaged("parts of it are missing")
            return
    for number, part in enumerate(pages):
        reason = _damage(tif, page, part.dataoffsets, part.databytecounts)
        if reason:
            reading.damaged(reason if len(pages) == 1 else f"page {number + 1}: {reason}")
            return


def _segments(page: TiffPage) -> int:
    """Strips or tiles that a page of this size has."""
    planes = page.samplesperpixel if int(page.planarconfig) == 2 else 1
    if page.is_tiled:
        across = math.ceil(page.imagewidth / page.tilewidth)
        depth = math.ceil(page.imagedepth / max(1, page.tiledepth))
        return planes * depth * across * math.ceil(page.imagelength / page.tilelength)
    return planes * page.imagedepth * math.ceil(page.imagelength / page.rowsperstrip)


def _damage(tif: TiffFile, page: TiffPage, offsets: Sequence[int], counts: Sequence[int]) -> str:
    """What decoding would not tell of the strips or tiles of a page; empty when all is well."""
    compression = int(page.compression)
    if compression == _FAX4 and not page.is_tiled and page.fillorder == 1:
        rows = page.rowsperstrip
        for index, data in enumerate(_each(tif, offsets, counts)):
            height = min(rows, page.imagelength - index * rows)
            if not _same_as_coded_again(data, height, page.imagewidth):
                return "its Group 4 data make no sense"
    elif compression == _JPEG:
        tables = page.jpegtables or b""
        for index, data in enumerate(_each(tif, offsets, counts)):
            rows = page.rowsperstrip if not page.is_tiled else page.tilelength
            left = page.imagelength - index * rows if int(page.planarconfig) == 1 else rows
            if reason := _jpeg_damage(data, tables, rows if page.is_tiled else min(rows, left)):
                return reason
    elif compression == _ZSTD:
        if any(bytes(LOST_SECTOR) in data for data in _each(tif, offsets, counts)):
            return "a part of it is empty"
    elif compression != 1 and not page.is_tiled:
        return _wrong_end(tif, page, offsets, counts)
    return _wrong_end(tif, page, offsets, counts) if compression == _ZSTD and not page.is_tiled else ""


def _each(tif: TiffFile, offsets: Sequence[int], counts: Sequence[int]) -> Iterator[bytes]:
    for segment in tif.filehandle.read_segments(offsets, counts, sort=False):
        yield segment[0] if isinstance(segment, tuple) and segment[0] else b""


def _wrong_end(tif: TiffFile, page: TiffPage, offsets: Sequence[int], counts: Sequence[int]) -> str:
    """Whether the last strip unpacks to other than the rows that are left for it, as with a false height."""
    import tifffile

    compression = int(page.compression)
    if compression not in _UNPACKED_PER_BYTE or page.dtype is None:
        return ""
    planes = page.samplesperpixel if int(page.planarconfig) == 2 else 1
    rows = page.imagelength - (len(offsets) // planes - 1) * page.rowsperstrip
    samples = page.samplesperpixel // planes
    expected = rows * ((page.imagewidth * samples * page.bitspersample + 7) // 8)
    (data,) = _each(tif, offsets[-1:], counts[-1:])
    if page.fillorder == 2:
        return ""
    try:
        unpacked = len(tifffile.TIFF.DECOMPRESSORS[compression](data, out=expected + 1))
    except Exception:  # too long, or not decodable at all
        return _DISAGREE
    return "" if unpacked == expected else _DISAGREE


def _jpeg_damage(data: bytes, tables: bytes, rows: int) -> str:
    import simplejpeg

    whole = tables[:-2] + data[2:] if tables else data
    try:
        height = simplejpeg.decode_jpeg(whole, "GRAY").shape[0]
    except ValueError as error:
        return str(error).removeprefix("Corrupt JPEG data: ").rstrip(".")
    return "" if height == rows else _DISAGREE


def _same_as_coded_again(data: bytes, height: int, width: int) -> bool:
    """Whether Group 4 data come out when their picture is coded: each has but one coding."""
    import imagecodecs
    from PIL import Image, TiffImagePlugin

    rows = imagecodecs.ccittfax4_decode(data, height, width)
    pixels = np.asarray(rows).reshape(height, width) == 0
    file = BytesIO()
    options = TiffImagePlugin.ImageFileDirectory_v2()
    options[278] = height  # one strip
    options[262] = 0
    Image.fromarray(pixels).save(file, "TIFF", compression="group4", tiffinfo=options)
    with Image.open(BytesIO(file.getvalue())) as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        (start,), (count,) = image.tag_v2[273], image.tag_v2[279]
    return _without_end(file.getvalue()[start : start + count]) == _without_end(data)


def _without_end(data: bytes) -> bytes:
    """Leave out the mark at the end, which some writers omit, and the bits that fill the last byte."""
    bits = f"{int.from_bytes(data[-12:], 'big'):0{8 * len(data[-12:])}b}".rstrip("0")
    mark = _END_OF_FAX.rstrip("0")
    bits = bits.removesuffix(mark)
    return data[:-12] + bits.rstrip("0").encode()
