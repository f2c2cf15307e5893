"""EXIF and the directories of TIFF that it is made of."""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

ORIENTATION = 274
DESCRIPTION = 270
CAMERA = {
    269, 271, 272, 285, 305, 306, 315, 316, 18246, 18249, 33432, 34665, 34853, 40091, 40092, 40093, 40094,
    40095,
}  # fmt: skip
"""Tags of the camera, its owner, the moment and names, with the directories of exposure and place."""

_POINTERS = {34665, 34853, 40965}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}


class Entry(NamedTuple):
    """One entry of a directory; the value is the content, or where it is when four bytes cannot hold it."""

    tag: int
    kind: int
    length: int
    value: bytes


class UprightMetadata(NamedTuple):
    """EXIF and XMP that say upright, and the orientation they said before."""

    orientation: int
    exif: bytes | None
    xmp: bytes | None


def made_upright(exif: bytes | None, xmp: bytes | None) -> UprightMetadata:
    """Set the orientation to 1 in place, which leaves offsets inside maker notes valid."""
    if not exif:
        return UprightMetadata(1, None, xmp)
    exif = exif.removeprefix(b"Exif\0\0")
    order = byte_order(exif)
    with suppress(struct.error):
        (start,) = struct.unpack_from(order + "I", exif, 4)
        for index, entry in enumerate(entries_at(exif, start, order)):
            if entry.tag == ORIENTATION and entry.kind in (3, 4):
                code = order + ("H" if entry.kind == 3 else "I")
                (orientation,) = struct.unpack_from(code, entry.value)
                if not 2 <= orientation <= 8:
                    break
                patched = bytearray(exif)
                struct.pack_into(code, patched, start + 2 + 12 * index + 8, 1)
                if xmp:
                    xmp = re.sub(rb"(tiff:Orientation(?:=[\"']|>))\d", rb"\g<1>1", xmp)
                return UprightMetadata(orientation, bytes(patched), xmp)
    return UprightMetadata(1, exif, xmp)


def byte_order(data: bytes) -> str:
    """Return the byte order of a TIFF or EXIF block, as `struct` writes it."""
    return ">" if data[:2] == b"MM" else "<"


def entries_at(source: bytes | mmap.mmap, start: int, order: str) -> list[Entry]:
    """Entries of the directory of a TIFF or EXIF block that begins at `start`."""
    (count,) = struct.unpack_from(order + "H", source, start)
    return [
        Entry(*struct.unpack_from(order + "HHI4s", source, start + 2 + 12 * index)) for index in range(count)
    ]


def copied_directory(
    source: bytes | mmap.mmap,
    entries: Sequence[Entry],
    order: str,
    base: int,
    levels: int = 3,
    new_order: str | None = None,
) -> bytes:
    """Copy a directory and all it points to, for a place `base` bytes into another file of another order."""
    to = new_order or order
    table = [struct.pack(to + "H", len(entries))]
    heap = bytearray()
    for entry in entries:
        (offset,) = struct.unpack(order + "I", entry.value)
        here = base + 2 + 12 * len(entries) + 4 + len(heap)
        size = _SIZES.get(entry.kind, 1) * entry.length
        value = struct.pack(to + "I", here)
        if entry.tag in _POINTERS and levels:
            inner = entries_at(source, offset, order)
            heap += copied_directory(source, inner, order, here, levels - 1, to)
        elif size > 4:
            heap += _swapped(source[offset : offset + size], entry.kind, order != to)
        else:
            value = _swapped(entry.value, entry.kind, order != to)
        heap += b"\0" * (len(heap) % 2)
        table.append(struct.pack(to + "HHI4s", entry.tag, entry.kind, entry.length, value))
    return b"".join((*table, bytes(4), heap))


def _swapped(value: bytes, kind: int, swap: bool) -> bytes:
    """Turn the bytes of every number around; what is of no known type, as maker notes, stays."""
    size = 4 if kind in (5, 10) else _SIZES.get(kind, 1)  # ratios are two numbers
    if not swap or size == 1:
        return value
    return b"".join(value[place : place + size][::-1] for place in range(0, len(value), size))


def with_dpi(exif: bytes, dpi: tuple[float, float]) -> bytes:
    """EXIF that also tells dots per inch; one that tells them already stays as it is."""
    if dpi_of_exif(exif):
        return exif
    order = byte_order(exif)
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        entries = entries_at(exif, start, order)
        following = exif[start + 2 + 12 * len(entries) :][:4]
    except struct.error:
        return exif
    kept = [entry for entry in entries if entry.tag not in (282, 283, 296)]
    body = exif + bytes(len(exif) % 2)
    for tag, value in zip((282, 283), dpi, strict=True):
        kept.append(Entry(tag, 5, 1, struct.pack(order + "I", len(body))))
        body += struct.pack(order + "II", round(value * 1000), 1000)
    kept.append(Entry(296, 3, 1, struct.pack(order + "HH", 2, 0)))
    table = [struct.pack(order + "HHI4s", *entry) for entry in sorted(kept)]
    directory = struct.pack(order + "H", len(kept)) + b"".join(table) + following
    return body[:4] + struct.pack(order + "I", len(body)) + body[8:] + directory


def exif_of_dpi(dpi: tuple[float, float]) -> bytes:
    """EXIF that holds nothing but dots per inch, for a format without a field for it."""
    entries = [Entry(tag, 5, 1, struct.pack("<I", 16 * index)) for index, tag in enumerate((282, 283))]
    source = b"".join(struct.pack("<II8x", round(value * 1000), 1000) for value in dpi)
    return b"II*\0\x08\0\0\0" + copied_directory(source, [*entries, Entry(296, 3, 1, b"\2\0\0\0")], "<", 8)


def dpi_of_exif(exif: bytes | None) -> tuple[float, float] | None:
    """Return dots per inch across and down, or None when EXIF does not tell."""
    with suppress(struct.error, ZeroDivisionError):
        if exif:
            order = byte_order(exif)
            (start,) = struct.unpack_from(order + "I", exif, 4)
            found = {entry.tag: entry.value for entry in entries_at(exif, start, order)}
            pairs = [
                struct.unpack_from(order + "II", exif, struct.unpack(order + "I", found[tag])[0])
                for tag in (282, 283)
                if tag in found
            ]
            unit = struct.unpack(order + "H", found.get(296, b"\0\0")[:2])[0] or 2
            if len(pairs) == 2 and unit in (2, 3):
                across, down = (over / under * (1 if unit == 2 else 2.54) for over, under in pairs)
                return (across, down) if across and down else None
    return None
