"""From full size to a small copy and back up again, in bands of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

_BAND_ELEMENTS = 1 << 20  # a band of this many intensities stays in cache from first to last operation
_SMALLEST_SIDE = 16


def bands(height: int, row_elements: int) -> Iterator[slice]:
    """Slices of rows that hold about a million elements each."""
    rows = max(1, _BAND_ELEMENTS // max(1, row_elements))
    for start in range(0, height, rows):
        yield slice(start, min(height, start + rows))


def working_shape(height: int, width: int, working_size: int) -> tuple[int, int]:
    """Size at which a picture is solved: long side exactly `working_size`, short side at least 16."""
    scale = working_size / max(height, width)
    return (
        min(working_size, max(_SMALLEST_SIDE, round(height * scale))),
        min(working_size, max(_SMALLEST_SIDE, round(width * scale))),
    )


def shrink(read: Callable[[slice], Tensor], height: int, size: tuple[int, int]) -> Tensor:
    """Area-average a picture to `size` without ever holding it at full size as floats.

    Parameters
    ----------
    read : callable
        Rows of the picture as a float tensor (C, rows, X), finite.
    height : int
        Rows of the picture.
    size : (int, int)
        Height and width wanted; where they exceed the picture, it is interpolated.

    Returns
    -------
    Tensor
        (C, h, w).
    """
    rows = min(size[0], height)
    edges = [height * k // rows for k in range(rows + 1)]
    averaged = torch.stack([read(slice(a, b)).mean(1) for a, b in zip(edges, edges[1:], strict=False)], 1)
    small = averaged[None]
    small = F.adaptive_avg_pool2d(small, (rows, min(size[1], small.shape[-1])))
    if small.shape[-2:] != torch.Size(size):
        small = F.interpolate(small, size=size, mode="bilinear", align_corners=False)
    return small[0]


Run: TypeAlias = tuple[slice, int, int, Tensor]
"""Rows of a band, the rows of the maps above and below all of them, and how near they are to the latter."""


class Interpolated:
    """Bilinear interpolation of small maps (C, h, w) to columns of a full size, a band of rows at a time.

    With `rows`, no others can be asked for, and less memory is needed.
    """

    def __init__(
        self,
        maps: Tensor,
        size: tuple[int, int],
        columns: slice = slice(None),
        rows: slice | None = None,
    ) -> None:
        self.height, width = size
        self.count = maps.shape[1]
        self.first = 0
        if rows is not None:
            above = self._above(rows)
            self.first = int(above[0])
            maps = maps[:, self.first : int(above[-1]) + 2]
        wide = F.interpolate(maps[None], size=(maps.shape[1], width), mode="bilinear", align_corners=False)
        self.wide = wide[0, :, :, columns]

    def __getitem__(self, band: slice) -> Tensor:
        """Rows `band` of the interpolated maps, (C, rows, X)."""
        wide = self.wide
        out = wide.new_empty(wide.shape[0], band.stop - band.start, wide.shape[2])
        for rows, above, below, weight in self.runs(band):
            torch.lerp(wide[:, above, None], wide[:, below, None], weight, out=out[:, rows])
        return out

    def plane(self, number: int, runs: Iterable[Run], out: Tensor) -> Tensor:
        """Rows of one of the maps, written into `out`, (rows, X); `runs` are those of their band."""
        wide = self.wide[number]
        for rows, above, below, weight in runs:
            torch.lerp(wide[above], wide[below], weight, out=out[rows])
        return out

    def runs(self, band: slice) -> list[Run]:
        """Runs of rows that lie between the same two rows of the maps: no map is copied row by row."""
        at = self._above(band)
        above = at.astype(np.intp)
        weight = torch.from_numpy(at - above).to(self.wide)[:, None]
        starts = [0, *(np.flatnonzero(above[1:] != above[:-1]) + 1).tolist(), len(at)]
        last = self.wide.shape[1] - 1
        above -= self.first
        return [
            (slice(a, b), int(above[a]), min(int(above[a]) + 1, last), weight[a:b])
            for a, b in zip(starts, starts[1:], strict=False)
        ]

    def _above(self, band: slice) -> NDArray[np.float64]:
        """Where the rows of a band are among those of the maps."""
        at = np.arange(band.start, band.stop, dtype=np.float64)
        at = ((at + 0.5) * self.count / self.height - 0.5).clip(0, self.count - 1)
        return at
