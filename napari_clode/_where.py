"""Regions with an exposure time of their own: a Labels or Shapes layer as a map of exposure times."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_clode._planes import LayerError
from napari_clode._where_planes import Affine, Chosen, Outline, PlaneLabels, PlaneRegions, PlaneShapes

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Shapes

_ELLIPSE = np.linspace(0, 2 * np.pi, 96, endpoint=False)
_ENCLOSING = ("rectangle", "ellipse", "polygon")


def _between(picture: Image, regions: Regions) -> Affine:
    """From the pixels of a picture to those of the regions; `LayerError` if its planes are none there."""
    axes = len(regions.to_world.offset)
    if axes > picture.ndim:
        raise LayerError(
            f"{regions.name} has more axes than {picture.name}: choose a layer with as many, or with two"
        )
    world = Affine.to_world(picture)
    factors = np.ones(axes)
    for axis, (seen, own) in enumerate(zip(picture.units[-axes:], regions.units, strict=True)):
        if seen != own and seen.is_compatible_with(own):
            factors[axis] = (1 * seen).to(own).magnitude
    shared = Affine(factors[:, None] * world.matrix[-axes:], factors * world.offset[-axes:])
    found = regions.to_world.inverse().after(shared)
    tilted = np.concatenate([found.matrix[-2:, :-2].ravel(), found.matrix[:-2, -2:].ravel()])
    if not np.allclose(tilted, 0, atol=1e-9 * abs(found.matrix).max()):
        raise LayerError(f"{regions.name} is tilted against the planes of {picture.name}: turn it back")
    return found


@dataclass(frozen=True)
class Regions:
    """The regions of a layer, and their exposure times; made by `regions_of`.

    Attributes
    ----------
    name : str
        Of the layer.
    chosen : Chosen
        The exposure times.
    to_world : Affine
        Of the layer.
    units : tuple
        Of the layer's axes.
    mask : int or None
        A checksum of the regions where they will not change any more.
    """

    name: str
    chosen: Chosen
    to_world: Affine
    units: tuple[Any, ...]
    mask: int | None = field(default=None, kw_only=True)
    over_picture: Affine | None = field(default=None, kw_only=True)

    def over(self, picture: Image) -> Regions:
        """The same regions on a picture.

        Raises
        ------
        LayerError
            If the planes of the two do not lie on each other.
        """
        return replace(self, over_picture=_between(picture, self))

    def frozen(self) -> Regions:
        """A copy that does not change when the layer is painted on."""
        raise NotImplementedError

    @property
    def about(self) -> dict[str, Any]:
        """What the metadata of a result say of them."""
        chosen = self.chosen
        times = {str(number): time for number, time in chosen.times}
        said = {"layer": self.name, "times": times, "rest": chosen.rest, "feather": chosen.feather}
        return said if self.mask is None else {**said, "mask": self.mask}

    def at(self, index: tuple[int, ...], factors: tuple[float, ...]) -> PlaneRegions:
        """The regions on one plane of the picture.

        Parameters
        ----------
        index : tuple of int
            Place of the plane in the stack.
        factors : tuple of float
            How much coarser the plane is than the picture's layer, for each axis.
        """
        between = self.over_picture
        assert between is not None
        scale = np.asarray(factors, np.float64)
        coarse = between.after(Affine(np.diag(scale), (scale - 1) / 2))
        lead = len(index)
        place = coarse.matrix[:-2, :lead] @ np.asarray(index, np.float64) + coarse.offset[:-2]
        plane = Affine(coarse.matrix[-2:, -2:], coarse.offset[-2:])
        return self._on(tuple(float(p) for p in np.round(place, 6)), plane)

    def _on(self, place: tuple[float, ...], plane: Affine) -> PlaneRegions:
        raise NotImplementedError


@dataclass(frozen=True)
class LabelRegions(Regions):
    """The labels of a Labels layer."""

    data: Any

    def frozen(self) -> LabelRegions:
        """A copy that does not change when the layer is painted on."""
        data = np.array(self.data)
        return replace(self, data=data, mask=zlib.crc32(data.tobytes()))

    def _on(self, place: tuple[float, ...], plane: Affine) -> PlaneLabels:
        index = tuple(math.floor(p + 0.5) for p in place)
        inside = all(0 <= i < n for i, n in zip(index, self.data.shape, strict=False))
        return PlaneLabels(self.chosen, plane, self.data, index if inside else None)


@dataclass(frozen=True)
class ShapeRegions(Regions):
    """The shapes of a Shapes layer that enclose something."""

    outlines: tuple[Outline, ...]

    def frozen(self) -> ShapeRegions:
        """A copy that does not change when the layer is drawn on."""
        drawn = b"".join(part.tobytes() for outline in self.outlines for part in outline[1:])
        return replace(self, mask=zlib.crc32(drawn))

    def _on(self, place: tuple[float, ...], plane: Affine) -> PlaneShapes:
        here = [
            outline
            for outline in self.outlines
            if all(
                math.floor(low + 0.5) <= math.floor(p + 0.5) <= math.floor(high + 0.5)
                for p, (low, high) in zip(place, outline.places, strict=True)
            )
        ]
        return PlaneShapes(self.chosen, plane, here)


def regions_of(layer: Labels | Shapes, chosen: Chosen) -> Regions:
    """The regions of a layer as they are now; labels are referred to, not copied.

    Parameters
    ----------
    layer : Labels or Shapes
        The layer.
    chosen : Chosen
        Their exposure times.
    """
    from napari.layers import Labels

    about = layer.name, chosen, Affine.to_world(layer), tuple(layer.units)
    if isinstance(layer, Labels):
        return LabelRegions(*about, layer.data[0] if layer.multiscale else layer.data)
    kinds = zip(layer.data, layer.shape_type, strict=True)
    outlines = [
        _outline(n, np.asarray(c), kind) for n, (c, kind) in enumerate(kinds, 1) if kind in _ENCLOSING
    ]
    return ShapeRegions(*about, tuple(outlines))


def _outline(number: int, corners: NDArray[np.float64], kind: str) -> Outline:
    places = np.stack([corners[:, :-2].min(0), corners[:, :-2].max(0)], 1)
    flat = corners[:, -2:].astype(np.float64)
    if kind == "ellipse":  # its corners are those of the box around it
        middle, down, right = flat.mean(0), (flat[3] - flat[0]) / 2, (flat[1] - flat[0]) / 2
        flat = middle + np.cos(_ELLIPSE)[:, None] * right + np.sin(_ELLIPSE)[:, None] * down
    return Outline(number, places, flat)


def brush_layer(picture: Image) -> Labels:
    """A Labels layer of one plane over a picture, to be painted on; it counts for all planes."""
    from napari.layers import Labels

    shape = (picture.level_shapes[0] if picture.multiscale else picture.data.shape)[: picture.ndim]
    world = Affine.to_world(picture)
    affine = np.eye(3)
    affine[:2, :2], affine[:2, 2] = world.matrix[-2:, -2:], world.offset[-2:]
    layer = Labels(
        np.zeros(shape[-2:], np.uint8),
        name=f"{picture.name} brush",
        affine=affine,
        units=picture.units[-2:],
    )
    layer.contour = 2  # what lies under the strokes is to be seen
    layer.brush_size = max(1, min(shape[-2:]) // 10)
    return layer
