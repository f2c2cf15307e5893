"""How long the plug-in takes in a real GIMP; run by benchmarks/gimp_latency.py."""

import os
import sys
import time

import gi
from common import HERE, Gimp, GLib, Results, call

gi.require_version("GimpUi", "3.0")
from gi.repository import Gio  # noqa: E402

sys.path.insert(0, os.path.join(os.environ["GIMP3_DIRECTORY"], "plug-ins", "clode"))
from dialog import DETAIL, VIEW, _pixbuf  # noqa: E402
from layers import Pixels  # noqa: E402
from link import Launcher  # noqa: E402
from preview import Talk  # noqa: E402

results = Results("latency")
interpreter = os.environ["CLODE_INTERPRETER"]


def opened(megapixels):
    file = Gio.File.new_for_path(f"{HERE}/{megapixels}.png")
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    return image, image.get_layers()[0]


def slider(layer, denoise, moves=31):
    """Seconds from a new value of the slider to the pixels for the screen, preview and detail."""
    loop, seconds, state = GLib.MainLoop(), {"view": [], "detail": [], "first": []}, {}
    pixels = Pixels(layer)
    height, width, _ = pixels.shape
    talk = Talk(Launcher(interpreter, os.getppid(), "benchmark"), pixels.shape, lambda *news: heard(*news))

    def move():
        state["since"] = time.perf_counter()
        moment = -2 + 0.2 * len(seconds["detail"])
        talk.ask("view", time=moment, denoise=denoise, long_side=VIEW)
        place = {"x": width // 2, "y": height // 2, "width": DETAIL, "height": DETAIL}
        talk.ask("detail", time=moment, denoise=denoise, **place)
        return False

    def heard(what, content):
        if what == "failed":
            raise SystemExit(content)
        if what == "solved":
            seconds["first"].append(time.perf_counter() - began)
            move()
        if what in ("view", "detail"):
            _pixbuf(content)
            seconds[what].append(time.perf_counter() - state["since"])
        if what == "detail":
            if len(seconds["detail"]) < moves:
                GLib.timeout_add(20, move)
            else:
                loop.quit()
        return False

    began = time.perf_counter()
    talk.start()
    for band in pixels.bands():
        talk.bring(band)
    loop.run()
    talk.stop(keep=True).close()
    return seconds


for megapixels in os.environ["CLODE_MEGAPIXELS"].split(","):
    image, layer = opened(megapixels)
    call(image, [layer], denoise=False)  # warm
    for denoise in (False, True):
        found = slider(layer, denoise)
        results.note(f"slider {megapixels} {denoise}", **found)
        times = []
        for _ in range(3):
            said = call(image, [layer], exposure_time=3.0, denoise=denoise)
            assert said == "ok", said
            times.append(call.seconds)
        results.note(f"call {megapixels} {denoise}", seconds=times)
    image.delete()
results.write()
