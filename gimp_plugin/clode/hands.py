"""What mouse and keys do in the preview."""

from __future__ import annotations

from gi.repository import Gdk

_NEAR = 10  # logical pixels on either side of the line that count as the line
_STEP = 0.02  # of the width, for the line moved by a key
_PAN = 0.15  # of the view, for a move by a key
_ZOOMS = {"0": 0, "1": 1, "2": 2, "KP_0": 0, "KP_1": 1, "KP_2": 2}
_WAYS = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}


class Hands:
    """Mouse and keys of one preview.

    Parameters
    ----------
    view : View
        The preview.
    area : Gtk.Widget
        Where they are heard.
    """

    def __init__(self, view, area):
        self._view = view
        self._area = area
        self._dragged = None
        for mask in ("BUTTON_PRESS", "BUTTON_RELEASE", "POINTER_MOTION", "SCROLL"):
            area.add_events(getattr(Gdk.EventMask, f"{mask}_MASK"))
        for name, handler in (
            ("button-press-event", self._pressed),
            ("motion-notify-event", self._pointed),
            ("button-release-event", self._released),
            ("scroll-event", self._scrolled),
            ("key-press-event", self._typed),
        ):
            area.connect(name, handler)

    def _on_line(self, x):
        left, _, wide, _ = self._view.shown_at()
        return self._view.line is not None and abs(x - (left + self._view.line * wide)) <= _NEAR

    def _zoom(self, zoom, centre=None):
        self._view.set_zoom(zoom, centre)
        self._view.zoomed()

    def _pressed(self, _, event):
        self._area.grab_focus()
        if event.type == Gdk.EventType.DOUBLE_BUTTON_PRESS:
            self._dragged = None
            self._enlarge(event)
        elif event.type == Gdk.EventType.BUTTON_PRESS and event.button == 1:
            self._dragged = "line" if self._on_line(event.x) else (event.x, event.y, *self._view.centre)
        return True

    def _enlarge(self, event):
        if self._view.zoom:
            self._zoom(0)
            return
        left, top, wide, high = self._view.shown_at()
        width, height = self._view.layer_size
        self._zoom(1, ((event.x - left) / max(1, wide) * width, (event.y - top) / max(1, high) * height))

    def _pointed(self, _, event):
        if self._dragged == "line":
            left, _, wide, _ = self._view.shown_at()
            self._view.move_line((event.x - left) / max(1, wide))
        elif self._dragged is not None and self._view.zoom:
            x, y, *centre = self._dragged
            scale = self._view.get_scale_factor() / self._view.zoom
            self._view.go(centre[0] - (event.x - x) * scale, centre[1] - (event.y - y) * scale)
        name = "col-resize" if self._on_line(event.x) else ("grab" if self._view.zoom else "default")
        self._area.get_window().set_cursor(Gdk.Cursor.new_from_name(self._area.get_display(), name))
        return True

    def _released(self, *_):
        self._dragged = None
        return True

    def _scrolled(self, _, event):
        steps = {Gdk.ScrollDirection.UP: 1, Gdk.ScrollDirection.DOWN: -1}
        zoom = min(2, max(0, self._view.zoom + steps.get(event.direction, 0)))
        if zoom != self._view.zoom:
            self._zoom(zoom)
        return True

    def _typed(self, _, event):
        key = Gdk.keyval_name(event.keyval) or ""
        if event.state & (Gdk.ModifierType.CONTROL_MASK | Gdk.ModifierType.MOD1_MASK):
            return False
        if key in _ZOOMS:
            self._zoom(_ZOOMS[key])
            return True
        across, down = _WAYS.get(key, (0, 0))
        shift = bool(event.state & Gdk.ModifierType.SHIFT_MASK)
        if self._view.line is not None and across and (shift or not self._view.zoom):
            self._view.move_line(self._view.line + across * _STEP)
            return True
        if not self._view.zoom or not (across or down):
            return False
        place = self._view.place()
        x, y = place.x + place.width / 2, place.y + place.height / 2
        self._view.go(x + across * _PAN * place.width, y + down * _PAN * place.height)
        return True
