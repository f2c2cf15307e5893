"""Pixels on their way in and out: which axis is colour, which way is up, how many bits they get."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clode_core.pictures.files.exif import dpi_of_exif, made_upright
from clode_core.pictures.files.picture import Picture, PictureError


def channels_of(pixels: np.ndarray, like: Picture | None) -> int:
    """Length of the last axis when it is colour or alpha, else 1."""
    last = pixels.shape[-1]
    if like is not None and pixels.ndim == like.pixels.ndim:
        colour = like.channels_last and 2 <= last <= 4
    else:
        colour = pixels.ndim > 2 and (last in (3, 4) or (pixels.ndim == 3 and last == 2))
    return last if colour else 1


def as_integers(file: Path, pixels: np.ndarray, bits: int, like: Picture | None) -> np.ndarray:
    """Bring pixels to uint8, or to uint16 that reach as far as `bits` do; uint8 stays as it is."""
    top = 2**bits - 1
    dtype = np.uint8 if bits == 8 else np.uint16
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind == "f":
        unit = np.nan_to_num(pixels.astype(np.float64), nan=0, posinf=1, neginf=0).clip(0, 1)
        whole: np.ndarray = (unit * top + 0.5).astype(dtype)
        return whole
    if pixels.dtype != np.uint16:
        raise PictureError(f"{file} cannot hold pixels of type {pixels.dtype}; save them as TIFF.")
    white = white_of(pixels, like)
    if white == top:
        return pixels
    wide = pixels.astype(np.uint32)
    scaled: np.ndarray = ((wide * top + white // 2) // white).astype(dtype)
    return scaled


def white_of(pixels: np.ndarray, like: Picture | None) -> int:
    """Largest value of uint16 pixels: that of the source's depth, such as 4095, if they keep within it."""
    if like is not None and 8 < like.bit_depth < 16 and pixels.max() < 2**like.bit_depth:
        return int(2**like.bit_depth - 1)
    return 65535


def depth_of(pixels: np.ndarray, like: Picture | None) -> int:
    """Bits of uint16 pixels: those of their source, such as 12, if they keep within them."""
    return white_of(pixels, like).bit_length()


def scaled_to(pixels: np.ndarray, like: Picture | None, bits: int) -> np.ndarray:
    """Bring uint16 pixels of the depth of their source to another depth, each to the nearest value."""
    white, top = white_of(pixels, like), 2**bits - 1
    if white == top:
        return pixels
    scaled: np.ndarray = ((pixels.astype(np.uint32) * top + white // 2) // white).astype(np.uint16)
    return scaled


def picture_from(
    pixels: np.ndarray,
    kind: str,
    info: Mapping[Any, Any],
    *,
    bit_depth: int = 8,
    lossless: bool = True,
    colour_space: tuple[int, int, int] | None = None,
) -> Picture:
    """Make a picture of pixels as stored and what was found beside them: exif, xmp, icc_profile, dpi."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    orientation, exif, xmp = made_upright(info.get("exif"), info.get("xmp"))
    dpi = info.get("dpi")
    dpi = dpi if dpi and min(dpi) > 0 else dpi_of_exif(exif)
    return Picture(
        upright(pixels, channels, orientation),
        kind,
        channels,
        bit_depth,
        lossless=lossless,
        icc_profile=info.get("icc_profile") or None,
        exif=exif,
        xmp=xmp or None,
        dpi=turned((float(dpi[0]), float(dpi[1])) if dpi else None, orientation),
        colour_space=colour_space,
    )


def upright(pixels: np.ndarray, channels: int, orientation: int) -> np.ndarray:
    """Turn pixels as the EXIF orientation asks: swap the axes for 5 to 8, then flip."""
    x = pixels.ndim - (1 if channels == 1 else 2)
    if orientation >= 5:
        pixels = pixels.swapaxes(x - 1, x)
    flips = {2: (x,), 3: (x - 1, x), 4: (x - 1,), 6: (x,), 7: (x - 1, x), 8: (x - 1,)}.get(orientation)
    return np.ascontiguousarray(np.flip(pixels, flips) if flips else pixels)


def turned(pair: tuple[float, float] | None, orientation: int) -> tuple[float, float] | None:
    """Turn a pair of across and down as the EXIF orientation asks."""
    return (pair[1], pair[0]) if pair and orientation >= 5 else pair
