"""A person edits the picture while CLODE works on it: the edit comes in mid-run, from the progress bar."""

import json
import os
import struct
import sys

from common import Gegl, Gimp, Results, add_layer, image_of, picture, read

sys.path.insert(0, os.path.join(os.environ["GIMP3_DIRECTORY"], "plug-ins", "clode"))
import job

results = Results("edits")
height, width, data = picture("dark")
ENCODING = "R'G'B'A float"
real_update = Gimp.progress_update


def run(image, layers, edit=None, often=False, **arguments):
    """Call the plug-in's own code in this process; returns what it said."""
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-clode")
    config = procedure.create_config()
    for name, value in ({"exposure-time": 2.5, "denoise": False} | arguments).items():
        config.set_property(name, value)
    todo = [edit] if edit else []

    def update(fraction):
        if todo and fraction > 0.3:
            todo[0]() if often else todo.pop()()
        return real_update(fraction)

    Gimp.progress_update = update
    try:
        finished = job.perform(procedure, Gimp.RunMode.NONINTERACTIVE, image, layers, config)
        return "ok" if finished else "cancel"
    except job.UserError as error:
        return str(error)
    finally:
        Gimp.progress_update = real_update


def selected_image(precision="U8_NON_LINEAR"):
    image, layer = image_of("dark", precision)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 10, 50, 40)
    return image, layer


def case(name, edit, precision="U8_NON_LINEAR", often=False, **arguments):
    """Run with an edit; keep the layer as it would be with the edit alone, and as it is."""
    image, layer = selected_image(precision)
    other, same = selected_image(precision)
    edit(other, same)
    said = run(image, [layer], lambda: edit(image, layer), often, **arguments)
    after = {"said": said, "valid": image.is_valid() and layer.is_valid()}
    if after["valid"]:
        size = layer.get_height(), layer.get_width()
        results.pixels(f"{name}-edited", read(same, ENCODING))
        results.pixels(f"{name}-after", read(layer, ENCODING))
        after |= {"size": size, "offsets": tuple(layer.get_offsets())[1:]}
    results.note(name, **after)
    for one in (image, other):
        if one.is_valid():
            one.delete()


strokes = iter(range(1, 250))


def paint(image, layer, red=None):
    """Paint four pixels; with another colour each time unless told one."""
    colour = bytes([red or next(strokes), 20, 200, 255])
    layer.get_buffer().set(Gegl.Rectangle.new(30, 20, 2, 2), "R'G'B'A u8", colour * 4)
    layer.get_buffer().flush()
    layer.update(30, 20, 2, 2)


case("select-none", lambda image, layer: Gimp.Selection.none(image))
case("crop", lambda image, layer: image.crop(60, 40, 15, 12))
case("invert", lambda image, layer: layer.invert(False))
case("paint", lambda image, layer: paint(image, layer, 90))
case("move", lambda image, layer: layer.set_offsets(7, -4))
case("feather", lambda image, layer: Gimp.Selection.feather(image, 9), "FLOAT_LINEAR")
case("select-elsewhere", lambda image, layer: layer.set_offsets(200, 0))
case("locked", lambda image, layer: layer.set_lock_content(True))
case("deleted", lambda image, layer: image.remove_layer(layer))
case("closed", lambda image, layer: image.delete())
case("invert-float", lambda image, layer: layer.invert(False), "FLOAT_NON_LINEAR")
case("new-layer-crop", lambda image, layer: image.crop(60, 40, 15, 12), **{"new-layer": True})
case("always", paint, often=True)

# What is kept aside is the layer's own outside the region, so that a merge of too much is harmless.
image, layer = selected_image()
before = read(layer, ENCODING)
from layers import Pixels, Shadow  # noqa: E402

shadow = Shadow(Pixels(layer), (20, 10, 50, 40))
shadow.store(0, 40, bytes([200, 100, 50, 255]) * (50 * 40))
Gimp.Selection.none(image)
shadow.commit()
results.pixels("surround-before", before)
results.pixels("surround-after", read(layer, ENCODING))
image.delete()

# As a new layer: the layer stays, the selection becomes the mask, times a mask that was there.
for name in ("new", "new-masked", "new-whole"):
    image, layer = selected_image()
    if name == "new-masked":
        mask = layer.create_mask(Gimp.AddMaskType.WHITE)
        layer.add_mask(mask)
        mask.get_buffer().set(
            Gegl.Rectangle.new(0, 0, width, height), "Y u8", bytes([128]) * (width * height)
        )
        mask.get_buffer().flush()
    if name == "new-whole":
        Gimp.Selection.none(image)
    before = read(layer, ENCODING)
    said = run(image, [layer], **{"new-layer": True})
    above, *below = image.get_layers()
    results.pixels(f"{name}-before", before)
    results.pixels(f"{name}-after", read(above, ENCODING))
    mask = above.get_mask()
    results.note(
        name,
        said=said,
        names=[above.get_name(), *(one.get_name() for one in below)],
        untouched=read(layer, ENCODING) == before,
        masked=mask is not None,
    )
    if mask is not None:
        results.pixels(f"{name}-mask", read(mask, "Y float"))
    image.delete()

# The automatic exposure of a part is that of the part, not of the bright rest.
image, layer = image_of("dark", "FLOAT_NON_LINEAR")
bright = struct.pack("4f", 0.9, 0.85, 0.8, 1.0) * (width * 20)
layer.get_buffer().set(Gegl.Rectangle.new(0, 0, width, 20), "R'G'B'A float", bright)
bright = struct.pack("4f", 0.9, 0.85, 0.8, 1.0) * (30 * (height - 20))
layer.get_buffer().set(Gegl.Rectangle.new(0, 20, 30, height - 20), "R'G'B'A float", bright)
layer.get_buffer().flush()
image.select_rectangle(Gimp.ChannelOps.REPLACE, 30, 20, 60, 40)
results.pixels("auto-before", read(layer, ENCODING))
results.note("auto", said=run(image, [layer], auto=True))
results.pixels("auto-after", read(layer, ENCODING))
image.delete()

# With several layers, automatic means each of them.
image, first = image_of("dark", "FLOAT_NON_LINEAR")
second = add_layer(image, width, height, struct.pack("4f", 0.5, 0.4, 0.6, 1.0) * (width * height))
layers = {"first": first, "second": second}
for name, layer in layers.items():
    results.pixels(f"each-{name}-before", read(layer, ENCODING))
results.note("each", said=run(image, [first, second], auto=True))
for name, layer in layers.items():
    results.pixels(f"each-{name}-after", read(layer, ENCODING))
image.delete()

# Presets are kept under a name, used, and removed; a file that is none is no harm.
import presets  # noqa: E402

config = Gimp.get_pdb().lookup_procedure("plug-in-clode").create_config()
config.set_property("exposure-time", -1.25)
config.set_property("highlights", -0.75)
config.set_property("new-layer", True)
presets.keep("  night in the street ", config)
config.set_property("exposure-time", 2.0)
config.set_property("highlights", 0.0)
presets.keep("plain", config)
presets.use("night in the street", config)
names = sorted(presets.read())
presets.forget("plain")
with open(presets._path()) as file:
    kept = json.load(file)
with open(presets._path(), "w") as file:
    file.write('{"broken": {"exposure-time": 99}, "no": [1')
results.note(
    "presets",
    names=names,
    time=config.get_property("exposure-time"),
    highlights=config.get_property("highlights"),
    left=sorted(kept),
    broken=presets.read(),
    files=sorted(os.listdir(os.path.dirname(presets._path()))),
)
os.unlink(presets._path())

# A person cancels: nothing changes, and nothing is left behind.
from link import Cancelled  # noqa: E402


def cancel():
    raise Cancelled("enough")


image, layer = selected_image()
before = read(layer, ENCODING)
results.note("cancel", said=run(image, [layer], cancel), same=read(layer, ENCODING) == before)
results.note(
    "cancel-new", said=run(image, [layer], cancel, **{"new-layer": True}), layers=len(image.get_layers())
)
image.delete()

# A picture whose profile is linear is exposed as one sees it.
image, layer = image_of("dark", "U8_NON_LINEAR")
image.set_color_profile(Gimp.ColorProfile.new_rgb_srgb_linear())
layer = image.get_layers()[0]
from layers import in_space_of  # noqa: E402

for when in ("before", "after"):
    if when == "after":
        results.note("linear-profile", said=run(image, [layer]))
    results.pixels(f"linear-profile-{when}", read(layer, in_space_of(layer, "R~G~B~A float")))
image.delete()
results.write()
