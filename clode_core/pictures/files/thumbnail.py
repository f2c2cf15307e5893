"""The small picture inside EXIF, made anew: the old one would show the picture as dark as it was."""

from __future__ import annotations

import struct
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np

from clode_core.pictures.files.exif import Entry, byte_order, entries_at, exif_of_dpi, with_dpi
from clode_core.pictures.files.picture import Picture, dpi_for
from clode_core.pictures.files.pixels import as_integers
from clode_core.pictures.files.reading import Say

_COMPRESSION, _STRIPS, _JPEG_START, _JPEG_LENGTH, _WIDTH, _HEIGHT = 259, 273, 513, 514, 256, 257
_EXPOSURE_DIRECTORY, _PIXELS_ACROSS, _PIXELS_DOWN = 34665, 40962, 40963
_SIDE = 160
_LONGEST = 2**24
_QUALITIES = (90, 80, 65, 45, 25)


def exif_for(like: Picture | None, pixels: np.ndarray, say: Say) -> bytes | None:
    """EXIF of a picture for the pixels made of it: with the scale, and a new thumbnail if it had one."""
    if like is None:
        return None
    dpi = dpi_for(like)
    exif = like.exif
    if exif and exif[:4] not in (b"II*\0", b"MM\0*"):
        say("has EXIF that is damaged; it was left out")
        exif = None
    if not exif:
        return exif_of_dpi(dpi) if dpi else None
    exif = with_new_thumbnail(exif, pixels, _LONGEST, like)
    return with_dpi(exif, dpi) if dpi else exif


def with_new_thumbnail(exif: bytes, pixels: np.ndarray, longest: int, like: Picture | None = None) -> bytes:
    """EXIF whose thumbnail and size are those of `pixels`; one without a thumbnail gets none.

    Parameters
    ----------
    exif : bytes
        A TIFF block. Nothing in it moves, so that offsets inside maker notes stay valid.
    pixels : ndarray
        (H, W) or (H, W, 2..4), upright, in any type that `as_integers` takes.
    longest : int
        Most bytes the block may have where the new thumbnail is longer than the old one.
    like : Picture, optional
        Picture these pixels come from, for their depth.
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
            if not _replaced(patched, second, thumbnail, order, _small(pixels, like), longest):
                struct.pack_into(order + "I", patched, link, 0)  # none is better than the old one
    return bytes(patched)


def small_jpeg(pixels: np.ndarray, like: Picture | None) -> tuple[bytes, tuple[int, int]]:
    """A small JPEG of pixels, and its width and height."""
    from PIL import Image

    data = _jpeg(_small(pixels, like), _QUALITIES[1])
    with Image.open(BytesIO(data)) as image:
        return data, image.size


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

    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE))
    file = BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def _small(pixels: np.ndarray, like: Picture | None) -> np.ndarray:
    """Eight bits of fewer rows and columns: shrinking smoothly would copy large pictures."""
    step = max(1, int(min(pixels.shape[:2])) // (8 * _SIDE))
    few = pixels[::step, ::step]
    if few.ndim == 3:
        few = few[..., :3] if few.shape[2] >= 3 else few[..., 0]
    return np.ascontiguousarray(as_integers(Path("thumbnail"), few, 8, like))
