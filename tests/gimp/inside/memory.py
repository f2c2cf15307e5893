"""Many pictures, one after the other, by one worker; run by benchmarks/gimp_memory.py."""

import os
import threading
import time

from common import HERE, Gimp, Results, call

from gi.repository import Gio  # isort: skip

results = Results("memory")
peak = {}


def processes(words):
    """Numbers of the processes whose command line holds some words."""
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if words in line:
            yield entry


def megabytes(process):
    try:
        with open(f"/proc/{process}/status") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS")), 0.0)
    except OSError:
        return 0.0


def watch():
    while True:
        for process in processes("plug-ins/clode/clode.py"):
            peak["plug-in"] = max(peak.get("plug-in", 0.0), megabytes(process))
        time.sleep(0.05)


threading.Thread(target=watch, daemon=True).start()
for number in range(int(os.environ["CLODE_PICTURES"])):
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(f"{HERE}/picture.png"))
    peak["plug-in"] = 0.0
    said = call(image, image.get_layers())
    assert said == "ok", said
    image.delete()
    worker = sum(megabytes(process) for process in processes("-m clode_core.worker"))
    results.note(str(number), worker=worker, plug_in=peak["plug-in"])
results.write()
