"""Named settings of the dialog, in one file of GIMP's profile."""

from __future__ import annotations

import json
import os
import uuid

from gi.repository import Gimp

NAMES = ("exposure-time", "denoise", "new-layer")
"""The arguments that a preset holds."""
_MOST = 50
_LONGEST = 60


def _path():
    return os.path.join(Gimp.directory(), "plug-in-settings", "clode-presets.json")


def read():
    """Every preset by its name; none where the file is missing or no such file."""
    try:
        with open(_path(), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name)[:_LONGEST]: values for name, values in found.items() if _good(values)}


def _good(values):
    time = values.get("exposure-time") if isinstance(values, dict) else None
    return (
        isinstance(time, (int, float))
        and not isinstance(time, bool)
        and -5 <= time <= 5
        and all(isinstance(values.get(name), bool) for name in NAMES[1:])
    )


def keep(name, config):
    """Keep the present settings under a name; an `OSError` says why that is impossible."""
    _write(read() | {name.strip()[:_LONGEST]: {key: config.get_property(key) for key in NAMES}})


def forget(name):
    """Remove a preset."""
    _write({key: values for key, values in read().items() if key != name})


def use(name, config):
    """Set the arguments to those of a preset."""
    for key, value in read().get(name, {}).items():
        if key in NAMES:
            config.set_property(key, value)


def _write(presets):
    target = _path()
    os.makedirs(os.path.dirname(target), exist_ok=True)
    partial = f"{target}.{uuid.uuid4().hex}"
    try:
        with open(partial, "w", encoding="utf-8") as file:
            json.dump(dict(sorted(presets.items())[:_MOST]), file, indent=1)
        os.replace(partial, target)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
