"""Where a result lies: over its source, whatever part of it the result holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from napari.experimental import unlink_layers

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_clode._planes import LayerPlanes

TRANSFORMS = ("scale", "translate", "rotate", "shear", "affine")


class Part(NamedTuple):
    """A part of a plane, and how many pixels of the plane one pixel of its picture stands for.

    Attributes
    ----------
    first : (int, int)
        Row and column where it begins, in pixels of the plane.
    step : (float, float)
        Rows and columns of the plane in one pixel of the picture.
    """

    first: tuple[int, int] = (0, 0)
    step: tuple[float, float] = (1.0, 1.0)


WHOLE = Part()


def placement(
    layer: Image, planes: LayerPlanes, index: tuple[int, ...] | None = None, part: Part = WHOLE
) -> dict[str, Any]:
    """Transforms with which a result lies where its source does.

    Parameters
    ----------
    layer : Image
        The source.
    planes : LayerPlanes
        How it was read.
    index : tuple of int, optional
        The place in the stack of a result that holds one plane only; by default it holds all.
    part : Part
        Which part of its planes the result holds, and how much it is reduced.

    Returns
    -------
    dict
        ``scale``, ``translate``, ``rotate``, ``shear``, ``affine``, ``units``, ``axis_labels``.
    """
    factors = np.array(planes.factors, np.float64)
    first = np.zeros(layer.ndim)
    if index is not None:
        first[: len(index)] = index
    first[-2:] = part.first
    if planes.channels.kind == "rgb":  # one layer of colours is seen at every channel
        factors[planes.channels.axis] *= planes.stack[planes.channels.axis]
        first[planes.channels.axis] = 0
    corner = factors * first - 0.5  # of the first pixel, in pixels of the source
    factors[-2:] *= part.step
    origin = corner + factors / 2  # the first pixel's centre
    return {
        "scale": np.asarray(layer.scale) * factors,
        "translate": np.asarray(layer.affine.inverse(layer.data_to_world(origin))),
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": np.array(layer.affine.affine_matrix),
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def move(layer: Image, result: Image, place: dict[str, Any]) -> None:
    """Give a result its transforms; a link to its source must not move the source too.

    napari arranges all layers anew whenever it is told of one transform, so it is told once of all.
    """
    changed = [name for name in TRANSFORMS if not _lies_so(result, name, place[name])]
    if changed:
        unlink(layer, result)
    for name in changed[:-1]:
        with getattr(result.events, name).blocker():
            setattr(result, name, place[name])
    for name in changed[-1:]:
        setattr(result, name, place[name])


def _lies_so(result: Image, transform: str, wanted: Any) -> bool:
    now = getattr(result, transform)
    now = now.affine_matrix if transform == "affine" else now
    return bool(np.allclose(now, wanted, rtol=1e-12, atol=0))


def unlink(layer: Image, result: Image) -> None:
    """Let a result be moved and hidden without its source, even where a user has linked them."""
    unlink_layers([layer, result], (*TRANSFORMS, "visible"))
