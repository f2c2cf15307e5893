"""The exponent from working resolution to full size, with the picture as guide."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from clode_core.pictures.resampling import Interpolated


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


class Fitted:
    """Maps at working resolution, seen at full size: fitted to the guide once, read tile by tile.

    Parameters
    ----------
    upsampler : GuidedUpsampler
        Of the picture.
    maps : Tensor
        (C, h, w).
    size : (int, int)
        Rows and columns of the picture.
    columns : slice
        Those that will be read.
    """

    def __init__(
        self, upsampler: GuidedUpsampler, maps: Tensor, size: tuple[int, int], columns: slice
    ) -> None:
        slope, offset = upsampler.coefficients(maps)
        self.channels = len(maps)
        self.largest = float((slope.abs() + offset.abs()).max())
        """No value at full size is larger, since the guide lies in [0, 1]."""
        self._fits = Interpolated(torch.cat([slope, offset]), size, columns)

    def plane(self, channel: int, band: slice, guide: Tensor) -> Tensor:
        """Rows `band` of one map, (rows, X), where the guide is that; a new tensor."""
        offset = self._fits.plane(self.channels + channel, band)
        return offset.addcmul_(self._fits.plane(channel, band), guide)
