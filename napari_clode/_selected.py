"""Several selected layers: what each of them is enhanced with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_clode._layer_choices import channel_choices, likely_channels, needs_levels
from napari_clode._video import is_video

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_clode._engine import Settings
    from napari_clode._followed import FollowedLayer


def others_selected(followed: FollowedLayer) -> list[Image]:
    """The selected images besides the one that is worked on; none where that is not selected itself."""
    images = followed.images
    if followed.layer not in images:
        return []
    return [layer for layer in images if layer is not followed.layer and not is_video(layer)]


def settings_for(layer: Image, followed: FollowedLayer, settings: Settings) -> Settings:
    """The settings of the controls with the channels and levels of another layer.

    They are those chosen for it before, or else what the layer suggests.
    """
    before = followed.chosen_before(layer)
    if before is not None:
        return replace(settings, channels=before.channels, levels=before.levels)
    choices = channel_choices(layer)
    channels = choices[likely_channels(layer, len(choices))][1]
    return replace(settings, channels=channels, levels="auto" if needs_levels(layer) else "dtype")
