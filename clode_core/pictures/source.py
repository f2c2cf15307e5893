"""A picture of any dtype, read as unit intensities in bands of rows and written back."""

from __future__ import annotations

import sys
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from clode_core.pictures.arrays import Array, Levels, from_unit, to_unit, working_dtype
from clode_core.pictures.resampling import Interpolated, shrink, working_shape
from clode_core.pictures.tiles import Scratch

HELD_ELEMENTS = 16_000_000
"""Pictures up to this many intensities are kept as floats between two exposure times."""
ROUNDER = float(1 << 23)
"""A float32 to which this is added is rounded, and its lowest bits are the whole number."""
_EVERY = slice(None)


class Source:
    """A picture (Y, X) or (Y, X, C) in its own dtype, read as unit intensities in bands of rows."""

    def __init__(self, array: Array, levels: Levels, *, alpha: bool, device: torch.device) -> None:
        self.array = array
        self.levels = levels
        self.device = device
        pixels = array if array.ndim == 3 else array[..., None]
        self.pixels = pixels[..., :-1] if alpha else pixels
        self.height, self.width, self.channels = self.pixels.shape
        self.dtype = working_dtype(array.dtype)
        full_scale = array.dtype.kind == "u" and levels == Levels(0, np.iinfo(array.dtype).max)
        self.may_exceed = not full_scale
        self.has_holes = array.dtype.kind == "f" and not np.isfinite(np.sum(self.pixels, dtype=np.float64))
        self._filler: Interpolated | None = None

    def read(self, band: slice, columns: slice = _EVERY, scratch: Scratch | None = None) -> Tensor:
        """Unit intensities (C, rows, X) as stored: NaN, Inf and values beyond the levels included.

        With a scratch, they may be in its memory, where the next ones take their place.
        """
        return self._held[:, band, columns] if self.small else self._converted(band, columns, scratch)

    @property
    def codes(self) -> float | None:
        """What white is, for `store_codes`; None where `store` is needed."""
        return None if self.may_exceed or self.array.dtype.itemsize > 2 else self.levels.white

    def store_codes(self, codes: Tensor, target: Array) -> None:
        """Write one channel, (rows, X) in float32, into `target`, (rows, X).

        `codes` are the intensities times `self.codes`, plus `ROUNDER`.
        """
        kind = self.array.dtype.newbyteorder("=")
        parts = codes.cpu().numpy().view(kind)
        target[...] = parts[:, 0 if sys.byteorder == "little" else -1 :: 4 // kind.itemsize]

    @property
    def small(self) -> bool:
        """Whether the picture is kept as floats, so that a slider need not convert it again and again."""
        return self.pixels.size <= HELD_ELEMENTS

    @cached_property
    def _held(self) -> Tensor:
        return self._converted(slice(0, self.height))

    def _converted(self, band: slice, columns: slice = _EVERY, scratch: Scratch | None = None) -> Tensor:
        pixels = self.pixels[band, columns].transpose(2, 0, 1)
        into = None
        if scratch is not None:
            kind = torch.float64 if self.dtype is np.float64 else torch.float32
            into = scratch.take("unit", pixels.shape, torch.empty(0, dtype=kind, device="cpu")).numpy()
        return torch.from_numpy(to_unit(pixels, self.levels, self.dtype, into)).to(self.device)

    def inside(self, unit: Tensor, band: slice, columns: slice = _EVERY) -> Tensor:
        """Unit intensities limited to [0, 1]; NaN and Inf as what the working picture shows there."""
        if not self.may_exceed:
            return unit
        if self.has_holes and self._filler is not None:
            unit = torch.where(unit.isfinite(), unit, self._filler[band][..., columns].to(unit))
        return unit.clamp(0, 1)

    def store(self, unit: Tensor, target: Array) -> None:
        """Write unit intensities (C, rows, X) into `target`, (rows, X, C), in its dtype and levels."""
        if target.dtype == np.uint8 and not self.may_exceed:
            done = unit.mul_(255).round_().to(torch.uint8).permute(1, 2, 0)
            target[...] = done.cpu().numpy()
        else:
            target[...] = from_unit(unit.cpu().numpy(), self.levels, target.dtype).transpose(1, 2, 0)

    def shrunk(self, working_size: int) -> Tensor:
        """Area average (C, h, w) of what is finite, with the long side at `working_size`."""
        size = working_shape(self.height, self.width, working_size)
        if not self.has_holes:
            return shrink(lambda band: self.inside(self.read(band), band).float(), self.height, size)
        seen = shrink(lambda band: self.read(band).isfinite().float(), self.height, size)
        light = shrink(
            lambda band: self.read(band).nan_to_num(0.0, 0.0, 0.0).clamp(0, 1).float(), self.height, size
        )
        mean = light.sum() / seen.sum().clamp(min=1e-6)
        working = torch.where(seen > 1e-3, light / seen.clamp(min=1e-3), mean).clamp(0, 1)
        self._filler = Interpolated(working, (self.height, self.width))
        return working

    def blank(self, rows: slice = _EVERY, columns: slice = _EVERY) -> Array:
        """A new array like the source, or like a part of it; alpha is already in it."""
        array = self.array[rows, columns]
        out = np.empty_like(array, order="C", subok=False)
        if self.pixels.shape != self.array.shape and self.array.ndim == 3:
            out[..., -1] = array[..., -1]
        return out

    def reduced(self, size: tuple[int, int]) -> Source:
        """Area average of `size` (h, w), alpha too, as floats that reach from 0 to 1."""
        light = shrink(lambda band: self.inside(self.read(band), band).float(), self.height, size)
        if self.pixels.shape != self.array.shape and self.array.ndim == 3:
            opacity = Source(self.array[..., -1:], self._opacity, alpha=False, device=self.device)
            light = torch.cat([light, shrink(opacity.read, self.height, size).to(light)])
        alpha = len(light) > self.channels
        array = light.permute(1, 2, 0).cpu().numpy()
        return Source(array, Levels(0.0, 1.0), alpha=alpha, device=self.device)

    @property
    def _opacity(self) -> Levels:
        kind = self.array.dtype
        return Levels(0.0, float(np.iinfo(kind).max) if kind.kind in "ui" else 1.0)
