"""The networks of Zero-DCE and Zero-DCE++: local convolutions from a picture to curve-parameter maps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LAYERS = 7


def _plain(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _separable(inputs: int, outputs: int) -> nn.Module:
    """One 3 x 3 filter per channel, then 1 x 1 across the channels."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs), nn.Conv2d(inputs, outputs, 1)
    )


class DCENet(nn.Module):
    """Seven 3 x 3 convolutions with symmetric skip concatenations, ReLU, and tanh at the end.

    (B, 3, H, W) in [0, 1] to ``maps`` curve-parameter maps, (B, 3 * maps, H, W) in (-1, 1). Borders are
    continued by zeros in every layer, as published.

    Parameters
    ----------
    maps : int
        Number of RGB maps: 8 in Zero-DCE, each for one iteration; 1 in Zero-DCE++, for all of them.
    width : int
        Channels of the hidden layers.
    separable : bool
        Depthwise separable convolutions, as in Zero-DCE++.

    Attributes
    ----------
    reach : int
        How far, in pixels, an output pixel can see.
    """

    reach = _LAYERS

    def __init__(self, maps: int = 8, width: int = 32, *, separable: bool = False) -> None:
        super().__init__()
        convolution: Callable[[int, int], nn.Module] = _separable if separable else _plain
        self.maps = maps
        self.down = nn.ModuleList([convolution(3 if k == 0 else width, width) for k in range(4)])
        self.up = nn.ModuleList([convolution(2 * width, 3 * maps if k == 2 else width) for k in range(3)])

    def forward(self, image: Tensor) -> Tensor:
        """Estimate the curve-parameter maps."""
        x, skips = image, []
        for convolution in self.down:
            x = F.relu(convolution(x))
            skips.append(x)
        x = F.relu(self.up[0](torch.cat([skips[2], x], 1)))
        x = F.relu(self.up[1](torch.cat([skips[1], x], 1)))
        return torch.tanh(self.up[2](torch.cat([skips[0], x], 1)))
