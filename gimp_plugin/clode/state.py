"""What a person can change about a layer while CLODE works on it, and whether that happened."""

from __future__ import annotations

import zlib

from gi.repository import Gegl, Gimp

_ROWS = 1 << 22  # pixels of the selection that are read at once
_SMALL = 512  # long side of the thumbnail that is looked at again and again


def place_of(image, layer, region):
    """Everything that decides where new pixels of a region would go, except the layer's own pixels."""
    return (
        layer.get_width(),
        layer.get_height(),
        tuple(layer.get_offsets())[1:],
        str(image.get_precision()),
        (layer.is_rgb(), layer.has_alpha()),
        region,
        selection_sum(image, layer, region),
    )


def selection_sum(image, layer, region):
    """Checksum of the selection where it lies on a region of a layer; 0 where nothing is selected."""
    if Gimp.Selection.is_empty(image):
        return 0
    buffer = image.get_selection().get_buffer()
    _, left, top = layer.get_offsets()
    x, y, width, height = region
    total = 1
    step = max(1, _ROWS // width)
    for first in range(0, height, step):
        count = min(step, height - first)
        rectangle = Gegl.Rectangle.new(left + x, top + y + first, width, count)
        total = zlib.crc32(buffer.get(rectangle, 1.0, "Y u8", Gegl.AbyssPolicy.NONE), total)
    return total


class Glance:
    """A cheap look at a layer, made again and again while the dialog is open.

    GIMP keeps the thumbnails that it looks at until something changes. What is too small to be seen
    there is found when the result is about to be put into the picture.

    Attributes
    ----------
    pixels, selection, appearance : tuple
        What the layer holds and how large it is; what is selected of it; its mask, opacity and lock.
    """

    def __init__(self, image, layer, region):
        self.pixels = (
            layer.get_width(),
            layer.get_height(),
            str(image.get_precision()),
            (layer.is_rgb(), layer.has_alpha()),
            _profile(image),
            _thumbnail(layer),
        )
        empty = Gimp.Selection.is_empty(image)
        self.selection = (
            region,
            tuple(layer.get_offsets())[1:],
            0 if empty else _thumbnail(image.get_selection()),
        )
        mask = layer.get_mask()
        shown = mask is not None and layer.get_apply_mask()
        self.appearance = layer.get_opacity(), _thumbnail(mask) if shown else None


def _thumbnail(drawable):
    wide, high = drawable.get_width(), drawable.get_height()
    scale = min(1, _SMALL / max(wide, high))
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    found = drawable.get_thumbnail(*size, Gimp.PixbufTransparency.KEEP_ALPHA)
    return zlib.crc32(found.get_pixels()) if found is not None else None


def _profile(image):
    profile = image.get_effective_color_profile()
    return profile.get_label() if profile is not None else None
