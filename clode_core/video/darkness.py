"""The dark of video frames, made fit to be brightened by `NaturalDark`, frame by frame.

What is steady over a video is found once and given to every frame: the black level, and how much the video
was compressed. The lowest value of the video, if it is close to zero, becomes black first.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clode_core.methods.clode.natural_dark import CODES, Cells, NaturalDark, compression, spread_pairs
from clode_core.video.frames import WHITE, Planes16

HIGHEST_BLACK = 4.0 / 255
"""Most that is taken for the black level: more is a foggy scene, not an offset."""
_LUMA = (0.2126, 0.7152, 0.0722)
_BLACK_QUANTILE = 1e-3
_STEP = 2  # every second pixel of every second row tells enough for the maps
_BAND = 64  # rows that are done at once, so that they stay in the cache


def black_level(planes: Planes16) -> float:
    """Luma in [0, 1] of the darkest thousandth of a frame, or 0 if that is no black level."""
    luma = sum(w * p[::3, ::3].astype(np.float32) for w, p in zip(_LUMA, planes, strict=True))
    lowest = float(np.quantile(luma, _BLACK_QUANTILE)) / WHITE
    return lowest if lowest <= HIGHEST_BLACK else 0.0


def frame_compression(planes: Planes16) -> float:
    """How much a frame was compressed, from 0 to 1; see `natural_dark.compression`."""
    rows = spread_pairs(*planes[0].shape)
    sample = [torch.from_numpy(plane[rows].astype(np.float32)) for plane in planes]
    return compression(torch.stack(sample).mul_(CODES / WHITE))


def clean_dark(planes: Planes16, black: float = 0.0, strength: float | None = None) -> Planes16:
    """Make the dark of a frame fit to be brightened.

    Parameters
    ----------
    planes : (ndarray, ndarray, ndarray)
        Red, green and blue, each (Y, X), 16 bits.
    black : float
        Black level in [0, 1), from `black_level`, of the whole video rather than of this frame.
    strength : float, optional
        How much the video was compressed, the mean `frame_compression` of its frames; by default that of
        this frame.

    Returns
    -------
    (ndarray, ndarray, ndarray)
        New planes of the same shape; the same ones if there is nothing to do.
    """
    with torch.inference_mode():
        if strength is None:
            strength = frame_compression(planes)
        dark = None
        if strength > 0:
            few = torch.stack([_unit(plane[::_STEP, ::_STEP], black) for plane in planes])
            dark = NaturalDark.from_cells(Cells.of(few.mul_(CODES)), strength)
        if dark is None and black == 0:
            return planes
        red, green, blue = (_above(plane, black) for plane in planes)
        if dark is not None:
            _put_right((red, green, blue), dark)
        return red, green, blue


def _unit(plane: NDArray[np.uint16], black: float) -> Tensor:
    unit = torch.from_numpy(plane.astype(np.float32)).mul_(1 / WHITE)
    return unit if black == 0 else unit.sub_(black).mul_(1 / (1 - black)).clamp_(min=0)


def _above(plane: NDArray[np.uint16], black: float) -> NDArray[np.uint16]:
    """A copy of a plane in which the black level is 0 and white stays white."""
    if black == 0:
        return plane.copy(order="C")
    values = (np.arange(1 << 16) / WHITE - black) / (1 - black)
    table = np.rint(values.clip(0, 1) * WHITE).astype(np.uint16)
    copy: NDArray[np.uint16] = table[plane]
    return np.ascontiguousarray(copy)


def _put_right(planes: Planes16, dark: NaturalDark) -> None:
    """Correct the dark of planes in place."""
    for top in range(0, planes[0].shape[0], _BAND):
        rows = slice(top, min(top + _BAND, planes[0].shape[0]))
        if not dark.touches(rows):
            continue
        unit = torch.stack([_unit(plane[rows], 0.0) for plane in planes])
        done = dark.apply(unit, rows).mul_(WHITE).round_()
        for plane, new in zip(planes, done, strict=True):
            plane[rows] = new.numpy()
