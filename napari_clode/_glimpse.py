"""What is shown while something moves: a part of a plane, or a smaller copy of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_clode._placement import Part

if TYPE_CHECKING:
    Times = float | NDArray[np.float32]
    Expose = Callable[[slice, slice], NDArray[Any]]


class Glimpse(NamedTuple):
    """A part of the plane, or a smaller copy of it."""

    picture: NDArray[Any]
    part: Part


class LastGlimpse:
    """The last picture and its exposure times: while somebody paints, only what changed is exposed again."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._times: Times = 0.0
        self._picture: NDArray[Any] | None = None

    def picture(self, key: Hashable, times: Times, size: tuple[int, int], expose: Expose) -> NDArray[Any]:
        """The picture at some exposure times.

        Parameters
        ----------
        key : hashable
            Everything else that it depends on.
        times : float or ndarray
            One exposure time, or one for each pixel (Y, X).
        size : (int, int)
            Rows and columns of the picture.
        expose : callable
            Gives some rows and columns of the picture.
        """
        last = self._picture
        if last is None or key != self._key or (isinstance(times, float) and times != self._times):
            last = expose(slice(0, size[0]), slice(0, size[1]))
        elif not isinstance(times, float):
            changed = np.not_equal(times, self._times)
            rows, columns = _span(changed.any(1)), _span(changed.any(0))
            if rows.stop:
                patch = expose(rows, columns)
                last = last.copy()
                last[rows, columns] = patch
        self._key, self._times, self._picture = key, times, last
        return last.copy()  # what is in a layer is written into


def _span(changed: NDArray[np.bool_]) -> slice:
    """From the first to the last that has changed; empty where none has."""
    places = np.flatnonzero(changed)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)
