"""A picture at full size, exposed tile by tile by an exponent of its working resolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from clode_core.methods.clode.automatic import grey
from clode_core.methods.clode.cleaning import Part
from clode_core.methods.clode.curve import LARGEST_POWER, POWER, expose_in_place
from clode_core.methods.clode.natural_dark import NaturalDark
from clode_core.methods.clode.upsampling import Fitted, GuidedUpsampler
from clode_core.methods.method import Progress
from clode_core.pictures.arrays import Array
from clode_core.pictures.source import ROUNDER, Source
from clode_core.pictures.tiles import Scratch, for_each, tiles

GUIDE_MEAN = 0.4
"""Mean to which the guide of the upsampling is exposed."""
Planes: TypeAlias = Callable[[int], Tensor]
"""A channel's exponent on one tile times `curve.POWER`, (rows, X), to be overwritten."""


class Exposure(Protocol):
    """An exponent at full size.

    Attributes
    ----------
    largest : float
        No power is larger in size.
    """

    largest: float

    def on(self, band: slice, guide: Tensor, scratch: Scratch) -> Planes:
        """The powers on a tile, whose guide is given."""
        ...

    def share(self, band: slice, guide: Tensor, scratch: Scratch) -> float | Tensor:
        """How much of the correction of the dark is made there, from 0 to 1."""
        ...


class Uniformly:
    """The same exposure time for every pixel.

    Parameters
    ----------
    picture : FullSize
        The picture.
    exponent : Tensor
        At working resolution, (C, h, w).
    columns : slice
        Columns of the picture that will be exposed.
    share : float
        See `Exposure.share`.
    """

    def __init__(self, picture: FullSize, exponent: Tensor, columns: slice, share: float = 1.0) -> None:
        self._fitted = picture.fitted(exponent * POWER, columns)
        self._share = share
        self.largest = self._fitted.largest

    def on(self, band: slice, guide: Tensor, scratch: Scratch) -> Planes:
        """The powers on a tile."""
        return self._fitted.on(band, guide, scratch)

    def share(self, band: slice, guide: Tensor, scratch: Scratch) -> float:
        """How much of the correction of the dark is made there."""
        return self._share


def _exposed_alike(
    light: Tensor, gain: float, below: Tensor | None = None, out: Tensor | None = None
) -> Tensor:
    """The curve with one exponent, ``gain = exp(-S)``, for all pixels."""
    below = torch.lerp(light.new_tensor(gain), light.new_ones(()), light, out=below)
    return torch.div(light, below, out=out)


class FullSize:
    """The picture, its guide and what is to be put right in its dark.

    Parameters
    ----------
    source : Source
        The picture.
    working : Tensor
        The picture at working resolution, (C, h, w).
    natural_dark : bool or NaturalDark
        Put right what compression left of the dark; or what was found for a larger copy of the picture.
    """

    def __init__(self, source: Source, working: Tensor, natural_dark: bool | NaturalDark) -> None:
        self.source = source
        self.working = working
        self._natural_dark = natural_dark
        self._found: NaturalDark | None = None
        self._looked = False

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.source.height, self.source.width

    def dark(self, progress: Progress | None = None) -> NaturalDark | None:
        """What is to be put right in the dark before it is exposed, found once for all times."""
        if not isinstance(self._natural_dark, bool):
            return self._natural_dark
        if not self._looked and self._natural_dark:
            check = (lambda: progress(0.0)) if progress is not None else None
            with torch.inference_mode():
                self._found = NaturalDark.measure(self.source, check)
            self._looked = True
        return self._found

    def fitted(self, maps: Tensor, columns: slice) -> Fitted:
        """Maps of the working resolution (C, h, w) at full size."""
        return Fitted(self.upsampler, maps, self.size, columns)

    @cached_property
    def _guide_gain(self) -> float:
        """``exp(-S)`` of the one exponent that exposes the picture normally: edges in the dark count too."""
        light = grey(self.working)
        low, high = -20.0, 20.0
        for _ in range(24):
            middle = (low + high) / 2
            mean = float(_exposed_alike(light, math.exp(-middle)).mean())
            low, high = (middle, high) if mean < GUIDE_MEAN else (low, middle)
        return math.exp(-high)

    @cached_property
    def upsampler(self) -> GuidedUpsampler:
        """Takes maps from working resolution to full size."""
        return GuidedUpsampler(self._guide(self.working))

    def _guide(self, picture: Tensor, scratch: Scratch | None = None) -> Tensor:
        light, below = None, None
        if scratch is not None:
            light, below = (scratch.take(name, picture.shape[1:], picture) for name in ("light", "below"))
        light = grey(picture, light)
        return _exposed_alike(light, self._guide_gain, below, light)

    @property
    def working_guide(self) -> Tensor:
        """The guide at working resolution, (h, w): how bright the scene is where it is exposed normally."""
        return self.upsampler.guide[0, 0]

    @cached_property
    def _whole_guide(self) -> Tensor:
        """The guide of a picture that is small enough to be kept as floats."""
        everything = slice(0, self.source.height)
        guide = torch.empty(self.size, dtype=torch.float32, device=self.source.device)

        def write(band: slice) -> None:
            guide[band] = self._guide(self.source.inside(self.source.read(band), band).float())

        _ = self.source.read(everything)
        for_each(write, tiles(everything, self.source.width, self.source.device), self.source.device)
        return guide

    @cached_property
    def _whole_corrected(self) -> Tensor:
        """A picture that is small enough to be kept as floats, its dark put right in full."""
        everything = slice(0, self.source.height)
        whole = self.source.inside(self.source.read(everything), everything).clone()
        dark = self.dark()
        assert dark is not None

        def write(band: slice) -> None:
            whole[:, band] = dark.apply(whole[:, band], band)

        for_each(write, tiles(everything, self.source.width, self.source.device), self.source.device)
        return whole

    def exposed(self, exposure: Exposure, part: Part) -> Iterator[tuple[slice, Tensor]]:
        """Bands of rows of a part and their exposed intensities, (C, rows, X)."""
        columns = part[1]
        self._get_ready(None, None)
        scratch = Scratch()
        with torch.inference_mode():
            for band in tiles(part[0], columns.stop - columns.start, self.source.device):
                _, shown, guide = self._shown(exposure, band, columns, None, scratch)
                yield band, self._curve(exposure, band, shown, guide, scratch)

    def expose(
        self,
        exposure: Exposure,
        part: Part,
        picture: Callable[[slice], Tensor] | None = None,
        progress: Progress | None = None,
    ) -> Array:
        """A part at full size, in the dtype and levels of the source; `picture` replaces its intensities."""
        source = self.source
        result = source.blank(*part)
        target = result if result.ndim == 3 else result[..., None]
        rows, columns = part
        self._get_ready(picture, progress)
        scratch = Scratch()

        def expose(band: slice) -> None:
            unit, shown, guide = self._shown(exposure, band, columns, picture, scratch)
            into = target[band.start - rows.start : band.stop - rows.start]
            if source.codes is not None:
                self._codes(exposure, band, shown, guide, into, scratch)
                return
            out = self._curve(exposure, band, shown, guide, scratch)
            if source.may_exceed:
                # Beyond the levels a picture stays as it is; noise below black is noise all the same.
                inside = unit.isfinite() & (unit <= 1) if picture else (unit >= 0) & (unit < 1)
                out = torch.where(inside, out.to(unit), unit)
            source.store(out, into[..., : source.channels])

        width = columns.stop - columns.start
        for_each(expose, tiles(rows, width, source.device), source.device, progress)
        return result

    def _get_ready(self, picture: Callable[[slice], Tensor] | None, progress: Progress | None) -> None:
        """Find, in this thread, what all tiles need."""
        dark = None if picture is not None else self.dark(progress)
        with torch.inference_mode():
            if self.source.small:
                _ = self._whole_guide
                if dark is not None:
                    _ = self._whole_corrected
            else:
                _ = self._guide_gain

    def _shown(
        self,
        exposure: Exposure,
        band: slice,
        columns: slice,
        picture: Callable[[slice], Tensor] | None,
        scratch: Scratch,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A tile: the unit intensities that are stored there, those to be exposed, and the guide."""
        source = self.source
        unit = source.read(band, columns, scratch)
        inside = source.inside(unit, band, columns)
        guide = self._whole_guide[band, columns] if source.small else self._guide(inside.float(), scratch)
        if picture is not None:
            return unit, picture(band), guide
        dark = self.dark()
        if dark is None:
            return unit, inside, guide
        share = exposure.share(band, guide, scratch)
        if not isinstance(share, Tensor) and share <= 0:
            return unit, inside, guide
        if not source.small:
            return unit, dark.apply(inside, band, columns, share), guide
        right = self._whole_corrected[:, band, columns]
        if not isinstance(share, Tensor) and share >= 1:
            return unit, right, guide
        part = share.to(inside) if isinstance(share, Tensor) else inside.new_tensor(share)
        return unit, torch.lerp(inside, right, part), guide

    def _powers(self, exposure: Exposure, band: slice, guide: Tensor, scratch: Scratch) -> Planes:
        planes = exposure.on(band, guide, scratch)
        if exposure.largest <= LARGEST_POWER:
            return planes
        return lambda channel: planes(channel).clamp_(-LARGEST_POWER, LARGEST_POWER)

    def _curve(
        self, exposure: Exposure, band: slice, shown: Tensor, guide: Tensor, scratch: Scratch
    ) -> Tensor:
        planes = self._powers(exposure, band, guide, scratch)
        out = torch.empty_like(shown, memory_format=torch.contiguous_format)
        for channel, light in enumerate(shown):
            out[channel] = expose_in_place(light, planes(channel).to(shown.dtype))
        return out

    def _codes(
        self,
        exposure: Exposure,
        band: slice,
        shown: Tensor,
        guide: Tensor,
        target: Array,
        scratch: Scratch,
    ) -> None:
        """Write a tile of 8 or 16 bits: the last pass of the curve rounds too."""
        white = self.source.codes
        assert white is not None
        planes = self._powers(exposure, band, guide, scratch)
        rounder = guide.new_tensor(ROUNDER)
        for channel, light in enumerate(shown):
            codes = expose_in_place(light, planes(channel), white, rounder)
            self.source.store_codes(codes, target[..., channel])
