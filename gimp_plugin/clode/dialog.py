"""The dialog: what OK will do, shown before it is done, and the same window while it is done."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
gi.require_version("GdkPixbuf", "2.0")
import histogram  # noqa: E402
from gi.repository import Gdk, Gimp, GimpUi, GLib, Gtk  # noqa: E402
from link import Cancelled  # noqa: E402
from panel import Panel  # noqa: E402
from source import Source  # noqa: E402
from view import View  # noqa: E402

_GLANCE = 600  # milliseconds between two looks at what a person does to the picture
_LAST_ANSWER = 5.0  # seconds that an answer which is under way may take when OK is pressed


class Dialog:
    """One dialog for the first of the layers that will change.

    Parameters
    ----------
    procedure : Gimp.Procedure
        What the dialog is for.
    config : Gimp.ProcedureConfig
        Its arguments, which the dialog changes.
    image : Gimp.Image
        The image.
    layers : list of Gimp.Layer
        All that will change.
    part : (Gimp.Layer, region)
        The first of them of which something is selected, and what that is.
    launcher : Launcher
        Where the worker is.
    """

    def __init__(self, procedure, config, image, layers, part, launcher):
        GimpUi.init("clode")
        self.config = config
        self.window = GimpUi.ProcedureDialog.new(procedure, config, "CLODE: continuous exposure")
        self.source = Source(image, part[0], launcher, self._heard)
        self.several = len(layers) > 1
        if not self.several:
            config.set_property("auto", False)  # for one layer, automatic is a button that moves the slider
        self.view = View(self.source.size, self._wanted)
        self.panel = Panel(self.window, config, self.view, len(layers))
        self.panel.auto_button.connect("clicked", self._automatic)
        self.progress = Progress(self)
        self._open = False
        self._fit_screen()
        for name in ("exposure-time", "denoise", "auto", "shadows", "highlights"):
            config.connect(f"notify::{name}", self._wanted)

    def _fit_screen(self):
        """A size that suits the picture and leaves no part of the window outside the screen."""
        display = Gdk.Display.get_default()
        monitor = display.get_primary_monitor() or display.get_monitor(0)
        area = monitor.get_workarea()
        width, height = self.source.size
        tall = min(area.height - 80, 860)
        wide = min(area.width - 60, 1100, max(620, round((tall - 240) * width / height) + 60))
        self.window.set_default_size(wide, tall)

    def ask(self):
        """Show the dialog until it is answered; whether to go on."""
        self._open = True
        self.source.start()
        self.panel.say("Starting CLODE…")
        self.view.busy(True)
        GLib.timeout_add(_GLANCE, self._glance)
        self.window.show_all()
        GLib.idle_add(self._first_sight)
        agreed = self.window.run()
        self._open = False
        return agreed

    def hand_over(self):
        """What the work goes on with: a connection and what is known there, or None twice."""
        self.progress.open()
        return self.source.hand_over(_LAST_ANSWER, self.progress.check)

    def close(self):
        """Take the window away."""
        self._open = False
        self.source.stop()
        self.window.destroy()

    # ---- what is shown ----

    def _first_sight(self):
        """Show the layer as it is until the first picture comes."""
        size = [min(1024, side) for side in self.view.place().size]
        thumbnail = self.source.layer.get_thumbnail(*size, Gimp.PixbufTransparency.SMALL_CHECKS)
        if thumbnail is not None:
            self.view.show_thumbnail(thumbnail)
        return False

    def _glance(self):
        if not self._open:
            return False
        self.source.glance()
        return True

    def _wanted(self, *_):
        """Ask for what should be seen now."""
        if not self._open:
            return
        time = self.config.get_property("exposure-time")
        if self.config.get_property("auto") and self.source.auto is not None:
            time = self.source.auto
        rest = {name: self.config.get_property(name) for name in ("denoise", "shadows", "highlights")}
        self.source.want(self.view.place(), {"time": time, **rest})
        self.view.busy(self.source.busy())

    def _automatic(self, *_):
        if self.source.auto is not None:
            self.config.set_property("exposure-time", round(self.source.auto, 2))

    def _heard(self, what, content):
        """Take what the source has to say, in GTK's thread."""
        if not self._open:
            return
        if what == "status":
            self.panel.say(content)
        elif what == "trouble":
            self.panel.say(content, selectable=True)
            self.panel.allow(False)
            self.view.busy(False)
        elif what == "size":
            self.view.set_layer_size(content)
        elif what == "auto":
            self.panel.suggest(content, self.source.note())
            self._wanted()
        elif what == "pictures":
            place, before, after = content
            self.view.show_pictures(place, before, after)
            self._judge(before, after)
        self.view.busy(self.source.busy())

    def _judge(self, before, after):
        if after is None:
            return
        counts = after.counts()
        self.panel.show_histogram(histogram.picture(counts), *histogram.clipped(counts))
        if before is not None:
            self.panel.show_stops(histogram.stops(before.counts(), counts))


class Progress:
    """The dialog while the work is done: a bar, and Esc or Cancel to end it."""

    def __init__(self, dialog):
        self.dialog = dialog
        self._cancelled = False
        self._bar = None

    def open(self):
        """Turn the dialog into a progress window."""
        window = self.dialog.window
        self._bar = self.dialog.panel.work()
        window.connect("delete-event", self._cancel)
        window.connect("response", self._cancel)
        window.connect("key-press-event", self._key)
        window.set_response_sensitive(Gtk.ResponseType.OK, False)
        window.show()
        self.check()

    def _cancel(self, *_):
        self._cancelled = True
        self._bar.set_text("Cancelling…")
        return True

    def _key(self, _, event):
        return self._cancel() if event.keyval == Gdk.KEY_Escape else False

    def begin(self, text):
        """Begin with a text."""
        Gimp.progress_init(text)
        self._bar.set_text("Working…" if text == "CLODE" else f"{text.partition(': ')[2].capitalize()}…")
        self.check()

    def update(self, fraction):
        """Show a fraction."""
        self._bar.set_fraction(fraction)
        Gimp.progress_update(fraction)

    def check(self):
        """Let GTK do its work; raise `Cancelled` where a person wants that."""
        while Gtk.events_pending():
            Gtk.main_iteration_do(False)
        if self._cancelled:
            raise Cancelled("cancelled")

    def end(self):
        """End."""
        Gimp.progress_end()
