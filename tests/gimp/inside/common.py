"""What runs inside GIMP's own Python shares this: pictures in, calls of the plug-in, pixels out."""

import json
import os
import sys
import time

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, GLib  # noqa: E402

HERE = os.environ["CLODE_TEST_FOLDER"]
NONE = Gegl.AbyssPolicy.NONE


class Results:
    """Named results: numbers in results.json, pixels beside it."""

    def __init__(self, name):
        self.path = os.path.join(HERE, name)
        self.entries = {}
        os.makedirs(self.path, exist_ok=True)

    def pixels(self, name, data):
        with open(os.path.join(self.path, f"{name}.f32"), "wb") as file:
            file.write(data)

    def note(self, name, **values):
        self.entries.setdefault(name, {}).update(values)

    def write(self):
        with open(os.path.join(self.path, "results.json"), "w") as file:
            json.dump(self.entries, file)


def picture(name):
    """A picture that the test wrote: float32 RGBA, and its shape."""
    with open(os.path.join(HERE, f"{name}.json")) as file:
        height, width = json.load(file)
    with open(os.path.join(HERE, f"{name}.f32"), "rb") as file:
        return height, width, file.read()


def image_of(name, precision="U8_NON_LINEAR", base="RGB", alpha=True, canvas=None):
    """An image with one layer that shows a picture."""
    height, width, data = picture(name)
    kind = getattr(Gimp.ImageBaseType, base)
    size = canvas or (width, height)
    image = Gimp.Image.new_with_precision(*size, kind, getattr(Gimp.Precision, precision))
    layer = add_layer(image, width, height, data, alpha)
    return image, layer


def add_layer(image, width, height, data, alpha=True):
    base = "RGB" if image.get_base_type() == Gimp.ImageBaseType.RGB else "GRAY"
    kind = getattr(Gimp.ImageType, f"{base}A_IMAGE" if alpha else f"{base}_IMAGE")
    layer = Gimp.Layer.new(image, "dark", width, height, kind, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    buffer = layer.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), "R'G'B'A float", data)
    buffer.flush()
    return layer


def read(drawable, encoding, x=0, y=0, width=None, height=None):
    drawable.get_buffer().flush()
    area = Gegl.Rectangle.new(x, y, width or drawable.get_width(), height or drawable.get_height())
    return drawable.get_buffer().get(area, 1.0, encoding, NONE)


def call(image, drawables, **arguments):
    """Run the plug-in; returns "ok", "cancel", or the error's text."""
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-clode")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for name, value in arguments.items():
        config.set_property(name.replace("_", "-"), value)
    began = time.monotonic()
    result = procedure.run(config)
    call.seconds = time.monotonic() - began
    status = result.index(0)
    if status == Gimp.PDBStatusType.SUCCESS:
        return "ok"
    if status == Gimp.PDBStatusType.CANCEL:
        return "cancel"
    return str(result.index(1))


__all__ = ["GLib", "Gegl", "Gimp", "Results", "add_layer", "call", "image_of", "picture", "read", "sys"]
