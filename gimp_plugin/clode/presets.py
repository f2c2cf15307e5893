"""Named settings of the dialog, in one file of GIMP's profile."""

from __future__ import annotations

import json
import os
import uuid

from gi.repository import Gimp

NUMBERS = {"exposure-time": 3.0, "shadows": 0.0, "highlights": 0.0}
"""The numbers that a preset holds, and what they are where an older one lacks them."""
SWITCHES = ("denoise", "new-layer")
"""What it switches on or off."""
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
    return (
        isinstance(values, dict)
        and "exposure-time" in values
        and all(_number(values.get(name, usual)) for name, usual in NUMBERS.items())
        and all(isinstance(values.get(name), bool) for name in SWITCHES)
    )


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -5 <= value <= 5


def keep(name, config):
    """Keep the present settings under a name; an `OSError` says why that is impossible."""
    _write(
        read() | {name.strip()[:_LONGEST]: {key: config.get_property(key) for key in (*NUMBERS, *SWITCHES)}}
    )


def forget(name):
    """Remove a preset."""
    _write({key: values for key, values in read().items() if key != name})


def use(name, config):
    """Set the arguments to those of a preset."""
    found = read().get(name)
    if found is not None:
        for key, value in (NUMBERS | found).items():
            if key in NUMBERS or key in SWITCHES:
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
