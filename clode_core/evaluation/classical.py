"""Classical enhancement, for comparison: gamma, gain, histogram equalisation, CLAHE and LIME."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Unit = NDArray[np.floating[Any]]

CLAHE_CLIP = 0.03
"""Clip limit of CLAHE, as a share of the pixels of a tile."""
LIME_GAMMA = 0.8
LIME_WEIGHT = 0.05
"""Weight of the total variation of the illumination map."""
LEAST_ILLUMINATION = 0.01


def gamma(picture: Picture, exponent: float) -> Picture:
    r"""Gamma correction, :math:`I^\gamma` on the scale from 0 to 1."""
    table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return np.asarray(table[picture])


def gain(picture: Picture, factor: float) -> Picture:
    """Multiplication by a factor, cut off at white."""
    return _bytes(picture / 255 * factor)


def histogram_equalisation(picture: Picture) -> Picture:
    """Histogram equalisation of the value channel of HSV, by scikit-image."""
    from skimage.exposure import equalize_hist

    return _with_value(picture, lambda value: equalize_hist(value))


def clahe(picture: Picture) -> Picture:
    """Contrast-limited adaptive histogram equalisation of the value channel of HSV, by scikit-image.

    Tiles of an eighth of each side, clip limit 0.03.
    """
    from skimage.exposure import equalize_adapthist

    return _with_value(picture, lambda value: equalize_adapthist(value, clip_limit=CLAHE_CLIP))


def _with_value(picture: Picture, change: Any) -> Picture:
    """Scale the colours of a picture so that their largest channel is changed; hue and saturation stay."""
    unit = picture / 255
    value = unit.max(2)
    changed = change(value)
    factor = np.divide(changed, value, out=np.ones_like(value), where=value > 0)
    return _bytes(unit * factor[..., None])


def lime(picture: Picture) -> Picture:
    r"""Retinex by an illumination map, in the manner of LIME (Guo et al., TIP 2017).

    .. math:: \hat L = \max_c I_c, \qquad
        L = \arg\min_L \tfrac12 \lVert L - \hat L \rVert^2 + w \int \lvert \nabla L \rvert, \qquad
        \tilde I = I / L^{0.8}

    The map is refined by total variation (Chambolle's algorithm, by scikit-image) in place of the paper's
    weighted gradients; its noise removal (BM3D) is left out.
    """
    from skimage.restoration import denoise_tv_chambolle

    unit = picture / 255
    smooth = denoise_tv_chambolle(unit.max(2), weight=LIME_WEIGHT)
    illumination = np.clip(smooth, LEAST_ILLUMINATION, 1)
    return _bytes(unit / illumination[..., None] ** LIME_GAMMA)


def _bytes(unit: Unit) -> Picture:
    return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
