"""Where one scene ends and the next begins."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from clode_core.video.frames import WHITE, Frame

GRID = (9, 12)
"""Rows and columns of the means that two frames are compared by."""
LEAST_CHANGE = 0.06
"""Mean change of these means, exposed, below which there is never a cut."""
UNUSUAL = 5.0
"""A cut changes this many times what the frames before it usually do."""
FLASH = 0.4
"""Seconds within which a return to the scene before is a flash, not two cuts."""
_BRIGHTENING = float(np.exp(3.0))
_REMEMBERED = 25


def signature(frame: Frame) -> NDArray[np.float64]:
    """Means of a frame on a coarse grid, (3, rows, columns) in [0, 1], exposed so that the dark counts."""
    rows, columns = (np.linspace(0, n, k + 1).astype(int) for n, k in zip(frame.shape, GRID, strict=True))
    planes = np.stack(frame.planes).astype(np.float64) / WHITE
    lit = planes * _BRIGHTENING
    lit /= 1 - planes + lit
    sums = np.add.reduceat(np.add.reduceat(lit, rows[:-1], 1), columns[:-1], 2)
    means: NDArray[np.float64] = sums / (np.diff(rows)[:, None] * np.diff(columns))
    return means


class SceneDetector:
    """Finds cuts in frames shown to it one after another.

    A cut is a change that is large, and far larger than those just before it, so that fast movement and
    flickering lights are none. A single flash, after which the scene goes on, is none either.

    Attributes
    ----------
    cuts : list of float
        Times of the first frames of new scenes, in seconds.
    """

    def __init__(self) -> None:
        self.cuts: list[float] = []
        self._previous: NDArray[np.float64] | None = None
        self._before_cut: NDArray[np.float64] | None = None
        self._changes: deque[float] = deque(maxlen=_REMEMBERED)

    def update(self, thumbnail: Frame) -> int:
        """Show the next frame, made small; returns the number of its scene, from 0."""
        seen = signature(thumbnail)
        before, self._previous = self._previous, seen
        if before is None:
            return 0
        change = float(np.abs(seen - before).mean())
        if change > max(LEAST_CHANGE, UNUSUAL * self._usual()):
            if self._is_back(seen, thumbnail.time):
                self.cuts.pop()
                self._before_cut = None
            else:
                self.cuts.append(thumbnail.time)
                self._before_cut = before
        else:
            self._changes.append(change)
        return len(self.cuts)

    def _usual(self) -> float:
        return float(np.median(self._changes)) if self._changes else 0.0

    def _is_back(self, seen: NDArray[np.float64], time: float) -> bool:
        if self._before_cut is None or time - self.cuts[-1] > FLASH:
            return False
        return float(np.abs(seen - self._before_cut).mean()) < LEAST_CHANGE
