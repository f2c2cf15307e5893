"""From the selected layers to the worker and back, in one undo step or not at all."""

from __future__ import annotations

from gi.repository import Gimp
from layers import NewLayer, Pixels, Shadow, UserError, touched
from link import Cancelled
from selection import part_auto
from state import place_of

_UPLOAD = 0.25  # share of the progress bar
_TRIES = 3


class GimpProgress:
    """GIMP's own progress bar; its Cancel ends the plug-in, and the picture stays as it was."""

    def begin(self, text):
        """Begin with a text."""
        Gimp.progress_init(text)

    def update(self, fraction):
        """Show a fraction."""
        Gimp.progress_update(fraction)

    def check(self):
        """Raise `Cancelled` where a person wants that."""

    def end(self):
        """End."""
        Gimp.progress_end()


class Part:
    """One layer on its way: its pixels, where it lay, and what becomes of it."""

    def __init__(self, image, layer, region, new_layer):
        self.image = image
        self.layer = layer
        self.region = region
        self.place = place_of(image, layer, region)
        self.pixels = Pixels(layer)
        self.number = None
        self.auto = None
        self.result = (NewLayer if new_layer else Shadow)(self.pixels, region)

    def known(self, other):
        """Take over what the dialog brought to the worker, if it is of this layer as it is now."""
        if other is not None and other.layer.get_id() == self.layer.get_id() and other.place == self.place:
            self.pixels = self.result.pixels = other.pixels
            self.number, self.auto = other.number, other.auto

    def as_it_was(self, look):
        """Whether nothing that matters changed since the pixels were read."""
        return (
            self.pixels.same(self.region, look)
            # Last, because it takes no time in which something could change.
            and touched(self.image, [self.layer]) == [(self.layer, self.region)]
            and place_of(self.image, self.layer, self.region) == self.place
        )


def enhance(link, image, layers, settings, progress, known=None):
    """Enhance what is selected of layers.

    Everything is computed and kept aside before the first layer changes, so that a failure or a
    cancellation leaves all of them as they were. If the picture was changed meanwhile, the work is done
    again on what is there now: old pixels are never put into a picture that has others.

    Parameters
    ----------
    link : Link
        Connection to the worker.
    image : Gimp.Image
        Image of the layers.
    layers : list of Gimp.Layer
        What to change.
    settings : dict
        "time" (float or "auto"), "denoise", "shadows", "highlights", "new_layer".
    progress : GimpProgress or the like
        What to tell and to ask meanwhile.
    known : Part, optional
        What the worker has already.
    """
    link.meanwhile = progress.check
    for _ in range(_TRIES):
        done = []
        try:
            parts = touched(image, layers)
            for index, (layer, region) in enumerate(parts):
                part = Part(image, layer, region, settings["new_layer"])
                part.known(known)
                done.append(part)
                _compute(link, part, 1000 + index, settings, _Share(progress, index, len(parts)))
            known = None
            if all(part.as_it_was(progress.check) for part in done):
                _commit(image, done)
                done = []
                return
        finally:
            for part in done:
                part.result.drop()
    raise UserError(
        "the picture was changed again and again while CLODE worked on it, so nothing was done: "
        "try again when it is at rest"
    )


class _Share:
    """The share of the progress bar that belongs to one of several layers."""

    def __init__(self, progress, index, count):
        self._progress, self._index, self._count = progress, index, count

    def __call__(self, fraction):
        self._progress.check()
        self._progress.update((self._index + fraction) / self._count)
        return True


def _compute(link, part, number, settings, show):
    pixels = part.pixels
    height, width, channels = pixels.shape
    if part.number is None:
        part.number = number
        link.request(
            "open", picture=number, height=height, width=width, channels=channels, samples=pixels.samples
        )
        for first, count, data in pixels.bands():
            link.send_rows(number, first, count, data)
            show(_UPLOAD * (first + count) / height)
    time = settings["time"]
    if time == "auto":
        time = part.auto if part.auto is not None else part_auto(link, part)
    link.render(
        part.number,
        time,
        settings["denoise"],
        part.region,
        part.result.store,
        lambda fraction: show(_UPLOAD + (1 - _UPLOAD) * fraction),
        settings["shadows"],
        settings["highlights"],
    )
    link.request("close", picture=part.number)


def _commit(image, done):
    image.undo_group_start()
    try:
        for part in done:
            part.result.commit()
    finally:
        image.undo_group_end()
    Gimp.displays_flush()


__all__ = ["Cancelled", "GimpProgress", "Part", "enhance"]
