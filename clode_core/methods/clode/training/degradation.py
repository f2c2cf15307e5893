"""What light does to a picture: the darkening prior. What the sensor does to it is in `sensor`.

Pictures are (B, 3, H, W) in [0, 1], 32-bit. All randomness comes from the generator, which lives on the
device of the pictures; the same generator state gives the same result.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.training.config import DarkeningPrior, WhiteBalanceConfig
from clode_core.methods.clode.training.losses import logit

_EXPONENT_RANGE = (-0.5, 6.0)
_LUMINANCE_LIMIT = 4.0  # beyond it, logit luminance says nothing about the light


class Draw:
    """Random numbers of one generator, one value per picture unless a shape is given."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform between `low` and `high`."""
        u = torch.rand(shape, generator=self.generator, device=self.generator.device)
        return low + (high - low) * u

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform in the logarithm."""
        return self.uniform(math.log(low), math.log(high), *shape).exp()

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def chance(self, probability: float, *shape: int) -> Tensor:
        """True with a probability."""
        return self.uniform(0, 1, *shape) < probability

    def integer(self, low: int, high: int) -> int:
        """One integer from `low` to below `high`."""
        return int(torch.randint(low, high, (), generator=self.generator, device=self.generator.device))


def smooth_field(draw: Draw, count: int, size: tuple[int, int], bumps: tuple[int, ...] = (3, 4, 6)) -> Tensor:
    """Random fields (count, 1, H, W) of about unit variance with one of several numbers of bumps a side."""
    knots = bumps[draw.integer(0, len(bumps))]
    return F.interpolate(draw.normal(count, 1, knots, knots), size=size, mode="bicubic", align_corners=False)


def blur(image: Tensor, width: int) -> Tensor:
    """Two box averages of an odd `width`, borders replicated."""
    for _ in range(2):
        image = F.avg_pool2d(F.pad(image, (width // 2,) * 4, mode="replicate"), width, 1)
    return image


def _centred(x: Tensor) -> Tensor:
    return x - x.mean((2, 3), keepdim=True)


def darkening_exponent(image: Tensor, prior: DarkeningPrior, generator: torch.Generator) -> Tensor:
    r"""Draw the exponent ``S*`` that darkens a picture, (B, 3, H, W).

    .. math:: S^* = \ell + a f(x) + b\,\widetilde{L}(x) + b' L(x) + \delta_c

    a level, a smooth field, slopes over blurred and unblurred centred logit luminance ``L`` (light falls
    off where a scene is dark, and cameras bend tones), and an offset per channel.
    """
    draw, count, size = Draw(generator), len(image), (image.shape[-2], image.shape[-1])
    one = (count, 1, 1, 1)
    luminance = logit(image.mean(1, keepdim=True)).clamp(-_LUMINANCE_LIMIT, _LUMINANCE_LIMIT)
    wide = blur(luminance, max(3, max(size) // 8) | 1)
    exponent = (
        prior.level
        + draw.uniform(-prior.level_range, prior.level_range, *one)
        + draw.uniform(0, prior.field, *one) * smooth_field(draw, count, size)
        + (prior.slope + prior.slope_spread * draw.normal(*one)) * _centred(wide)
        + prior.fine_slope * draw.normal(*one) * _centred(luminance)
        + prior.colour * draw.normal(count, 3, 1, 1)
    )
    return exponent.clamp(*_EXPONENT_RANGE)


def darken(image: Tensor, prior: DarkeningPrior, generator: torch.Generator) -> Tensor:
    """Darken a picture by the curve itself, ``I0 = curve(I, -S*)``."""
    return curve(image, -darkening_exponent(image, prior, generator))


def darken_bracket(image: Tensor, prior: DarkeningPrior, generator: torch.Generator) -> Tensor:
    """Darken half the dark pictures of brackets further, evenly, and shift their colours."""
    draw, count = Draw(generator), len(image)
    one = (count, 1, 1, 1)
    bright_enough = image.mean((1, 2, 3), keepdim=True) > 0.03
    further = draw.uniform(0, prior.bracket_extra, *one) * draw.chance(0.5, *one) * bright_enough
    return curve(image, -further - prior.colour * draw.normal(count, 3, 1, 1))


def on_black(image: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Show some pictures only in places, black between them; half of these in grey.

    So look cells on an unlit slide, a stage, a lit square at night: most of the picture is meant to be black.
    """
    draw, count = Draw(generator), len(image)
    one = (count, 1, 1, 1)
    field = smooth_field(draw, count, (image.shape[-2], image.shape[-1]), (4, 7, 12))
    mask = ((field - draw.uniform(-0.5, 1.2, *one)) * draw.uniform(3, 15, *one)).sigmoid()
    floor = draw.log_uniform(1e-4, 1e-2, *one)
    lit = torch.where(draw.chance(0.5, *one), image.mean(1, keepdim=True), image)
    return torch.where(draw.chance(share, *one), floor + (lit - floor) * mask, image)


def white_balanced(image: Tensor, setting: WhiteBalanceConfig) -> Tensor:
    """Move a picture part of the way to a grey mean logit, by at most ``setting.limit`` per channel."""
    cast = logit(image).mean((2, 3), keepdim=True)
    cast = cast - cast.mean(1, keepdim=True)
    limit = setting.limit
    return curve(image, -limit * torch.tanh(setting.strength * cast / limit))


def expose_to_mean(image: Tensor, mean: Tensor) -> Tensor:
    """Expose each picture evenly so that its mean is `mean`, (B, 1, 1, 1), by bisection of the exponent."""
    low = torch.full_like(mean, -2.0)
    high = torch.full_like(mean, 8.0)
    for _ in range(14):
        middle = (low + high) / 2
        too_dark = curve(image, middle).mean((1, 2, 3), keepdim=True) < mean
        low, high = torch.where(too_dark, middle, low), torch.where(too_dark, high, middle)
    return curve(image, (low + high) / 2)


def residual_noise(dark: Tensor, prior: DarkeningPrior, generator: torch.Generator) -> Tensor:
    """Add what noise and quantisation shrinking leaves, in steps of 1/510."""
    draw = Draw(generator)
    level = draw.log_uniform(*prior.noise, len(dark), 1, 1, 1)
    relative = (dark / dark.mean((1, 2, 3), keepdim=True).clamp(min=1e-6)).clamp(0, 3)
    noisy = dark + draw.normal(*dark.shape) * level * (0.3 + 0.7 * relative.sqrt())
    return (noisy.clamp(0, 1) * 510).round() / 510
