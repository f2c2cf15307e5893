"""Reading and writing by file name: which format it is, and one clear sentence for all that can go wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from clode_core.pictures.atomic import WriteError, write_atomically
from clode_core.pictures.files.decoder_messages import quiet
from clode_core.pictures.files.jpeg import encode_jpeg, read_jpeg
from clode_core.pictures.files.picture import Picture, PictureError
from clode_core.pictures.files.pixels import as_integers, channels_of
from clode_core.pictures.files.png import SIGNATURE, encode_png, read_png
from clode_core.pictures.files.reading import Reading, Say, warn
from clode_core.pictures.files.tiff_reading import read_tiff
from clode_core.pictures.files.tiff_writing import encode_tiff
from clode_core.pictures.files.webp import encode_webp, read_webp

_FORMATS = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "webp",
}
SUFFIXES = tuple(_FORMATS)
"""Suffixes of the files that can be read and written, in lower case."""

_LONGEST_SIDE = {"jpeg": 65535, "webp": 16383}
_READERS: dict[str, Callable[[Reading], Picture]] = {
    "png": read_png,
    "jpeg": read_jpeg,
    "tiff": read_tiff,
    "webp": read_webp,
}
_ENCODERS: dict[str, Callable[[BinaryIO, np.ndarray, int, Picture | None, Say], None]] = {
    "png": encode_png,
    "jpeg": encode_jpeg,
    "tiff": encode_tiff,
    "webp": encode_webp,
}


def read_picture(path: str | os.PathLike[str], *, lenient: bool = False, say: Say | None = None) -> Picture:
    """Read a PNG, JPEG, TIFF or WebP picture.

    Parameters
    ----------
    path : path-like
        File with one of `SUFFIXES`. What it holds is recognised from its content, so a JPEG file named
        ``.png`` is read too.
    lenient : bool
        Whether to accept a damaged picture, as far as it can be decoded.
    say : callable, optional
        Told, in one sentence each and without the name of the file, of damage that was accepted and of what
        the file carries that cannot be kept. By default this is a `PictureWarning`.

    Returns
    -------
    Picture
        Pixels turned upright, and the metadata to write them back with.

    Raises
    ------
    PictureError
        When the file is missing, unreadable, empty, damaged or cut short, or holds something that would be
        lost or misread: animation, CMYK, camera raw data, pages that differ in size, over `MAX_PIXELS`.
    """
    file = Path(path)
    _format_of(file)
    try:
        if file.is_dir():
            raise PictureError(f"{file} is a folder; give the name of a picture in it.")
        if file.exists() and not file.is_file():
            raise PictureError(f"{file} is not a regular file; give the name of a picture file.")
        with file.open("rb") as handle:
            start = handle.read(16)
    except FileNotFoundError:
        raise PictureError(f"{file} does not exist; check its name and folder.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise PictureError(f"{file} cannot be opened ({reason}); check that you may read it.") from error
    except ValueError as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(f"{str(file)!r} is not a possible file name; check it.") from error
    if not start:
        raise PictureError(f"{file} is empty; it may not have been copied to its end.")
    kind = _recognise(start)
    if kind is None:
        raise PictureError(f"{file} does not hold a PNG, JPEG, TIFF or WebP picture; convert it to one.")
    try:
        noticed: list[str] = []
        reading = Reading(file, lenient, noticed.append)
        with quiet() as messages:
            picture = _READERS[kind](reading)
        for message in messages[:1]:
            reading.damaged(message)
    except (PictureError, ImportError):
        raise
    except MemoryError as error:
        raise PictureError(f"{file} needs more memory than there is; make it smaller first.") from error
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error
        reason = _because(error)
        raise PictureError(f"{file} is damaged or cut short{reason}; get another copy of it.") from error
    for sentence in noticed:
        (say or warn(file))(sentence)
    return picture


def write_picture(
    path: str | os.PathLike[str], pixels: np.ndarray, like: Picture | None = None, *, say: Say | None = None
) -> Path:
    """Write a picture in the format its suffix names, whole or not at all.

    Parameters
    ----------
    path : path-like
        Where to write, with one of `SUFFIXES`. A file already there is replaced once the new one is safely
        on disk, and stays as it is when anything fails.
    pixels : ndarray
        (H, W) or (H, W, 2..4); for TIFF also (..., Y, X) and (..., Y, X, 2..4). Without `like`, a last axis
        of 3 or 4 is colour, and one of 2 is grey and alpha when there are three axes.
    like : Picture, optional
        Picture these pixels come from, whose metadata is written with them.
    say : callable, optional
        Told of everything in `like` that the format cannot hold, in one sentence each and without the name
        of the file. By default this is a `PictureWarning`.

    Returns
    -------
    Path
        The path written.

    Raises
    ------
    PictureError
        When the suffix is unknown, the format cannot hold the pixels, the folder is missing or closed to
        writing, or the disk is full.

    Notes
    -----
    What a format cannot hold is brought to what it can. JPEG and WebP get 8 bits, PNG 8 or 16: integers are
    scaled by their depth, floats are clipped to [0, 1]. JPEG loses alpha, and WebP makes grey RGB. WebP loses
    nothing unless the pixels came from a JPEG or lossy WebP file. EXIF or XMP over 64 KiB is left out of
    JPEG. The display range of an ImageJ file is not written, since it belonged to the old values.
    """
    file = Path(path)
    say = say or warn(file)
    kind = _format_of(file)
    pixels = np.asarray(pixels)
    if pixels.ndim < 2 or not pixels.size or pixels.dtype.kind not in "buif":
        raise PictureError(
            f"{file} cannot hold an array of shape {pixels.shape} and type {pixels.dtype}; "
            "give real numbers in rows and columns."
        )
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    channels = channels_of(pixels, like)
    if kind != "tiff":
        if pixels.ndim != (2 if channels == 1 else 3):
            raise PictureError(f"{file} cannot hold a stack of shape {pixels.shape}; save it as TIFF.")
        pixels = as_integers(file, pixels, 16 if kind == "png" else 8, like)
        longest = _LONGEST_SIDE.get(kind, 2**31 - 1)
        if max(pixels.shape[:2]) > longest:
            raise PictureError(f"{file} may have at most {longest} pixels a side; save it as PNG or TIFF.")
    try:
        return write_atomically(file, lambda handle: _ENCODERS[kind](handle, pixels, channels, like, say))
    except WriteError as error:
        raise PictureError(str(error)) from error
    except (PictureError, ImportError):
        raise
    except MemoryError as error:
        raise PictureError(f"{file} was not written for want of memory; make it smaller.") from error
    except Exception as error:  # encoders raise anything, as decoders do
        raise PictureError(f"{file} was not written ({error}); try another format.") from error


def _format_of(file: Path) -> str:
    kind = _FORMATS.get(file.suffix.lower())
    if kind is None:
        known = ", ".join(SUFFIXES)
        raise PictureError(f"{file} has a suffix that is not known; use one of {known}.")
    return kind


def _because(error: Exception) -> str:
    """The message of a decoder, where it has one that people can read."""
    text = " ".join(str(error).split())
    if not text or isinstance(error, UnicodeError | IndexError | KeyError | TypeError):
        return ""
    return f" ({text[:200]})"


def _recognise(start: bytes) -> str | None:
    if start.startswith(SIGNATURE):
        return "png"
    if start.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    return "webp" if start[:4] == b"RIFF" and start[8:12] == b"WEBP" else None
