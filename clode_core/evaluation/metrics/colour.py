"""Colour: differences in CIELAB, and the colour-matching loss of histograms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clode_core.evaluation.metrics.fidelity import Pixels

HISTOGRAM_BINS = 64
HISTOGRAM_REACH = 3.0
HISTOGRAM_FALL_OFF = 0.02
HISTOGRAM_SIDE = 150
_LEAST = 1e-6


def delta_e_2000(result: Pixels, reference: Pixels) -> float:
    """Mean CIEDE2000 colour difference of sRGB pictures (D65), by scikit-image; 0 is equal."""
    from skimage.color import deltaE_ciede2000

    return float(np.mean(deltaE_ciede2000(_lab(reference), _lab(result))))


def delta_e_ab(result: Pixels, reference: Pixels) -> float:
    """Mean CIE 1976 colour difference, the distance in CIELAB, of sRGB pictures (D65), by scikit-image."""
    from skimage.color import deltaE_cie76

    return float(np.mean(deltaE_cie76(_lab(reference), _lab(result))))


def _lab(picture: Pixels) -> NDArray[np.float64]:
    from skimage.color import rgb2lab

    lab: NDArray[np.float64] = rgb2lab(np.asarray(picture, np.float64) / 255)
    return lab


def colour_matching_loss(result: Pixels, reference: Pixels) -> float:
    r"""Hellinger distance of log-chroma histograms: the colour-matching loss of HistoGAN, in [0, 1].

    .. math:: \tfrac{1}{\sqrt 2} \lVert \sqrt{H_\mathrm{result}} - \sqrt{H_\mathrm{reference}} \rVert_2

    See Also
    --------
    log_chroma_histogram : The histogram :math:`H`.
    """
    given, wanted = (np.sqrt(log_chroma_histogram(picture)) for picture in (result, reference))
    return float(np.linalg.norm(given - wanted) / np.sqrt(2))


def log_chroma_histogram(picture: Pixels) -> NDArray[np.float64]:
    r"""RGB-uv histogram of a picture (Afifi et al., HistoGAN, CVPR 2021, eq. 1 to 3).

    For each channel :math:`c`, with the other two :math:`a, b` in the order of red, green, blue,
    :math:`u = \log(c/a)`, :math:`v = \log(c/b)`, each pixel adds

    .. math:: \sqrt{R^2 + G^2 + B^2}\; k(u - u_i)\, k(v - v_j), \qquad k(d) = \frac{1}{1 + (d/\tau)^2}

    to bin (i, j) of the channel, with tau = 0.02. The sum over all bins is 1.

    Parameters
    ----------
    picture : ndarray
        (Y, X, 3) from 0 to 255. A picture with a side over 150 pixels is shrunk to 150 x 150 first.

    Returns
    -------
    ndarray
        (3, 64, 64), bins from -3 to 3.
    """
    from skimage.transform import resize

    unit = np.asarray(picture, np.float64) / 255
    if max(unit.shape[:2]) > HISTOGRAM_SIDE:
        unit = resize(unit, (HISTOGRAM_SIDE, HISTOGRAM_SIDE), order=1, anti_aliasing=True)
    pixels = unit.reshape(-1, 3)
    weight = np.sqrt((pixels**2).sum(1) + _LEAST)
    logs = np.log(pixels + _LEAST)
    bins = np.linspace(-HISTOGRAM_REACH, HISTOGRAM_REACH, HISTOGRAM_BINS)

    def kernel(chroma: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1 / (1 + ((chroma[:, None] - bins) / HISTOGRAM_FALL_OFF) ** 2)

    others = ((1, 2), (0, 2), (0, 1))
    histogram = np.stack(
        [
            (weight[:, None] * kernel(logs[:, c] - logs[:, a])).T @ kernel(logs[:, c] - logs[:, b])
            for c, (a, b) in enumerate(others)
        ]
    )
    return np.asarray(histogram / (histogram.sum() + _LEAST))
