"""The preview: as large as the window lets it be, with zoom, a line between before and after, and clipping.

GIMP's Python comes without pycairo in places (Flatpak, Debian), so nothing is drawn here: pictures are
put together as pixbufs and shown by a `Gtk.Image`.
"""

from __future__ import annotations

import ctypes
import sys

from gi.repository import Gdk, Gtk

LARGEST = 2048
"""Long side in pixels of the screen up to which the worker gives pictures."""
_FIT = 0
_NEAR = 10  # logical pixels on either side of the line that count as the line
_STEP = 0.02  # of the width, for the line moved by a key
_PAN = 0.15  # of the view, for a move by a key
_REST = 120  # milliseconds without a change of size after which a new picture is asked for


class Place:
    """What part of the layer is wanted, and at what size: compared to know whether a picture is still right.

    Attributes
    ----------
    zoom : int
        0: all of it, to fit; 1 and 2: pixels of the screen for one of the layer.
    x, y, width, height : int
        The part, in pixels of the layer.
    size : (int, int)
        Of the picture, in pixels of the screen before it is enlarged by `zoom`.
    """

    def __init__(self, zoom, x, y, width, height, size):
        self.zoom, self.x, self.y, self.width, self.height, self.size = zoom, x, y, width, height, size

    @property
    def scale(self):
        """Pixels of the picture for one of the layer."""
        return self.size[0] / self.width

    def question(self):
        """Kind and fields of the question to the worker."""
        if self.zoom == _FIT:
            return "view", {"long_side": max(self.size)}
        return "detail", {"x": self.x, "y": self.y, "width": self.width, "height": self.height}

    def __eq__(self, other):
        return isinstance(other, Place) and vars(self) == vars(other)

    __hash__ = None


class View(Gtk.Overlay):
    """The widget.

    Parameters
    ----------
    size : (int, int)
        Width and height of the layer.
    moved : callable
        Called when another place or size is wanted.
    """

    def __init__(self, size, moved):
        super().__init__()
        self.layer_size = size
        self.zoom = _FIT
        self.centre = size[0] / 2, size[1] / 2
        self.line = None
        self.show_before = False
        self.show_clipping = False
        self._moved = moved
        self._pictures = {}
        self._place = None
        self._dragged = None
        self._timer = None
        self._area = Gtk.Layout(can_focus=True)
        self._area.set_size_request(240, 180)
        self._image = Gtk.Image()
        self._area.put(self._image, 0, 0)
        self._spinner = Gtk.Spinner(halign=Gtk.Align.END, valign=Gtk.Align.START, margin=8)
        self._spinner.set_size_request(24, 24)
        self._spinner.set_no_show_all(True)
        frame = Gtk.Frame(shadow_type=Gtk.ShadowType.IN)
        frame.add(self._area)
        self.add(frame)
        self.add_overlay(self._spinner)
        self.set_overlay_pass_through(self._spinner, True)
        masks = ("BUTTON_PRESS", "BUTTON_RELEASE", "POINTER_MOTION", "SCROLL", "FOCUS_CHANGE")
        for mask in masks:
            self._area.add_events(getattr(Gdk.EventMask, f"{mask}_MASK"))
        for name, handler in (
            ("size-allocate", self._resized),
            ("button-press-event", self._pressed),
            ("motion-notify-event", self._pointed),
            ("button-release-event", self._released),
            ("scroll-event", self._scrolled),
            ("key-press-event", self._typed),
            ("focus-in-event", self._redraw),
            ("focus-out-event", self._redraw),
        ):
            self._area.connect(name, handler)
        self._area.get_accessible().set_name("Preview")

    # ---- what is wanted ----

    def place(self):
        """What should be shown now, as a `Place`."""
        width, height = self.layer_size
        across, down = self._room()
        if self.zoom == _FIT:
            scale = min(1.0, across / width, down / height, LARGEST / max(width, height))
            size = max(1, round(width * scale)), max(1, round(height * scale))
            return Place(_FIT, 0, 0, width, height, size)
        wide = min(width, max(1, across // self.zoom), LARGEST)
        high = min(height, max(1, down // self.zoom), LARGEST)
        x = min(max(0, round(self.centre[0] - wide / 2)), width - wide)
        y = min(max(0, round(self.centre[1] - high / 2)), height - high)
        return Place(self.zoom, x, y, wide, high, (wide, high))

    def _room(self):
        """Width and height of the widget in pixels of the screen."""
        given, scale = self._area.get_allocation(), self.get_scale_factor()
        return max(1, given.width * scale), max(1, given.height * scale)

    def set_layer_size(self, size):
        """Show a layer of another size."""
        self.layer_size = size
        self.centre = size[0] / 2, size[1] / 2

    def set_zoom(self, zoom, centre=None):
        """Show all of it (0), or 1 or 2 pixels of the screen for each of the layer."""
        self.zoom = zoom
        if centre is not None:
            self.centre = centre
        self._moved()

    def set_line(self, shown):
        """Show or hide the line between before and after."""
        self.line = 0.5 if shown else None
        self._draw()

    def set_before(self, before):
        """Show the layer as it is."""
        self.show_before = before
        self._draw()

    def set_clipping(self, shown):
        """Mark what is clipped."""
        self.show_clipping = shown
        self._draw()

    def busy(self, busy):
        """Show that something is waited for."""
        if busy:
            self._spinner.show()
            self._spinner.start()
        else:
            self._spinner.stop()
            self._spinner.hide()

    # ---- what is shown ----

    def show_pictures(self, place, before, after):
        """Show pictures (`Shown` or None) of a place."""
        self._place = place
        self._pictures = {"before": before, "after": after}
        self._draw()

    def show_thumbnail(self, pixbuf):
        """Show something until the first picture comes."""
        if not self._pictures:
            self._put(pixbuf)

    def _redraw(self, *_):
        self._draw()
        return False

    def _draw(self):
        before, after = self._pictures.get("before"), self._pictures.get("after")
        shown = before if (self.show_before or after is None) else after
        if shown is None:
            return
        picture = self._pixels_of(shown)
        divided = self.line is not None and before is not None and shown is after
        if divided and (before.width, before.height) == (after.width, after.height):
            picture = self._divided(picture, self._pixels_of(before))
        if self._place.zoom > 1:
            picture = picture.scale_simple(
                picture.get_width() * self._place.zoom, picture.get_height() * self._place.zoom, 0
            )
        self._put(picture)

    def _pixels_of(self, shown):
        return shown.with_clipping() if self.show_clipping else shown.pixbuf

    def _divided(self, after, before):
        picture = after.copy()
        width, height = picture.get_width(), picture.get_height()
        at = round(self.line * width)
        if at > 0:
            before.copy_area(0, 0, at, height, picture, 0, 0)
        for left, colour in ((at - 1, 0x000000FF), (at, 0xFFFFFFFF), (at + 1, 0x000000FF)):
            if 0 <= left < width:
                picture.new_subpixbuf(left, 0, 1, height).fill(colour)
        return picture

    def _put(self, picture):
        """Show a pixbuf in the middle, a pixel of it on each pixel of the screen."""
        scale = self.get_scale_factor()
        given = self._area.get_allocation()
        wide, high = picture.get_width() / scale, picture.get_height() / scale
        put_pixels(self._image, picture, scale, self._area.get_window())
        self._area.move(
            self._image, max(0, int((given.width - wide) / 2)), max(0, int((given.height - high) / 2))
        )
        self._shown = max(0, int((given.width - wide) / 2)), wide

    # ---- mouse and keys ----

    def _resized(self, *_):
        from gi.repository import GLib

        if self._timer is not None:
            GLib.source_remove(self._timer)
        self._timer = GLib.timeout_add(_REST, self._at_rest)

    def _at_rest(self):
        self._timer = None
        if self.place() != self._place:
            self._moved()
        return False

    def _on_line(self, x):
        left, wide = getattr(self, "_shown", (0, 1))
        return self.line is not None and abs(x - (left + self.line * wide)) <= _NEAR

    def _pressed(self, _, event):
        self._area.grab_focus()
        if event.type == Gdk.EventType.DOUBLE_BUTTON_PRESS:
            self._dragged = None
            self._enlarge_at(event)
        elif event.button == 1:
            self._dragged = "line" if self._on_line(event.x) else (event.x, event.y, *self.centre)
        return True

    def _enlarge_at(self, event):
        place = self._place or self.place()
        if self.zoom == _FIT:
            left, wide = self._shown
            high = wide * self.layer_size[1] / self.layer_size[0]
            top = max(0, (self._area.get_allocation().height - high) / 2)
            centre = (
                (event.x - left) / max(1, wide) * place.width,
                (event.y - top) / max(1, high) * place.height,
            )
            self.set_zoom(1, centre)
        else:
            self.set_zoom(_FIT)
        self.emit_zoom()

    def emit_zoom(self):
        """Called when the zoom was changed here; replaced by who has buttons for it."""

    def _pointed(self, _, event):
        if self._dragged == "line":
            left, wide = self._shown
            self.line = min(1.0, max(0.0, (event.x - left) / max(1, wide)))
            self._draw()
        elif self._dragged is not None and self.zoom != _FIT:
            x, y, *centre = self._dragged
            scale = self.get_scale_factor() / self.zoom
            self._go(centre[0] - (event.x - x) * scale, centre[1] - (event.y - y) * scale)
        name = "col-resize" if self._on_line(event.x) else ("default" if self.zoom == _FIT else "grab")
        self._area.get_window().set_cursor(Gdk.Cursor.new_from_name(self.get_display(), name))
        return True

    def _go(self, x, y):
        width, height = self.layer_size
        place = self.place()
        half = place.width / 2, place.height / 2
        self.centre = min(max(x, half[0]), width - half[0]), min(max(y, half[1]), height - half[1])
        self._moved()

    def _released(self, *_):
        self._dragged = None
        return True

    def _scrolled(self, _, event):
        up = event.direction == Gdk.ScrollDirection.UP
        down = event.direction == Gdk.ScrollDirection.DOWN
        if up or down:
            self.set_zoom(min(2, self.zoom + 1) if up else max(0, self.zoom - 1))
            self.emit_zoom()
        return True

    def _typed(self, _, event):
        key = Gdk.keyval_name(event.keyval) or ""
        if event.state & (Gdk.ModifierType.CONTROL_MASK | Gdk.ModifierType.MOD1_MASK):
            return False
        zooms = {"0": 0, "1": 1, "2": 2, "KP_0": 0, "KP_1": 1, "KP_2": 2}
        if key in zooms:
            self.set_zoom(zooms[key])
            self.emit_zoom()
            return True
        ways = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}
        if key not in ways:
            return False
        across, down = ways[key]
        shift = bool(event.state & Gdk.ModifierType.SHIFT_MASK)
        if self.line is not None and across and (shift or self.zoom == _FIT):
            self.line = min(1.0, max(0.0, self.line + across * _STEP))
            self._draw()
            return True
        if self.zoom == _FIT:
            return False
        place = self.place()
        x, y = place.x + place.width / 2, place.y + place.height / 2
        self._go(x + across * _PAN * place.width, y + down * _PAN * place.height)
        return True


def put_pixels(image, pixbuf, scale, window):
    """Show a pixbuf pixel by pixel on a screen where a logical pixel is `scale` pixels wide."""
    if scale == 1:
        image.set_from_pixbuf(pixbuf)
        return
    try:
        gdk, gtk = (_library(name) for name in ("gdk", "gtk"))
        gdk.gdk_cairo_surface_create_from_pixbuf.restype = ctypes.c_void_p
        made = gdk.gdk_cairo_surface_create_from_pixbuf(
            ctypes.c_void_p(hash(pixbuf)), scale, ctypes.c_void_p(hash(window) if window else None)
        )
        gtk.gtk_image_set_from_surface(ctypes.c_void_p(hash(image)), ctypes.c_void_p(made))
        _library("cairo").cairo_surface_destroy(ctypes.c_void_p(made))
    except (OSError, AttributeError):  # right in size, and less sharp
        size = max(1, pixbuf.get_width() // scale), max(1, pixbuf.get_height() // scale)
        image.set_from_pixbuf(pixbuf.scale_simple(*size, 2))


def _library(name):
    """One of the libraries that GTK has loaded: PyGObject has no cairo surfaces without pycairo."""
    if sys.platform == "win32":
        return ctypes.CDLL({"cairo": "libcairo-2.dll"}.get(name, f"lib{name}-3-0.dll"))
    if sys.platform == "darwin":
        return ctypes.CDLL({"cairo": "libcairo.2.dylib"}.get(name, f"lib{name}-3.0.dylib"))
    return ctypes.CDLL({"cairo": "libcairo.so.2"}.get(name, f"lib{name}-3.so.0"))
