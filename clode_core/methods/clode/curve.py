"""The closed-form exposure curve, its inverse, and the discrete curve it generalises."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LARGEST_EXPONENT = 80.0  # exp stays finite in float32; the curve is a step long before
POWER = -1 / math.log(2)
"""The exponent times this is the power of two by which `expose_in_place` computes."""
LARGEST_POWER = -_LARGEST_EXPONENT * POWER


def curve(image: Tensor, exponent: Tensor) -> Tensor:
    r"""Expose an image: the exact solution of the exposure ODE.

    .. math:: \tilde I = \frac{I e^{S}}{1 - I + I e^{S}} = \sigma(\operatorname{logit} I + S)

    Parameters
    ----------
    image : Tensor
        Intensities in [0, 1], any shape, floating point.
    exponent : Tensor
        Exposure exponent ``S``, broadcastable to `image`. Positive brightens, negative darkens.

    Returns
    -------
    Tensor
        Intensities in [0, 1]; 0 and 1 are fixed points.

    Notes
    -----
    Solves ``dI/dt = A I (1 - I)`` (CLODE, eq. 3) with ``S`` the integral of ``A`` over exposure time.
    """
    gain = exponent.clamp(-_LARGEST_EXPONENT, _LARGEST_EXPONENT).exp()
    lit = image * gain
    return lit / (1 - image + lit)


def expose_in_place(image: Tensor, power: Tensor, scale: float = 1.0, offset: Tensor | None = None) -> Tensor:
    r"""Apply `curve` in four passes over memory, into the place of the exponent.

    .. math:: \tilde I = \frac{I}{E + I (1 - E)}, \qquad E = e^{-S}

    Parameters
    ----------
    image : Tensor
        Intensities in [0, 1].
    power : Tensor
        The exponent as ``S * POWER``, same shape and dtype as `image`, at most `LARGEST_POWER` in size; it
        is overwritten.
    scale, offset : float and Tensor, optional
        The result is multiplied by one, and the other, of no axes, is added.

    Returns
    -------
    Tensor
        `power`, now the exposed intensities.
    """
    power.exp2_()  # faster than exp_ on many processors
    power.lerp_(power.new_ones(()), image)
    if offset is None:
        return torch.div(image, power, out=power)
    return torch.addcdiv(offset, image, power, value=scale, out=power)


def inverse_curve(image: Tensor, exponent: Tensor) -> Tensor:
    """Undo `curve`: return the picture that `exponent` exposes to `image`."""
    return curve(image, -exponent)


def discrete_curve(image: Tensor, parameter: Tensor) -> Tensor:
    r"""Apply one light-enhancement step, :math:`I_{n+1} = I_n + A_n I_n (1 - I_n)` (Zero-DCE, eq. 3).

    Parameters
    ----------
    image : Tensor
        Intensities in [0, 1].
    parameter : Tensor
        Curve-parameter map ``A`` in [-1, 1], broadcastable to `image`.

    Returns
    -------
    Tensor
        Intensities in [0, 1], same shape as `image`.
    """
    return image + parameter * image * (1 - image)
