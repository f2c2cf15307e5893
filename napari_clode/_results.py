"""Result layers: made beside their source, with everything the source says about its place and meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.experimental import unlink_layers
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from clode_core import MethodInfo
    from napari_clode._engine import Stack
    from napari_clode._planes import LayerPlanes

Results = WeakKeyDictionary["Image", "ref[Image]"]
"""Result layers by their sources."""
_previews: Results = WeakKeyDictionary()
_stacks: Results = WeakKeyDictionary()
_given_names: WeakKeyDictionary[Image, str] = WeakKeyDictionary()
_previewed: WeakKeyDictionary[Image, tuple[LayerPlanes, tuple[int, ...] | None, str]] = WeakKeyDictionary()
_PLACE = ("scale", "translate", "rotate", "shear", "affine")


class Appearance(NamedTuple):
    """How a result is named, drawn and described.

    Attributes
    ----------
    name : str
        Of a new layer.
    rgb : bool
        Whether the last axis is colours.
    limits : (float, float)
        Contrast limits of a grey layer that nobody has changed.
    about : dict
        How the result was made; goes into its metadata under "clode".
    kept_name : str
        Of the layer when it is kept; "{}" stands for the name of its source.
    """

    name: str
    rgb: bool
    limits: tuple[float, float]
    about: dict[str, Any]
    kept_name: str = "{}"


def appearance(stack: Stack, value: float, denoise: bool, *, shared: bool | str | None = None) -> Appearance:
    """Appearance of a result; in the background, for levels may have to be read.

    Parameters
    ----------
    stack : Stack
        The planes and their settings.
    value : float
        Of the method's slider.
    denoise : bool
        Whether noise was removed.
    shared : bool or str, optional
        How the exposure is shared; by default as the settings say.
    """
    settings, limits, info = stack.settings, stack.limits, stack.info
    about = {
        "method": info.name,
        **({info.slider.keyword: value} if info.slider else {}),
        "denoise": denoise,
        "levels": limits,
        "shared_exposure": settings.shared if shared is None else shared,
        "weights": settings.weights or "packaged",
    }
    name = f"{stack.planes.name} [{info.title}]"
    return Appearance(name, stack.planes.rgb, limits, about, _kept_name(info, value))


def _kept_name(info: MethodInfo, value: float) -> str:
    if info.slider is None:
        return f"{{}} [{info.title}]"
    return f"{{}} [{info.title}, {info.slider.symbol.lower()} = {value:g}]"


def placement(
    layer: Image, planes: LayerPlanes, index: tuple[int, ...] | None = None, *, everywhere: bool = False
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
    everywhere : bool
        Stretch that one plane over the whole stack, so that it is seen until the next one is there.

    Returns
    -------
    dict
        ``scale``, ``translate``, ``rotate``, ``shear``, ``affine``, ``units``, ``axis_labels``.
    """
    factors = np.array(planes.factors)
    first = np.zeros(layer.ndim)
    if index is not None:
        first[: len(index)] = index
    stretched = set(range(len(planes.stack))) if everywhere else set()
    if planes.channels.kind == "rgb":  # one layer of colours is seen at every channel
        stretched.add(planes.channels.axis)
    for axis in stretched:
        factors[axis] *= planes.stack[axis]
        first[axis] = 0
    origin = factors * first + (factors - 1) / 2  # of the first pixel's centre, in pixels of the source
    return {
        "scale": np.asarray(layer.scale) * factors,
        "translate": np.asarray(layer.affine.inverse(layer.data_to_world(origin))),
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": np.array(layer.affine.affine_matrix),
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def show_plane(
    viewer: ViewerModel,
    layer: Image,
    planes: LayerPlanes,
    index: tuple[int, ...],
    picture: NDArray[Any],
    style: Appearance,
) -> Image:
    """Put one enhanced plane into the live result layer of `layer`."""
    data = picture[(np.newaxis,) * len(planes.stack)]
    flat = viewer.dims.ndisplay == 2
    place = placement(layer, planes, index, everywhere=flat)
    result = _put(viewer, layer, _previews, data, place, style)
    _previewed[result] = planes, index, style.kept_name
    return result


def show_stack(
    viewer: ViewerModel,
    layer: Image,
    planes: LayerPlanes,
    data: Any,
    style: Appearance,
) -> Image:
    """Put a whole enhanced stack, which may be lazy, into the result layer of `layer`."""
    return _put(viewer, layer, _stacks, data, placement(layer, planes), style)


def show_video(viewer: ViewerModel, layer: Image, planes: LayerPlanes, data: Any, style: Appearance) -> Image:
    """Put an exposed video, which is lazy, into the live result layer of `layer`."""
    result = _put(viewer, layer, _previews, data, placement(layer, planes), style)
    _previewed[result] = planes, None, style.kept_name
    return result


def describe_video(result: Image, style: Appearance) -> None:
    """State again how the exposed video was made."""
    planes, index, _ = _previewed[result]
    _previewed[result] = planes, index, style.kept_name
    result.metadata["clode"] = style.about


def preview_of(viewer: ViewerModel, layer: Image) -> Image | None:
    """The live result layer of `layer`, if there is one."""
    return _result(viewer, layer, _previews)


def keep(viewer: ViewerModel, layer: Image) -> Image | None:
    """Make the live result independent: it is not updated any more, and lies at its own place only."""
    kept = preview_of(viewer, layer)
    _previews.pop(layer, None)
    if kept is not None:
        planes, index, name = _previewed.pop(kept)
        _given_names.pop(kept, None)
        _move(layer, kept, placement(layer, planes, index))
        kept.name = name.replace("{}", layer.name)
    return kept


def sources(viewer: ViewerModel) -> list[tuple[str, Image]]:
    """Names and layers that can be enhanced, the uppermost first: images that are no live results."""
    from napari.layers import Image

    return [
        (layer.name, layer)
        for layer in reversed(viewer.layers)
        if isinstance(layer, Image) and not is_live(viewer, layer)
    ]


def is_live(viewer: ViewerModel, candidate: Image) -> bool:
    """Whether a layer is the live result of another that is still there."""
    return any(result() is candidate and layer in viewer.layers for layer, result in _previews.items())


def forget(gone: Any) -> None:
    """A layer has been removed: what was made from it is a layer like any other."""
    for results in (_previews, _stacks):
        results.pop(gone, None)


def hide_preview(viewer: ViewerModel, layer: Image) -> None:
    """Let what lies below the live result be seen; the source stays visible, even linked to it."""
    preview = preview_of(viewer, layer)
    if preview is not None:
        unlink_layers([layer, preview], (*_PLACE, "visible"))
        preview.visible = False


def is_preview(candidate: Any, layer: Image) -> bool:
    """Whether a layer, though it may have been removed, is the live result of `layer`."""
    known = _previews.get(layer)
    return known is not None and known() is candidate


def _result(viewer: ViewerModel, layer: Image, results: Results) -> Image | None:
    known = results.get(layer)
    result = known() if known is not None else None
    return result if result is not None and result in viewer.layers else None


def _put(
    viewer: ViewerModel,
    layer: Image,
    results: Results,
    data: Any,
    place: dict[str, Any],
    style: Appearance,
) -> Image:
    result = _result(viewer, layer, results)
    if result is not None and (bool(result.rgb) != style.rgb or result.ndim != layer.ndim):
        viewer.layers.remove(result)
        result = None
    if result is None:
        return _add(viewer, layer, results, data, place, style)
    _move(layer, result, place)
    before = result.metadata.get("clode", {}).get("levels")
    if not style.rgb and before is not None and tuple(result.contrast_limits) == tuple(before):
        _follow_limits(result, style.limits)  # nobody has changed them
    result.metadata["clode"] = style.about
    if result.name == _given_names.get(result) and not result.name.startswith(style.name):
        result.name = style.name  # of another method; a name that a user has given stays
        _given_names[result] = result.name
    old = result.data
    if isinstance(old, np.ndarray) and isinstance(data, np.ndarray) and _fits(old, data):
        old[...] = data
        result.refresh(thumbnail=False, highlight=False, extent=False)
    else:
        result.data = data
    return result


def _follow_limits(result: Image, limits: tuple[float, float]) -> None:
    if tuple(result.contrast_limits) != tuple(limits):
        low, high = result.contrast_limits_range
        result.contrast_limits_range = (min(low, limits[0]), max(high, limits[1]))
        result.contrast_limits = limits


def _move(layer: Image, result: Image, place: dict[str, Any]) -> None:
    """Give a result its transforms; a link to its source must not move the source too."""
    for transform in _PLACE:
        now = getattr(result, transform)
        now = now.affine_matrix if transform == "affine" else now
        if not np.allclose(now, place[transform], rtol=1e-12, atol=0):
            unlink_layers([layer, result], (*_PLACE, "visible"))
            setattr(result, transform, place[transform])


def _fits(old: NDArray[Any], data: NDArray[Any]) -> bool:
    return old.shape == data.shape and old.dtype == data.dtype and old.flags.writeable


def _add(
    viewer: ViewerModel,
    layer: Image,
    results: Results,
    data: Any,
    place: dict[str, Any],
    style: Appearance,
) -> Image:
    from napari.layers import Image

    colours: dict[str, Any] = {}
    if not style.rgb:
        colours = {"colormap": layer.colormap, "gamma": layer.gamma, "contrast_limits": style.limits}
    if layer.rgb:
        colours = {"gamma": layer.gamma}
    result = Image(
        data,
        rgb=style.rgb,
        name=style.name,
        metadata={**layer.metadata, "clode": style.about},
        interpolation2d=layer.interpolation2d,
        **place,
        **colours,
    )
    results[layer] = ref(result)
    viewer.layers.insert(viewer.layers.index(layer) + 1, result)
    _given_names[result] = result.name
    return result
