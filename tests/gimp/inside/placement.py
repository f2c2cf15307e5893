"""Selections, offsets, masks, several layers, colour spaces, values beyond white."""

import struct

from common import Gegl, Gimp, Results, add_layer, call, image_of, picture, read

results = Results("placement")
SIDES = picture("dark")[:2]


def selection_of(image, layer):
    """The selection as it lies on a layer, from 0 to 1."""
    _, x, y = layer.get_offsets()
    return read(image.get_selection(), "Y float", x, y, layer.get_width(), layer.get_height())


def case(name, image, layer, encoding="R'G'B'A float", **arguments):
    results.pixels(f"{name}-before", read(layer, encoding))
    results.pixels(f"{name}-selection", selection_of(image, layer))
    said = call(image, [layer], **arguments)
    results.pixels(f"{name}-after", read(layer, encoding))
    results.note(name, said=said)
    image.delete()


REPLACE = Gimp.ChannelOps.REPLACE

for precision in ("U8_NON_LINEAR", "FLOAT_LINEAR"):
    image, layer = image_of("dark", precision)
    image.select_rectangle(REPLACE, 20, 10, 30, 40)
    case(f"rectangle-{precision}", image, layer, exposure_time=2.5, denoise=True)

    image, layer = image_of("dark", precision)
    image.select_ellipse(REPLACE, 10, 5, 60, 50)
    Gimp.Selection.feather(image, 12)
    case(f"feathered-{precision}", image, layer, exposure_time=2.5, denoise=False)

image, layer = image_of("dark", canvas=(70, 50))
layer.set_offsets(-13, 9)
image.select_rectangle(REPLACE, 0, 0, 40, 30)
case("offset", image, layer, exposure_time=2.5, denoise=False)

image, layer = image_of("dark", canvas=(40, 30))
layer.set_offsets(-20, -15)
case("larger-than-canvas", image, layer, exposure_time=2.5, denoise=True)

image, layer = image_of("dark", "U16_NON_LINEAR", alpha=False)
mask = layer.create_mask(Gimp.AddMaskType.BLACK)
layer.add_mask(mask)
layer.set_edit_mask(False)
results.pixels("mask-mask-before", read(mask, "Y float"))
results.pixels("mask-before", read(layer, "R'G'B' float"))
results.note("mask", said=call(image, [layer], exposure_time=2.5, denoise=False))
results.pixels("mask-after", read(layer, "R'G'B' float"))
results.pixels("mask-mask-after", read(mask, "Y float"))
image.delete()

image, layer = image_of("dark", "FLOAT_NON_LINEAR")
case("bent", image, layer, exposure_time=1.0, shadows=1.5, highlights=-1.0, denoise=False)

image, layer = image_of("dark", "FLOAT_NON_LINEAR")
layer.set_lock_alpha(True)
case("alpha-locked", image, layer, exposure_time=-1.5, denoise=False)

for name, arguments in {
    "auto": {"auto": True, "exposure_time": -4.0, "denoise": False},
    "default": {},
    "zero": {"exposure_time": 0.0, "denoise": False},
    "darker": {"exposure_time": -2.5, "denoise": False},
}.items():
    image, layer = image_of("dark", "FLOAT_NON_LINEAR")
    case(name, image, layer, **arguments)

# Values beyond black and white, and holes.
image, layer = image_of("dark", "FLOAT_NON_LINEAR")
for x, values in enumerate(((4.0, 0.1, 0.1, 1.0), (0.1, -0.25, 0.1, 1.0), (float("nan"), 0.1, 0.1, 1.0))):
    layer.get_buffer().set(Gegl.Rectangle.new(30 + x, 40, 1, 1), "R'G'B'A float", struct.pack("4f", *values))
layer.get_buffer().flush()
case("beyond", image, layer, exposure_time=2.5, denoise=False)

# A picture with a colour space of its own: what the core sees are the numbers of its file.
for precision in ("U16_NON_LINEAR", "FLOAT_LINEAR", "FLOAT_PERCEPTUAL"):
    image, layer = image_of("dark", precision)
    image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
    layer = image.get_layers()[0]
    import gi

    gi.require_version("Babl", "0.1")
    from gi.repository import Babl

    mark = "'" if precision.endswith("NON_LINEAR") else "~"
    own = Babl.get_name(Babl.format_with_space(f"R{mark}G{mark}B{mark}A float", layer.get_format()))
    results.note(f"adobe-{precision}", encoding=own)
    case(f"adobe-{precision}", image, layer, own, exposure_time=2.5, denoise=False)

# Several layers at once, one of them not touched by the selection.
image, first = image_of("dark", "FLOAT_NON_LINEAR")
height, width, data = picture("dark")
second = add_layer(image, width, height, data)
second.set_offsets(10, 6)
far = add_layer(image, width, height, data)
far.set_offsets(width, height)
layers = {"first": first, "second": second, "far": far}
for name, layer in layers.items():
    results.pixels(f"several-{name}-before", read(layer, "R'G'B'A float"))
image.select_rectangle(REPLACE, 0, 0, width, height)
results.note("several", said=call(image, [first, second, far], exposure_time=2.5, denoise=False))
for name, layer in layers.items():
    results.pixels(f"several-{name}-after", read(layer, "R'G'B'A float"))
image.delete()
results.write()
