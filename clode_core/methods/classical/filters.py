"""Classical enhancement of pictures (Y, X, 3) with intensities in [0, 1], which may come out above 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clode_core.pictures.fusion import fuse

Unit = NDArray[np.floating[Any]]

CLAHE_CLIP = 0.03
"""Clip limit of CLAHE, as a share of the pixels of a tile."""
LIME_GAMMA = 0.8
LIME_WEIGHT = 0.05
"""Weight of the total variation of the illumination map."""
LEAST_ILLUMINATION = 0.01
FUSED_TIMES = range(6)
"""Exposure times of the copies that exposure fusion is made of."""


def gamma(picture: Unit, exponent: float) -> Unit:
    r"""Gamma correction, :math:`I^\gamma`."""
    return np.asarray(picture**exponent)


def gain(picture: Unit, factor: float) -> Unit:
    """Multiplication by a factor; what exceeds white is cut off when it is stored."""
    return picture * factor


def histogram_equalisation(picture: Unit) -> Unit:
    """Histogram equalisation of the value channel of HSV, by scikit-image."""
    from skimage.exposure import equalize_hist

    return _with_value(picture, lambda value: equalize_hist(value))


def clahe(picture: Unit) -> Unit:
    """Contrast-limited adaptive histogram equalisation of the value channel of HSV, by scikit-image.

    Tiles of an eighth of each side, clip limit 0.03.
    """
    from skimage.exposure import equalize_adapthist

    return _with_value(picture, lambda value: equalize_adapthist(value, clip_limit=CLAHE_CLIP))


def _with_value(picture: Unit, change: Any) -> Unit:
    """Scale the colours of a picture so that their largest channel is changed; hue and saturation stay."""
    value = picture.max(2)
    changed = change(value)
    factor = np.divide(changed, value, out=np.ones_like(value), where=value > 0)
    return np.asarray(picture * factor[..., None])


def lime(picture: Unit) -> Unit:
    r"""Retinex by an illumination map, in the manner of LIME (Guo et al., TIP 2017).

    .. math:: \hat L = \max_c I_c, \qquad
        L = \arg\min_L \tfrac12 \lVert L - \hat L \rVert^2 + w \int \lvert \nabla L \rvert, \qquad
        \tilde I = I / L^{0.8}

    The map is refined by total variation (Chambolle's algorithm, by scikit-image) in place of the paper's
    weighted gradients; its noise removal (BM3D) is left out.
    """
    from skimage.restoration import denoise_tv_chambolle

    smooth = denoise_tv_chambolle(picture.max(2), weight=LIME_WEIGHT)
    illumination = np.clip(smooth, LEAST_ILLUMINATION, 1)
    return np.asarray(picture / illumination[..., None] ** LIME_GAMMA)


def exposure_fusion(picture: Unit) -> Unit:
    r"""Fusion of the picture with brighter copies of itself, ``curve(I, t)`` for t = 0, 1, ..., 5."""
    odds = picture / np.maximum(1 - picture, 1e-9)
    copies = [odds * np.exp(t) / (1 + odds * np.exp(t)) for t in FUSED_TIMES]
    return np.asarray(fuse([copy.astype(np.float32) for copy in copies]), np.float64)
