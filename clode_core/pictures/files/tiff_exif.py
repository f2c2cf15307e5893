"""The camera's tags of a TIFF file, whose directories are those of EXIF."""

from __future__ import annotations

import mmap
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from clode_core.pictures.files.exif import CAMERA, DESCRIPTION, byte_order, copied_directory, entries_at
from clode_core.pictures.files.tiff_tags import is_storage

DIRECTORIES = {34665, 34853}
"""Tags that lead to the directories of the exposure and the place."""


def read_camera(file: Path, *, described: bool = False) -> bytes | None:
    """EXIF block of the camera's tags and directories of the first page, with its description if asked."""
    with (
        suppress(struct.error),
        file.open("rb") as handle,
        mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as source,
    ):
        order = byte_order(source[:2])
        (start,) = struct.unpack_from(order + "I", source, 4)
        wanted = CAMERA | {DESCRIPTION} if described else CAMERA
        kept = [entry for entry in entries_at(source, start, order) if entry.tag in wanted]
        if {entry.tag for entry in kept} - {305, 306}:
            head = source[:4] + struct.pack(order + "I", 8)
            return head + copied_directory(source, kept, order, 8)
    return None


def directory_tags(exif: bytes) -> set[int]:
    """Numbers of the tags in the first directory of EXIF."""
    with suppress(struct.error):
        order = byte_order(exif)
        (start,) = struct.unpack_from(order + "I", exif, 4)
        return {entry.tag for entry in entries_at(exif, start, order)}
    return set()


def insert_camera(handle: BinaryIO, exif: bytes) -> None:
    """Give a TIFF file the camera's tags: a new first directory at its end, which the header points to."""
    source = byte_order(exif)
    try:
        (start,) = struct.unpack_from(source + "I", exif, 4)
        wanted = [entry for entry in entries_at(exif, start, source) if not is_storage(entry.tag)]
        handle.seek(0)
        order = byte_order(handle.read(2))
        handle.seek(4)
        (first,) = struct.unpack(order + "I", handle.read(4))
        handle.seek(first)
        (count,) = struct.unpack(order + "H", handle.read(2))
        old = handle.read(12 * count)
        following = handle.read(4)
        present = {struct.unpack_from(order + "H", old, 12 * index)[0] for index in range(count)}
        wanted = [entry for entry in wanted if entry.tag not in present]
        base = handle.seek(0, os.SEEK_END)
        base += handle.write(bytes(base % 2))
        block = copied_directory(exif, wanted, source, base, new_order=order)
    except struct.error:
        return
    new = block[2 : 2 + 12 * len(wanted)]
    both = [part[index : index + 12] for part in (old, new) for index in range(0, len(part), 12)]
    both.sort(key=lambda entry: int(struct.unpack_from(order + "H", entry)[0]))
    handle.write(block)
    directory = base + len(block) + handle.write(bytes(len(block) % 2))
    handle.write(struct.pack(order + "H", len(both)) + b"".join(both) + following)
    handle.seek(4)
    handle.write(struct.pack(order + "I", directory))
