"""One call that something goes wrong with; the test stands beside and waits for the marker."""

import os

from common import HERE, Results, call, image_of, read

results = Results("fault")
if os.path.exists(os.path.join(HERE, "warm.json")):
    image, layer = image_of("warm")
    results.note("warm", said=call(image, [layer]))
    image.delete()
image, layer = image_of("dark")
before = read(layer, "R'G'B'A float")
open(os.path.join(HERE, "calling"), "w").close()
said = call(image, [layer], exposure_time=2.5)
results.note("fault", said=said, same=read(layer, "R'G'B'A float") == before)
results.write()
image.delete()
