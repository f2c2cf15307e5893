"""Enhancers trained on pairs, with or without learnable references: a U-Net, and CLODE's ``h``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clode_core.methods.clode.automatic import TRAINED_TIME
from clode_core.methods.clode.denoising import remove_noise
from clode_core.methods.clode.model import Architecture as CurveArchitecture
from clode_core.methods.clode.model import Model
from clode_core.methods.clode.networks import CurveNet
from clode_core.methods.lfpv.references import LearnableReferences, added_parameters, attach, inference_state
from clode_core.methods.method import Progress, WholeMethod
from clode_core.pictures.arrays import Array, Levels
from clode_core.pictures.source import Source

FORMAT = "supervised-1"


class Residual(nn.Module):
    """3 x 3 convolutions beside the identity."""

    def __init__(self, width: int, depth: int = 2) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(depth)])

    def forward(self, x: Tensor) -> Tensor:
        """Add what the convolutions make of ``x``; same shape."""
        y = x
        for convolution in self.convolutions:
            y = convolution(F.relu(y))
        return x + y


class UNet(nn.Module):
    """A compact U-Net from a dark picture to a bright one, (B, 3, H, W) in [0, 1], sides divisible by 8.

    Local: nothing looks at the whole picture, so that tiles with its `reach` equal the whole.

    Parameters
    ----------
    widths : tuple of int
        Channels at strides 2, 4, 8, ...
    """

    def __init__(self, widths: tuple[int, ...] = (24, 40, 64)) -> None:
        super().__init__()
        depth, levels = 2, len(widths)
        self.multiple = 2**levels
        # Per level (pixels of 2**(k+1)): a residual block down and one up, at the first also the stem and the
        # head, and up to one pixel for the change of level.
        passes = [2 * depth + (2 if k == 0 else 0) for k in range(levels)]
        self.reach = sum((n + 1) * 2 ** (k + 1) for k, n in enumerate(passes))
        self.stem = nn.Conv2d(24, widths[0], 3, padding=1)
        self.encode = nn.ModuleList([Residual(w, depth) for w in widths])
        self.down = nn.ModuleList([nn.Conv2d(a, b, 2, 2) for a, b in zip(widths, widths[1:], strict=False)])
        self.bottleneck = Residual(widths[-1], depth)
        self.up = nn.ModuleList([nn.Conv2d(b, 4 * a, 1) for a, b in zip(widths, widths[1:], strict=False)])
        self.decode = nn.ModuleList([Residual(w, depth) for w in widths[:-1]])
        self.head = nn.Conv2d(widths[0], 12, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Enhance."""
        exposure = (
            torch.logit(image.clamp(2e-3, 1 - 2e-3)) / 4
        )  # dark pixels differ little in I, much in this
        y = F.relu(self.stem(F.pixel_unshuffle(torch.cat([image, exposure], 1), 2)))
        skips: list[Tensor] = []
        for k, encode in enumerate(self.encode):
            y = encode(y)
            if k < len(self.down):
                skips.append(y)
                y = self.down[k](y)
        y = self.bottleneck(y)
        for k in reversed(range(len(self.up))):
            y = self.decode[k](skips[k] + F.pixel_shuffle(self.up[k](y), 2))
        return image + F.pixel_shuffle(self.head(y), 2)


class PlainBoost(nn.Module):
    """The control: two 1 x 1 convolutions with a residual, zero at the start, in the place of references."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, hidden, 1)
        self.last = nn.Conv2d(hidden, channels, 1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def boost(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        """Forward hook: boost what a module gives."""
        added: Tensor = self.last(F.relu(self.first(output)))
        return output + added


@dataclass(frozen=True)
class Backbone:
    """A network that can be boosted: how it is made from its widths, and where its deepest feature is."""

    build: Callable[[tuple[int, ...]], nn.Module]
    where: Callable[[tuple[int, ...]], str]
    widths: tuple[int, ...]


BACKBONES = {
    "unet": Backbone(UNet, lambda widths: "bottleneck", (24, 40, 64)),
    "curve": Backbone(CurveNet, lambda widths: f"encode_norm.{len(widths) - 1}", (24, 32, 48, 64)),
}


@dataclass(frozen=True)
class References:
    """Number ``l`` of vectors and of patches, and side ``k`` of a patch."""

    count: int = 52
    patch: int = 2


@dataclass(frozen=True)
class Architecture:
    """What a weights file says about itself.

    Attributes
    ----------
    backbone : {"unet", "curve"}
        A U-Net that gives the picture, or CLODE's ``h``, whose exponent at T = 3 exposes it.
    widths : tuple of int
        Channels per level; by default the backbone's own.
    references : References or None
        Learnable references at the deepest feature.
    control : int
        Hidden channels of plain 1 x 1 convolutions in their place; 0 for none.
    working_size : int
        Long side, in pixels, of the pictures that ``h`` works at; the U-Net works at full size.
    """

    backbone: str = "unet"
    widths: tuple[int, ...] = ()
    references: References | None = References()
    control: int = 0
    working_size: int = 96

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise ValueError(f"unknown backbone {self.backbone!r}: choose one of {', '.join(BACKBONES)}")
        widths = tuple(self.widths or BACKBONES[self.backbone].widths)
        object.__setattr__(self, "widths", widths)
        if isinstance(self.references, dict):
            object.__setattr__(self, "references", References(**self.references))
        numbers = [("control", self.control, 0, 4096), ("working_size", self.working_size, 16, 4096)]
        numbers += [("levels of widths", len(widths), 2, 4), *(("widths", w, 1, 512) for w in widths)]
        if self.references is not None:
            numbers += [("count", self.references.count, 1, 1024), ("patch", self.references.patch, 1, 16)]
        for name, value, least, most in numbers:
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ValueError(f"{name} must be a whole number from {least} to {most}, not {value!r}")
        if self.references is not None and self.control:
            raise ValueError("references and their control cannot be in one network")

    @property
    def variant(self) -> str:
        """Name of the method."""
        return f"lfpv-{self.backbone}"

    def build(self) -> nn.Module:
        """A new, untrained network, without updaters."""
        kind, widths = BACKBONES[self.backbone], self.widths
        network = kind.build(widths)
        if self.references is not None:
            plug_in = LearnableReferences(widths[-1], self.references.count, self.references.patch)
            attach(network, kind.where(widths), plug_in)
        elif self.control:
            network.control = PlainBoost(widths[-1], self.control)
            network.get_submodule(kind.where(widths)).register_forward_hook(network.control.boost)
        return network


@dataclass
class _Tiled:
    """A local network as `remove_noise` takes it; patches lie on one grid and see their whole block."""

    network: nn.Module
    reach: int
    multiple: int

    def __call__(self, x: Tensor) -> Tensor:
        enhanced: Tensor = self.network(x)
        return enhanced


class SupervisedEnhancer(WholeMethod):
    """A network trained on pairs, with its weights; see `Method`.

    Attributes
    ----------
    h : Module
        The network. It may have updaters, which `save` leaves out.
    """

    format = FORMAT
    family = "supervised"
    architecture_type = Architecture

    architecture: Architecture

    @property
    def description(self) -> str:
        """Parameters at inference, and how many of them are references."""
        total = sum(tensor.numel() for tensor in inference_state(self.h).values())
        added = added_parameters(self.h)
        return f"{total:,} parameters" + (f" ({added:,} in learnable references)" if added else "")

    def enhance_plane(
        self, array: Array, alpha: bool, levels: Levels, progress: Progress, **settings: Any
    ) -> Array:
        """Enhance one plane whose layout and levels are known."""
        if self.architecture.backbone == "curve":
            model = self._as_model()
            path = model.solve_plane(array, alpha, levels, (0.0, TRAINED_TIME), None, "float32")
            return path.at(TRAINED_TIME, denoise=False, progress=progress)
        source = Source(array, levels, alpha=alpha, device=torch.device("cpu"))
        if source.has_holes:
            source.shrunk(self.architecture.working_size)  # what the network is shown in the holes
        rows = slice(0, source.height)
        unit = source.read(rows)
        shown = source.inside(unit, rows).float().permute(1, 2, 0).numpy()
        bright = remove_noise(self._tiled(), shown, self.device, progress=progress)
        out = torch.from_numpy(bright).permute(2, 0, 1).to(unit)
        if source.may_exceed:  # beyond the levels a picture stays as it is
            out = torch.where((unit >= 0) & (unit <= 1), out, unit)
        result = source.blank()
        source.store(out, (result if result.ndim == 3 else result[..., None])[..., : source.channels])
        return result

    def _as_model(self) -> Model:
        """CLODE with this ``h``."""
        size = self.architecture.working_size
        model = Model(CurveArchitecture("control", "", working_size=size))
        model.h, model.device = self.h, self.device
        return model

    def _tiled(self) -> _Tiled:
        assert isinstance(self.h, UNet)
        patch = self.architecture.references.patch if self.architecture.references else 1
        return _Tiled(self.h, self.h.reach + (patch - 1) * self.h.multiple, self.h.multiple * patch)

    def stored_tensors(self) -> dict[str, Tensor]:
        """The weights that inference needs; updaters are left out."""
        return {f"h.{name}": tensor for name, tensor in inference_state(self.h).items()}
