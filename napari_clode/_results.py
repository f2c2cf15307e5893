"""Result layers: made beside their source, with everything the source says about its place and meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet, ref

import numpy as np
from numpy.typing import NDArray

from napari_clode._appearance import Appearance, looks
from napari_clode._placement import WHOLE, Part, move, placement, unlink

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_clode._planes import LayerPlanes


class _Live(NamedTuple):
    """What a live result shows."""

    planes: LayerPlanes
    index: tuple[int, ...] | None
    kept_name: str


_previews: WeakKeyDictionary[Image, ref[Image]] = WeakKeyDictionary()  # live results by their sources
_sources: WeakKeyDictionary[Image, ref[Image]] = WeakKeyDictionary()  # sources of all results
_shown: WeakKeyDictionary[Image, _Live] = WeakKeyDictionary()  # of live results
_inserting: WeakSet[Image] = WeakSet()
_given_names: WeakKeyDictionary[Image, str] = WeakKeyDictionary()


def show_plane(
    viewer: ViewerModel,
    layer: Image,
    planes: LayerPlanes,
    index: tuple[int, ...],
    picture: NDArray[Any],
    style: Appearance,
    part: Part = WHOLE,
) -> Image:
    """Put one enhanced plane, or a part of it, into the live result of `layer`."""
    data = picture[(np.newaxis,) * len(planes.stack)]
    result = _put_live(viewer, layer, data, placement(layer, planes, index, part), style)
    _shown[result] = _Live(planes, index, style.kept_name)
    return result


def show_video(viewer: ViewerModel, layer: Image, planes: LayerPlanes, data: Any, style: Appearance) -> Image:
    """Put an exposed video, which is lazy, into the live result of `layer`."""
    result = _put_live(viewer, layer, data, placement(layer, planes), style)
    _shown[result] = _Live(planes, None, style.kept_name)
    return result


def show_stack(viewer: ViewerModel, layer: Image, planes: LayerPlanes, data: Any, style: Appearance) -> Image:
    """Put a whole enhanced stack into a result of `layer`: that of the same settings, or a new one."""
    place = placement(layer, planes)
    for result in results_of(viewer, layer):
        if result.metadata.get("clode") == style.about and np.shape(result.data) == np.shape(data):
            _refill(layer, result, data, place, style)
            return result
    return _add(viewer, layer, data, place, style)


def describe_video(result: Image, style: Appearance) -> None:
    """State again how the exposed video was made."""
    _shown[result] = _shown[result]._replace(kept_name=style.kept_name)
    result.metadata["clode"] = style.about


def preview_of(viewer: ViewerModel, layer: Image) -> Image | None:
    """The live result of `layer`, if there is one."""
    known = _previews.get(layer)
    result = known() if known is not None else None
    return result if result is not None and result in viewer.layers else None


def shown_at(result: Image) -> tuple[int, ...] | None:
    """The place in its stack of the plane that a live result holds; None where it holds all."""
    live = _shown.get(result)
    return live.index if live is not None else None


def source_of(viewer: ViewerModel, result: Any) -> Image | None:
    """The layer from which a result was made, if both still are there."""
    known = _sources.get(result)
    layer = known() if known is not None else None
    return layer if layer is not None and layer in viewer.layers else None


def is_inserting() -> bool:
    """Whether a result is being inserted, which napari makes active for a moment."""
    return bool(_inserting)


def results_of(viewer: ViewerModel, layer: Image) -> list[Image]:
    """All results made from a layer, the lowest first; not the live one."""
    live = preview_of(viewer, layer)
    return [found for found in viewer.layers if found is not live and source_of(viewer, found) is layer]


def keep(viewer: ViewerModel, layer: Image) -> Image | None:
    """Make the live result independent: it is not updated any more."""
    kept = preview_of(viewer, layer)
    _previews.pop(layer, None)
    if kept is not None:
        live = _shown.pop(kept)
        _given_names.pop(kept, None)
        kept.name = live.kept_name.replace("{}", layer.name)
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


def is_preview(candidate: Any, layer: Image) -> bool:
    """Whether a layer, though it may have been removed, is the live result of `layer`."""
    known = _previews.get(layer)
    return known is not None and known() is candidate


def forget(gone: Any) -> None:
    """A layer has been removed: what was made from it is a layer like any other."""
    _previews.pop(gone, None)


def hide_preview(viewer: ViewerModel, layer: Image) -> None:
    """Let what lies below the live result be seen; the source stays visible, even linked to it."""
    preview = preview_of(viewer, layer)
    if preview is not None:
        unlink(layer, preview)
        preview.visible = False


def raise_preview(viewer: ViewerModel, layer: Image) -> None:
    """Let the live result be seen: over everything else that was made from its source."""
    preview = preview_of(viewer, layer)
    if preview is None:
        return
    others = [viewer.layers.index(found) for found in results_of(viewer, layer)]
    if others and viewer.layers.index(preview) < max(others):
        viewer.layers.move(viewer.layers.index(preview), max(others) + 1)
    if not preview.visible:
        unlink(layer, preview)
        preview.visible = True


def _put_live(
    viewer: ViewerModel, layer: Image, data: Any, place: dict[str, Any], style: Appearance
) -> Image:
    result = preview_of(viewer, layer)
    if result is not None and (bool(result.rgb) != style.rgb or result.ndim != layer.ndim):
        viewer.layers.remove(result)
        result = None
    if result is None:
        result = _add(viewer, layer, data, place, style, live=True)
        _given_names[result] = result.name
    else:
        _refill(layer, result, data, place, style)
    return result


def _refill(layer: Image, result: Image, data: Any, place: dict[str, Any], style: Appearance) -> None:
    move(layer, result, place)
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


def whole_result(layer: Image, planes: LayerPlanes, data: Any, style: Appearance) -> Image:
    """A result of `layer` that holds all its planes and is in no viewer yet."""
    return _new(layer, data, placement(layer, planes), style)


def _new(layer: Image, data: Any, place: dict[str, Any], style: Appearance) -> Image:
    from napari.layers import Image

    about = {**layer.metadata, "clode": style.about}
    result = Image(data, rgb=style.rgb, name=style.name, metadata=about, **place, **looks(layer, style))
    _sources[result] = ref(layer)
    return result


def _follow_limits(result: Image, limits: tuple[float, float]) -> None:
    if tuple(result.contrast_limits) != tuple(limits):
        low, high = result.contrast_limits_range
        result.contrast_limits_range = (min(low, limits[0]), max(high, limits[1]))
        result.contrast_limits = limits


def _fits(old: NDArray[Any], data: NDArray[Any]) -> bool:
    return old.shape == data.shape and old.dtype == data.dtype and old.flags.writeable


def _add(
    viewer: ViewerModel,
    layer: Image,
    data: Any,
    place: dict[str, Any],
    style: Appearance,
    *,
    live: bool = False,
) -> Image:
    """Insert a result over its source and what was made of it before; what is selected stays selected."""
    result = _new(layer, data, place, style)
    if live:
        _previews[layer] = ref(result)
    below = [layer, *(found for found in viewer.layers if source_of(viewer, found) is layer)]
    selection = viewer.layers.selection
    active, selected = selection.active, set(selection)
    _inserting.add(result)
    viewer.layers.insert(max(viewer.layers.index(found) for found in below) + 1, result)
    selection.active = active
    selection.update(selected)
    _inserting.discard(result)
    return result
