r"""What compression leaves of the dark, made fit to be brightened.

A codec stores the dark of a night with a handful of values, in blocks; brightened fifty times, every step of
one value is a visible edge and every chroma of one value a coloured blotch. Three things are put right where
a frame is dark, before it is exposed:

- the black level: the lowest value of the video, if it is close to zero, becomes black;
- luma: a guided filter whose guide is the luma itself smooths what differs by less than about two values of
  255, and leaves stronger edges as they are;
- chroma: its local mean ``m`` is shrunk by :math:`|m|^2 / (|m|^2 + \kappa^2)`, as a Wiener filter would, for
  chroma of a value or two says nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from clode_core.video.frames import WHITE, Planes16

DARK = (6.0 / 255, 16.0 / 255)
"""Luma up to which a frame is treated in full, and from which it is not."""
HIGHEST_BLACK = 4.0 / 255
"""Most that is taken for the black level: more is a foggy scene, not an offset."""
_LUMA = (0.2126, 0.7152, 0.0722)
_VARIANCE = 3.0 / 255**2
_CHROMA = 4.0 / 255
_CELL = 8  # pixels along the side of a cell of the coarse maps
_RADIUS = 1  # cells
_BAND = 4  # rows of cells that are done at once, so that they stay in the cache
_BLACK_QUANTILE = 1e-3


def black_level(planes: Planes16) -> float:
    """Luma in [0, 1] of the darkest thousandth of a frame, or 0 if that is no black level."""
    luma = sum(w * p[::3, ::3].astype(np.float32) for w, p in zip(_LUMA, planes, strict=True))
    lowest = float(np.quantile(luma, _BLACK_QUANTILE)) / WHITE
    return lowest if lowest <= HIGHEST_BLACK else 0.0


def _box(maps: Tensor) -> Tensor:
    """Mean over a window, twice, of the cells that exist; maps (C, h, w)."""
    for _ in range(2):
        maps = F.avg_pool2d(maps, 2 * _RADIUS + 1, 1, _RADIUS, count_include_pad=False)
    return maps


def _pool(plane: Tensor) -> Tensor:
    return F.avg_pool2d(plane[None], _CELL, ceil_mode=True)[0]


def _unit(plane: np.ndarray, black: float) -> Tensor:
    if any(stride < 0 for stride in plane.strides):
        plane = np.ascontiguousarray(plane)
    unit = torch.from_numpy(plane).float().mul_(1 / WHITE)
    return unit if black == 0 else unit.sub_(black).mul_(1 / (1 - black)).clamp_(min=0)


def _coarse_maps(red: Tensor, green: Tensor, blue: Tensor) -> tuple[Tensor, Tensor]:
    """Maps (5, h, w) of slope and offset of luma and of the three chroma means; and pooled luma."""
    luma = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    pooled, squared = _pool(luma), _pool(luma.square_())
    mean, square = _box(torch.stack([pooled, squared]))
    variance = (square - mean.square()).clamp(min=0)
    slope = variance / (variance + _VARIANCE)
    chroma = _box(torch.stack([_pool(plane) for plane in (red, green, blue)]) - pooled)
    strength = chroma.square().sum(0)
    chroma = chroma * (strength / (strength + _CHROMA**2))
    return torch.cat([_box(torch.stack([slope, mean - slope * mean])), chroma]), pooled


def _between(maps: Tensor, phase: int, axis: int, first: int, count: int) -> Tensor:
    """Maps, padded by a cell, linearly interpolated at one pixel of each of some cells along an axis."""
    place = 0.5 + (phase + 0.5) / _CELL  # from the centre of the cell before
    near = first + int(place)
    return maps.narrow(axis, near, count).lerp(maps.narrow(axis, near + 1, count), place % 1)


def _blend_dark(units: list[Tensor], maps: Tensor, first: int, last: int) -> None:
    """Put the smooth luma and the shrunk chroma in the place of what is dark, in rows of cells."""
    height, width = units[0].shape
    padded = F.pad(maps, (1, 1, 1, 1), mode="replicate")
    cells = maps.shape[2]
    wide = torch.stack([_between(padded, k, 2, 0, cells) for k in range(_CELL)], -1).flatten(2)[..., :width]
    for top in range(first, min(last, maps.shape[1]), _BAND):
        for phase in range(_CELL):
            rows = slice(top * _CELL + phase, min(height, (top + _BAND) * _CELL), _CELL)
            here = [unit[rows] for unit in units]
            slope, offset, *chroma = _between(wide, phase, 1, top, len(here[0]))
            luma = _LUMA[0] * here[0] + _LUMA[1] * here[1] + _LUMA[2] * here[2]
            smooth = offset.addcmul_(slope, luma)
            share = ((DARK[1] - smooth) * (1 / (DARK[1] - DARK[0]))).clamp_(0, 1)
            for unit, tint in zip(here, chroma, strict=True):
                unit.lerp_(tint.add_(smooth), share)


def clean_dark(planes: Planes16, black: float = 0.0) -> Planes16:
    """Make the dark of a frame fit to be brightened.

    Parameters
    ----------
    planes : (ndarray, ndarray, ndarray)
        Red, green and blue, each (Y, X), 16 bits.
    black : float
        Black level in [0, 1), from `black_level`, of the whole video rather than of this frame.

    Returns
    -------
    (ndarray, ndarray, ndarray)
        New planes of the same shape; the same ones if there is nothing dark and no black level.
    """
    with torch.inference_mode():
        height, width = planes[0].shape
        if min(height, width) < _CELL:
            return planes
        units = [_unit(plane, black) for plane in planes]
        maps, pooled = _coarse_maps(*units)
        dark_rows = (pooled < DARK[1]).any(1).nonzero()
        if not len(dark_rows) and black == 0:
            return planes
        if len(dark_rows):
            _blend_dark(units, maps, max(0, int(dark_rows[0]) - 1), int(dark_rows[-1]) + 2)
        red, green, blue = (_stored(unit) for unit in units)
        return red, green, blue


def _stored(unit: Tensor) -> np.ndarray:
    stored: np.ndarray = unit.clamp_(0, 1).mul_(WHITE).round_().to(torch.uint16).numpy()
    return stored
