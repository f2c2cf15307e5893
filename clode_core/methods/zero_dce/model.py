"""Zero-DCE and Zero-DCE++: a network estimates curve-parameter maps, a discrete curve is iterated with them.

Guo et al., "Zero-reference deep curve estimation for low-light image enhancement", CVPR 2020; Li, Guo and
Loy, "Learning to enhance low-light image via zero-reference deep curve estimation", TPAMI 2021.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from clode_core.methods.clode.curve import discrete_curve
from clode_core.methods.method import Method, Progress
from clode_core.methods.zero_dce import SLIDER
from clode_core.methods.zero_dce.networks import DCENet
from clode_core.pictures.arrays import Array, Levels
from clode_core.pictures.resampling import Interpolated, bands
from clode_core.pictures.source import Source

FORMAT = "zero-dce-1"
ITERATIONS = 8
"""Iterations of the curve in training, for both networks."""
DOWNSAMPLE = 12.0
"""How much smaller, per side, the picture is that Zero-DCE++ looks at."""
TILE = 512
"""Largest side, in pixels, of what the full-size network is run on, not counting what it sees around that."""
HELD_PIXELS = 1 << 22
"""Pictures up to this many pixels keep their maps between two numbers of iterations."""
_BAND_PIXELS, _LEAST_ROWS = 1 << 20, 64


@dataclass(frozen=True)
class Architecture:
    """What a weights file says about itself.

    Attributes
    ----------
    variant : {"zero-dce", "zero-dce++"}
        Full-size convolutions with a map for each of eight iterations, or depthwise separable ones that see
        a shrunken picture and give one map for all iterations.
    width : int
        Channels of the hidden layers.
    working_size : int
        Side, in pixels, of the pictures it was trained on.
    """

    variant: str = "zero-dce"
    width: int = 32
    working_size: int = 128

    def __post_init__(self) -> None:
        if self.variant not in ("zero-dce", "zero-dce++"):
            raise ValueError(f"unknown variant {self.variant!r}")
        for name, largest in (("width", 512), ("working_size", 4096)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
                raise ValueError(f"{name} must be a whole number from 1 to {largest}, not {value!r}")

    @property
    def shrinks(self) -> bool:
        """Whether the network looks at a shrunken picture."""
        return self.variant == "zero-dce++"

    def build(self) -> DCENet:
        """A new, untrained network."""
        return DCENet(1 if self.shrinks else ITERATIONS, self.width, separable=self.shrinks)


def iterated_curve(image: Tensor, maps: Tensor, iterations: float = ITERATIONS) -> Tensor:
    r"""Iterate the light-enhancement curve (Zero-DCE, eq. 3).

    .. math:: I_{n+1} = I_n + A_{n \bmod N} I_n (1 - I_n)

    Parameters
    ----------
    image : Tensor
        (..., C, H, W) in [0, 1].
    maps : Tensor
        (..., N * C, H, W), the ``N`` curve-parameter maps in order, in [-1, 1].
    iterations : float
        Any number from 0 on. Fewer than ``N`` use the first maps; more start again with the first, so that
        ``2 N`` iterations are the whole enhancement twice. A fraction is that part of the last step.

    Returns
    -------
    Tensor
        (..., C, H, W) in [0, 1].
    """
    steps = torch.split(maps, image.shape[-3], dim=-3)
    whole = int(iterations)
    for n in range(whole):
        image = discrete_curve(image, steps[n % len(steps)].to(image.dtype))
    if iterations > whole:
        image = discrete_curve(image, (iterations - whole) * steps[whole % len(steps)].to(image.dtype))
    return image


def checked_iterations(iterations: Any) -> float:
    """A number of iterations as a float.

    Raises
    ------
    ValueError
        If it is not a number from 0 to 100.
    """
    try:
        number = float(iterations)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    least, most = SLIDER.limits
    if not least <= number <= most:
        raise ValueError(f"iterations must be a number from {least:g} to {most:g}, not {iterations}")
    return number


class IteratedCurve:
    """All numbers of iterations of one picture, from one run of the network.

    Made by `ZeroDCE.solve`. The picture is referred to, not copied: do not change it in between.

    Notes
    -----
    The full-size network has a finite view, so it runs in tiles that give exactly what the whole picture
    would. Its maps are kept for pictures of up to four megapixels; for larger ones every call of `at` runs
    it again, band by band, so that memory stays bounded. The maps of Zero-DCE++ are small and always kept.
    """

    def __init__(self, method: ZeroDCE, source: Source, downsample: float) -> None:
        self.source = source
        self._network = method.h
        self._small: Interpolated | None = None
        size = method.architecture.working_size
        if method.architecture.shrinks or downsample > 1:
            long = max(source.height, source.width)
            view = max(round(long / downsample), min(long, size))
            with torch.inference_mode():
                working = source.shrunk(view)
                self._small = Interpolated(self._estimate(working), (source.height, source.width))
        elif source.has_holes:
            source.shrunk(size)  # what the network is shown in the holes

    def _estimate(self, picture: Tensor) -> Tensor:
        """Maps (N * C, H, W) of a picture (C, H, W); grey is shown three times and the maps are averaged."""
        channels = len(picture)
        shown = picture.float().expand(3, -1, -1)[None].contiguous(memory_format=torch.channels_last)
        maps: Tensor = self._network(shown)[0]
        if channels == 1:
            maps = torch.stack(torch.split(maps, 3)).mean(1)
        return maps

    def _picture(self, rows: slice) -> Tensor:
        return self.source.inside(self.source.read(rows), rows)

    def _estimated(self, rows: slice) -> Tensor:
        """Maps of some rows at full size, in tiles that see as far as the network does.

        A tile ends where the picture ends, so that the zeros the network continues it with are where they
        are for the whole picture.
        """
        source, reach = self.source, self._network.reach
        top, bottom = max(0, rows.start - reach), min(source.height, rows.stop + reach)
        seen = self._picture(slice(top, bottom))
        parts = []
        for left in range(0, source.width, TILE):
            right = min(source.width, left + TILE)
            start, stop = max(0, left - reach), min(source.width, right + reach)
            maps = self._estimate(seen[..., start:stop])
            parts.append(maps[:, rows.start - top : rows.stop - top, left - start : right - start])
        return torch.cat(parts, -1)

    @cached_property
    def _held(self) -> list[tuple[slice, Tensor]]:
        return list(self._full_size())

    def _full_size(self) -> Iterator[tuple[slice, Tensor]]:
        rows = max(_LEAST_ROWS, min(TILE, _BAND_PIXELS // self.source.width))
        for start in range(0, self.source.height, rows):
            band = slice(start, min(self.source.height, start + rows))
            yield band, self._estimated(band)

    def _maps(self) -> Iterator[tuple[slice, Tensor]]:
        """Bands of rows and their maps, (N * C, rows, X)."""
        source = self.source
        if self._small is not None:
            for band in bands(source.height, source.width * source.channels):
                yield band, self._small[band]
        elif source.height * source.width <= HELD_PIXELS:
            yield from self._held
        else:
            yield from self._full_size()

    def at(self, iterations: float = ITERATIONS, *, progress: Progress | None = None) -> Array:
        """Return the picture after a number of iterations.

        Parameters
        ----------
        iterations : float
            From 0, the picture itself, to 100; 8 is the number of training. See `iterated_curve` for more
            than there are maps and for fractions.
        progress : callable, optional
            Called with the fraction done; what it raises stops the work.

        Returns
        -------
        ndarray
            Same shape, dtype and levels as the picture. Alpha, NaN and Inf are as they were.

        Raises
        ------
        ValueError
            If `iterations` is not a number from 0 to 100.
        """
        number = checked_iterations(iterations)
        source = self.source
        if number == 0:
            return source.array.copy(order="C")
        result = source.blank()
        target = result if result.ndim == 3 else result[..., None]
        with torch.inference_mode():
            for band, maps in self._maps():
                unit = source.read(band)
                out = iterated_curve(source.inside(unit, band), maps, number)
                if source.may_exceed:  # beyond the levels a picture stays as it is
                    out = torch.where((unit > 0) & (unit < 1), out, unit)
                source.store(out, target[band, :, : source.channels])
                if progress is not None:
                    progress(band.stop / source.height)
        return result


class ZeroDCE(Method):
    """Zero-DCE or Zero-DCE++ with its weights; see `Method`.

    Attributes
    ----------
    h : DCENet
        The network that estimates the curve-parameter maps.
    """

    format = FORMAT
    family = "Zero-DCE"
    architecture_type = Architecture

    architecture: Architecture

    def check(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Check the settings of a call."""
        return settings | {"iterations": checked_iterations(settings["iterations"])}

    def solve_plane(  # type: ignore[override]
        self,
        array: Array,
        alpha: bool,
        levels: Levels,
        downsample: float | None = None,
        preview: bool = False,
    ) -> IteratedCurve:
        """Estimate the curve-parameter maps of one plane; see `solve`.

        Parameters
        ----------
        array, alpha, levels
            The plane, its layout and levels.
        downsample : float
            How much smaller, per side, the picture is that the network looks at; never smaller than those it
            was trained on. By default 12 for Zero-DCE++, and 1 for Zero-DCE: every pixel.
        preview : bool
            Whether 12 is enough for Zero-DCE, too.

        Raises
        ------
        ValueError
            If `downsample` is not a number from 1 on.
        """
        if downsample is None:
            downsample = DOWNSAMPLE if self.architecture.shrinks or preview else 1.0
        if not 1 <= downsample <= 1e4:
            raise ValueError(f"downsample must be a number from 1 on, not {downsample}")
        return IteratedCurve(self, Source(array, levels, alpha=alpha, device=self.device), downsample)
