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
from clode_core.denoising import remove_noise
from clode_core.enhancement import with_fallback
from clode_core.image import Array, Levels, LevelsArgument, Planes, as_image, colours, layout, resolve_levels
from clode_core.model import check_tensors, fitting, read_card, read_weights, write_weights
from clode_core.source import Source
from clode_core.trajectory import Progress
from clode_core.upsampling import bands

FORMAT = "enlightengan-1"
TILE = 768
"""Largest side, in pixels, of what the generator is run on, not counting what it sees around that."""
_COUNTER = "num_batches_tracked"  # of batch normalisation; not a weight, and never used


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
        The generator has a finite view, so it runs at full size in tiles with a margin, continued by
        reflection at the borders; the result does not depend on the tiles. If the accelerator runs out of
        memory, the work is done again on the CPU with a warning.
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
        if source.has_holes:
            source.shrunk(self.architecture.working_size)  # what the generator is shown in the holes
        shown = np.empty((source.height, source.width, source.channels), np.float32)
        every = list(bands(source.height, source.width * source.channels))
        for band in every:
            shown[band] = source.inside(source.read(band), band).permute(1, 2, 0).cpu().numpy()
        bright = remove_noise(self.h, shown, self.device, tile=TILE, progress=progress)
        result = source.blank()
        target = result if result.ndim == 3 else result[..., None]
        for band in every:
            out = torch.from_numpy(bright[band]).permute(2, 0, 1).to(self.device)
            if source.may_exceed:
                unit = source.read(band)
                out = torch.where((unit >= 0) & (unit <= 1), out.to(unit), unit)
            source.store(out, target[band, :, : source.channels])
        return result

    def state_dict(self) -> dict[str, Tensor]:
        """Weights of the generator, named ``h.*``."""
        return {f"h.{k}": tensor for k, tensor in self.h.state_dict().items() if not k.endswith(_COUNTER)}

    def load_state_dict(self, tensors: dict[str, Tensor], *, assign: bool = False) -> None:
        """Set the weights; every name and shape must match, every value be finite."""
        kept = {name: tensor for name, tensor in tensors.items() if not name.endswith(_COUNTER)}
        check_tensors(kept, ("h.",))
        part = {name.removeprefix("h."): x.to(torch.float32, copy=True) for name, x in kept.items()}
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
