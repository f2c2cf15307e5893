"""Pixbufs on the screen, pixel by pixel, also where a logical pixel is several of the screen."""

from __future__ import annotations

import ctypes
import sys


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
