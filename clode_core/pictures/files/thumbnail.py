"""The small picture inside EXIF, made anew: the old one would show the picture as dark as it was."""

from __future__ import annotations

import struct
from contextlib import suppress
from io import BytesIO

import numpy as np

from clode_core.pictures.files.exif import Entry, byte_order, entries_at

_COMPRESSION, _STRIPS, _JPEG_START, _JPEG_LENGTH, _WIDTH, _HEIGHT = 259, 273, 513, 514, 256, 257
_EXPOSURE_DIRECTORY, _PIXELS_ACROSS, _PIXELS_DOWN = 34665, 40962, 40963
_SIDE = 160
_QUALITIES = (90, 80, 65, 45, 25)


def with_new_thumbnail(exif: bytes, pixels: np.ndarray, longest: int) -> bytes:
    """EXIF whose thumbnail and size are those of `pixels`; one without a thumbnail gets none.

    Parameters
    ----------
    exif : bytes
        A TIFF block. Nothing in it moves, so that offsets inside maker notes stay valid.
    pixels : ndarray
        (H, W) or (H, W, 3), uint8, upright.
    longest : int
        Most bytes the block may have where the new thumbnail is longer than the old one.
    """
    order = byte_order(exif)
    patched = bytearray(exif)
    with suppress(struct.error, IndexError):
        (first,) = struct.unpack_from(order + "I", exif, 4)
        entries = entries_at(exif, first, order)
        for entry in entries:
            if entry.tag == _EXPOSURE_DIRECTORY:
                _set_size(patched, struct.unpack(order + "I", entry.value)[0], order, pixels.shape)
        link = first + 2 + 12 * len(entries)
        (second,) = struct.unpack_from(order + "I", exif, link)
        if second:
            thumbnail = {entry.tag: entry for entry in entries_at(exif, second, order)}
            if not _replaced(patched, second, thumbnail, order, pixels, longest):
                struct.pack_into(order + "I", patched, link, 0)  # none is better than the old one
    return bytes(patched)


def _set_size(exif: bytearray, start: int, order: str, shape: tuple[int, ...]) -> None:
    for index, entry in enumerate(entries_at(bytes(exif), start, order)):
        if entry.tag in (_PIXELS_ACROSS, _PIXELS_DOWN) and entry.kind in (3, 4) and entry.length == 1:
            value = shape[1] if entry.tag == _PIXELS_ACROSS else shape[0]
            code = order + ("H" if entry.kind == 3 and value < 65536 else "I")
            struct.pack_into(code, exif, start + 2 + 12 * index + 8, value)


def _replaced(
    exif: bytearray, start: int, thumbnail: dict[int, Entry], order: str, pixels: np.ndarray, longest: int
) -> bool:
    """Put a new thumbnail in the place of the old one, or behind everything where that is too small."""
    if _JPEG_START not in thumbnail or _JPEG_LENGTH not in thumbnail:
        return False
    (place,) = struct.unpack(order + "I", thumbnail[_JPEG_START].value)
    (room,) = struct.unpack(order + "I", thumbnail[_JPEG_LENGTH].value)
    if place + room > len(exif):
        return False
    if place + room == len(exif):  # it is the last thing there, as cameras do it
        room = longest - place
    made = next((jpeg for quality in _QUALITIES if len(jpeg := _jpeg(pixels, quality)) <= room), None)
    if made is None:
        return False
    exif[place : place + len(made)] = made
    index = list(thumbnail).index(_JPEG_LENGTH)
    struct.pack_into(order + "I", exif, start + 2 + 12 * index + 8, len(made))
    if place + len(made) < len(exif) and room == longest - place:
        del exif[place + len(made) :]
    return True


def _jpeg(pixels: np.ndarray, quality: int) -> bytes:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels[:: _step(pixels), :: _step(pixels)]))
    image.thumbnail((_SIDE, _SIDE))
    file = BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def _step(pixels: np.ndarray) -> int:
    """Rows and columns to leave out before the smooth shrinking, which would copy large pictures."""
    return max(1, int(min(pixels.shape[:2])) // (8 * _SIDE))
