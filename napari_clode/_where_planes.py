"""The exposure times of one plane, from labels or shapes that lie over it."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_clode._placement import WHOLE, Part
from napari_clode._planes import Window

if TYPE_CHECKING:
    from napari.layers import Labels, Layer, Shapes

    Times = NDArray[np.float32]

_LARGEST_TABLE = 1 << 20  # labels between the lowest and the highest that are looked up in a table
_EDGES_AT_ONCE = 256


class Chosen(NamedTuple):
    """What a user has chosen: a layer, and an exposure time for each of its regions.

    Attributes
    ----------
    layer : weakref.ref or None
        The Labels or Shapes layer; None for the whole picture.
    times : tuple of (int, float)
        Labels, or shapes counted from 1, and their exposure times.
    rest : float
        The exposure time of every other label or shape.
    feather : float
        Pixels of the picture over which an edge of a region fades.
    """

    layer: weakref.ref[Labels | Shapes] | None = None
    times: tuple[tuple[int, float], ...] = ()
    rest: float = 0.0
    feather: float = 0.0


EVERYWHERE = Chosen()


class Affine(NamedTuple):
    """A map of coordinates: ``matrix @ x + offset``."""

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def to_world(cls, layer: Layer) -> Affine:
        """From the pixels of a layer to the world, in the layer's own units."""
        origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)), np.float64)
        columns = [np.asarray(layer.data_to_world(unit)) - origin for unit in np.eye(layer.ndim)]
        return cls(np.stack(columns, 1), origin)

    def inverse(self) -> Affine:
        """The way back."""
        back = np.linalg.inv(self.matrix)
        return Affine(back, -back @ self.offset)

    def after(self, first: Affine) -> Affine:
        """What comes out if another map is applied first."""
        return Affine(self.matrix @ first.matrix, self.matrix @ first.offset + self.offset)

    @property
    def is_straight(self) -> bool:
        """Whether rows stay rows and columns stay columns."""
        off = self.matrix - np.diag(np.diag(self.matrix))
        return bool(np.allclose(off, 0, atol=1e-9 * abs(self.matrix).max()))


class Grid(NamedTuple):
    """Where exposure times are wanted: on a picture of rows and columns, or in a window of it.

    Attributes
    ----------
    size : (int, int)
        Of the picture that is exposed, which may be a smaller copy of its plane.
    part : Part
        Where it lies on its plane.
    window : Window, optional
        The rows and columns that are wanted; by default all.
    """

    size: tuple[int, int]
    part: Part = WHOLE
    window: Window | None = None


@dataclass
class PlaneRegions:
    """The regions on one plane.

    Attributes
    ----------
    chosen : Chosen
        Their exposure times.
    plane : Affine
        From the pixels of the plane to those of the regions.
    found : tuple of int
        Labels, or shapes counted from 1, that were there when times were last asked for.
    """

    chosen: Chosen
    plane: Affine
    found: tuple[int, ...] = field(default=(), kw_only=True)

    def times(self, value: float, grid: Grid) -> float | Times:
        """Exposure times of a picture; `value` outside all regions.

        Only the window of the grid is right, where there is one. One number where there is no region.
        """
        from clode_core import exposure_map

        part, window = grid.part, grid.window
        window = window or Window((0, grid.size[0]), (0, grid.size[1]))
        feather = self.chosen.feather / max(part.step)
        around = math.ceil(feather / 2) + 2 if feather >= 1 else 0
        wide = _enlarged(window, around, grid.size)
        step = np.asarray(part.step)
        first = np.asarray(part.first) + (np.array([wide.rows[0], wide.columns[0]]) + 0.5) * step - 0.5
        to_regions = self.plane.after(Affine(np.diag(step), first))
        size = wide.rows[1] - wide.rows[0], wide.columns[1] - wide.columns[0]
        painted = self._painted(np.float32(value), size, to_regions)
        if painted is None:
            return value
        if feather >= 1:
            low, high = float(painted.min()), float(painted.max())
            share = (painted - low) / ((high - low) or 1.0)
            painted = exposure_map(size, [(share, high)], base=low, feather=min(feather, max(size)))
        if wide == Window((0, grid.size[0]), (0, grid.size[1])):
            return painted
        times = np.zeros(grid.size, np.float32)
        times[slice(*wide.rows), slice(*wide.columns)] = painted
        return times

    def _painted(self, value: np.float32, size: tuple[int, int], to_regions: Affine) -> Times | None:
        """Times of a picture whose pixels lie so on the regions; None where none of them is there."""
        raise NotImplementedError


def _enlarged(window: Window, around: int, size: tuple[int, int]) -> Window:
    rows, columns = (
        (max(0, first - around), min(length, stop + around))
        for (first, stop), length in zip(window, size, strict=True)
    )
    return Window(rows, columns)


@dataclass
class PlaneLabels(PlaneRegions):
    """The labels on one plane; `index` is None where the layer has no plane."""

    data: Any
    index: tuple[int, ...] | None

    def _painted(self, value: np.float32, size: tuple[int, int], to_regions: Affine) -> Times | None:
        self.found = ()
        if self.index is None:
            return None
        labels = _nearest(np.asarray(self.data[self.index]), size, to_regions)
        low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
        if low == high == 0:
            return None
        given = {0: float(value), **dict(self.chosen.times)}
        given[0] = float(value)
        if high - low < _LARGEST_TABLE:
            counted = labels if not low else labels.astype(np.int64) - low
            numbers = np.flatnonzero(np.bincount(counted.ravel(), minlength=1)) + low
            table = np.full(high - low + 1, self.chosen.rest, np.float32)
            for number, time in given.items():
                if low <= number <= high:
                    table[number - low] = time
            times = table[counted]
        else:
            numbers, inverse = np.unique(labels, return_inverse=True)
            each = [given.get(int(number), self.chosen.rest) for number in numbers]
            times = np.asarray(each, np.float32)[inverse.reshape(labels.shape)]
        self.found = tuple(int(number) for number in numbers if number)
        return times


def _nearest(labels: NDArray[Any], size: tuple[int, int], to_labels: Affine) -> NDArray[Any]:
    """The label that is nearest to each pixel; 0 outside."""
    rows, columns = (np.arange(n, dtype=np.float64) for n in size)
    if to_labels.is_straight:
        places = [
            np.floor(to_labels.matrix[axis, axis] * along + to_labels.offset[axis] + 0.5 + 1e-9)
            for axis, along in enumerate((rows, columns))
        ]
        known = [(place >= 0) & (place < n) for place, n in zip(places, labels.shape, strict=True)]
        y, x = (
            np.clip(place, 0, n - 1).astype(np.intp) for place, n in zip(places, labels.shape, strict=True)
        )
        found = _taken(_taken(labels, y, 0), x, 1)
        if all(each.all() for each in known):
            return found
        return np.where(known[0][:, None] & known[1], found, 0).astype(labels.dtype, copy=False)
    found = np.zeros(size, labels.dtype)
    for number, row in enumerate(rows):
        at = to_labels.matrix @ np.stack([np.full(size[1], row), columns]) + to_labels.offset[:, None]
        y, x = np.floor(at + 0.5).astype(np.int64)
        inside = (y >= 0) & (y < labels.shape[0]) & (x >= 0) & (x < labels.shape[1])
        found[number, inside] = labels[y[inside], x[inside]]
    return found


def _taken(labels: NDArray[Any], places: NDArray[np.intp], axis: int) -> NDArray[Any]:
    """Rows or columns; no copy where they follow one another."""
    first, last = int(places[0]), int(places[-1])
    if last - first == len(places) - 1 and (np.diff(places) == 1).all():
        return labels[first : last + 1] if axis == 0 else labels[:, first : last + 1]
    return labels.take(places, axis)


class Outline(NamedTuple):
    """A shape: its number, its first and last place in the stack, and its corners (n, 2)."""

    number: int
    places: NDArray[np.float64]
    corners: NDArray[np.float64]


@dataclass
class PlaneShapes(PlaneRegions):
    """The shapes on one plane; a later one lies over an earlier one."""

    outlines: list[Outline]

    def _painted(self, value: np.float32, size: tuple[int, int], to_regions: Affine) -> Times | None:
        self.found = tuple(outline.number for outline in self.outlines)
        if not self.found:
            return None
        times = np.full(size, value, np.float32)
        back, given = to_regions.inverse(), dict(self.chosen.times)
        for outline in self.outlines:
            corners = outline.corners @ back.matrix.T + back.offset
            _fill(times, corners, given.get(outline.number, self.chosen.rest))
        return times


def _fill(times: Times, corners: NDArray[np.float64], time: float) -> None:
    """Set the pixels whose centres lie inside a polygon: an odd number of its edges is left of them."""
    first = max(0, math.ceil(corners[:, 0].min()))
    stop = min(times.shape[0], math.floor(corners[:, 0].max()) + 1)
    if stop <= first:
        return
    rows, width = np.arange(first, stop, dtype=np.float64)[:, None], times.shape[1]
    odd = np.zeros((stop - first, width + 1), np.uint8)
    following = np.roll(corners, -1, 0)
    for begin in range(0, len(corners), _EDGES_AT_ONCE):
        (y0, x0), (y1, x1) = (c[begin : begin + _EDGES_AT_ONCE].T for c in (corners, following))
        crossing = (y0 <= rows) != (y1 <= rows)
        height = np.where(y1 == y0, 1.0, y1 - y0)
        x = x0 + (rows - y0) * (x1 - x0) / height
        row, edge = np.nonzero(crossing)
        column = np.clip(np.ceil(x[row, edge]), 0, width).astype(np.intp)
        np.bitwise_xor.at(odd, (row, column), 1)
    inside = np.bitwise_xor.accumulate(odd, axis=1)[:, :-1].astype(bool)
    np.copyto(times[first:stop], np.float32(time), where=inside)
