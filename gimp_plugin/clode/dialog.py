"""The dialog: a preview that follows the slider, a detail at full size, and what to do about trouble."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, Gimp, GimpUi, GLib, Gtk  # noqa: E402
from layers import Pixels, UserError  # noqa: E402
from preview import PICTURE, Talk  # noqa: E402

VIEW = 480
"""Long side of the preview in pixels."""
DETAIL = 240
"""Side of the detail in pixels."""
_GAP = 12
_LIGHT, _DARK = 0x999999, 0x666666  # of the checks that show through transparent pixels


def ask(procedure, config, layer, launcher, note):
    """Show the dialog.

    Parameters
    ----------
    procedure : Gimp.Procedure
        What the dialog is for.
    config : Gimp.ProcedureConfig
        Its arguments, which the dialog changes.
    layer : Gimp.Layer
        The layer to show.
    launcher : Launcher
        Where the worker is.
    note : str
        What is to be known about the layers that will change.

    Returns
    -------
    None or (Link or None, dict)
        None when it was cancelled; otherwise the connection to the worker, if the layer is ready there, and
        the numbers of the pictures that it has, by layer id.
    """
    GimpUi.init("clode")
    config.set_property("auto", False)  # in the dialog, automatic is a button that moves the slider
    dialog = Dialog(procedure, config, layer, launcher, note)
    return dialog.run()


class Dialog:
    """One dialog for one layer."""

    def __init__(self, procedure, config, layer, launcher, note):
        self.config = config
        self.note = note
        self.layer = layer
        self.pixels = Pixels(layer)
        height, width, _ = self.pixels.shape
        self.scale = min(1.0, VIEW / max(height, width))
        self.place = width // 2, height // 2
        self.auto = None
        self.shown = None
        self.talk = Talk(launcher, self.pixels.shape, self._heard)
        self._bands = self.pixels.bands()
        self._build(procedure)

    def run(self):
        """Show the dialog until it is answered."""
        self.talk.start()
        GLib.timeout_add(5, self._bring)
        self.window.show_all()
        self.spinner.start()
        agreed = self.window.run()
        self._bands = None
        link = self.talk.stop(keep=agreed)
        self.window.destroy()
        if not agreed:
            return None
        return link, {self.layer.get_id(): PICTURE} if link is not None else {}

    def _build(self, procedure):
        self.window = GimpUi.ProcedureDialog.new(procedure, self.config, "CLODE: continuous exposure")
        self.view = Gtk.Image()
        self.detail = Gtk.Image()
        height, width, _ = self.pixels.shape
        size = max(1, round(width * self.scale)), max(1, round(height * self.scale))
        self.view.set_size_request(*size)
        self.detail.set_size_request(min(DETAIL, width), min(DETAIL, height))
        thumbnail = self.layer.get_thumbnail(*size, Gimp.PixbufTransparency.SMALL_CHECKS)
        if thumbnail is not None:
            self.view.set_from_pixbuf(thumbnail.scale_simple(*size, GdkPixbuf.InterpType.BILINEAR))

        clickable = Gtk.EventBox(halign=Gtk.Align.CENTER, valign=Gtk.Align.CENTER)
        clickable.add(self.view)
        clickable.connect("button-press-event", self._clicked)

        self.before = Gtk.CheckButton.new_with_mnemonic("Show _before")
        self.before.set_tooltip_text("Show the layer as it is now")
        self.before.connect("toggled", self._changed)
        caption = Gtk.Label(label="Detail, 1 : 1", xalign=0)
        caption.get_style_context().add_class("dim-label")
        hint = Gtk.Label(label="Click on the picture\nto choose the place.", xalign=0)
        hint.get_style_context().add_class("dim-label")

        aside = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        for widget in (caption, self.detail, hint):
            aside.pack_start(widget, False, False, 0)
        aside.pack_end(self.before, False, False, 0)
        pictures = Gtk.Box(spacing=_GAP)
        pictures.pack_start(clickable, True, True, 0)
        pictures.pack_end(aside, False, False, 0)

        self.spinner = Gtk.Spinner()
        self.status = Gtk.Label(xalign=0, wrap=True, selectable=False, max_width_chars=80)
        said = Gtk.Box(spacing=6)
        said.pack_start(self.spinner, False, False, 0)
        said.pack_start(self.status, True, True, 0)

        slider = self.window.get_scale_entry("exposure-time", 1.0)
        self.auto_button = Gtk.Button.new_with_mnemonic("_Auto")
        self.auto_button.set_tooltip_text("Move the slider to the exposure time that suits this layer")
        self.auto_button.set_sensitive(False)
        self.auto_button.connect("clicked", self._automatic)
        controls = Gtk.Box(spacing=_GAP)
        controls.pack_start(slider, True, True, 0)
        controls.pack_end(self.auto_button, False, False, 0)

        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=_GAP)
        for widget in (pictures, said, controls):
            column.pack_start(widget, False, False, 0)
        self.window.get_content_area().pack_start(column, True, True, 0)
        self.window.fill(["denoise"])
        for name in ("exposure-time", "denoise"):
            self.config.connect(f"notify::{name}", self._changed)

    def _bring(self):
        """Read the layer a band at a time: only this thread may ask GIMP, and the dialog stays alive."""
        if self._bands is None or not self.talk.is_alive():
            return False
        if self.talk.hungry():
            try:
                band = next(self._bands, None)
            except UserError as error:
                self._heard("failed", str(error))
                return False
            if band is None:
                return False
            self.talk.bring(band)
        return True

    def _changed(self, *_):
        if self.auto is None:
            return
        before = self.before.get_active()
        time = 0.0 if before else self.config.get_property("exposure-time")
        denoise = False if before else self.config.get_property("denoise")
        self.talk.ask("view", time=time, denoise=denoise, long_side=VIEW)
        x, y, width, height = self._detail_region()
        self.talk.ask("detail", time=time, denoise=denoise, x=x, y=y, width=width, height=height)

    def _detail_region(self):
        """Left, top, width and height of the detail, inside the layer."""
        height, width, _ = self.pixels.shape
        wide, high = min(DETAIL, width), min(DETAIL, height)
        x = min(max(0, self.place[0] - wide // 2), width - wide)
        y = min(max(0, self.place[1] - high // 2), height - high)
        return x, y, wide, high

    def _clicked(self, _, event):
        self.place = int(event.x / self.scale), int(event.y / self.scale)
        self._draw_view()
        self._changed()
        return True

    def _automatic(self, *_):
        self.config.set_property("exposure-time", round(self.auto, 2))

    def _heard(self, what, content):
        """Take what the talking thread has to say, in GTK's thread."""
        if what == "status":
            self.status.set_text(content)
        elif what == "solved":
            self.auto = content
            self.auto_button.set_sensitive(True)
            self.spinner.stop()
            self.spinner.hide()
            self.status.set_text(f"Suggested exposure time: {content:.2f}. {self.note}")
            self._changed()
        elif what == "failed":
            self.spinner.stop()
            self.spinner.hide()
            self.auto = None
            self.auto_button.set_sensitive(False)
            self.window.set_response_sensitive(Gtk.ResponseType.OK, False)
            self.status.set_selectable(True)
            self.status.set_text(content[:1].upper() + content[1:])
        elif what == "view":
            self.shown = _pixbuf(content)
            self._draw_view()
        elif what == "detail":
            self.detail.set_from_pixbuf(_pixbuf(content))
        return False

    def _draw_view(self):
        """Show the preview with a frame around the place of the detail."""
        if self.shown is None:
            return
        picture = self.shown.copy()
        x, y, wide, high = (int(side * self.scale) for side in self._detail_region())
        if wide < picture.get_width() - 4 or high < picture.get_height() - 4:
            for grow, colour in ((1, 0x000000FF), (0, 0xFFFFFFFF)):
                _frame(picture, x - grow, y - grow, wide + 2 * grow, high + 2 * grow, colour)
        self.view.set_from_pixbuf(picture)


def _frame(picture, x, y, wide, high, colour):
    """Draw four lines into a pixbuf, as far as they lie inside it."""
    for left, top, width, height in (
        (x, y, wide, 1),
        (x, y + high - 1, wide, 1),
        (x, y, 1, high),
        (x + wide - 1, y, 1, high),
    ):
        right, bottom = min(left + width, picture.get_width()), min(top + height, picture.get_height())
        left, top = max(0, left), max(0, top)
        if left < right and top < bottom:
            picture.new_subpixbuf(left, top, right - left, bottom - top).fill(colour)


def _pixbuf(message):
    """Turn an answer of the worker into a picture for GTK."""
    width, height = message.whole("width", 1, 1 << 16), message.whole("height", 1, 1 << 16)
    channels = message.whole("channels", 3, 4)
    picture = GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(bytes(message.payload)),
        GdkPixbuf.Colorspace.RGB,
        channels == 4,
        8,
        width,
        height,
        width * channels,
    )
    if channels == 3:
        return picture.copy()
    return picture.composite_color_simple(width, height, GdkPixbuf.InterpType.NEAREST, 255, 8, _LIGHT, _DARK)
