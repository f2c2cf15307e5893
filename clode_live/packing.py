"""Frames as Qt draws them: one number of 32 bits for each pixel."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clode_core.video import WHITE, Frame

Packed = NDArray[np.uint32]
"""(Y, X), 0xffRRGGBB: what Qt draws without converting it."""
Pixels = NDArray[np.uint16]
"""(Y, X, 3), white at `WHITE`."""
_OPAQUE = np.uint32(0xFF000000)
_SHIFTS = (16, 8, 0)
_BAND = 1 << 16  # pixels that stay in the processor's cache


def pack(tables: list[NDArray[Any]], frame: Frame) -> Packed:
    """Look up the planes of a frame in tables of bytes, and put the three into one number."""
    shifted = [table.astype(np.uint32) << shift for table, shift in zip(tables, _SHIFTS, strict=True)]
    shifted[0] |= _OPAQUE
    height, width = frame.shape
    rows = max(1, _BAND // width)
    out = np.empty((height, width), np.uint32)
    part = np.empty((rows, width), np.uint32)
    for top in range(0, height, rows):
        band = out[top : top + rows]
        one = part[: len(band)]
        np.take(shifted[0], frame.planes[0][top : top + rows], out=band, mode="clip")
        for table, plane in zip(shifted[1:], frame.planes[1:], strict=True):
            np.take(table, plane[top : top + rows], out=one, mode="clip")
            np.bitwise_or(band, one, out=band)
    return out


@cache
def _byte_tables() -> list[NDArray[Any]]:
    table = np.minimum(np.rint(np.arange(1 << 16) * (255 / WHITE)), 255).astype(np.uint8)
    return [table] * 3


def pack_frame(frame: Frame) -> Packed:
    """The frame as it was recorded."""
    return pack(_byte_tables(), frame)


def frame_of(pixels: Pixels) -> Frame:
    """Pixels as a frame."""
    red, green, blue = np.moveaxis(pixels, -1, 0)
    return Frame((red, green, blue), 0.0)


def pack_pixels(pixels: Pixels) -> Packed:
    """Pixels of 16 bits."""
    return pack_frame(frame_of(pixels))
