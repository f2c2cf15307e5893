"""The controls of the dialog around the preview."""

from __future__ import annotations

import os
import pathlib

import histogram
import presets
from gi.repository import Gdk, GimpUi, Gio, GLib, Gtk

_GAP = 12
_PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "help.html")
_SLIDER = (
    "0 leaves the picture as it is; 3 is what suits a dark one. Negative values darken.\n"
    "In the shadows, 1 is about 2 to 3 stops (EV) more light; bright parts get less, and nothing is clipped."
)


class Panel:
    """Everything in the dialog but the preview itself.

    Parameters
    ----------
    window : GimpUi.ProcedureDialog
        The dialog.
    config : Gimp.ProcedureConfig
        Its arguments.
    view : View
        The preview.
    layers : int
        How many layers will change.
    """

    def __init__(self, window, config, view, layers):
        self.window = window
        self.config = config
        self.view = view
        self._stops = None
        self._clipped = ""
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=_GAP // 2)
        column.pack_start(self._tools(), False, False, 0)
        column.pack_start(view, True, True, 0)
        column.pack_start(self._words(), False, False, 0)
        column.pack_start(self._exposure(), False, False, 0)
        column.pack_start(self._legend(), False, False, 0)
        column.pack_start(self._bends(), False, False, 0)
        column.pack_start(self._choices(layers), False, False, 0)
        self._bar = Gtk.ProgressBar(show_text=True, no_show_all=True)
        column.pack_start(self._bar, False, False, 0)
        self._column = column
        window.get_content_area().pack_start(column, True, True, 0)
        self._help()

    # ---- rows ----

    def _tools(self):
        row = Gtk.Box(spacing=_GAP // 2)
        self._zooms = {}
        first = None
        for zoom, label in ((0, "_Fit"), (1, "_1 : 1"), (2, "_2 : 1")):
            button = Gtk.RadioButton.new_with_mnemonic_from_widget(first, label)
            first = first or button
            button.set_mode(False)
            button.set_tooltip_text(
                "The whole layer" if not zoom else f"{zoom} pixels of the screen for each"
            )
            button.connect("toggled", self._zoomed, zoom)
            button.set_valign(Gtk.Align.CENTER)
            self._zooms[zoom] = button
            row.pack_start(button, False, False, 0)
        self.view.zoomed = lambda: self._zooms[self.view.zoom].set_active(True)
        for label, tip, act in (
            ("Show _before", "Show the layer as it is now", self.view.set_before),
            (
                "Before / after _line",
                "Drag the line: before on its left, after on its right",
                self.view.set_line,
            ),
            (
                "Cl_ipping",
                "Mark what is white in a channel in red, and what is black in blue",
                self.view.set_clipping,
            ),
        ):
            check = Gtk.CheckButton.new_with_mnemonic(label)
            check.set_tooltip_text(tip)
            check.connect("toggled", lambda widget, act=act: act(widget.get_active()))
            row.pack_start(check, False, False, 0)
        self._histogram = Gtk.Image()
        self._histogram.set_size_request(*histogram.SIZE)
        row.pack_end(self._histogram, False, False, 0)
        return row

    def _words(self):
        row = Gtk.Box(spacing=_GAP)
        self._status = Gtk.Label(xalign=0, wrap=True, max_width_chars=60)
        self._figures = Gtk.Label(xalign=1)
        self._figures.get_style_context().add_class("dim-label")
        row.pack_start(self._status, True, True, 0)
        row.pack_end(self._figures, False, False, 0)
        return row

    def _exposure(self):
        self._slider = self.window.get_scale_entry("exposure-time", 1.0)
        self._slider.set_tooltip_text(_SLIDER)
        self.auto_button = Gtk.Button.new_with_mnemonic("_Auto")
        self.auto_button.set_tooltip_text("Move the slider to the exposure that suits what is selected")
        self.auto_button.set_sensitive(False)
        row = Gtk.Box(spacing=_GAP)
        row.pack_start(self._slider, True, True, 0)
        row.pack_end(self.auto_button, False, False, 0)
        return row

    def _legend(self):
        legend = Gtk.Label(
            label="0: as it is   ·   3: normal for a dark picture   ·   below 0: darker", xalign=0
        )
        legend.get_style_context().add_class("dim-label")
        return legend

    def _bends(self):
        row = Gtk.Box(spacing=2 * _GAP, homogeneous=True)
        for name, tip in (
            ("shadows", "More exposure where the scene is dark; below 0, less. Edges stay free of halos."),
            ("highlights", "More exposure where the scene is bright; below 0, less: a lamp keeps its shape."),
        ):
            slider = self.window.get_scale_entry(name, 1.0)
            slider.set_tooltip_text(tip)
            row.pack_start(slider, True, True, 0)
        return row

    def _choices(self, layers):
        row = Gtk.Box(spacing=_GAP)
        labels = {"denoise": "Remove _noise", "new-layer": "As a ne_w layer"}
        if layers > 1:
            labels["auto"] = f"A_utomatic for each of the {layers} layers"
            self.config.connect("notify::auto", self._each)
        for name, label in labels.items():
            row.pack_start(GimpUi.prop_check_button_new(self.config, name, label), False, False, 0)
        button = Gtk.MenuButton(label="_Presets", use_underline=True)
        self._menu = Gtk.Menu()
        button.set_popup(self._menu)
        self._fill_menu()
        row.pack_end(button, False, False, 0)
        if layers > 1:
            self._each()
        return row

    def _help(self):
        button = Gtk.Button.new_with_mnemonic("_Help")
        button.connect("clicked", self._open_page)
        area = self.window.get_action_area()
        area.pack_start(button, False, False, 0)
        area.set_child_secondary(button, True)
        self.window.connect("key-press-event", self._key)

    def _key(self, _, event):
        if event.keyval != Gdk.KEY_F1:
            return False
        self._open_page()
        return True

    def _open_page(self, *_):
        page = pathlib.Path(_PAGE).as_uri()
        try:
            Gio.AppInfo.launch_default_for_uri(page, None)
        except GLib.Error as error:
            self.say(f"No program on this machine shows {page} ({error.message})", selectable=True)

    # ---- what it says ----

    def say(self, text, selectable=False):
        """Say something below the preview."""
        self._status.set_selectable(selectable)
        self._status.set_text(text)

    def suggest(self, auto, note):
        """Say which exposure suits, and allow OK."""
        self.say(f"{note}Suggested exposure: {auto:.2f}.")
        self.auto_button.set_sensitive(not self.config.get_property("auto"))
        self.allow(True)

    def allow(self, allowed):
        """Allow or forbid OK."""
        self.window.set_response_sensitive(Gtk.ResponseType.OK, allowed)
        if not allowed:
            self.auto_button.set_sensitive(False)

    def show_histogram(self, pixbuf, white, black):
        """Show a histogram and the shares of what is clipped."""
        self._histogram.set_from_pixbuf(pixbuf)
        self._clipped = f"white {100 * white:.1f} %, black {100 * black:.1f} %"
        self._histogram.set_tooltip_text(f"What is shown: {self._clipped}")
        self._show_figures()

    def show_stops(self, stops):
        """Show by how many stops the middle of what is shown became brighter."""
        self._stops = stops
        self._show_figures()

    def _show_figures(self):
        text = "" if self._stops is None else f"middle {self._stops:+.1f} EV   "
        self._figures.set_text(text + self._clipped)

    def work(self):
        """Keep only the progress bar alive, and return it."""
        for child in self._column.get_children():
            child.set_sensitive(child in (self._bar, self.view))
        self.view.busy(False)
        self._bar.show()
        return self._bar

    def _zoomed(self, button, zoom):
        if button.get_active() and self.view.zoom != zoom:
            self.view.set_zoom(zoom)

    def _each(self, *_):
        each = self.config.get_property("auto")
        self._slider.set_sensitive(not each)
        self.auto_button.set_sensitive(not each)

    # ---- presets ----

    def _fill_menu(self):
        for child in self._menu.get_children():
            self._menu.remove(child)
        names = sorted(presets.read())
        for name in names:
            self._item(name, lambda _, name=name: presets.use(name, self.config))
        if names:
            self._menu.append(Gtk.SeparatorMenuItem())
        self._item("_Save these settings…", self._save_preset)
        if names:
            removal = Gtk.MenuItem.new_with_mnemonic("_Remove")
            submenu = Gtk.Menu()
            for name in names:
                self._item(name, lambda _, name=name: self._change_presets(presets.forget, name), submenu)
            removal.set_submenu(submenu)
            self._menu.append(removal)
        self._menu.show_all()

    def _item(self, label, act, menu=None):
        item = Gtk.MenuItem.new_with_mnemonic(label) if label.startswith("_") else Gtk.MenuItem(label=label)
        item.connect("activate", act)
        (menu or self._menu).append(item)

    def _save_preset(self, *_):
        asking = Gtk.Dialog(title="CLODE: save these settings", transient_for=self.window, modal=True)
        asking.add_buttons("_Cancel", Gtk.ResponseType.CANCEL, "_Save", Gtk.ResponseType.OK)
        asking.set_default_response(Gtk.ResponseType.OK)
        entry = Gtk.Entry(activates_default=True, max_length=60, margin=_GAP)
        asking.get_content_area().pack_start(entry, False, False, 0)
        asking.show_all()
        name = entry.get_text() if asking.run() == Gtk.ResponseType.OK else ""
        asking.destroy()
        if name.strip():
            self._change_presets(presets.keep, name, self.config)

    def _change_presets(self, act, *values):
        try:
            act(*values)
        except OSError as error:
            self.say(f"The presets cannot be written ({error.strerror or error})", selectable=True)
        self._fill_menu()
