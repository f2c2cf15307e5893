"""The preview: as large as the window lets it be, with zoom, a line between before and after, and clipping.

GIMP's Python comes without pycairo in places (Flatpak, Debian), so nothing is drawn here: pictures are
put together as pixbufs and shown by a `Gtk.Image`.
"""

from __future__ import annotations

from gi.repository import GLib, Gtk
from hands import Hands
from surface import put_pixels

LARGEST = 2048
"""Long side in pixels of the screen up to which the worker gives pictures."""
_FIT = 0
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

    Attributes
    ----------
    zoom : int
        0: all of it; 1 or 2: pixels of the screen for one of the layer.
    line : float or None
        Where the line between before and after is, from 0 to 1.
    zoomed : callable
        Called when the zoom was changed by mouse or keys.
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
        self._corner = (0, 0, 1, 1)
        self.zoomed = lambda: None
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
        self._area.connect("size-allocate", self._resized)
        self._hands = Hands(self, self._area)
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

    def go(self, x, y):
        """Move a place of the layer to the middle, as far as the layer reaches."""
        width, height = self.layer_size
        place = self.place()
        half = place.width / 2, place.height / 2
        self.centre = min(max(x, half[0]), width - half[0]), min(max(y, half[1]), height - half[1])
        self._moved()

    def move_line(self, where):
        """Move the line between before and after."""
        self.line = min(1.0, max(0.0, where))
        self.redraw()

    def set_line(self, shown):
        """Show or hide the line between before and after."""
        self.line = 0.5 if shown else None
        self.redraw()

    def set_before(self, before):
        """Show the layer as it is."""
        self.show_before = before
        self.redraw()

    def set_clipping(self, shown):
        """Mark what is clipped."""
        self.show_clipping = shown
        self.redraw()

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
        self.redraw()

    def show_thumbnail(self, pixbuf):
        """Show something until the first picture comes."""
        if not self._pictures:
            self._put(pixbuf)

    def redraw(self):
        """Show the pictures anew."""
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
        left, top = max(0, int((given.width - wide) / 2)), max(0, int((given.height - high) / 2))
        put_pixels(self._image, picture, scale, self._area.get_window())
        self._area.move(self._image, left, top)
        self._corner = left, top, wide, high

    def shown_at(self):
        """Left, top, width and height of the picture in the widget, in logical pixels."""
        return self._corner

    def _resized(self, *_):
        if self._timer is not None:
            GLib.source_remove(self._timer)
        self._timer = GLib.timeout_add(_REST, self._at_rest)

    def _at_rest(self):
        self._timer = None
        if self.place() != self._place:
            self._moved()
        return False
