"""Boxes of the ISO base media file format, in which AVIF, HEIF, JPEG XL and JPEG 2000 come."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from typing import NamedTuple

Bytes = bytes | mmap.mmap
_PREFIX = {b"meta": 4}
_HOLDERS = {b"meta", b"iprp", b"ipco", b"jp2h"}


class Box(NamedTuple):
    """Where a box lies, and where its content begins."""

    kind: bytes
    start: int
    content: int
    end: int


def boxes(data: Bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Boxes one after another, each whole.

    Raises
    ------
    ValueError
        When one reaches beyond the end.
    """
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = start + size if size else end
        if stop > end or stop < content:
            raise ValueError("the end of the file is missing")
        yield Box(kind, start, content + _PREFIX.get(kind, 0), stop)
        start = stop


def found(data: bytes, *path: bytes) -> Iterator[bytes]:
    """Content of every box of a kind, given the kinds of those around it from the outside in."""
    places = [(0, len(data))]
    for kind in path:
        places = [
            (box.content, box.end)
            for start, end in places
            for box in boxes(data, start, end)
            if box.kind == kind
        ]
    for start, end in places:
        yield data[start:end]


def box(kind: bytes, content: bytes) -> bytes:
    """One box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content
