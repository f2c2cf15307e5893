"""From a full-size picture to working resolution, and the exponent back up again, in bands of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
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


class GuidedUpsampler:
    r"""Fast guided filter (He and Sun, 2015) for maps of one picture.

    In every window the map is fitted as :math:`S \approx a\,G + b`; the fits of all windows that hold a pixel
    are averaged and interpolated, and the full-size guide ``G`` restores the edges. The average is weighted
    by the variance of the guide: a flat window beside an edge knows nothing of the other side.

    Parameters
    ----------
    guide : Tensor
        (h, w) guide at working resolution.
    radius : int
        Window radius in working pixels.
    regularisation : float
        Variance of the guide below which the map is averaged rather than fitted.
    """

    def __init__(self, guide: Tensor, radius: int = 2, regularisation: float = 4e-3) -> None:
        self.guide = guide[None, None]
        self.radius = radius
        self._mean = self._box(self.guide)
        self._variance = self._box(self.guide.square()) - self._mean.square() + regularisation
        self._total = self._box(self._variance)

    def _box(self, x: Tensor) -> Tensor:
        """Mean over the window, of the pixels that exist."""
        return F.avg_pool2d(x, 2 * self.radius + 1, 1, self.radius, count_include_pad=False)

    def coefficients(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Slopes and offsets, each (C, h, w), for maps of shape (C, h, w)."""
        maps = maps[:, None]
        mean = self._box(maps)
        slope = (self._box(maps * self.guide) - mean * self._mean) / self._variance
        offset = mean - slope * self._mean
        slope, offset = (self._box(self._variance * fit) / self._total for fit in (slope, offset))
        return slope[:, 0], offset[:, 0]


class Interpolated:
    """Bilinear interpolation of small maps (C, h, w) to columns of a full size, a band of rows at a time."""

    def __init__(self, maps: Tensor, size: tuple[int, int], columns: slice = slice(None)) -> None:
        self.height, width = size
        self.count = maps.shape[1]
        wide = F.interpolate(maps[None], size=(self.count, width), mode="bilinear", align_corners=False)
        self.wide = wide[0, :, :, columns]

    def __getitem__(self, band: slice) -> Tensor:
        """Rows `band` of the interpolated maps, (C, rows, X)."""
        at = torch.arange(band.start, band.stop, dtype=torch.float64)
        at = ((at + 0.5) * self.count / self.height - 0.5).clamp(0, self.count - 1)
        above = at.long()
        below = (above + 1).clamp(max=self.count - 1)
        weight = (at - above).to(self.wide)[:, None]
        device = self.wide.device
        return torch.lerp(self.wide[:, above.to(device)], self.wide[:, below.to(device)], weight)
