"""Items of AVIF and HEIF files: what each is, its properties, and how its content begins."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from clode_core.pictures.files.boxes import boxes, found

_BEGINNING = 512


class Item(NamedTuple):
    """One item: a coded picture, a grid of them, metadata."""

    kind: bytes
    """Such as ``av01`` or ``grid``."""
    properties: dict[bytes, bytes]
    """By their names; of two with one name, the last."""
    beginning: bytes
    """First bytes of its content; nothing where they lie in another file."""


def besides(data: bytes) -> list[str]:
    """What a file holds besides its picture and its alpha, in words."""
    more = []
    properties = list(found(data, b"meta", b"iprp", b"ipco"))
    kinds = {part.kind for held in properties for part in boxes(held)}
    if kinds & {b"clli", b"mdcv", b"amve"}:
        more.append("how bright the screen is to be")
    with suppress(ValueError, struct.error, IndexError):
        if any(item.kind == b"tmap" for item in items(data)):
            more.append("a map for bright screens")
    depth = (content for held in properties for content in found(held, b"auxC"))
    if any(b"alpha" not in content and b"aux:hevc:2" not in content for content in depth):
        more.append("depth or another map")
    return more


class _Numbers:
    """Whole numbers one after another, the highest byte first."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def next(self, size: int) -> int:
        """The number in the next bytes.

        Raises
        ------
        ValueError
            At the end.
        """
        end = self.place + size
        if end > len(self.data):
            raise ValueError("a table is cut short")
        value = int.from_bytes(self.data[self.place : end], "big")
        self.place = end
        return value


def items(data: bytes) -> Iterator[Item]:
    """Items of a file (ISO/IEC 14496-12, boxes ``iinf``, ``iloc`` and ``ipma``).

    Raises
    ------
    ValueError
        If the tables make no sense.
    """
    beginnings, properties = dict(_beginnings(data)), dict(_properties(data))
    for table in found(data, b"meta", b"iinf"):
        entries = 6 if table[0] == 0 else 8
        for entry in boxes(table, entries):
            numbers = _Numbers(table[entry.content : entry.end])
            version = numbers.next(4) >> 24
            number = numbers.next(2 if version < 3 else 4)
            numbers.next(2)
            kind = struct.pack(">I", numbers.next(4))
            yield Item(kind, properties.get(number, {}), beginnings.get(number, b""))


def _beginnings(data: bytes) -> Iterator[tuple[int, bytes]]:
    inside = b"".join(found(data, b"meta", b"idat"))
    for table in found(data, b"meta", b"iloc"):
        numbers = _Numbers(table)
        version = numbers.next(4) >> 24
        sizes = numbers.next(2)
        offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        for _ in range(numbers.next(2 if version < 2 else 4)):
            number = numbers.next(2 if version < 2 else 4)
            method = numbers.next(2) & 15 if version else 0
            elsewhere = numbers.next(2)
            base = numbers.next(base_size)
            extents = []
            for _extent in range(numbers.next(2)):
                numbers.next(index_size if version else 0)
                extents.append((base + numbers.next(offset_size), numbers.next(length_size)))
            if extents and not elsewhere and method < 2:
                start, length = extents[0]
                source = inside if method else data
                yield number, source[start : start + min(length or _BEGINNING, _BEGINNING)]


def _properties(data: bytes) -> Iterator[tuple[int, dict[bytes, bytes]]]:
    for holder in found(data, b"meta", b"iprp", b"ipco"):
        known = [(part.kind, holder[part.content : part.end]) for part in boxes(holder)]
        for table in found(data, b"meta", b"iprp", b"ipma"):
            numbers = _Numbers(table)
            head = numbers.next(4)
            wide = head & 1
            for _ in range(numbers.next(4)):
                number = numbers.next(2 if head >> 24 < 1 else 4)
                indices = [
                    numbers.next(2) & 0x7FFF if wide else numbers.next(1) & 0x7F
                    for _ in range(numbers.next(1))
                ]
                yield number, dict(known[index - 1] for index in indices if 0 < index <= len(known))
