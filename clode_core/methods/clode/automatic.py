r"""The automatic exposure time.

A network with a learned reach ``c`` says it: ``T = 3 c``, near 0 for a picture that is fine and negative for
one that is too bright. For weights without one, two estimates are averaged: the time at which the network was
trained to reach a normal exposure, and the time at which the highlights do (their quantile meets a level):

.. math:: T_\mathrm{auto} = (1 - w)\,T_\mathrm{trained}
    + w \min\{T \ge 0 : Q_{q}(\mathrm{grey}(\tilde I_T)) \ge \ell\}

The network judges the scene but cannot know how bright it was meant to be; the highlights say how much room
is left but not what the scene is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.dense import DenseExponent

TRAINED_TIME = 3.0
"""Exposure time at which the packaged network reaches a normal exposure."""
AUTO_QUANTILE, AUTO_LEVEL, AUTO_WEIGHT = 0.98, 0.65, 0.3
"""The highlight anchor of the automatic exposure time: which quantile, to what level, with what weight."""


def grey(picture: Tensor, out: Tensor | None = None) -> Tensor:
    """Mean of the channels: (C, H, W) to (H, W), a new tensor or `out`."""
    if len(picture) == 1:
        return picture[0].clone() if out is None else out.copy_(picture[0])
    total = torch.add(picture[0], picture[1], out=out)
    for channel in picture[2:]:
        total += channel
    return total.div_(len(picture))


def automatic_time(working: Tensor, exponent: DenseExponent, last: float) -> float:
    """The automatic time of weights without a learned reach, from 0 to `last`."""
    low, high = 0.0, last
    for _ in range(20):
        middle = (low + high) / 2
        exposed = curve(working, exponent.at(middle).to(working))
        dark = float(torch.quantile(grey(exposed).flatten(), AUTO_QUANTILE)) < AUTO_LEVEL
        low, high = (middle, high) if dark else (low, middle)
    return min(last, (1 - AUTO_WEIGHT) * TRAINED_TIME + AUTO_WEIGHT * high)
