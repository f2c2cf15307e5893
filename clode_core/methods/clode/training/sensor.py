"""What a sensor, a camera and a codec do to a dark picture that is brightened: the noise prior.

Pictures are (B, 3, H, W) in [0, 1], 32-bit. All randomness comes from the generator, which lives on the
device of the pictures; the same generator state gives the same result.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.training.config import SensorNoisePrior
from clode_core.methods.clode.training.degradation import Draw


def correlated(noise: Tensor, radius: Tensor) -> Tensor:
    """Blur white noise by a Gaussian of `radius` pixels, (B, 1, 1, 1), keeping its variance; 0 for none."""
    taps = torch.arange(-2, 3, device=noise.device)
    kernel = torch.exp(-taps.square() / (2 * radius.clamp(min=1e-2).square()))
    kernel = kernel / kernel.square().sum(-1, keepdim=True).sqrt()
    for axis in (-1, -2):
        sides = (2, 2, 0, 0) if axis == -1 else (0, 0, 2, 2)
        padded = F.pad(noise, sides, mode="reflect")
        length = noise.shape[axis]
        parts = [padded.narrow(axis, k, length) * kernel[..., k : k + 1] for k in range(5)]
        noise = torch.stack(parts).sum(0)
    return noise


def framed(seen: Tensor, clean: Tensor, share: float, draw: Draw) -> tuple[Tensor, Tensor]:
    """Lay a noiseless black or white bar, upright, over the left of some pictures, so that such stay so."""
    count, width = len(seen), seen.shape[-1]
    edge = draw.uniform(0.05, 1, count, 1, 1, 1) * width * draw.chance(share, count, 1, 1, 1)
    bar = torch.arange(width, device=seen.device) < edge
    value = draw.chance(0.25, count, 1, 1, 1).to(seen)
    return torch.where(bar, value, seen), torch.where(bar, value, clean)


def enlarged(image: Tensor, prior: SensorNoisePrior, draw: Draw) -> Tensor:
    """Show a part of some pictures larger, so that they are as soft as the pixels of large photographs."""
    count, size = len(image), (image.shape[-2], image.shape[-1])
    scale = draw.uniform(*prior.enlargement, count)
    factors = torch.where(draw.chance(prior.enlarged, count), scale, 1.0).tolist()
    shown = []
    for picture, factor in zip(image, factors, strict=True):
        part = picture[:, : max(8, round(size[0] / factor)), : max(8, round(size[1] / factor))]
        if part.shape[1:] != size:
            part = F.interpolate(part[None], size, mode="bicubic", align_corners=False)[0].clamp(0, 1)
        shown.append(part)
    return torch.stack(shown)


def through_mosaic(noise: Tensor) -> Tensor:
    """Noise of a Bayer mosaic after bilinear interpolation: coarser and fainter in red and blue."""
    mask = torch.zeros_like(noise[:1])
    mask[:, 0, ::2, ::2] = 1
    mask[:, 1, ::2, 1::2] = 1
    mask[:, 1, 1::2, ::2] = 1
    mask[:, 2, 1::2, 1::2] = 1
    cross = torch.tensor([[0.0, 1, 0], [1, 4, 1], [0, 1, 0]])
    full = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
    kernel = torch.stack([full, cross, full])[:, None].to(noise) / 4
    return F.conv2d(F.pad(noise * mask, (1, 1, 1, 1)), kernel, groups=3)


def coarse_noise(shape: tuple[int, ...], grain: float, draw: Draw) -> Tensor:
    """Noise of unit variance with grains of some pixels, as shrinking, enlarging and codecs leave it."""
    count, channels, height, width = shape
    small = draw.normal(count, channels, max(3, round(height / grain)), max(3, round(width / grain)))
    noise = F.interpolate(small, (height, width), mode="bicubic", align_corners=False)
    return noise / noise.std((1, 2, 3), keepdim=True)


def sensor_noise(shape: tuple[int, ...], prior: SensorNoisePrior, draw: Draw) -> Tensor:
    """Noise of about unit variance, (B, 3, H, W): its grain, what channels share, and its tails."""
    count = shape[0]
    one = (count, 1, 1, 1)
    share = draw.uniform(0, prior.shared, *one)
    noise = (1 - share.square()).sqrt() * draw.normal(*shape) + share * draw.normal(count, 1, *shape[2:])
    raw = draw.chance(prior.mosaic, *one)
    if raw.any():
        noise = torch.where(raw, through_mosaic(noise), noise)
    noise = correlated(noise, draw.uniform(*prior.blur, *one) * draw.chance(prior.blurred, *one))
    grained = draw.chance(prior.coarse, *one)
    if grained.any():
        grains = coarse_noise(shape, float(draw.log_uniform(*prior.coarseness)), draw)
        part = draw.uniform(0.2, 1, *one) * grained
        noise = (1 - part.square()).sqrt() * noise + part * grains
    channels = torch.tensor([1.0, 0.0, 1.0], device=noise.device).reshape(1, 3, 1, 1)
    gain = 1 + prior.chroma * draw.uniform(0, 1, count, 3, 1, 1) * channels
    spread = draw.uniform(0, prior.tails, *one)
    tails = (spread * draw.normal(*shape) - spread.square()).exp()  # keeps the variance
    return noise * tails * gain


def photons(dark: Tensor, grey: Tensor, prior: SensorNoisePrior, draw: Draw) -> Tensor:
    """What a counter of single photons sees of a dark picture whose mid-grey is `grey`, (B, 1, 1, 1)."""
    unit = grey / draw.log_uniform(*prior.photons, len(dark), 1, 1, 1)
    return (torch.poisson(dark / unit, generator=draw.generator) * unit).clamp(0, 1)


def noisy_pair(image: Tensor, prior: SensorNoisePrior, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    r"""Darken a picture, let a sensor see it, brighten it again.

    In the dark the noise has variance :math:`aI + b` (photons and read-out); `prior.sigma` is its standard
    deviation at mid-grey once brightened. Channels share some of it, neighbours may, red and blue have more.
    A grey picture is one channel three times. JPEG may come before the brightening, after it, or both.

    Returns
    -------
    noisy, clean : Tensor
        Both (B, 3, H, W) at the brightness where the noise shows.
    """
    draw, count = Draw(generator), len(image)
    one = (count, 1, 1, 1)
    if prior.enlarged > 0:
        image = enlarged(image, prior, draw)
    clean = curve(image, draw.uniform(*prior.exposure, *one))
    level = draw.uniform(*prior.level, *one) + prior.colour * draw.normal(count, 3, 1, 1)
    if prior.grey > 0:
        one_channel = draw.chance(prior.grey, *one)
        clean, level = (torch.where(one_channel, x[:, 1:2], x) for x in (clean, level))
    dark = curve(clean, -level)

    grey = torch.sigmoid(-level.mean(1, keepdim=True))  # what mid-grey becomes in the dark
    sigma = (
        draw.log_uniform(*prior.sigma, *one) * 4 * grey * (1 - grey)
    )  # slope of the brightening: 1/(4 d(1-d))
    readout = draw.uniform(0, 1, *one)
    variance = sigma.square() * (readout + (1 - readout) * dark / grey)
    noise = sensor_noise(tuple(image.shape), prior, draw)
    visible = ~draw.chance(prior.clean, *one)
    seen = (dark + visible * noise * variance.sqrt()).clamp(0, 1)
    starved = draw.chance(prior.starved, *one)
    if starved.any():
        seen = torch.where(starved, photons(dark, grey, prior, draw), seen)
    seen, clean = framed(seen, clean, prior.frames, draw)
    if prior.grey > 0:
        seen, clean = (torch.where(one_channel, x[:, 1:2], x) for x in (seen, clean))

    steps = torch.where(draw.chance(prior.eight_bit, *one), 255.0, 65535.0)
    seen = some_as_jpeg((seen * steps).round() / steps, prior.jpeg, prior.jpeg_quality, draw)
    seen = curve(seen, level)
    return some_as_jpeg(seen, prior.jpeg_bright, prior.jpeg_quality, draw), clean


def some_as_jpeg(image: Tensor, share: float, quality: tuple[float, float], draw: Draw) -> Tensor:
    """Save a share of the pictures as JPEG and read them again; colour at half size in half of them."""
    if share <= 0:
        return image
    count = len(image)
    chosen = draw.chance(share, count).tolist()
    qualities, halved = draw.uniform(*quality, count).tolist(), draw.chance(0.5, count).tolist()
    out = image.clone()
    for k in (k for k in range(count) if chosen[k]):
        out[k] = jpeg(image[k], round(qualities[k]), halved[k])
    return out


def jpeg(picture: Tensor, quality: int, halved: bool) -> Tensor:
    """A picture (3, H, W) as JPEG keeps it, with its colour at half size (4:2:0) or at full."""
    pixels = (picture * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    file = BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=quality, subsampling=2 if halved else 0)
    with Image.open(file) as stored:
        kept = torch.from_numpy(np.array(stored)).permute(2, 0, 1)
    return kept.to(picture) / 255
