"""The best of a grid of values, without trying all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

LAST_TIME = 5.0
"""The last exposure time that is looked at."""
_COARSE = 8


def best(score: Callable[[float], float], grid: Sequence[float]) -> float:
    """Grid value of the highest score: every eighth is tried, then every one around the best of these.

    That is the best of the whole grid when the score has one peak; the first of equals is taken.
    """
    score = cache(score)
    coarse = max(range(0, len(grid), _COARSE), key=lambda k: score(grid[k]))
    fine = range(max(0, coarse - _COARSE), min(len(grid) - 1, coarse + _COARSE) + 1)
    return grid[max(fine, key=lambda k: score(grid[k]))]
