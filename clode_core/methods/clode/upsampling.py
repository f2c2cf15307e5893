"""The exponent from working resolution to full size, with the picture as guide."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from clode_core.pictures.resampling import Interpolated
from clode_core.pictures.tiles import Scratch

_KEPT_WIDE = 4  # maps that are kept as wide as the picture; more are widened tile by tile


def box_mean(maps: Tensor, radius: int) -> Tensor:
    """Mean over the windows of a radius, of the pixels that exist; the last two axes are the picture's."""
    for axis in (-2, -1):
        length = maps.shape[axis]
        total = maps.clone()
        for shift in range(1, min(radius, length - 1) + 1):
            total.narrow(axis, shift, length - shift).add_(maps.narrow(axis, 0, length - shift))
            total.narrow(axis, 0, length - shift).add_(maps.narrow(axis, shift, length - shift))
        place = torch.arange(length, device=maps.device)
        count = (place + radius).clamp(max=length - 1) - (place - radius).clamp(min=0) + 1
        maps = total.div_(count[:, None] if axis == -2 else count)
    return maps


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
        return box_mean(x, self.radius)

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
        self._small, self._size, self._columns = torch.cat([slope, offset]), size, columns
        self._fits = Interpolated(self._small, size, columns) if self.channels <= _KEPT_WIDE else None

    def on(self, band: slice, guide: Tensor, scratch: Scratch) -> Callable[[int], Tensor]:
        """Give each map on rows `band`, (rows, X), where the guide is that.

        The tensor is that of `scratch`: the next one takes its place.
        """
        fits = self._fits or Interpolated(self._small, self._size, self._columns, band)
        runs = fits.runs(band)

        def plane(channel: int) -> Tensor:
            slope, offset = (scratch.take(name, guide.shape, guide) for name in ("slope", "offset"))
            fits.plane(channel, runs, slope)
            fits.plane(self.channels + channel, runs, offset)
            return offset.addcmul_(slope, guide)

        return plane
