"""The closed-form exposure curve, its inverse, and the discrete curve it generalises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_LARGEST_EXPONENT = 80.0  # exp stays finite in float32; the curve is a step long before


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
