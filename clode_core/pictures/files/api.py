"""Reading and writing by file name: which format it is, and one clear sentence for all that can go wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clode_core.pictures.atomic import WriteError, write_atomically
from clode_core.pictures.files.decoder_messages import loss_of, quiet
from clode_core.pictures.files.formats import FORMATS, SUFFIXES, WRITTEN, format_of, recognised
from clode_core.pictures.files.losses import tell_losses
from clode_core.pictures.files.picture import Picture, PictureError
from clode_core.pictures.files.pixels import as_integers, channels_of
from clode_core.pictures.files.raw import RAW_SUFFIXES
from clode_core.pictures.files.reading import Reading, Say, warn


def read_picture(path: str | os.PathLike[str], *, lenient: bool = False, say: Say | None = None) -> Picture:
    """Read a picture file.

    Parameters
    ----------
    path : path-like
        File with one of `SUFFIXES`. What it holds is recognised from its content, so a JPEG file named
        ``.png`` is read too.
    lenient : bool
        Whether to accept a damaged picture, as far as it can be decoded.
    say : callable, optional
        Told, in one sentence each and without the name of the file, of damage that was accepted and of what
        the file carries that cannot be kept. By default damage is a `PictureWarning`, and the rest is silent.

    Returns
    -------
    Picture
        Pixels turned upright, and the metadata to write them back with.

    Raises
    ------
    PictureError
        When the file is missing, unreadable, empty, damaged or cut short, or holds something that would be
        lost or misread: animation, CMYK, camera raw data, pages that differ in size, over `MAX_PIXELS`.

    Examples
    --------
    >>> picture = read_picture("photo.jpg")
    >>> picture.format, picture.rgb, picture.pixels.ndim
    ('jpeg', True, 3)
    """
    file = Path(path)
    _known(file, SUFFIXES)
    try:
        if file.is_dir():
            raise PictureError(f"{file} is a folder; give the name of a picture in it.")
        if file.exists() and not file.is_file():
            raise PictureError(f"{file} is not a regular file; give the name of a picture file.")
        with file.open("rb") as handle:
            start = handle.read(32)
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
    kind = recognised(start, file.suffix)
    if kind is None:
        raise PictureError(f"{file} does not hold a picture in a format that is known; convert it to PNG.")
    try:
        noticed: list[str] = []
        reading = Reading(file, lenient, noticed.append)
        with quiet() as messages:
            picture = FORMATS[kind].read(reading)
        for message in messages[:1]:
            reading.damaged(loss_of(message))
    except (PictureError, ImportError):
        raise
    except MemoryError as error:
        raise PictureError(f"{file} needs more memory than there is; make it smaller first.") from error
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error
        reason = _because(error)
        raise PictureError(f"{file} is damaged or cut short{reason}; get another copy of it.") from error
    for sentence in noticed:
        if say is not None:
            say(sentence)
        elif sentence.startswith("is damaged"):  # what cannot be kept matters to those who write it again
            warn(file)(sentence)
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

    Examples
    --------
    >>> picture = read_picture("photo.jpg")
    >>> write_picture("bright.jpg", enhance(picture.pixels), like=picture).name
    'bright.jpg'
    """
    file = Path(path)
    say = say or warn(file)
    kind = _known(file, WRITTEN)
    known = FORMATS[kind]
    assert known.encode is not None
    encode = known.encode
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
        if channels == 4 and like is not None and like.tiff is not None and like.tiff.data_band:
            say("has a fourth band that is neither colour nor alpha; it was left out")
            pixels, channels = pixels[..., :3], 3
        if known.bits:
            deep = known.own_depth and like is not None and 8 < like.bit_depth < 16
            pixels = as_integers(file, pixels, like.bit_depth if like and deep else known.bits, like)
        if max(pixels.shape[:2]) > known.longest:
            raise PictureError(
                f"{file} may have at most {known.longest} pixels a side; save it as PNG or TIFF."
            )
    if like is not None:
        tell_losses(like, kind, say)
    try:
        return write_atomically(file, lambda handle: encode(handle, pixels, channels, like, say))
    except WriteError as error:
        raise PictureError(str(error)) from error
    except (PictureError, ImportError):
        raise
    except MemoryError as error:
        raise PictureError(f"{file} was not written for want of memory; make it smaller.") from error
    except Exception as error:  # encoders raise anything, as decoders do
        raise PictureError(f"{file} was not written ({error}); try another format.") from error


def _known(file: Path, suffixes: Sequence[str]) -> str:
    kind = format_of(file.suffix)
    if kind is None or file.suffix.lower() not in suffixes:
        known = ", ".join(suffix for suffix in suffixes if suffix not in RAW_SUFFIXES)
        raise PictureError(f"{file} has a suffix that is not known; use one of {known}.")
    return kind


def _because(error: Exception) -> str:
    """The message of a decoder, where it has one that people can read."""
    text = " ".join(str(error).split())
    if not text or isinstance(error, UnicodeError | IndexError | KeyError | TypeError):
        return ""
    return f" ({text[:200]})"
