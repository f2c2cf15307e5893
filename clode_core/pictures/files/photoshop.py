"""Photoshop's blocks, IPTC among them, which lie in segments of JPEG and in tags of TIFF."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from clode_core.pictures.files.picture import Picture, Segment, Tag
from clode_core.pictures.files.thumbnail import small_jpeg

PHOTOSHOP_TAG, IPTC_TAG = 34377, 33723
_SEGMENT, _NAME = 0xED, b"Photoshop 3.0\0"
_IPTC, _THUMBNAIL = 0x0404, 0x040C
_OLD_THUMBNAIL = 0x0409
_NO_NAME = bytes(2)
_LONGEST = 65533 - len(_NAME)


class _Block(NamedTuple):
    number: int
    name: bytes
    content: bytes


def is_photoshop(segment: Segment) -> bool:
    """Whether a segment of a JPEG file holds such blocks."""
    return segment.marker == _SEGMENT and segment.content.startswith(_NAME)


def blocks_of(like: Picture | None) -> bytes | None:
    """All blocks that a picture carries, wherever its format puts them."""
    if like is None:
        return None
    if like.jpeg:
        parts = [part.content[len(_NAME) :] for part in like.jpeg.segments if is_photoshop(part)]
        return b"".join(parts) or None
    tags = {tag.code: tag.content for tag in like.tiff.tags} if like.tiff else {}
    blocks, iptc = tags.get(PHOTOSHOP_TAG, like.photoshop or b""), tags.get(IPTC_TAG)
    if iptc and not any(block.number == _IPTC for block in _split(blocks)):
        blocks += _packed(_IPTC, _NO_NAME, iptc)
    return blocks or None


def of_iptc(iptc: bytes | None) -> bytes | None:
    """Blocks that hold nothing but IPTC."""
    return _packed(_IPTC, _NO_NAME, iptc) if iptc else None


def as_segments(blocks: bytes) -> list[Segment]:
    """Segments of a JPEG file; what is too long for one goes on in the next."""
    parts = (blocks[start : start + _LONGEST] for start in range(0, len(blocks), _LONGEST))
    return [Segment(_SEGMENT, _NAME + part) for part in parts]


def as_tags(blocks: bytes) -> tuple[Tag, ...]:
    """Tags of a TIFF file: all blocks, and IPTC once more in its own, where other programs look for it."""
    iptc = next((block.content for block in _split(blocks) if block.number == _IPTC), b"")
    tags = (Tag(IPTC_TAG, 7, iptc),) if iptc else ()
    return (*tags, Tag(PHOTOSHOP_TAG, 1, blocks))


def with_new_thumbnail(blocks: bytes, pixels: np.ndarray, like: Picture | None) -> bytes:
    """The blocks, with the small picture among them made of `pixels`; they stay as they are without one."""
    parts = list(_split(blocks))
    if not any(part.number in (_THUMBNAIL, _OLD_THUMBNAIL) for part in parts):
        return blocks
    made, (width, height) = small_jpeg(pixels, like)
    row = (width * 3 + 3) // 4 * 4
    head = struct.pack(">6I2H", 1, width, height, row, row * height, len(made), 24, 1)
    return b"".join(
        _packed(part.number, part.name, head + made if part.number == _THUMBNAIL else part.content)
        for part in parts
        if part.number != _OLD_THUMBNAIL
    )


def _split(blocks: bytes) -> Iterator[_Block]:
    """Blocks one after another, up to the first that makes no sense."""
    place = 0
    while blocks[place : place + 4] == b"8BIM" and place + 12 <= len(blocks):
        (number,) = struct.unpack_from(">H", blocks, place + 4)
        length = 1 + blocks[place + 6]
        start = place + 6 + length + length % 2
        if start + 4 > len(blocks):
            return
        name = blocks[place + 6 : start]
        (length,) = struct.unpack_from(">I", blocks, start)
        yield _Block(number, name, blocks[start + 4 : start + 4 + length])
        place = start + 4 + length + length % 2


def _packed(number: int, name: bytes, content: bytes) -> bytes:
    head = b"8BIM" + struct.pack(">H", number) + name + struct.pack(">I", len(content))
    return head + content + bytes(len(content) % 2)
