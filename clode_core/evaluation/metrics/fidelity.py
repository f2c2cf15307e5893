"""Fidelity to a reference: PSNR and SSIM as the field reports them, plain and GT-mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_PSNR = 100.0
"""PSNR that equal pictures are given, in dB, so that means stay finite."""
LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601 weights of red, green and blue in grey."""

Pixels = NDArray[Any]
"""A picture (Y, X, 3) on the scale of 8 bits, 0 to 255: integers, or floats in between."""


def psnr(result: Pixels, reference: Pixels) -> float:
    r"""Peak signal-to-noise ratio in dB, :math:`10 \log_{10}(255^2 / \mathrm{MSE})` over all channels."""
    error = float(np.mean((result.astype(np.float64) - reference) ** 2))
    return LARGEST_PSNR if error == 0 else min(LARGEST_PSNR, float(10 * np.log10(255**2 / error)))


def ssim(result: Pixels, reference: Pixels) -> float:
    """Structural similarity (Wang et al., 2004), in [-1, 1].

    Gaussian window of 11 pixels with sigma 1.5, data range 255, population covariance, channel by channel,
    averaged where the window lies inside the picture. By scikit-image.

    Raises
    ------
    ValueError
        If a side is shorter than the window.
    """
    from skimage.metrics import structural_similarity

    if min(result.shape[:2]) < 11:
        raise ValueError(f"SSIM needs 11 pixels a side, not {result.shape[1]} x {result.shape[0]}")
    return float(
        structural_similarity(
            result.astype(np.float64),
            reference.astype(np.float64),
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=2,
        )
    )


def gt_mean(result: Pixels, reference: Pixels) -> NDArray[np.float64]:
    r"""Scale a result so that its mean grey equals that of the reference ("GT-mean").

    .. math:: \min(255,\; I \cdot \overline{Y_\mathrm{ref}} / \overline{Y_I})

    with :math:`Y` the grey of ITU-R BT.601. Not rounded. A black result stays black.
    """
    given = float((result @ LUMA).mean())
    scaled = result.astype(np.float64) * (float((reference @ LUMA).mean()) / given if given else 1.0)
    return np.minimum(scaled, 255.0)
