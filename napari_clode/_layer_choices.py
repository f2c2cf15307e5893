"""What a layer suggests: the meaning of its axes, and its levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_clode._planes import Channels

if TYPE_CHECKING:
    from napari.layers import Image

_ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth")
_CHANNEL_NAMES = {"c", "ch", "channel", "channels"}


def channel_choices(layer: Image | None) -> list[tuple[str, Channels]]:
    """Texts and meanings of what the axes of a layer can be understood as."""
    choices = [("No channels", Channels())]
    if layer is None or layer.rgb:
        return choices
    shape = layer.level_shapes[0] if layer.multiscale else layer.data.shape
    for axis in range(layer.ndim - 2):
        where = _axis_name(layer.axis_labels[axis], axis)
        choices.append((f"{where}: {shape[axis]} separate pictures", Channels("each", axis)))
        if shape[axis] == 3:
            choices.append((f"{where}: red, green, blue", Channels("rgb", axis)))
    return choices


def _axis_name(label: str, axis: int) -> str:
    """What a user would call an axis; napari calls axes without a name by numbers from the end."""
    if label.removeprefix("axis").strip().lstrip("-").isdigit():
        return f"{_ORDINALS[axis]} axis" if axis < len(_ORDINALS) else f"Axis number {axis + 1}"
    return f"Axis {label}"


def likely_channels(layer: Image | None, count: int) -> int:
    """The choice for an axis that calls itself channels; otherwise none."""
    for i, (_, channels) in enumerate(channel_choices(layer)[:count]):
        if (
            layer is not None
            and channels.kind == "each"
            and _is_channel_name(layer.axis_labels[channels.axis])
        ):
            return i
    return 0


def _is_channel_name(label: str) -> bool:
    return label.strip().lower() in _CHANNEL_NAMES


def needs_levels(layer: Image) -> bool:
    """Whether the full range of the dtype is unlikely to be the range of the camera."""
    kind = layer.dtype.kind
    return (kind in "ui" and layer.dtype.itemsize > 1) or (
        kind == "f" and layer.contrast_limits_range[1] > 1.5
    )
