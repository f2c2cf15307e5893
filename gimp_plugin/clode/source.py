"""What the preview shows: a layer on its way to the worker, and pictures of it as the canvas would show them.

Everything here runs in GTK's thread; only `Talk` waits for the worker.
"""

from __future__ import annotations

from gi.repository import Gegl, Gimp, GLib
from layers import UserError, touched
from run import Part
from screen import Screen
from selection import part_question, weights_on
from state import Glance
from talk import PICTURE, Talk

_BEFORE = {"time": 0.0, "denoise": False}
_BRING = 5  # milliseconds between two bands of rows


class Source:
    """One layer, watched: where a person changes it, it is brought to the worker again.

    Parameters
    ----------
    image : Gimp.Image
        Image of the layer.
    layer : Gimp.Layer
        The layer.
    launcher : Launcher
        Where the worker is.
    tell : callable
        Called with ("status", text), ("trouble", text), ("size", (width, height)), ("auto", time) and
        ("pictures", (place, before, after)).
    """

    def __init__(self, image, layer, launcher, tell):
        self.image = image
        self.layer = layer
        self.auto = None
        self._tell = tell
        self._talk = Talk(launcher, self._heard)
        self._glanced = None
        self._part = None
        self._bands = None
        self._timer = None
        self._wanted = None
        self._answers = {}
        self._veils = (None, None)
        self._trouble = False
        self._take()

    @property
    def size(self):
        """Width and height of the layer."""
        return self.layer.get_width(), self.layer.get_height()

    def start(self):
        """Begin."""
        self._talk.start()
        self._begin()

    def stop(self):
        """End."""
        self._stop_bringing()
        self._talk.stop()

    def hand_over(self, wait, look):
        """The connection and the `Part` that is known there; None twice if the layer is not ready."""
        self._stop_bringing()
        link = self._talk.stop(wait, look)
        if link is None:
            return None, None
        self._part.number, self._part.auto = PICTURE, self.auto
        return link, self._part

    def note(self):
        """What a person should know who sees this layer."""
        selected = "" if Gimp.Selection.is_empty(self.image) else "Only what is selected will change. "
        return selected

    def busy(self):
        """Whether something is still to come."""
        return not self._trouble and (self._talk.busy() or self._lacking() != [])

    # ---- the layer ----

    def _take(self):
        """Look at the layer as it is now."""
        ((layer, region),) = touched(self.image, [self.layer])
        self._part = Part(self.image, layer, region, new_layer=False)
        self._screen = Screen(self._part.pixels)
        self._glanced = Glance(self.image, layer, region)

    def _begin(self):
        """Bring the layer to the worker."""
        self.auto = None
        self._answers = {}
        self._veils = (None, None)
        self._bands = self._part.pixels.bands()
        self._talk.begin(self._part.pixels)
        if self._timer is None:
            self._timer = GLib.timeout_add(_BRING, self._bring)

    def _bring(self):
        """Read the layer a band at a time: only this thread may ask GIMP, and the dialog stays alive."""
        if self._bands is None or not self._talk.is_alive():
            self._timer = None
            return False
        if self._talk.hungry():
            try:
                band = next(self._bands, None)
            except UserError as error:
                self._fail(str(error))
                band = None
            if band is None:
                self._bands = self._timer = None
                return False
            self._talk.bring(band)
        return True

    def _stop_bringing(self):
        self._bands = None
        if self._timer is not None:
            GLib.source_remove(self._timer)
            self._timer = None

    def glance(self):
        """Look whether a person changed the picture, and show what is there now."""
        if self._trouble and not self._talk.is_alive():
            return
        try:
            ((layer, region),) = touched(self.image, [self.layer])
            now = Glance(self.image, layer, region)
        except UserError as error:
            self._fail(str(error))
            return
        before, healed, self._trouble = self._glanced, self._trouble, False
        self._glanced = now
        if now.pixels != before.pixels or healed:
            size = self.size
            self._take()
            self._tell("size", size)
            self._begin()
        elif now.selection != before.selection:
            known = self._part
            self._part = Part(self.image, layer, region, new_layer=False)
            self._part.pixels = known.pixels
            self._changed_veils()
            if self._talk.solved:
                self._ask_auto()
        elif now.appearance != before.appearance:
            self._changed_veils()

    def _changed_veils(self):
        self._veils = (None, None)
        self._show()

    def _fail(self, text):
        self._trouble = True
        self._tell("trouble", text[:1].upper() + text[1:])

    # ---- the pictures ----

    def want(self, place, exposure):
        """Say what should be seen: a place, and its exposure as fields of a question."""
        self._wanted = place, exposure
        self._show()
        for name, key in self._lacking():
            kind, fields = place.question()
            self._talk.ask(name, kind, key, **key[1], **fields)

    def _lacking(self):
        """The pictures that have not come yet, by name, with place and exposure; the more urgent first."""
        if self._wanted is None or self.auto is None:
            return []
        place, exposure = self._wanted
        wanted = {"after": (place, exposure), "before": (place, _BEFORE)}
        return [(name, key) for name, key in wanted.items() if self._answers.get(name, (None,))[0] != key]

    def _heard(self, what, content):
        if what == "failed":
            self._fail(content)
        elif what == "again":
            self._begin()
        elif what == "solved":
            self._ask_auto(content)
        elif what == "auto":
            self.auto = content
            self._tell("auto", content)
        elif what == "pixels":
            name, key, answer = content
            self._answers[name] = key, answer
            self._show()
        elif what == "status":
            self._tell("status", content)

    def _ask_auto(self, whole=None):
        """Find the exposure that suits what is selected: that of the whole layer where all of it is."""
        question = part_question(self.image, self.layer, self._part.region)
        if question[1] is None and whole is not None and self._part.region == (0, 0, *self.size):
            self._heard("auto", whole)
        else:
            self._talk.ask("auto", "auto", question=question)

    def _show(self):
        """Show the newest answers; what is of another place is not mixed with what is wanted."""
        if "after" not in self._answers or "before" not in self._answers:
            return
        (place, *_), after = self._answers["after"]
        (other, *_), before = self._answers["before"]
        if place != other or not self.layer.is_valid():
            return
        weights, mask = self._veils_of(place, after)
        opacity = self.layer.get_opacity() / 100
        now = self._screen.picture(before, None, None, mask, opacity)
        then = self._screen.picture(after, weights, before, mask, opacity)
        self._tell("pictures", (place, now, then))

    def _veils_of(self, place, answer):
        """Weights of the selection and layer mask on a place, kept as long as they are right."""
        key = place, answer.fields["width"], answer.fields["height"]
        if self._veils[0] != key:
            size = key[1:]
            scale = size[0] / place.width
            corner = round(place.x * scale), round(place.y * scale)
            weights = weights_on(self.image, self.layer, *corner, *size, scale)
            mask = self.layer.get_mask()
            veil = None
            if mask is not None and self.layer.get_apply_mask():
                rectangle = Gegl.Rectangle.new(*corner, *size)
                veil = mask.get_buffer().get(rectangle, scale, "Y u8", Gegl.AbyssPolicy.CLAMP)
            self._veils = key, (weights, veil)
        return self._veils[1]
