r"""Local exposure: a time for each pixel, ``I(x) = curve(I0(x), S(x, T(x)))``; nothing is solved again.

Shadows and highlights bend the time by how bright the scene is, with ``G`` the guide of the upsampling (the
picture at normal exposure, at working resolution) and ``s`` a smooth step:

.. math:: T(x) = T_0(x) + a_\mathrm{shadows} (1 - s_{0}^{0.8}(G)) + a_\mathrm{highlights} s_{0.2}^{1}(G)

The bend is upsampled like the exponent, with the picture as guide, so that it ends at edges without halos.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from clode_core.methods.clode.cleaning import Part
from clode_core.methods.clode.curve import POWER
from clode_core.methods.clode.dense import DenseExponent, hermite
from clode_core.methods.clode.full_size import FullSize, Planes
from clode_core.methods.clode.time_maps import TimeMap, Times
from clode_core.pictures.tiles import Scratch

LARGEST_BEND = 5.0
"""Most that shadows or highlights may change the exposure time by."""
_SHADOWS, _HIGHLIGHTS = (0.0, 0.8), (0.2, 1.0)  # of the guide, whose mean is 0.4


def checked_bend(name: str, amount: Any) -> float:
    """An amount of `shadows` or `highlights`; `ValueError` where it is none."""
    try:
        value = float(amount)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not abs(value) <= LARGEST_BEND:
        raise ValueError(f"{name} takes a number from {-LARGEST_BEND:g} to {LARGEST_BEND:g}, not {amount}")
    return value


def bend(light: Tensor, shadows: float, highlights: float) -> Tensor:
    """What is added to the exposure time where the scene, normally exposed, is as bright as `light`."""
    dark = 1 - _smooth_step(light, *_SHADOWS)
    return shadows * dark + highlights * _smooth_step(light, *_HIGHLIGHTS)


def _smooth_step(x: Tensor, first: float, last: float) -> Tensor:
    u = ((x - first) / (last - first)).clamp(0, 1)
    return u * u * (3 - 2 * u)


class Locally:
    """An exposure time for each pixel; see `full_size.Exposure`.

    Parameters
    ----------
    picture : FullSize
        The picture.
    exponent : DenseExponent
        At working resolution, (C, h, w) for any time.
    times : float or TimeMap
        Exposure time, or a map of them.
    span : (float, float)
        What was solved: times are limited to it.
    part : (slice, slice)
        Rows and columns of the picture that will be exposed.
    shadows, highlights : float
        What is added to the time in the dark and in the light.
    less : Tensor, optional
        Exponent (C, h, w) by which the picture has been exposed already.
    """

    def __init__(
        self,
        picture: FullSize,
        exponent: DenseExponent,
        times: float | TimeMap,
        span: tuple[float, float],
        part: Part,
        *,
        shadows: float = 0.0,
        highlights: float = 0.0,
        less: Tensor | None = None,
    ) -> None:
        self._span = span
        columns = part[1]
        self._times = Times(times, picture.size, part, picture.working)
        first, last = self._times.first, self._times.last
        self._bend = None
        if shadows or highlights:
            bent = bend(picture.working_guide, shadows, highlights)
            first, last = first + min(0.0, shadows, highlights), last + max(0.0, shadows, highlights)
            self._bend = picture.fitted(bent[None], columns)
        first, last = max(span[0], first), min(span[1], last)
        self._less = None if less is None else picture.fitted(less * POWER, columns)
        rate = exponent.rate
        self._rate = None if rate is None else picture.fitted(rate * POWER, columns)
        self._pieces = []
        self.largest = math.inf
        if self._rate is not None:
            self.largest = self._rate.largest * max(abs(first), abs(last))
            self.largest += 0.0 if self._less is None else self._less.largest
        else:
            for start, stop, maps in exponent.pieces(first, last):
                self._pieces.append((start, stop, picture.fitted(maps.flatten(0, 1) * POWER, columns)))
        self._channels = len(picture.working)

    def _at(self, band: slice, guide: Tensor, scratch: Scratch) -> Tensor:
        """The times on a tile."""
        times = self._times.fill(band, scratch.take("times", guide.shape, guide))
        if self._bend is not None:
            times += self._bend.on(band, guide, scratch)(0)
        return times.clamp_(*self._span)

    def share(self, band: slice, guide: Tensor, scratch: Scratch) -> Tensor:
        """How much of the correction of the dark is made on a tile."""
        return self._at(band, guide, scratch).clamp_(0, 1)

    def on(self, band: slice, guide: Tensor, scratch: Scratch) -> Planes:
        """The powers on a tile."""
        times = self._at(band, guide, scratch)
        less = None if self._less is None else self._less.on(band, guide, scratch)
        powers = self._straight if self._rate is not None else self._bent
        planes = powers(band, guide, scratch, times)
        if less is None:
            return planes

        def plane(channel: int) -> Tensor:
            power = scratch.take("power", guide.shape, guide).copy_(planes(channel))
            return power.sub_(less(channel))

        return plane

    def _straight(self, band: slice, guide: Tensor, scratch: Scratch, times: Tensor) -> Planes:
        assert self._rate is not None
        rate = self._rate.on(band, guide, scratch)
        return lambda channel: rate(channel).mul_(times)

    def _bent(self, band: slice, guide: Tensor, scratch: Scratch, times: Tensor) -> Planes:
        """Of a solution that is not straight in time: the cubic piece that holds the time of each pixel."""
        low, high = float(times.min()), float(times.max())
        last = self._pieces[-1][0]
        inside = []
        for number, (start, stop, fitted) in enumerate(self._pieces):
            if (stop > low or start == last) and (start <= high or number == 0):
                weights = hermite(((times - start) / (stop - start)).clamp(0, 1))
                here = times >= start if number else None  # the first piece is where no later one is
                inside.append((here, weights, fitted.on(band, guide, scratch)))

        def plane(channel: int) -> Tensor:
            power = torch.zeros_like(guide)
            for here, weights, planes in inside:
                value = sum(
                    (w * planes(k * self._channels + channel) for k, w in enumerate(weights)),
                    torch.zeros_like(guide),
                )
                power = value if here is None else torch.where(here, value, power)
            return power

        return plane
