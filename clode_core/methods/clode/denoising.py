"""Noise removal in tiles that give exactly the result of the whole picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TILE = 768
"""Side of a tile in pixels; bounds the memory of noise removal whatever the size of the picture."""


class NoiseRemoval(Protocol):
    """A local network ``g``, (B, 3, H, W) in [0, 1] to the same shape.

    Attributes
    ----------
    reach : int
        How far, in pixels, an output pixel can see.
    multiple : int
        What H and W must be divisible by.
    """

    reach: int
    multiple: int

    def __call__(self, x: Tensor) -> Tensor:
        """Remove noise."""
        ...


def reflected(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """Indices of a row of `length` pixels continued by reflection without end, from `start` to `stop`."""
    period = max(1, 2 * (length - 1))
    position = np.arange(start, stop) % period
    return np.minimum(position, period - position) if length > 1 else np.zeros(stop - start, np.intp)


def remove_noise(
    g: NoiseRemoval,
    picture: NDArray[np.float32],
    device: torch.device,
    *,
    tile: int = TILE,
    precision: torch.dtype = torch.float32,
    progress: Callable[[float], None] | None = None,
) -> NDArray[np.float32]:
    """Apply ``g`` to a picture of any size in bounded memory.

    Every tile is cut, with a margin of at least ``g.reach``, from the picture continued by reflection, on
    one grid of ``g.multiple`` pixels; so the result does not depend on `tile`.

    Parameters
    ----------
    g : NoiseRemoval
        The network.
    picture : ndarray
        (Y, X, 1 or 3) finite intensities in [0, 1]. A grey picture is shown to ``g`` as three equal
        channels and their mean is taken.
    device : torch.device
        Where the network is.
    tile : int
        Side of a tile in pixels.
    precision : torch.dtype
        torch.float32, or torch.bfloat16 for the convolutions alone.
    progress : callable, optional
        Called with the fraction done after each tile; what it raises stops the work.

    Returns
    -------
    ndarray
        (Y, X, C) in [0, 1].
    """
    height, width, channels = picture.shape
    margin = -(-g.reach // g.multiple) * g.multiple
    side = max(1, round(tile / g.multiple)) * g.multiple
    result = np.empty_like(picture)
    corners = [(y, x) for y in range(0, height, side) for x in range(0, width, side)]
    for done, (y, x) in enumerate(corners, 1):
        down, right = min(side, height - y), min(side, width - x)
        reach_y, reach_x = (-(-n // g.multiple) * g.multiple + margin for n in (down, right))
        rows = reflected(y - margin, y + reach_y, height)
        columns = reflected(x - margin, x + reach_x, width)
        window = torch.from_numpy(picture[rows[:, None], columns]).permute(2, 0, 1)[None]
        with (
            torch.inference_mode(),
            torch.autocast(device.type, precision, enabled=precision != torch.float32),
        ):
            noisy = window.to(device).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
            clean = g(noisy).float()
        clean = clean[0, :, margin : margin + down, margin : margin + right].clamp(0, 1)
        if channels == 1:
            clean = clean.mean(0, keepdim=True)
        result[y : y + down, x : x + right] = clean.permute(1, 2, 0).cpu().numpy()
        if progress is not None:
            progress(done / len(corners))
    return result
