"""What cannot be enhanced is refused, and nothing changes."""

from common import Gimp, GLib, Results, add_layer, call, image_of, picture, read

results = Results("refusals")
ENCODING = "R'G'B'A float"


def case(name, image, drawables, watched=None, **arguments):
    watched = watched or drawables[0]
    before = read(watched, ENCODING)
    try:
        said = call(image, drawables, **({"denoise": False} | arguments))
    except GLib.Error as error:  # GIMP itself refused
        said = str(error)
    results.note(name, said=said, same=read(watched, ENCODING) == before)


image, layer = image_of("dark")
layer.set_lock_content(True)
case("locked", image, [layer])
layer.set_lock_content(False)

group = Gimp.GroupLayer.new(image, "holder")
image.insert_layer(group, None, 0)
image.reorder_item(layer, group, 0)
case("group", image, [group], layer)
group.set_lock_content(True)
case("in-locked-group", image, [layer])
group.set_lock_content(False)

height, width, data = picture("dark")
free = add_layer(image, width, height, data)
case("one-of-two-is-a-group", image, [free, group], free)

mask = free.create_mask(Gimp.AddMaskType.WHITE)
free.add_mask(mask)
case("layer-mask", image, [mask])

channel = Gimp.Channel.new(image, "spots", width, height, 50, Gimp.context_get_foreground())
image.insert_channel(channel, None, 0)
case("channel", image, [channel])

image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 5, 5)
free.set_offsets(50, 50)
case("selection-elsewhere", image, [free])
Gimp.Selection.none(image)

font = Gimp.Font.get_by_name("DejaVu Sans") or Gimp.fonts_get_list("")[0]
text = Gimp.TextLayer.new(image, "dark words", font, 20, Gimp.Unit.pixel())
image.insert_layer(text, None, 0)
case("text", image, [text])
image.delete()

image, layer = image_of("dark")
image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
case("indexed", image, [image.get_layers()[0]])
image.delete()
results.write()
