"""The work: from the selected layers to the worker and back, in one undo step or not at all."""

from __future__ import annotations

import json
import os

from gi.repository import Gegl, Gimp
from layers import Pixels, UserError, check, selected
from link import Cancelled, Launcher, WorkerError

__all__ = ["UserError", "launcher", "perform"]

_RECORD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "installed.json")
_UPLOAD = 0.25  # share of the progress bar


def launcher():
    """Connections to the worker, by the interpreter that 'clode gimp install' wrote down."""
    try:
        with open(_RECORD, encoding="utf-8") as file:
            record = json.load(file)
        interpreter, version = str(record["interpreter"]), str(record["version"])
        idle = int(record.get("idle", 300))
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            "the plug-in does not know the Python with clode-core: run 'clode gimp install'"
        ) from None
    try:
        return Launcher(interpreter, os.getppid(), f"CLODE plug-in {version}", idle)
    except WorkerError as error:
        raise UserError(str(error)) from None


def perform(procedure, run_mode, image, drawables, config):
    """Run the procedure; returns False when it was cancelled."""
    check(image, drawables)
    Gegl.init(None)
    parts = [(drawable, selected(drawable)) for drawable in drawables]
    parts = [(drawable, region) for drawable, region in parts if region is not None]
    if not parts:
        raise UserError("the selection touches none of the selected layers: move it, or choose Select > None")
    start = launcher()
    link = None
    known = {}
    if run_mode == Gimp.RunMode.INTERACTIVE:
        import gi

        gi.require_version("GimpUi", "3.0")
        from dialog import ask

        answer = ask(procedure, config, parts[0][0], start, _note(image, parts))
        if answer is None:
            return False
        link, known = answer
    time = "auto" if config.get_property("auto") else config.get_property("exposure-time")
    try:
        if link is None:
            Gimp.progress_init("CLODE: starting the worker")
            link = start.connect()
        Gimp.progress_init("CLODE")
        enhance(link, image, parts, time, config.get_property("denoise"), known)
    except Cancelled:
        return False
    except WorkerError as error:
        raise UserError(str(error)) from None
    finally:
        Gimp.progress_end()
        if link is not None:
            link.close()
    return True


def _note(image, parts):
    """What a person should know who sees one whole layer and changes something else."""
    notes = [] if Gimp.Selection.is_empty(image) else ["Only what is selected will change."]
    if len(parts) > 1:
        notes.append(f"All {len(parts)} selected layers get the exposure time below.")
    return " ".join(notes)


def enhance(link, image, parts, time, denoise, known):
    """Enhance parts of layers.

    Everything is computed and kept aside before the first layer changes, so that a failure or a
    cancellation leaves all of them as they were.

    Parameters
    ----------
    link : Link
        Connection to the worker.
    image : Gimp.Image
        Image of the layers.
    parts : list of (Gimp.Layer, region)
        What to change.
    time : float or "auto"
        Exposure time.
    denoise : bool
        Remove noise.
    known : dict
        Numbers of pictures that the worker has, by layer id.
    """
    done = []
    try:
        for index, (layer, region) in enumerate(parts):
            pixels = Pixels(layer)
            done.append((pixels, region))

            def show(fraction, index=index):
                Gimp.progress_update((index + fraction) / len(parts))
                return True

            number = known.get(layer.get_id())
            if number is None:
                number = 1000 + index
                _upload(link, number, pixels, show)
            _render(link, number, pixels, region, time, denoise, show)
            link.request("close", picture=number)
            pixels.finish()
        image.undo_group_start()
        try:
            for pixels, region in done:
                pixels.merge(region)
        finally:
            image.undo_group_end()
    except BaseException:
        for pixels, _ in done:
            pixels.drop()
        raise
    Gimp.displays_flush()


def _upload(link, number, pixels, show):
    height, width, channels = pixels.shape
    link.request("open", picture=number, height=height, width=width, channels=channels)
    for first, count, data in pixels.bands():
        link.send_rows(number, first, count, data)
        show(_UPLOAD * (first + count) / height)
    link.request("solve", picture=number)


def _render(link, number, pixels, region, time, denoise, show):
    x, y, width, _ = region
    link.render(
        number,
        time,
        denoise,
        region,
        lambda first, count, data: pixels.store(x, y + first, width, count, data),
        lambda fraction: show(_UPLOAD + (1 - _UPLOAD) * fraction),
    )
