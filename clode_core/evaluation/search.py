"""The best of a grid of values, without trying all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

TIME_STEP = 0.05
"""Spacing of the exposure times among which the best is looked for."""
LAST_TIME = 5.0
"""The last of them."""
TIMES = [round(k * TIME_STEP, 10) for k in range(round(LAST_TIME / TIME_STEP) + 1)]
GAMMAS = [round(float(g), 6) for g in np.geomspace(0.1, 2.0, 121)]
"""Exponents among which the best gamma is looked for."""
GAINS = [round(float(g), 6) for g in np.geomspace(0.5, 64.0, 161)]
"""Factors among which the best gain is looked for."""
_COARSE = 8


def best(score: Callable[[float], float], grid: Sequence[float]) -> float:
    """Grid value of the highest score: every eighth is tried, then every one around the best of these.

    That is the best of the whole grid when the score has one peak; the first of equals is taken.
    """
    score = cache(score)
    coarse = max(range(0, len(grid), _COARSE), key=lambda k: score(grid[k]))
    fine = range(max(0, coarse - _COARSE), min(len(grid) - 1, coarse + _COARSE) + 1)
    return grid[max(fine, key=lambda k: score(grid[k]))]
