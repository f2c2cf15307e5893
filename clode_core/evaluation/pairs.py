"""Folders of pictures: which there are, and which belong together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clode_core.pictures.files import SUFFIXES, PictureError, read_picture


@dataclass(frozen=True)
class Matched:
    """Pictures matched by stem.

    Attributes
    ----------
    pairs : list of (Path, Path or None)
        Dark picture and its reference, in natural order of their names; None where none were asked for.
    alone : list of Path
        Dark pictures without a reference, and references without a dark picture.
    """

    pairs: list[tuple[Path, Path | None]]
    alone: list[Path]


def match(low: Path, high: Path | None, limit: int | None = None) -> Matched:
    """Match the pictures of two folders, or of one file each, by stem.

    Parameters
    ----------
    low, high : Path
        Folders, or two files; without `high` every picture stands alone.
    limit : int, optional
        Most pairs, the first in natural order.

    Raises
    ------
    ValueError
        If a folder is missing, two pictures of one have the same stem, or nothing matches.
    """
    dark = _by_stem(low)
    if high is None:
        single: list[tuple[Path, Path | None]] = [(path, None) for path in dark.values()]
        return Matched(single[:limit], [])
    bright = _by_stem(high)
    if low.is_file() and high.is_file():
        return Matched([(low, high)], [])
    alone = [p for s, p in dark.items() if s not in bright] + [p for s, p in bright.items() if s not in dark]
    pairs: list[tuple[Path, Path | None]] = [(path, bright[s]) for s, path in dark.items() if s in bright]
    if not pairs:
        raise ValueError(f"no picture in {low} has one of the same name in {high}: rename them alike")
    return Matched(pairs[:limit], alone)


def _by_stem(place: Path) -> dict[str, Path]:
    if place.is_file():
        return {place.stem: place}
    if not place.is_dir():
        raise ValueError(f"{place} does not exist: give a folder of pictures, or a picture")
    found: dict[str, Path] = {}
    for path in sorted(place.iterdir(), key=lambda path: natural_order(path.name)):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            if path.stem in found:
                raise ValueError(f"{found[path.stem]} and {path} have one name: keep one of them")
            found[path.stem] = path
    if not found:
        raise ValueError(f"{place} holds no pictures ({', '.join(sorted(SUFFIXES))})")
    return found


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Sorting key in which 2 comes before 10."""
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", name) if p]


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read a picture as 8-bit RGB, (Y, X, 3): grey is repeated, alpha left out, 16 bits are rounded to 8.

    Raises
    ------
    PictureError
        If it cannot be read, or is a stack or neither 8 nor 16 bits deep.
    """
    picture = read_picture(path)
    pixels: NDArray[Any] = picture.pixels
    if pixels.ndim != (3 if picture.channels_last else 2) or pixels.dtype not in (np.uint8, np.uint16):
        raise PictureError(
            f"{path} is no single picture of 8 or 16 bits ({pixels.dtype}, shape {pixels.shape}); convert it."
        )
    if picture.alpha:
        pixels = pixels[..., :-1]
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    if pixels.dtype == np.uint16:
        pixels = np.rint(pixels / (2**picture.bit_depth - 1) * 255).clip(0, 255)
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def read_pair(low: Path, high: Path | None) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Read a dark picture and its reference as 8-bit RGB.

    Raises
    ------
    PictureError
        If one cannot be read, or their sizes differ.
    """
    source = read_rgb(low)
    if high is None:
        return source, None
    reference = read_rgb(high)
    if source.shape != reference.shape:
        raise PictureError(
            f"{low} ({source.shape[1]} x {source.shape[0]}) and {high} "
            f"({reference.shape[1]} x {reference.shape[0]}) differ in size; crop them alike."
        )
    return source, reference
