"""The solution of the exposure ODE at any time: cubic pieces between the knots of the solver."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

Number = TypeVar("Number", float, Tensor)


def hermite(u: Number) -> tuple[Number, Number, Number, Number]:
    """Weights of both values and both slopes of a cubic piece at ``u`` in [0, 1]."""
    rest = 1 - u
    return (1 + 2 * u) * rest * rest, u * u * (3 - 2 * u), u * rest * rest, -(u * u * rest)


@dataclass(frozen=True)
class DenseExponent:
    """Exposure exponent on an interval of time: cubic Hermite pieces through solver knots.

    Attributes
    ----------
    times : Tensor
        (K,) increasing knot times; 0 is one of them.
    exponents : Tensor
        (K, C, H, W) exponents at the knots.
    slopes : Tensor
        (K, C, H, W) curve-parameter maps ``dS/dt`` at the knots.
    evaluations : int
        Network evaluations the solve took.
    """

    times: Tensor
    exponents: Tensor
    slopes: Tensor
    evaluations: int

    def at(self, time: float) -> Tensor:
        """Exponent (C, H, W) at `time`, which must lie between the first and the last knot."""
        k = int(torch.searchsorted(self.times, time, right=True)) - 1
        k = min(max(k, 0), len(self.times) - 2)
        width = float(self.times[k + 1] - self.times[k])
        u = (time - float(self.times[k])) / width
        s0, s1, a0, a1 = self.exponents[k], self.exponents[k + 1], self.slopes[k], self.slopes[k + 1]
        from_first, to_second, first_slope, second_slope = hermite(u)
        return from_first * s0 + to_second * s1 + width * (first_slope * a0 + second_slope * a1)

    @cached_property
    def rate(self) -> Tensor | None:
        """``dS/dt`` where it is the same at all times, (C, H, W), so that ``S(t) = t * rate``; else None.

        That is the solution of one Euler step.
        """
        rate = self.slopes[0]
        straight = self.times.to(rate)[:, None, None, None] * rate
        same = torch.equal(self.slopes, rate.expand_as(self.slopes))
        return rate if same and torch.allclose(self.exponents, straight, rtol=1e-5, atol=1e-6) else None

    def pieces(self, first: float, last: float) -> list[tuple[float, float, Tensor]]:
        """The cubic pieces that hold the times from `first` to `last`.

        Each is its first and last time and what `hermite` weighs, (4, C, H, W): the exponents at both ends,
        and the slopes there times its length.
        """
        times = self.times.tolist()
        found = []
        for k, (start, stop) in enumerate(pairwise(times)):
            if (stop > first or k == len(times) - 2) and (start <= last or k == 0):
                ends = slice(k, k + 2)
                slopes = self.slopes[ends] * (stop - start)
                found.append((start, stop, torch.cat([self.exponents[ends], slopes])))
        return found

    def over(self, times: Tensor) -> Tensor:
        """A uniform exponent, (C, 1, 1) at a time, at many times (N,) inside its knots: (C, N)."""
        out = self.exponents.new_zeros(self.exponents.shape[1], len(times))
        for start, stop, maps in self.pieces(float(times.min()), float(times.max())):
            weights = hermite(((times - start) / (stop - start)).clamp(0, 1))
            value = sum((w * m.flatten(1) for w, m in zip(weights, maps, strict=True)), torch.zeros_like(out))
            out = torch.where((times >= start) | (start == self.times[0]), value, out)
        return out

    def uniform(self) -> DenseExponent:
        """The mean over all pixels, (K, C, 1, 1) at the knots."""
        exponents = self.exponents.mean((2, 3), keepdim=True)
        slopes = self.slopes.mean((2, 3), keepdim=True)
        return DenseExponent(self.times, exponents, slopes, self.evaluations)

    def expanded(self, picture: Tensor) -> DenseExponent:
        """A uniform exponent for every pixel of a picture (C, h, w), where the picture is."""
        exponents, slopes = (
            uniform.to(picture).expand(-1, *picture.shape) for uniform in (self.exponents, self.slopes)
        )
        return DenseExponent(self.times, exponents, slopes, self.evaluations)
