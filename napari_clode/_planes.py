"""An image layer as a sequence of pictures, read one at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

LARGEST_PLANE = 100_000_000
"""Pixels; of a pyramid, the finest level whose planes are not larger is used."""
SMALLEST_SIDE = 8
"""Pixels; in less there is nothing to judge an exposure by."""


class LayerError(ValueError):
    """A layer that cannot be enhanced; the message says what to do."""


class Window(NamedTuple):
    """A part of a plane: its rows and columns, each from the first to the one after the last."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def pixels(self) -> int:
        """How many there are in it."""
        return (self.rows[1] - self.rows[0]) * (self.columns[1] - self.columns[0])


@dataclass(frozen=True)
class Channels:
    """What an axis of channels means.

    Attributes
    ----------
    kind : {"none", "each", "rgb"}
        "none": no axis is channels; "each": every channel is a picture of its own, with an exposure of its
        own; "rgb": three channels are the colours of one picture.
    axis : int
        The axis, counted from the front.
    """

    kind: Literal["none", "each", "rgb"] = "none"
    axis: int = -1


class LayerPlanes(Sequence[NDArray[Any]]):
    """The pictures (Y, X) or (Y, X, C) of an image layer; nothing is read before it is asked for.

    Parameters
    ----------
    layer : Image
        The layer. A pyramid is read at its finest level that is not too large.
    channels : Channels
        Which axis is channels, for layers that are not RGB already.
    data : array_like, optional
        What is read instead of the layer's own pixels; of the same shape.

    Attributes
    ----------
    stack : tuple of int
        Lengths of the axes before (Y, X), as in the layer.
    axis_labels : tuple of str
        Names of the layer's axes.
    scale : tuple of float
        Of the layer's finest level.
    factors : tuple of float
        How much coarser than the layer's finest level the pixels are, for each axis of the layer.

    Raises
    ------
    LayerError
        If the layer has no planes, or planes too small to enhance.
    """

    def __init__(self, layer: Image, channels: Channels | None = None, data: Any = None) -> None:
        self.channels = channels or Channels()
        self.layer_rgb = bool(layer.rgb)
        self.name = layer.name
        self.axis_labels: tuple[str, ...] = tuple(layer.axis_labels)
        self.scale: tuple[float, ...] = tuple(float(step) for step in layer.scale)
        if layer.ndim < 2:
            raise LayerError(f"{layer.name} has one axis only: an image needs two, (Y, X)")
        shape = layer.data[0].shape if layer.multiscale else layer.data.shape
        if 0 in shape:
            raise LayerError(f"{layer.name} is empty")
        levels = list(layer.data) if layer.multiscale else [layer.data if data is None else data]
        sizes = [math.prod(level.shape[layer.ndim - 2 : layer.ndim]) for level in levels]
        chosen = next((i for i, size in enumerate(sizes) if size <= LARGEST_PLANE), len(levels) - 1)
        self.data = levels[chosen]
        shapes = [level.shape[: layer.ndim] for level in (levels[0], self.data)]
        self.factors = tuple(fine / coarse for fine, coarse in zip(*shapes, strict=True))
        self.stack: tuple[int, ...] = tuple(int(n) for n in shapes[1][:-2])
        self.size = tuple(int(n) for n in shapes[1][-2:])
        if min(self.size) < SMALLEST_SIDE:
            raise LayerError(
                f"{layer.name} has planes of {self.size[1]} x {self.size[0]} pixels: "
                f"at least {SMALLEST_SIDE} x {SMALLEST_SIDE} are needed"
            )
        axis = self.channels.axis
        if axis >= len(self.stack) or (self.channels.kind == "rgb" and self.stack[axis] != 3):
            raise LayerError(
                f"axis {axis} of {layer.name} is no such axis of channels any more: choose again"
            )

    @property
    def rgb(self) -> bool:
        """Whether a picture has a last axis of colours."""
        return self.layer_rgb or self.channels.kind == "rgb"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pictures."""
        return np.dtype(self.data.dtype)

    @property
    def reduced(self) -> float:
        """How many times smaller than the layer's finest level a picture is."""
        return float(max(self.factors[-2:]))

    @property
    def lazy(self) -> bool:
        """Whether the pixels are somewhere else than in memory."""
        return not isinstance(self.data, np.ndarray) or isinstance(self.data, np.memmap)

    @property
    def pictures(self) -> tuple[int, ...]:
        """Lengths of the stack axes, where the colours of a picture count as one."""
        return tuple(1 if self._is_colours(axis) else n for axis, n in enumerate(self.stack))

    def _is_colours(self, axis: int) -> bool:
        return self.channels.kind == "rgb" and axis == self.channels.axis

    @property
    def picture_shape(self) -> tuple[int, ...]:
        """Shape of one picture."""
        if self.layer_rgb:
            return (*self.size, int(self.data.shape[-1]))
        return (*self.size, 3) if self.channels.kind == "rgb" else self.size

    def __len__(self) -> int:
        return math.prod(self.pictures)

    def place(self, number: int) -> tuple[int, ...]:
        """Index into the stack axes of picture `number`; 0 on an axis of colours."""
        return tuple(int(i) for i in np.unravel_index(number, self.pictures)) if self.stack else ()

    def __getitem__(self, number: int) -> NDArray[Any]:  # type: ignore[override]
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self.read(self.place(number))

    def read(self, index: tuple[int, ...]) -> NDArray[Any]:
        """The picture at an index into the stack axes."""
        where = tuple(slice(None) if self._is_colours(axis) else i for axis, i in enumerate(index))
        plane = np.asarray(self.data[where])
        return np.moveaxis(plane, 0, -1) if self.channels.kind == "rgb" else plane

    def channel(self, index: tuple[int, ...]) -> int:
        """Which channel the picture at an index is; 0 where channels are not separate pictures."""
        return index[self.channels.axis] if self.channels.kind == "each" else 0

    def of_channel(self, channel: int) -> Sequence[NDArray[Any]]:
        """All pictures of one channel."""
        return self if self.channels.kind != "each" else _OneChannel(self, channel)


class _OneChannel(Sequence[NDArray[Any]]):
    """The pictures of one channel of a layer."""

    def __init__(self, planes: LayerPlanes, channel: int) -> None:
        self.planes = planes
        self.channel = channel
        axis = planes.channels.axis
        self.others = (*planes.stack[:axis], 1, *planes.stack[axis + 1 :])

    def __len__(self) -> int:
        return math.prod(self.others)

    def __getitem__(self, number: int) -> NDArray[Any]:  # type: ignore[override]
        if not 0 <= number < len(self):
            raise IndexError(number)
        index = [int(i) for i in np.unravel_index(number, self.others)]
        index[self.planes.channels.axis] = self.channel
        return self.planes.read(tuple(index))


def shown_index(viewer: ViewerModel, layer: Image, planes: LayerPlanes) -> tuple[int, ...] | None:
    """Index into the stack axes of the plane that a viewer shows; None where the layer has none there."""
    places = (_place_here(viewer, layer) + 0.5) / np.asarray(planes.factors)
    found = tuple(int(np.floor(place)) for place in places[: len(planes.stack)])
    if any(not 0 <= i < n for i, n in zip(found, planes.stack, strict=True)):
        return None
    return tuple(i if n > 1 else 0 for i, n in zip(found, planes.pictures, strict=True))


def has_plane_here(viewer: ViewerModel, layer: Image) -> bool:
    """Whether a layer has a plane where a viewer looks."""
    if viewer.dims.ndim < layer.ndim:
        return False  # the viewer has not yet taken notice of the layer, or is about to lose it
    places = _place_here(viewer, layer)[:-2]
    shape = layer.level_shapes[0] if layer.multiscale else layer.data.shape
    return all(0 <= place < n for place, n in zip(places, shape, strict=False))


def _place_here(viewer: ViewerModel, layer: Image) -> NDArray[np.float64]:
    """Where a viewer looks, in whole pixels of a layer."""
    point = np.asarray(viewer.dims.point)[-layer.ndim :] * _unit_factors(viewer, layer)
    return np.asarray(np.round(layer.world_to_data(point)))


def shows_planes(viewer: ViewerModel) -> bool:
    """Whether a viewer shows the last two axes, the ones a picture has."""
    return set(viewer.dims.displayed) == {viewer.dims.ndim - 2, viewer.dims.ndim - 1}


def window(viewer: ViewerModel, layer: Image, planes: LayerPlanes) -> Window | None:
    """The part of a layer's planes that a viewer shows; None where that is not known.

    It is what napari found when it last drew the layer.
    """
    if layer.multiscale or not shows_planes(viewer):
        return None
    first, last = np.asarray(layer.corner_pixels)[:, -2:]
    stop = np.minimum(last + 1, planes.size)
    first = np.minimum(np.maximum(first, 0), stop - 1)
    if not (stop > first + 1).all():
        return None
    return Window((int(first[0]), int(stop[0])), (int(first[1]), int(stop[1])))


def _unit_factors(viewer: ViewerModel, layer: Image) -> NDArray[np.float64]:
    """What the viewer's coordinates are to be multiplied by to be in the units of a layer."""
    units = getattr(viewer.dims, "units", None) or ()
    factors = np.ones(layer.ndim)
    for axis, (seen, own) in enumerate(zip(tuple(units)[-layer.ndim :], layer.units, strict=False)):
        if seen != own and seen.is_compatible_with(own):
            factors[axis] = (1 * seen).to(own).magnitude
    return factors
