"""The networks of EnlightenGAN: an attention-guided U-Net and discriminators of patches."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SLOPE = 0.2


def attention_map(image: Tensor) -> Tensor:
    r"""Self-regularised attention: how dark each pixel is (EnlightenGAN, section III-C).

    .. math:: a = 1 - \max_{c \in \{R, G, B\}} I_c

    Parameters
    ----------
    image : Tensor
        (B, 3, H, W) in [0, 1].

    Returns
    -------
    Tensor
        (B, 1, H, W) in [0, 1]; 1 where the picture is black.
    """
    return 1 - image.amax(1, keepdim=True)


class _Block(nn.Sequential):
    """Two 3 x 3 convolutions, each followed by LeakyReLU and instance normalisation.

    Published is batch normalisation. In small batches of dark pictures of very different levels it taught
    the generator something else than what it does with running statistics afterwards; a picture's own
    statistics are the same in training and after it.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers += [
                nn.Conv2d(channels, outputs, 3, padding=1),
                nn.LeakyReLU(_SLOPE),
                nn.InstanceNorm2d(outputs, affine=True),
            ]
        super().__init__(*layers)


class Generator(nn.Module):
    """Attention-guided U-Net with a residual output (EnlightenGAN, section III-C).

    The picture and its attention map, four channels, pass through blocks of two convolutions, halved by
    maximum pooling between them, and back up by bilinear upsampling and a convolution. The attention map,
    averaged to the size of each level, multiplies the features that skip from one side to the other, and at
    last the residual: ``output = image + attention * residual``. Untrained, the residual is 0.

    Parameters
    ----------
    width : int
        Channels of the first level; they double with every level.
    depth : int
        How often the picture is halved.

    Attributes
    ----------
    multiple : int
        What H and W must be divisible by; they must be at least twice that.
    """

    def __init__(self, width: int = 32, depth: int = 4) -> None:
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        self.multiple = 1 << depth
        self.down = nn.ModuleList(_Block(a, b) for a, b in pairwise([4, *widths]))
        self.lift = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_Block(2 * a, a) for a in widths[:-1])
        self.head = nn.Conv2d(width, 3, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, _SLOPE)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.zeros_(self.head.weight)

    def residual(self, image: Tensor) -> Tensor:
        """What attention lets through of it is added to pictures (B, 3, H, W) in [0, 1]."""
        attention = [attention_map(image)]
        x, skips = torch.cat([image, attention[0]], 1), []
        for level, block in enumerate(self.down):
            if level:
                x = F.max_pool2d(x, 2)
                attention.append(F.avg_pool2d(attention[-1], 2))
            x = block(x)
            skips.append(x * attention[-1])
        x = skips.pop()
        for lift, block in zip(reversed(self.lift), reversed(self.up), strict=True):
            skip = skips.pop()
            x = lift(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
            x = block(torch.cat([x, skip], 1))
        residual: Tensor = self.head(x)
        return residual

    def forward(self, image: Tensor) -> Tensor:
        """Brighten pictures (B, 3, H, W) in [0, 1]; the result is not limited to that range."""
        return image + attention_map(image) * self.residual(image)


class PatchDiscriminator(nn.Module):
    """PatchGAN: a score for every patch of a picture (EnlightenGAN, section III-A).

    4 x 4 convolutions with LeakyReLU, `layers` of stride 2, one of stride 1, and one to the scores. Nothing
    is normalised.

    Parameters
    ----------
    width : int
        Channels of the first layer; they double up to eight times as many.
    layers : int
        Number of halvings: (B, 3, S, S) gives (B, 1, s, s) with ``s = S / 2**layers - 2``.
    """

    def __init__(self, width: int = 64, layers: int = 4) -> None:
        super().__init__()
        widths = [3, *(width << min(k, 3) for k in range(layers + 1)), 1]
        parts: list[nn.Module] = []
        for k, (inputs, outputs) in enumerate(pairwise(widths)):
            parts += [nn.Conv2d(inputs, outputs, 4, 2 if k < layers else 1, 1), nn.LeakyReLU(_SLOPE)]
        self.body = nn.Sequential(*parts[:-1])

    def forward(self, image: Tensor) -> Tensor:
        """Score patches; higher is more like a well-exposed picture."""
        scores: Tensor = self.body(image)
        return scores
