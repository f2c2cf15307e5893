"""Tone: entropy, and the order of lightness."""

from __future__ import annotations

import numpy as np

from clode_core.evaluation.metrics.fidelity import LUMA, Pixels

ORDER_SIDE = 50
"""Short side, in pixels, of the pictures in which the order of lightness is compared."""


def entropy(result: Pixels) -> float:
    """Shannon entropy of the 8-bit grey values (BT.601, rounded), in bits, by scikit-image."""
    from skimage.measure import shannon_entropy

    return float(shannon_entropy(np.rint(result @ LUMA).astype(np.uint8), base=2))


BURNT, NOT_BURNT = 254, 250
"""A value from the first on is burnt out where the reference's is below the second."""


def burnt_out(result: Pixels, reference: Pixels) -> float:
    """Percentage of pixels with a channel at 254 or more where that of the reference is below 250."""
    lost = (np.asarray(result) >= BURNT) & (np.asarray(reference) < NOT_BURNT)
    return float(100 * lost.any(2).mean())


def lightness_order_error(result: Pixels, source: Pixels) -> float:
    r"""Lightness order error, the loss of order (Wang et al., TIP 2013, eq. 14 to 16).

    .. math:: \mathrm{LOE} = \frac1m \sum_x \sum_y
        \bigl[ L(x) \ge L(y) \bigr] \oplus \bigl[ L_e(x) \ge L_e(y) \bigr]

    with :math:`L` the largest channel of the dark picture and :math:`L_e` of the result, both taken at
    every k-th pixel so that the short side has 50.

    Parameters
    ----------
    result, source : ndarray
        The enhanced picture and the dark one it was made from, (Y, X, 3).

    Returns
    -------
    float
        Mean number of pixels, out of m, whose order with a pixel has changed; 0 is best. It grows with m,
        which depends on the aspect ratio only.
    """
    height, width = source.shape[:2]
    scale = min(1.0, ORDER_SIDE / min(height, width))
    rows, columns = (
        (np.arange(max(1, round(n * scale))) + 0.5) * n / max(1, round(n * scale)) for n in (height, width)
    )
    at = np.ix_(rows.astype(int), columns.astype(int))
    before, after = (picture.max(2)[at].ravel().astype(np.float32) for picture in (source, result))
    changed = 0
    for first in range(0, len(before), 512):  # all pairs at once would take m * m bytes twice
        part = slice(first, first + 512)
        order = before[part, None] >= before[None]
        changed += int(np.count_nonzero(order ^ (after[part, None] >= after[None])))
    return changed / len(before)
