"""What is selected of a layer, as weights from 0 to 255, and the exposure that suits that part."""

from __future__ import annotations

from gi.repository import Gegl, Gimp

_WEIGHTS = 256  # long side of the weights for the automatic exposure
WEIGHTS_PICTURE = 999


def weights_on(image, layer, x, y, width, height, scale=1.0):
    """Weights of the selection on a rectangle of a layer; None where everything is selected.

    Parameters
    ----------
    image : Gimp.Image
        The image.
    layer : Gimp.Layer
        The layer.
    x, y, width, height : int
        The rectangle, in pixels of the layer times `scale`.
    scale : float
        Below 1, the weights are of the layer made smaller.

    Returns
    -------
    bytes or None
        One for each pixel, rows first.
    """
    if Gimp.Selection.is_empty(image):
        return None
    _, left, top = layer.get_offsets()
    rectangle = Gegl.Rectangle.new(x + round(left * scale), y + round(top * scale), width, height)
    return image.get_selection().get_buffer().get(rectangle, scale, "Y u8", Gegl.AbyssPolicy.NONE)


def part_question(image, layer, region):
    """What to ask for the automatic exposure of a region: its fields, and its weights with their size."""
    x, y, width, height = region
    fields = {"x": x, "y": y, "width": width, "height": height}
    scale = min(1.0, _WEIGHTS / max(width, height))
    size = max(1, int(width * scale)), max(1, int(height * scale))
    weights = weights_on(image, layer, round(x * scale), round(y * scale), *size, scale)
    return fields, (None if weights is None else (*size, weights))


def ask_auto(link, picture, question):
    """Ask for the automatic exposure time of a part of a picture; see `part_question`."""
    fields, weights = question
    if weights is not None:
        width, height, data = weights
        link.upload(WEIGHTS_PICTURE, (height, width, 1), [(0, height, data)], "u8")
        fields = fields | {"weights": WEIGHTS_PICTURE}
    return link.request("auto", picture=picture, **fields).number("auto", -20, 20)


def part_auto(link, part):
    """The automatic exposure time of what is selected of a layer, or of all of it."""
    height, width, _ = part.pixels.shape
    question = part_question(part.image, part.layer, part.region)
    if question[1] is None and part.region == (0, 0, width, height):
        return link.request("solve", picture=part.number).number("auto", -20, 20)
    return ask_auto(link, part.number, question)
