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
from numpy.typing import NDArray
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
_STEP = 2  # every second pixel of every second row tells enough for the coarse maps
_RADIUS = 1  # cells
_BAND = 16  # rows of cells that are done at once, so that they stay in the cache
_BLACK_QUANTILE = 1e-3


def black_level(planes: Planes16) -> float:
    """Luma in [0, 1] of the darkest thousandth of a frame, or 0 if that is no black level."""
    luma = sum(w * p[::3, ::3].astype(np.float32) for w, p in zip(_LUMA, planes, strict=True))
    lowest = float(np.quantile(luma, _BLACK_QUANTILE)) / WHITE
    return lowest if lowest <= HIGHEST_BLACK else 0.0


def _unit(plane: NDArray[np.uint16], black: float) -> Tensor:
    unit = torch.from_numpy(plane.astype(np.float32)).mul_(1 / WHITE)
    return unit if black == 0 else unit.sub_(black).mul_(1 / (1 - black)).clamp_(min=0)


def _luma(red: Tensor, green: Tensor, blue: Tensor) -> Tensor:
    return (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])


def _pool(plane: Tensor) -> Tensor:
    return F.avg_pool2d(plane[None], _CELL // _STEP, ceil_mode=True)[0]


def _box(maps: Tensor) -> Tensor:
    """Mean over a window, twice, of the cells that exist; maps (C, h, w)."""
    for _ in range(2):
        maps = F.avg_pool2d(maps, 2 * _RADIUS + 1, 1, _RADIUS, count_include_pad=False)
    return maps


def _coarse_maps(planes: Planes16, black: float) -> tuple[Tensor, Tensor]:
    """Maps (5, h, w) of slope and offset of luma and of the three chroma means; and the mean luma (h, w)."""
    red, green, blue = (_unit(plane[::_STEP, ::_STEP], black) for plane in planes)
    luma = _luma(red, green, blue)
    pooled = _pool(luma)
    mean, square = _box(torch.stack([pooled, _pool(luma.square_())]))
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
        maps, pooled = _coarse_maps(planes, black)
        dark = (pooled < DARK[1]).any(1).nonzero().flatten().tolist()
        if not dark and black == 0:
            return planes
        red, green, blue = (_above(plane, black) for plane in planes)
        if dark:
            _blend_dark((red, green, blue), maps, max(0, dark[0] - 1), min(dark[-1] + 2, maps.shape[1]))
        return red, green, blue


def _above(plane: NDArray[np.uint16], black: float) -> NDArray[np.uint16]:
    """A copy of a plane in which the black level is 0 and white stays white."""
    if black == 0:
        return plane.copy(order="C")
    values = (np.arange(1 << 16) / WHITE - black) / (1 - black)
    table = np.rint(values.clip(0, 1) * WHITE).astype(np.uint16)
    copy: NDArray[np.uint16] = table[plane]
    return np.ascontiguousarray(copy)


def _blend_dark(planes: Planes16, maps: Tensor, first: int, last: int) -> None:
    """Put the smooth luma and the shrunk chroma in the place of what is dark, in rows of cells."""
    height, width = planes[0].shape
    padded = F.pad(maps, (1, 1, 1, 1), mode="replicate")
    cells = maps.shape[2]
    wide = torch.stack([_between(padded, k, 2, 0, cells) for k in range(_CELL)], -1).flatten(2)[..., :width]
    for top in range(first, last, _BAND):
        for phase in range(_CELL):
            rows = slice(top * _CELL + phase, min(height, min(top + _BAND, last) * _CELL), _CELL)
            here = [_unit(plane[rows], 0.0) for plane in planes]
            if not len(here[0]):
                continue
            slope, offset, *chroma = _between(wide, phase, 1, top, len(here[0]))
            smooth = offset.addcmul_(slope, _luma(*here))
            share = (DARK[1] - smooth).mul_(1 / (DARK[1] - DARK[0])).clamp_(0, 1)
            for plane, unit, tint in zip(planes, here, chroma, strict=True):
                blended = unit.lerp_(tint.add_(smooth), share).clamp_(0, 1).mul_(WHITE).round_()
                plane[rows] = blended.numpy()
