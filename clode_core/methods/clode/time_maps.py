"""Maps of exposure time: one time for each pixel, made from regions and gradients."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clode_core.pictures.arrays import Array
from clode_core.pictures.resampling import Interpolated, shrink

_BOXES = 3  # box filters one after another, which are nearly a Gaussian


def exposure_map(
    shape: tuple[int, ...],
    regions: Iterable[tuple[Any, float]] = (),
    *,
    base: float = 0.0,
    feather: float = 0.0,
) -> NDArray[np.float32]:
    """Make a map of exposure times from regions.

    Parameters
    ----------
    shape : (int, int, ...)
        Of the picture; its first two numbers are rows and columns.
    regions : iterable of (mask, float)
        Masks of the rows and columns of the picture, and the exposure time inside each. A mask is boolean
        or a number from 0 to 1 for how much a pixel belongs to it; a later region covers an earlier one.
    base : float
        Exposure time outside all regions.
    feather : float
        Pixels over which an edge of a region fades, half of them on either side.

    Returns
    -------
    ndarray
        (Y, X), to be passed to `enhance` or `Trajectory.at` as exposure time.

    Raises
    ------
    ValueError
        If a mask has another shape, or a number is not finite.

    Examples
    --------
    >>> left = np.arange(4) < 2
    >>> exposure_map((1, 4), [(left[None], 3.0)], base=1.0).tolist()
    [[3.0, 3.0, 1.0, 1.0]]
    """
    rows, columns = _checked_shape(shape)
    if not (np.isfinite(feather) and 0 <= feather <= max(rows, columns)):
        raise ValueError(f"feather must be a number of pixels inside the picture, not {feather}")
    times = np.full((rows, columns), _finite(base), np.float32)
    for mask, time in regions:
        inside = np.asarray(mask)
        if inside.shape != (rows, columns):
            raise ValueError(f"a mask has the shape {inside.shape}, the picture has {(rows, columns)}")
        if inside.dtype.kind not in "buif":
            raise ValueError(f"a mask is boolean or numbers from 0 to 1, not {inside.dtype}")
        share = np.nan_to_num(inside.astype(np.float32), nan=0.0).clip(0, 1)
        times += _blurred(share, feather) * (_finite(time) - times)
    return times


def graduated_map(
    shape: tuple[int, ...],
    start: tuple[float, float],
    stop: tuple[float, float],
    times: tuple[float, float],
) -> NDArray[np.float32]:
    """Make a map that goes evenly from one exposure time to another: a graduated filter.

    Parameters
    ----------
    shape : (int, int, ...)
        Of the picture.
    start, stop : (float, float)
        Row and column of two points. Up to the line through the first, across the way to the second, the
        first time holds; beyond the line through the second, the second.
    times : (float, float)
        Exposure times at the two.

    Returns
    -------
    ndarray
        (Y, X).

    Raises
    ------
    ValueError
        If the points are the same, or a number is not finite.

    Examples
    --------
    >>> graduated_map((3, 1), (0, 0), (2, 0), (0.0, 3.0)).ravel().tolist()
    [0.0, 1.5, 3.0]
    """
    rows, columns = _checked_shape(shape)
    first, last = (np.array([_finite(n) for n in point]) for point in (start, stop))
    way = last - first
    length = float(way @ way)
    if length == 0:
        raise ValueError("a gradient needs two points that differ")
    y, x = np.arange(rows)[:, None], np.arange(columns)[None]
    share = (((y - first[0]) * way[0] + (x - first[1]) * way[1]) / length).clip(0, 1)
    earlier, later = (_finite(time) for time in times)
    made: NDArray[np.float32] = (earlier + share * (later - earlier)).astype(np.float32)
    return made


def checked_map(times: Any, limits: tuple[float, float]) -> NDArray[np.float32]:
    """A map of exposure times as (Y, X) floats; NaN is 0.

    Raises
    ------
    ValueError
        If it is no such map, or a time is outside the limits.
    """
    array = np.asarray(times)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 or not array.size or array.dtype.kind not in "buif":
        raise ValueError(
            "a map of exposure times has rows and columns of real numbers, "
            f"not shape {array.shape} of {array.dtype}"
        )
    first, last = limits
    checked = array.astype(np.float32, copy=False)
    low, high = float(checked.min()), float(checked.max())
    if math.isnan(low):
        checked = np.where(np.isnan(checked), np.float32(0), checked)
        low, high = float(checked.min()), float(checked.max())
    if not (first <= low and high <= last):
        wrong = low if low < first else high
        raise ValueError(f"a map of exposure times takes numbers from {first:g} to {last:g}, not {wrong:g}")
    return checked


class TimeMap(NamedTuple):
    """A checked map of exposure times.

    Attributes
    ----------
    times : ndarray
        (Y, X), of any size.
    of_part : bool
        Whether it has one time for each pixel of the part of the picture that is exposed.
    """

    times: NDArray[np.float32]
    of_part: bool

    @classmethod
    def of(
        cls, times: Any, size: tuple[int, int], part: tuple[slice, slice], limits: tuple[float, float]
    ) -> TimeMap:
        """The map of a picture of `size`; of one of that size, only the part is looked at."""
        array = np.asarray(times)
        fits = array.shape[:2] == size
        return cls(checked_map(array[part] if fits else array, limits), fits)


def read_time_map(file: str | Path, limits: str = "0,5") -> NDArray[np.float32]:
    """Read a map of exposure times from a grey picture.

    Parameters
    ----------
    file : path-like
        The picture; of a coloured one the mean of its channels is taken.
    limits : str
        Exposure times that black and white stand for, as ``"FIRST,LAST"``.

    Returns
    -------
    ndarray
        (Y, X).

    Raises
    ------
    ValueError
        If the limits are not two numbers, or the picture cannot be read.
    """
    try:
        black, white = (_finite(part) for part in str(limits).split(","))
    except ValueError:
        raise ValueError(f"--time-range takes two numbers as FIRST,LAST, not {limits!r}") from None
    grey = _read_grey(os.path.realpath(file), os.stat(file).st_mtime_ns if os.path.exists(file) else 0)
    return black + grey * np.float32(white - black)


@lru_cache(maxsize=1)
def _read_grey(file: str, modified: int) -> NDArray[np.float32]:
    """A picture from 0 to 1, read again only if it has changed."""
    from clode_core.pictures.files import read_picture

    picture = read_picture(file)
    pixels = picture.pixels
    if picture.channels_last:
        pixels = pixels[..., : 1 if pixels.shape[-1] <= 2 else 3].mean(-1)
    if pixels.ndim != 2:
        raise ValueError(f"{file} holds several pages: a map of exposure times is one picture")
    white = 1.0 if picture.pixels.dtype.kind == "f" else float(np.iinfo(picture.pixels.dtype).max)
    return (pixels / white).clip(0, 1).astype(np.float32)


class Times:
    """The exposure times of the pixels of one picture.

    Parameters
    ----------
    times : float or TimeMap
        One for all, or a map, which is brought to the size of the picture.
    size : (int, int)
        Rows and columns of the picture.
    part : (slice, slice)
        Rows and columns that will be asked for.
    """

    def __init__(
        self, times: float | TimeMap, size: tuple[int, int], part: tuple[slice, slice], like: Tensor
    ) -> None:
        self._like = like
        self._top = part[0].start
        self._map: Tensor | Interpolated | float
        if isinstance(times, float):
            self.first = self.last = self._map = times
            return
        array, of_part = times
        self.first, self.last = float(array.min()), float(array.max())
        if not of_part and (array.shape[0] > size[0] or array.shape[1] > size[1]):
            array = _smaller(array, size)
        whole = torch.from_numpy(np.ascontiguousarray(array, np.float32))
        if of_part:
            self._map = whole
            return
        self._map = Interpolated(whole[None].to(like), size, part[1])

    def fill(self, band: slice, out: Tensor) -> Tensor:
        """Write those of rows `band` into `out`, (rows, X)."""
        if isinstance(self._map, float):
            return out.fill_(self._map)
        if isinstance(self._map, Tensor):
            return out.copy_(self._map[band.start - self._top : band.stop - self._top])
        return self._map.plane(0, self._map.runs(band), out)


def _smaller(times: Array, size: tuple[int, int]) -> Array:
    """Area average along the axes that are longer than the picture's."""
    rows, columns = (min(there, wanted) for there, wanted in zip(times.shape, size, strict=True))

    def read(band: slice) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(times[band]))[None]

    return shrink(read, times.shape[0], (rows, columns))[0].numpy()


def _blurred(share: NDArray[np.float32], feather: float) -> NDArray[np.float32]:
    if feather < 1:
        return share
    radius = max(1, round(feather / (2 * _BOXES)))
    window = 2 * radius + 1
    for _ in range(_BOXES):
        for axis in (0, 1):
            around = [(0, 0), (0, 0)]
            around[axis] = (radius + 1, radius)
            total = np.pad(share, around, mode="edge").cumsum(axis, dtype=np.float64)
            length = total.shape[axis]
            kept = slice(window, length), slice(0, length - window)
            later, earlier = (total[along] if axis == 0 else total[:, along] for along in kept)
            share = ((later - earlier) / window).astype(np.float32)
    return share


def _checked_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) < 2 or min(shape[:2]) < 1:
        raise ValueError(f"a picture has rows and columns, not shape {tuple(shape)}")
    return int(shape[0]), int(shape[1])


def _finite(number: Any) -> float:
    value = float(number)
    if not np.isfinite(value):
        raise ValueError(f"exposure times and places are finite numbers, not {number}")
    return value
