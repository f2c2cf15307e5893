"""Noise removal in tiles that give exactly the result of the whole picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clode_core.methods.clode.noise_networks import CascadeNoiseNet, interruptible

TILE = 1536
"""Side of a tile in pixels; bounds the memory of noise removal whatever the size of the picture."""
DETAIL_TILE = 512
"""Side of a tile where only the detail is left to do, whose few layers then stay in the cache."""
BORDER = 16
"""Pixels that a picture is continued by reflection, so that no edge of the network's padding is seen."""
_COARSE_SHARE = 0.6  # of the time that a cascade takes, for the progress

Window = tuple[slice, slice]


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


def native_precision(device: torch.device) -> torch.dtype:
    """The precision that a device computes convolutions of ``g`` fastest in.

    Returns
    -------
    torch.dtype
        bfloat16 on a processor that says it has instructions for it (its results differ from those of
        float32 by less than an 8-bit level); otherwise float32.
    """
    asked = getattr(torch.cpu, "get_capabilities", None)
    if device.type != "cpu" or asked is None:
        return torch.float32
    known = asked()
    native = known.get("avx512_bf16", False) or known.get("amx_bf16", False)
    return torch.bfloat16 if native else torch.float32


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

    The picture is continued by reflection, `BORDER` pixels and to a multiple of ``g.multiple``. Every tile is
    cut from that, on one grid of ``g.multiple`` pixels, with a margin of at least ``g.reach`` as far as there
    is one; so the result does not depend on `tile`. A cascade cleans the picture at half size first.

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
        Called with the fraction done after each tile, and with the last one many times within each; what it
        raises stops the work.

    Returns
    -------
    ndarray
        (Y, X, C) in [0, 1].
    """
    result = np.empty_like(picture)
    canvas = _Canvas(picture, g.multiple, device)
    report = _Report(progress)
    with (
        torch.inference_mode(),
        torch.autocast(device.type, precision, enabled=precision != torch.float32),
        interruptible(report.ask),
    ):
        if not isinstance(g, CascadeNoiseNet):
            for part in report.over(canvas.tiles(tile, g.reach), 0.0, 1.0):
                canvas.store(g(canvas.read(part)), part, result)
            return result
        half = _HalfCanvas(canvas, g.channels)
        for part in report.over(canvas.tiles(tile, g.coarse_reach), 0.0, _COARSE_SHARE):
            half.store(g.coarsely(g.halved(canvas.read(part))), part)
        for part in report.over(canvas.tiles(min(tile, DETAIL_TILE), g.detail_reach), _COARSE_SHARE, 1.0):
            canvas.store(g.refine(canvas.read(part), half.read(part)), part, result)
    return result


class _Tile(NamedTuple):
    """Rows and columns of a tile and of the window around it, from the first of the canvas."""

    inner: Window
    window: Window


class _Canvas:
    """A picture continued by reflection, of which windows are read and tiles are stored."""

    def __init__(self, picture: NDArray[np.float32], multiple: int, device: torch.device) -> None:
        self.picture = picture
        self.multiple = multiple
        self.device = device
        self.border = -(-BORDER // multiple) * multiple
        self.size = tuple(-(-n // multiple) * multiple + 2 * self.border for n in picture.shape[:2])

    def tiles(self, side: int, reach: int) -> list[_Tile]:
        """Tiles that cover the whole canvas."""
        side = max(1, round(side / self.multiple)) * self.multiple
        margin = -(-reach // self.multiple) * self.multiple
        parts = []
        for length in self.size:
            # The border belongs to the tiles at the edge: there is no tile of border alone.
            inside = length - 2 * self.border
            starts = range(0, inside, side)
            edges = [0, *(self.border + start for start in starts[1:]), length]
            parts.append(
                [
                    (slice(a, b), slice(max(0, a - margin), min(length, b + margin)))
                    for a, b in zip(edges, edges[1:], strict=False)
                ]
            )
        return [_Tile((y, x), (down, across)) for y, down in parts[0] for x, across in parts[1]]

    def read(self, tile: _Tile) -> Tensor:
        """The window of a tile, (1, 3, H, W)."""
        (height, width, _), border = self.picture.shape, self.border
        rows, columns = tile.window
        y, x = (slice(side.start - border, side.stop - border) for side in (rows, columns))
        if y.start >= 0 and x.start >= 0 and y.stop <= height and x.stop <= width:
            cut = self.picture[y, x]
        else:
            down = reflected(y.start, y.stop, height)
            cut = self.picture[down[:, None], reflected(x.start, x.stop, width)]
        shown = torch.from_numpy(cut).to(self.device).permute(2, 0, 1)[None]
        return shown.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)

    def store(self, clean: Tensor, tile: _Tile, result: NDArray[np.float32]) -> None:
        """Keep what of a tile lies in the picture."""
        taken, kept = [], []
        for inner, window, length in zip(*tile, result.shape[:2], strict=True):
            start, stop = (min(max(0, n - self.border), length) for n in (inner.start, inner.stop))
            kept.append(slice(start, stop))
            offset = self.border - window.start
            taken.append(slice(start + offset, stop + offset))
        part = clean[0, :, taken[0], taken[1]].float().clamp(0, 1)
        if result.shape[2] == 1:
            part = part.mean(0, keepdim=True)
        result[kept[0], kept[1]] = part.permute(1, 2, 0).cpu().numpy()


class _HalfCanvas:
    """What a cascade knows of the canvas at half size, for all its tiles."""

    def __init__(self, canvas: _Canvas, channels: int) -> None:
        height, width = canvas.size
        self.known = torch.empty(
            (height // 2, width // 2, channels), dtype=torch.float32, device=canvas.device
        )

    def store(self, coarse: Tensor, tile: _Tile) -> None:
        """Keep a tile."""
        taken = tuple(
            slice((inner.start - window.start) // 2, (inner.stop - window.start) // 2)
            for inner, window in zip(*tile, strict=True)
        )
        self.known[_halved(tile.inner)] = coarse[0].permute(1, 2, 0)[taken].float()

    def read(self, tile: _Tile) -> Tensor:
        """The window of a tile, (1, C, H/2, W/2)."""
        known = self.known[_halved(tile.window)].permute(2, 0, 1)[None]
        return known.contiguous(memory_format=torch.channels_last)


def _halved(window: Window) -> Window:
    rows, columns = window
    return slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)


class _Report:
    """Tells how far the work is, and asks within a tile, too, whether it shall go on."""

    def __init__(self, progress: Callable[[float], None] | None) -> None:
        self.progress = progress
        self.done = 0.0

    def over(self, tiles: list[_Tile], start: float, stop: float) -> Iterator[_Tile]:
        """The tiles, which take from `start` to `stop` of the whole time."""
        for count, tile in enumerate(tiles, 1):
            yield tile
            self.done = start + (stop - start) * count / len(tiles)
            self.ask()

    def ask(self) -> None:
        """Tell the fraction done; what that raises stops the work."""
        if self.progress is not None:
            self.progress(self.done)
