"""Pictures for the window, as XCF files: no PNG holds a selection, a mask or several layers."""

import os
import struct

from common import HERE, Gegl, Gimp

from gi.repository import Gio  # isort: skip

COFFEE = os.path.join(HERE, "coffee.png")


def opened():
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(COFFEE))
    return image, image.get_layers()[0]


def keep(image, name):
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(os.path.join(HERE, name)), None)
    image.delete()


image, layer = opened()
keep(image, "plain.xcf")

image, layer = opened()
image.select_ellipse(Gimp.ChannelOps.REPLACE, 200, 80, 300, 260)
Gimp.Selection.feather(image, 60)
keep(image, "selected.xcf")

image, layer = opened()
mask = layer.create_mask(Gimp.AddMaskType.WHITE)
layer.add_mask(mask)
width, height = layer.get_width(), layer.get_height()
row = bytes(max(0, min(255, (x - 100) * 255 // 100)) for x in range(width))
mask.get_buffer().set(Gegl.Rectangle.new(0, 0, width, height), "Y u8", row * height)
mask.get_buffer().flush()
layer.set_opacity(70)
image.set_selected_layers([layer])
layer.set_edit_mask(False)
keep(image, "masked.xcf")

image, layer = opened()
image.convert_precision(Gimp.Precision.U16_NON_LINEAR)
image.convert_color_profile(
    Gimp.ColorProfile.new_rgb_srgb_linear(), Gimp.ColorRenderingIntent.PERCEPTUAL, False
)
keep(image, "linear.xcf")

image, layer = opened()
second = layer.copy()
image.insert_layer(second, None, 0)
second.set_name("second")
second.get_buffer().set(
    Gegl.Rectangle.new(0, 0, width, height // 2),
    "R'G'B' float",
    struct.pack("3f", 0.7, 0.6, 0.5) * (width * (height // 2)),
)
second.get_buffer().flush()
image.set_selected_layers([layer, second])
keep(image, "several.xcf")

image, layer = opened()
image.scale(4800, 3200)
keep(image, "large.xcf")

image, layer = opened()
layer.scale(300, 1500, False)
image.resize(300, 1500, 0, 0)
keep(image, "portrait.xcf")
