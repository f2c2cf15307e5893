"""Intensities of a layer as the canvas would show them, through selection, mask and opacity."""

from __future__ import annotations

import collections

from gi.repository import GdkPixbuf, Gegl, GLib

_NONE = Gegl.AbyssPolicy.NONE
_CHECKS = 8
_LIGHT, _DARK = 0x999999, 0x666666  # of the checks that show through transparent pixels
_SAMPLE = 100_000  # pixels that a histogram is counted from
_BLOWN, _BLOCKED = (255, 48, 48), (64, 128, 255)
_WHITE, _BLACK = 254, 1  # 8-bit intensities from which, and to which, a pixel counts as clipped


class Screen:
    """Pictures for the screen from what the worker answers about one layer.

    Parameters
    ----------
    pixels : Pixels
        The layer.
    """

    def __init__(self, pixels):
        self._sixteen = pixels.encoding("u16", alpha=False)
        self._whole = pixels.encoding("u16")
        self._channels = pixels.shape[2]
        self._alpha = self._channels in (2, 4)

    def picture(self, answer, weights=None, before=None, mask=None, opacity=1.0):
        """What the canvas would show of an answer.

        Parameters
        ----------
        answer : Message
            Pixels from the worker.
        weights : bytes, optional
            Selection, one for each pixel; what is not selected shows `before`.
        before : Message, optional
            The same place as it is now.
        mask : bytes, optional
            Layer mask.
        opacity : float
            Of the layer, from 0 to 1.

        Returns
        -------
        Shown
        """
        width, height = answer.whole("width", 1, 1 << 16), answer.whole("height", 1, 1 << 16)
        area = Gegl.Rectangle.new(0, 0, width, height)
        new = self._buffer(answer, area)
        if weights is not None and before is not None:
            new = _blend(new, self._buffer(before, area), weights, area)
        rgb = new.get(area, 1.0, "R'G'B' u8", _NONE)
        picture = _pixbuf(rgb, width, height, 3)
        veils = [mask] if mask is not None else []
        if self._alpha:
            veils.append(self._alpha_of(answer))
        if veils or opacity < 1:
            picture = _through(picture, rgb, veils, opacity, area)
        return Shown(picture, rgb, width, height)

    def _buffer(self, answer, area):
        buffer = Gegl.Buffer.new(self._sixteen, 0, 0, area.width, area.height)
        buffer.set(area, self._whole, bytes(answer.payload))
        return buffer

    def _alpha_of(self, answer):
        """The upper bytes of the alpha of a 16-bit answer."""
        return bytes(answer.payload)[2 * self._channels - 1 :: 2 * self._channels]


class Shown:
    """One picture for the screen.

    Attributes
    ----------
    pixbuf : GdkPixbuf.Pixbuf
        With checks behind what is transparent.
    width, height : int
        Its size.
    """

    def __init__(self, pixbuf, rgb, width, height):
        self.pixbuf = pixbuf
        self.width, self.height = width, height
        self._rgb = rgb

    def counts(self):
        """How often each 8-bit intensity is there: three lists of 256, red, green, blue."""
        step = 3 * max(1, self.width * self.height // _SAMPLE)
        planes = (collections.Counter(self._rgb[channel::step]) for channel in range(3))
        return [[plane.get(value, 0) for value in range(256)] for plane in planes]

    def with_clipping(self):
        """The picture with what is white in a channel in red, and what is black in all in blue."""
        planes = [self._rgb[channel::3] for channel in range(3)]
        white = bytes(255 * (value >= _WHITE) for value in range(256))
        black = bytes(255 * (value <= _BLACK) for value in range(256))
        size = len(planes[0])
        numbers = [[int.from_bytes(p.translate(table), "little") for p in planes] for table in (white, black)]
        blown = (numbers[0][0] | numbers[0][1] | numbers[0][2]).to_bytes(size, "little")
        blocked = (numbers[1][0] & numbers[1][1] & numbers[1][2]).to_bytes(size, "little")
        picture = self.pixbuf.copy()
        for where, colour in ((blown, _BLOWN), (blocked, _BLOCKED)):
            overlay = bytearray(bytes(colour) + b"\0") * size
            overlay[3::4] = where
            marks = _pixbuf(bytes(overlay), self.width, self.height, 4)
            area = 0, 0, self.width, self.height
            marks.composite(picture, *area, 0, 0, 1, 1, GdkPixbuf.InterpType.NEAREST, 255)
        return picture


def _blend(new, old, weights, area):
    """New pixels where they are selected, in linear light as GIMP does it; alpha plays no part."""
    graph = Gegl.Node()
    result = graph.create_child("gegl:over")
    veil = graph.create_child("gegl:opacity")
    _source(graph, new).connect_to("output", veil, "input")
    _source(graph, _grey(weights, area)).connect_to("output", veil, "aux")
    _source(graph, old).connect_to("output", result, "input")
    veil.connect_to("output", result, "aux")
    blended = Gegl.Buffer.new("RGB float", 0, 0, area.width, area.height)
    result.blit_buffer(blended, area, 0, _NONE)
    return blended


def _through(picture, rgb, veils, opacity, area):
    """A picture over checks, through alpha, mask and opacity."""
    graph = Gegl.Node()
    node = graph.create_child("gegl:opacity")
    node.set_property("value", opacity)
    plain = Gegl.Buffer.new("Y u8", 0, 0, area.width, area.height)
    plain.set(area, "Y u8", b"\xff" * (area.width * area.height))
    _source(graph, plain).connect_to("output", node, "input")
    for veil in veils:
        above = graph.create_child("gegl:opacity")
        node.connect_to("output", above, "input")
        _source(graph, _grey(veil, area)).connect_to("output", above, "aux")
        node = above
    alpha = Gegl.Buffer.new("YA float", 0, 0, area.width, area.height)
    node.blit_buffer(alpha, area, 0, _NONE)
    overlay = bytearray(4 * area.width * area.height)
    for channel in range(3):
        overlay[channel::4] = rgb[channel::3]
    overlay[3::4] = alpha.get(area, 1.0, "YA u8", _NONE)[1::2]
    whole = _pixbuf(bytes(overlay), area.width, area.height, 4)
    size = picture.get_width(), picture.get_height()
    return whole.composite_color_simple(*size, GdkPixbuf.InterpType.NEAREST, 255, _CHECKS, _LIGHT, _DARK)


def _source(graph, buffer):
    node = graph.create_child("gegl:buffer-source")
    node.set_property("buffer", buffer)
    return node


def _grey(data, area):
    buffer = Gegl.Buffer.new("Y u8", 0, 0, area.width, area.height)
    buffer.set(area, "Y u8", bytes(data))
    return buffer


def _pixbuf(data, width, height, channels):
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(data), GdkPixbuf.Colorspace.RGB, channels == 4, 8, width, height, width * channels
    ).copy()
