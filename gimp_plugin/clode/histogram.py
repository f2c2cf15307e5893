"""A small histogram, how much is clipped, and by how many stops a picture became brighter."""

from __future__ import annotations

import math

from gi.repository import GdkPixbuf

SIZE = 160, 64
_COLOURS = (0xE05050FF, 0x50B050FF, 0x5080F0FF)
_GREY = 0xB0B0B0FF
_GROUND = 0x202020FF
_WHITE, _BLACK = 254, 1


def picture(counts):
    """Draw the counts of `Shown.counts` into a pixbuf."""
    width, height = SIZE
    drawn = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, width, height)
    drawn.fill(_GROUND)
    columns = [_columns(plane, width) for plane in counts]
    # The ends, where everything clipped piles up, must not flatten the rest.
    top = max(max(column[1:-1]) for column in columns) or 1
    heights = [[min(height, math.ceil(height * math.sqrt(n / top))) for n in column] for column in columns]
    for x in range(width):
        order = sorted(range(3), key=lambda channel, x=x: -heights[channel][x])
        for rank, channel in enumerate(order):
            tall = heights[channel][x]
            if tall:
                colour = _GREY if rank == 2 else _COLOURS[channel]
                drawn.new_subpixbuf(x, height - tall, 1, tall).fill(colour)
    return drawn


def _columns(plane, width):
    edges = [round(256 * x / width) for x in range(width + 1)]
    return [sum(plane[a : max(b, a + 1)]) / max(1, b - a) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def clipped(counts):
    """Shares of the picture that are white in the channel with most of it, and black in all."""
    total = max(1, sum(counts[0]))
    white = max(sum(plane[_WHITE:]) for plane in counts) / total
    black = min(sum(plane[: _BLACK + 1]) for plane in counts) / total
    return white, black


def stops(before, after):
    """By how many stops (EV) the middle intensity of a picture rose; None where that says nothing."""
    dark, bright = (_middle(counts) for counts in (before, after))
    return math.log2(bright / dark) if dark > 0 and bright > 0 else None


def _middle(counts):
    """Median of the green channel, as linear light."""
    plane = counts[1]
    half, seen = sum(plane) / 2, 0
    for value, number in enumerate(plane):
        seen += number
        if seen >= half:
            unit = value / 255
            return unit / 12.92 if unit <= 0.04045 else ((unit + 0.055) / 1.055) ** 2.4
    return 0.0
