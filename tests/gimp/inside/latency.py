"""How long the plug-in takes in a real GIMP; run by benchmarks/gimp_latency.py."""

import os
import sys
import threading
import time

import gi
from common import HERE, Gimp, GLib, Results, call

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gegl, Gio  # noqa: E402

sys.path.insert(0, os.path.join(os.environ["GIMP3_DIRECTORY"], "plug-ins", "clode"))
import job  # noqa: E402
from layers import Pixels  # noqa: E402
from link import Cancelled  # noqa: E402
from run import GimpProgress  # noqa: E402
from screen import Screen  # noqa: E402
from talk import Talk  # noqa: E402

results = Results("latency")
VIEW = 1000, 667
"""Size of the preview in pixels, and of the detail."""


def opened(megapixels):
    file = Gio.File.new_for_path(f"{HERE}/{megapixels}.png")
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    return image, image.get_layers()[0]


def slider(layer, denoise, moves=31):
    """Seconds from a new value of the slider to the picture for the screen, preview and detail."""
    loop, seconds, state = GLib.MainLoop(), {"view": [], "detail": [], "first": []}, {}
    pixels = Pixels(layer)
    screen = Screen(pixels)
    height, width, _ = pixels.shape
    talk = Talk(job.launcher(), lambda *news: heard(*news))
    wide, high = VIEW
    place = {
        "x": width // 3,
        "y": height // 3,
        "width": min(wide, width // 2),
        "height": min(high, height // 2),
    }

    def move():
        state["since"] = time.perf_counter()
        moment = -2 + 0.2 * len(seconds["detail"])
        talk.ask("view", "view", time=moment, denoise=denoise, long_side=wide)
        return False

    def heard(what, content):
        if what == "failed":
            raise SystemExit(content)
        if what == "solved":
            seconds["first"].append(time.perf_counter() - began)
            move()
        if what == "pixels":
            name, _, answer = content
            screen.picture(answer)
            seconds[name].append(time.perf_counter() - state["since"])
            state["since"] = time.perf_counter()
            moment = -2 + 0.2 * len(seconds["detail"])
            if name == "view":
                talk.ask("detail", "detail", time=moment, denoise=denoise, **place)
            elif len(seconds["detail"]) < moves:
                GLib.timeout_add(20, move)
            else:
                loop.quit()
        return False

    began = time.perf_counter()
    talk.start()
    talk.begin(pixels)
    bands = pixels.bands()

    def bring():
        if not talk.hungry():
            return True
        band = next(bands, None)
        if band is not None:
            talk.bring(band)
        return band is not None

    GLib.timeout_add(5, bring)
    loop.run()
    talk.stop(5)
    return seconds


class Impatient(GimpProgress):
    """A person who presses Cancel some time after the start."""

    def __init__(self, after):
        self.pressed = None
        threading.Timer(after, self.press).start()

    def press(self):
        self.pressed = time.perf_counter()

    def check(self):
        if self.pressed is not None:
            raise Cancelled("cancelled")


def cancelled(image, layer, after):
    """Seconds from Cancel to the end of the call; None where it had ended before."""
    progress = Impatient(after)
    settings = {"time": 3.0, "denoise": True, "shadows": 0.0, "highlights": 0.0, "new_layer": False}
    finished = job.work(job.launcher(), image, [layer], settings, progress)
    return None if finished else time.perf_counter() - progress.pressed


Gegl.init(None)
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
    waits = [cancelled(image, layer, after) for after in (0.1, 0.3, 0.6, 1.0, 1.5, 2.2, 3.0, 4.0)]
    results.note(f"cancel {megapixels}", seconds=[wait for wait in waits if wait is not None])
    image.delete()
results.write()
