"""EnlightenGAN: a generator that adversaries taught what well-exposed pictures look like, without pairs.

Jiang et al., "EnlightenGAN: Deep light enhancement without paired supervision", IEEE TIP 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from clode_core.methods.clode.denoising import reflected
from clode_core.methods.clode.upsampling import GuidedUpsampler
from clode_core.methods.enlightengan.networks import Generator
from clode_core.methods.method import Progress, WholeMethod
from clode_core.pictures.arrays import Array, Levels
from clode_core.pictures.resampling import Interpolated, bands
from clode_core.pictures.source import Source

FORMAT = "enlightengan-1"
LARGEST_SIDE = 1024
"""Largest side, in pixels, at which the generator sees a picture; of a larger one it sees a smaller copy."""
MARGIN = 32
"""Pixels by which a picture is continued, so that the zeros of convolutions do not show at its borders."""
_RADIUS, _REGULARISATION = 2, 1e-3  # of the guided filter that brings what it adds back to full size


@dataclass(frozen=True)
class Architecture:
    """What a weights file says about itself.

    Attributes
    ----------
    width : int
        Channels of the generator's first level; 32 as published, 8.6 million parameters.
    depth : int
        How often it halves the picture; 4 as published.
    working_size : int
        Side, in pixels, of the crops it was trained on.
    """

    width: int = 32
    depth: int = 4
    working_size: int = 320

    def __post_init__(self) -> None:
        for name, largest in (("width", 128), ("depth", 6), ("working_size", 4096)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
                raise ValueError(f"{name} must be a whole number from 1 to {largest}, not {value!r}")

    @property
    def variant(self) -> str:
        """Name of the baseline."""
        return "enlightengan"

    def build(self) -> Generator:
        """A new, untrained generator: it leaves pictures as they are."""
        return Generator(self.width, self.depth)


class Upsampled:
    """A residual at working resolution, brought to full size with the picture itself as guide."""

    def __init__(self, residual: Tensor, working: Tensor, size: tuple[int, int]) -> None:
        upsampler = GuidedUpsampler(self._guide(working), _RADIUS, _REGULARISATION)
        self._channels = len(residual)
        self._fits = Interpolated(torch.cat(upsampler.coefficients(residual)), size)

    @staticmethod
    def _guide(picture: Tensor) -> Tensor:
        return picture.amax(0).sqrt()  # in the dark, edges would be too faint to follow

    def at(self, band: slice, picture: Tensor) -> Tensor:
        """Rows of the residual, (C, rows, X), for those of the picture."""
        slope, offset = torch.split(self._fits[band], self._channels)
        return torch.addcmul(offset, slope, self._guide(picture.float()))


class EnlightenGAN(WholeMethod):
    """EnlightenGAN with its weights; see `Method`.

    Attributes
    ----------
    h : Generator
        The generator.

    Notes
    -----
    The generator normalises its features by their statistics over the picture, so it cannot work in
    tiles. It sees a picture whole, continued by reflection to the multiple that it needs; of one with a
    side above `LARGEST_SIDE` it sees a smaller copy, and what it adds is brought to full size by a
    guided filter. So memory stays bounded.
    """

    format = FORMAT
    family = "EnlightenGAN"
    architecture_type = Architecture

    architecture: Architecture

    def enhance_plane(
        self, array: Array, alpha: bool, levels: Levels, progress: Progress, **settings: Any
    ) -> Array:
        """Enhance one plane whose layout and levels are known."""
        source = Source(array, levels, alpha=alpha, device=self.device)
        full = (source.height, source.width)
        shrinks = max(full) > LARGEST_SIDE
        if shrinks:
            working = source.shrunk(LARGEST_SIDE)
        else:
            if source.has_holes:
                source.shrunk(min(max(full), self.architecture.working_size))  # what is seen in the holes
            every = slice(0, source.height)
            working = source.inside(source.read(every), every)
        result = source.blank()
        target = result if result.ndim == 3 else result[..., None]
        with torch.inference_mode():
            residual = self._residual(working.float())
            progress(0.9)
            fitted = Upsampled(residual, working.float(), full) if shrinks else None
            for band in bands(source.height, source.width * source.channels):
                unit = source.read(band)
                inside = source.inside(unit, band)
                added = fitted.at(band, inside) if fitted else residual[:, band]
                out = torch.addcmul(inside, 1 - inside.amax(0), added.to(inside)).clamp(0, 1)
                if source.may_exceed:  # beyond the levels a picture stays as it is
                    out = torch.where((unit >= 0) & (unit <= 1), out, unit)
                source.store(out, target[band, :, : source.channels])
        return result

    def _residual(self, picture: Tensor) -> Tensor:
        """What is added, before attention, to a picture (C, H, W); grey is shown as three equal channels."""
        channels, height, width = picture.shape
        multiple = self.h.multiple
        rows, columns = (
            torch.from_numpy(reflected(-MARGIN, -(-(n + MARGIN) // multiple) * multiple, n)).to(self.device)
            for n in (height, width)
        )
        shown = picture.expand(3, -1, -1)[:, rows[:, None], columns][None]
        residual = self.h.residual(shown.contiguous(memory_format=torch.channels_last))[0]
        residual = residual[:, MARGIN : MARGIN + height, MARGIN : MARGIN + width]
        out: Tensor = residual.mean(0, keepdim=True) if channels == 1 else residual
        return out
