"""One call of the procedure: with the dialog or without, and what goes wrong told in a sentence."""

from __future__ import annotations

import json
import os

from gi.repository import Gegl, Gimp
from layers import UserError, touched
from link import Cancelled, Frozen, Launcher, WorkerError
from run import GimpProgress, enhance

__all__ = ["UserError", "launcher", "perform"]

_RECORD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "installed.json")


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
    Gegl.init(None)
    parts = touched(image, drawables)
    start = launcher()
    if run_mode != Gimp.RunMode.INTERACTIVE:
        return work(start, image, drawables, settings_of(config), GimpProgress())
    import gi

    gi.require_version("GimpUi", "3.0")
    from dialog import Dialog

    dialog = Dialog(procedure, config, image, drawables, parts[0], start)
    try:
        if not dialog.ask():
            return False
        link, known = dialog.hand_over()
        return work(start, image, drawables, settings_of(config), dialog.progress, link, known)
    finally:
        dialog.close()


def settings_of(config):
    """What the arguments ask for."""
    return {
        "time": "auto" if config.get_property("auto") else config.get_property("exposure-time"),
        "denoise": config.get_property("denoise"),
        "shadows": config.get_property("shadows"),
        "highlights": config.get_property("highlights"),
        "new_layer": config.get_property("new-layer"),
    }


def work(start, image, drawables, settings, progress, link=None, known=None):
    """Enhance; with another worker if one is stopped by something else. Returns False when cancelled."""
    try:
        for last in (False, True):
            try:
                if link is None:
                    progress.begin("CLODE: starting the worker")
                    link = start.connect(going=lambda: progress.check() is None)
                progress.begin("CLODE")
                enhance(link, image, drawables, settings, progress, known)
                return True
            except Frozen:
                if last:
                    raise
                link, known = None, None
    except Cancelled:
        return False
    except WorkerError as error:
        raise UserError(str(error)) from None
    finally:
        progress.end()
        if link is not None:
            link.close()
