"""Layers in and out of GIMP as float rows, and the refusal of those that cannot be enhanced."""

from __future__ import annotations

import zlib

from gi.repository import Gegl, Gimp
from link.frames import SAMPLE_BYTES, rows_per_frame


class UserError(Exception):
    """What keeps CLODE from working; the message is one sentence for the person at GIMP."""


def check(image, drawables):
    """Refuse what has no pixels of its own, must not change, is no picture, or is gone."""
    if not drawables:
        raise UserError("no layer is selected: select one in the Layers dialog")
    if not image.is_valid():
        raise UserError("the image was closed, so there is nothing to change")
    for drawable in drawables:
        if not drawable.is_valid():
            raise UserError("the layer was deleted, so nothing was changed: undo that, or select another")
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise UserError("an indexed picture has too few colours to brighten: choose Image > Mode > RGB first")
    for drawable in drawables:
        name = drawable.get_name()
        if not drawable.is_layer():
            what = "layer mask" if drawable.is_layer_mask() else "channel"
            raise UserError(f"a {what} is selected, not a layer: click the layer itself in the Layers dialog")
        if drawable.is_group_layer():
            raise UserError(f"'{name}' is a layer group, which has no pixels of its own: select its layers")
        if drawable.is_text_layer():
            raise UserError(
                f"'{name}' is a text layer: choose Layer > Discard Text Information first, or another layer"
            )
        for kind in ("vector", "link"):  # of GIMP 3.2
            if getattr(drawable, f"is_{kind}_layer", bool)():
                raise UserError(f"'{name}' is a {kind} layer: rasterize it first, or select another layer")
        item = drawable
        while item is not None:
            if item.get_lock_content():
                raise UserError(
                    f"the pixels of '{item.get_name()}' are locked: unlock them in the Layers dialog"
                )
            item = item.get_parent()


def selected(drawable):
    """Left, top, width and height of what is selected of a layer; None if nothing is."""
    touched, x, y, width, height = drawable.mask_intersect()
    return (x, y, width, height) if touched and width > 0 and height > 0 else None


def touched(image, drawables):
    """The layers of which something is selected, with what it is: pairs of layer and region."""
    check(image, drawables)
    parts = [(drawable, selected(drawable)) for drawable in drawables]
    parts = [(drawable, region) for drawable, region in parts if region is not None]
    if not parts:
        raise UserError("the selection touches none of the selected layers: move it, or choose Select > None")
    return parts


class Pixels:
    """A layer as rows of intensities, encoded as in a picture file: perceptually, not linearly.

    Attributes
    ----------
    shape : (int, int, int)
        Height, width and channels: grey, grey + alpha, RGB or RGBA.
    samples : str
        Kind of the intensities on their way: "u8" and "u16" where the layer has no more, or "f32".
    """

    def __init__(self, drawable):
        self.drawable = drawable
        self.name = drawable.get_name()
        colours, alpha = (3 if drawable.is_rgb() else 1), drawable.has_alpha()
        self.shape = drawable.get_height(), drawable.get_width(), colours + alpha
        self.samples, self.mark = _kind(drawable.get_image())
        self.format = self.encoding({"u8": "u8", "u16": "u16", "f32": "float"}[self.samples])
        self._sums = {}

    def encoding(self, numbers, alpha=None):
        """Name of the layer's own encoding and colour space with another kind of numbers."""
        channels = self.shape[2]
        mark, alpha = self.mark, channels in (2, 4) if alpha is None else alpha
        model = f"R{mark}G{mark}B{mark}" if channels >= 3 else f"Y{mark}"
        return in_space_of(self.drawable, f"{model}{'A' if alpha else ''} {numbers}")

    def bands(self):
        """Yield first row, number of rows and their bytes, from top to bottom, and remember their sums."""
        height, width, channels = self.shape
        step = rows_per_frame(width, channels, self.samples)
        for first in range(0, height, step):
            count = min(step, height - first)
            data = self._read(first, count)
            self._sums[first, count] = zlib.crc32(data)
            yield first, count, data

    def same(self, region, look=lambda: None):
        """Whether a region of the layer still is what `bands` yielded; reads it anew.

        Parameters
        ----------
        region : (int, int, int, int)
            Left, top, width and height.
        look : callable
            Called between bands; what it raises ends the reading.
        """
        _, top, _, tall = region
        for (first, count), known in self._sums.items():
            if first < top + tall and top < first + count:
                look()
                if zlib.crc32(self._read(first, count)) != known:
                    return False
        return True

    def _read(self, first, count):
        self.reachable()
        _, width, channels = self.shape
        rectangle = Gegl.Rectangle.new(0, first, width, count)
        # A new buffer each time: an older one keeps tiles as they were.
        data = self.drawable.get_buffer().get(rectangle, 1.0, self.format, Gegl.AbyssPolicy.CLAMP)
        if len(data) != width * count * channels * SAMPLE_BYTES[self.samples]:
            raise UserError("GIMP gave other pixels than it was asked for: try again")
        return data

    def reachable(self):
        """Make sure that the layer is there: GIMP ends a plug-in that asks for pixels of one that is not."""
        if not self.drawable.is_valid():
            raise UserError(
                f"the layer '{self.name}' was deleted or its image closed, so nothing was changed"
            )


class Shadow:
    """New pixels of a part of a layer, kept aside in GIMP's shadow of it; the layer stays as it is."""

    def __init__(self, pixels, region):
        self.pixels = pixels
        self.region = region
        self._buffer = None

    def store(self, first, count, data):
        """Keep new rows of the region aside; `first` counts from its top."""
        self.pixels.reachable()
        if self._buffer is None:
            self._buffer = self.pixels.drawable.get_shadow_buffer()
            self._surround()
        x, y, width, _ = self.region
        rectangle = Gegl.Rectangle.new(x, y + first, width, count)
        self._buffer.set(rectangle, self.pixels.format, bytes(data))
        self._buffer.flush()

    def _surround(self):
        """Fill the rest with the layer's own pixels, so that a merge of more than the region is harmless."""
        x, y, wide, tall = self.region
        height, width, _ = self.pixels.shape
        layer = self.pixels.drawable.get_buffer()
        for left, top, across, down in (
            (0, 0, width, y),
            (0, y + tall, width, height - y - tall),
            (0, y, x, tall),
            (x + wide, y, width - x - wide, tall),
        ):
            if across > 0 and down > 0:
                rectangle = Gegl.Rectangle.new(left, top, across, down)
                layer.copy(rectangle, Gegl.AbyssPolicy.NONE, self._buffer, rectangle)

    def commit(self):
        """Put what was kept aside into the layer, through the selection."""
        if not self.pixels.drawable.merge_shadow(True):
            raise UserError(f"GIMP would not change '{self.pixels.name}': is it locked?")
        self.pixels.drawable.update(*self.region)

    def drop(self):
        """Forget what was kept aside."""
        if self._buffer is not None:
            self._buffer = None
            if self.pixels.drawable.is_valid():
                self.pixels.drawable.free_shadow()


class NewLayer:
    """New pixels of a part of a layer in a copy of it, which is put above it with the selection as mask."""

    def __init__(self, pixels, region):
        self.pixels = pixels
        self.region = region
        self._layer = None

    def store(self, first, count, data):
        """Keep new rows of the region in the copy."""
        self.pixels.reachable()
        if self._layer is None:
            self._layer = self.pixels.drawable.copy()
        x, y, width, _ = self.region
        buffer = self._layer.get_buffer()
        rectangle = Gegl.Rectangle.new(x, y + first, width, count)
        buffer.set(rectangle, self.pixels.format, bytes(data))
        buffer.flush()

    def commit(self):
        """Put the copy above the layer."""
        below, above = self.pixels.drawable, self._layer
        image = below.get_image()
        above.set_name(f"{self.pixels.name} CLODE")
        above.set_mode(Gimp.LayerMode.NORMAL)
        above.set_opacity(100)
        image.insert_layer(above, below.get_parent(), image.get_item_position(below))
        if not Gimp.Selection.is_empty(image):
            self._mask(above)
        self._layer = None

    def _mask(self, above):
        selection = above.create_mask(Gimp.AddMaskType.SELECTION)
        own = above.get_mask()
        if own is None:
            above.add_mask(selection)
        else:
            multiply(own, selection)
            selection.delete()
        above.set_edit_mask(False)

    def drop(self):
        """Forget the copy."""
        if self._layer is not None and self._layer.is_valid():
            self._layer.delete()
        self._layer = None


def multiply(mask, other):
    """Multiply a mask by another of its size."""
    graph = Gegl.Node()
    result = graph.create_child("gegl:multiply")
    for pad, drawable in (("input", mask), ("aux", other)):
        source = graph.create_child("gegl:buffer-source")
        source.set_property("buffer", drawable.get_buffer())
        source.connect_to("output", result, pad)
    area = Gegl.Rectangle.new(0, 0, mask.get_width(), mask.get_height())
    product = Gegl.Buffer.new("Y float", 0, 0, area.width, area.height)
    result.blit_buffer(product, area, 0, Gegl.AbyssPolicy.NONE)
    target = mask.get_buffer()
    product.copy(area, Gegl.AbyssPolicy.NONE, target, area)
    target.flush()
    mask.update(0, 0, area.width, area.height)


def _kind(image):
    """Kind of the numbers in which a layer travels, and the mark of their encoding in babl's names."""
    bits, encoding = image.get_precision().value_nick.split("-", 1)
    # Non-linear is what the file of such a picture holds; of a linear picture, and of one whose profile
    # is linear, only the perceptual encoding is.
    linear = encoding == "linear" or _has_linear_profile(image)
    mark = "'" if encoding == "non-linear" and not linear else "~"
    return (bits if bits in ("u8", "u16") and not linear else "f32"), mark


def _has_linear_profile(image):
    profile = image.get_effective_color_profile()
    return profile is not None and profile.is_linear()


def in_space_of(drawable, name):
    """A format's name with the colour space of a drawable."""
    try:
        import gi

        gi.require_version("Babl", "0.1")
        from gi.repository import Babl
    except (ImportError, ValueError):  # without it, other colour spaces are converted by way of sRGB
        return name
    return Babl.get_name(Babl.format_with_space(name, drawable.get_format()))
