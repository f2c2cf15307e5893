"""Layers in and out of GIMP as float rows, and the refusal of those that cannot be enhanced."""

from __future__ import annotations

from gi.repository import Gegl, Gimp
from link.frames import rows_per_frame


class UserError(Exception):
    """What keeps CLODE from working; the message is one sentence for the person at GIMP."""


def check(image, drawables):
    """Refuse what has no pixels of its own, must not change, or is no picture."""
    if not drawables:
        raise UserError("no layer is selected: select one in the Layers dialog")
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


class Pixels:
    """A layer as rows of float32 intensities, encoded as in a picture file: perceptually, not linearly.

    Attributes
    ----------
    shape : (int, int, int)
        Height, width and channels: grey, grey + alpha, RGB or RGBA.
    """

    def __init__(self, drawable):
        self.drawable = drawable
        colours, alpha = (3 if drawable.is_rgb() else 1), drawable.has_alpha()
        self.shape = drawable.get_height(), drawable.get_width(), colours + alpha
        self._format = _format(drawable, colours, alpha)
        self._buffer = drawable.get_buffer()
        self._shadow = None

    def bands(self):
        """Yield first row, number of rows and their bytes, from top to bottom."""
        height, width, channels = self.shape
        step = rows_per_frame(width, channels)
        for first in range(0, height, step):
            count = min(step, height - first)
            rectangle = Gegl.Rectangle.new(0, first, width, count)
            data = self._buffer.get(rectangle, 1.0, self._format, Gegl.AbyssPolicy.CLAMP)
            if len(data) != width * count * channels * 4:
                raise UserError("GIMP gave other pixels than it was asked for")
            yield first, count, data

    def store(self, x, y, width, count, data):
        """Keep new intensities aside, in GIMP's shadow of the layer; the layer stays as it is."""
        if self._shadow is None:
            self._shadow = self.drawable.get_shadow_buffer()
        self._shadow.set(Gegl.Rectangle.new(x, y, width, count), self._format, bytes(data))

    def finish(self):
        """Make what was kept aside complete, before anything changes."""
        self._shadow.flush()

    def merge(self, region):
        """Put what was kept aside into the layer, through the selection."""
        if not self.drawable.merge_shadow(True):
            raise UserError(f"GIMP would not change '{self.drawable.get_name()}': is it locked?")
        self.drawable.update(*region)

    def drop(self):
        """Forget what was kept aside."""
        if self._shadow is not None:
            self._shadow = None
            self.drawable.free_shadow()


def _format(drawable, colours, alpha):
    """Name of the layer's own encoding as floats, in the layer's own colour space."""
    precision = drawable.get_image().get_precision().value_nick
    # Non-linear is what the file of such a picture holds; of a linear picture, only the perceptual
    # encoding is (its profile's curve may be linear too).
    mark = "'" if precision.endswith("non-linear") else "~"
    model = f"R{mark}G{mark}B{mark}" if colours == 3 else f"Y{mark}"
    name = f"{model}{'A' if alpha else ''} float"
    try:
        import gi

        gi.require_version("Babl", "0.1")
        from gi.repository import Babl
    except (ImportError, ValueError):  # without it, other colour spaces are converted by way of sRGB
        return name
    return Babl.get_name(Babl.format_with_space(name, drawable.get_format()))
