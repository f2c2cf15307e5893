"""EnlightenGAN: a generator that adversaries taught what well-exposed pictures look like, without pairs.

Jiang et al., "EnlightenGAN: Deep light enhancement without paired supervision", IEEE TIP 2021.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clode_core.baselines.enlightengan_networks import Generator
from clode_core.denoising import reflected
from clode_core.enhancement import with_fallback
from clode_core.image import Array, Levels, LevelsArgument, Planes, as_image, colours, layout, resolve_levels
from clode_core.model import check_tensors, fitting, read_card, read_weights, write_weights
from clode_core.source import Source
from clode_core.trajectory import Progress
from clode_core.upsampling import GuidedUpsampler, Interpolated, bands

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


class EnlightenGAN:
    """EnlightenGAN with its weights.

    Parameters
    ----------
    architecture : Architecture
        What to build.
    card : dict, optional
        Model card: provenance and measured numbers, kept beside the weights.
    tensors : dict, optional
        Weights as `state_dict` gives them; by default the generator is untrained.

    Attributes
    ----------
    h : Generator
        The generator.
    """

    def __init__(
        self,
        architecture: Architecture,
        card: dict[str, Any] | None = None,
        *,
        tensors: dict[str, Tensor] | None = None,
    ) -> None:
        self.architecture = architecture
        self.card = card or {}
        self.g = None  # no noise removal; `training` looks for both networks
        if tensors is None:
            self.h = architecture.build()
        else:
            with torch.device("meta"):  # nothing is allocated for a network that does not fit its weights
                self.h = architecture.build()
            self.load_state_dict(tensors, assign=True)
        self.device = torch.device("cpu")
        self.to("cpu")

    @property
    def description(self) -> str:
        """Its size in words."""
        return f"{sum(p.numel() for p in self.h.parameters()):,} parameters"

    def to(self, device: str | torch.device) -> EnlightenGAN:
        """Move the generator; returns the method."""
        self.device = torch.device(device)
        self.h.to(self.device).eval().requires_grad_(False)
        self.h.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def enhance(
        self,
        image: Any,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        progress: Progress | None = None,
    ) -> Array:
        """Enhance a picture or a stack of pictures.

        Parameters
        ----------
        image : array_like
            (..., Y, X) grey or (..., Y, X, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA; integer or
            float. Every plane on its own; a grey one is shown as three equal channels.
        levels : {"dtype", "auto"} or (float, float)
            Black and white level, see `image.resolve_levels`.
        rgb : bool, optional
            Whether the last axis is channels; guessed from the shape by default.
        progress : callable, optional
            Called with the fraction done; what it raises stops the work.

        Returns
        -------
        ndarray
            A new array with the shape, dtype and levels of `image`. Alpha, NaN, Inf and what lies beyond the
            levels are as they were.

        Raises
        ------
        ImageError
            If the array cannot be understood as pictures.

        Notes
        -----
        The generator normalises its features by their statistics over the picture, so it cannot work in
        tiles. It sees a picture whole, continued by reflection to the multiple that it needs; of one with a
        side above `LARGEST_SIDE` it sees a smaller copy, and what it adds is brought to full size by a
        guided filter. So memory stays bounded. If the accelerator runs out of it, the work is done again on
        the CPU with a warning.
        """
        array = as_image(image)
        where = layout(array, rgb)
        level = resolve_levels(colours(array, where), levels)
        result = np.empty(array.shape, array.dtype)
        pictures, used = Planes(array, where), self
        for done, plane in enumerate(pictures):

            def report(fraction: float, done: int = done) -> None:
                if progress is not None:
                    progress((done + fraction) / len(pictures))

            def enhanced(on: EnlightenGAN, plane: Array = plane) -> Array:
                return on._enhance_plane(plane, where.alpha, level, report)

            result[pictures.place(done)], used = with_fallback(used, enhanced)
            report(1.0)
        return result

    def _enhance_plane(self, array: Array, alpha: bool, levels: Levels, progress: Progress) -> Array:
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
        return residual.mean(0, keepdim=True) if channels == 1 else residual

    def state_dict(self) -> dict[str, Tensor]:
        """Weights of the generator, named ``h.*``."""
        return {f"h.{name}": tensor for name, tensor in self.h.state_dict().items()}

    def load_state_dict(self, tensors: dict[str, Tensor], *, assign: bool = False) -> None:
        """Set the weights; every name and shape must match, every value be finite."""
        check_tensors(tensors, ("h.",))
        part = {name.removeprefix("h."): x.to(torch.float32, copy=True) for name, x in tensors.items()}
        self.h.load_state_dict(part, strict=True, assign=assign)

    def save(self, path: str | Path) -> Path:
        """Write the weights and the model card as safetensors, beside and renamed."""
        return write_weights(Path(path), FORMAT, asdict(self.architecture), self.card, self.state_dict())


def read_enlightengan(path: Path) -> EnlightenGAN:
    """Read a weights file without ever executing anything in it; see `load_baseline`."""
    header, tensors = read_weights(path, FORMAT, "EnlightenGAN")
    with fitting(path):
        architecture = Architecture(**json.loads(header["architecture"]))
        return EnlightenGAN(architecture, read_card(header), tensors=tensors)
