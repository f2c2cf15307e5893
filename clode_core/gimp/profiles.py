"""Where GIMP 3 keeps what belongs to a user, and where GIMP itself is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_VERSION = re.compile(r"3\.\d+")
_COMMANDS = ("gimp-3", "gimp-3.2", "gimp-3.0", "gimp-console-3", "gimp")
_FLATPAK = "org.gimp.GIMP"


class SetupError(ValueError):
    """What cannot be set up; the message is one sentence that says what to do."""


def _homes() -> list[Path]:
    """Folders that may hold one profile for each version of GIMP."""
    home = Path.home()
    if sys.platform == "win32":
        return [Path(os.environ.get("APPDATA", home / "AppData" / "Roaming")) / "GIMP"]
    if sys.platform == "darwin":
        return [home / "Library" / "Application Support" / "GIMP"]
    configuration = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return [configuration / "GIMP", home / ".var" / "app" / _FLATPAK / "config" / "GIMP"]


def find_profiles() -> list[Path]:
    """Profile folders of every GIMP 3.x that has been started by this user, as ``.../GIMP/3.0``."""
    found = [
        entry
        for home in _homes()
        if home.is_dir()
        for entry in sorted(home.iterdir())
        if _VERSION.fullmatch(entry.name) and entry.is_dir()
    ]
    named = os.environ.get("GIMP3_DIRECTORY")  # where GIMP itself looks when this is set
    if named and Path(named).is_dir():
        found.append(Path(named))
    return found


def chosen_profiles(named: Path | None) -> list[Path]:
    """Return the profile that was named, or all that are found.

    Raises
    ------
    SetupError
        If there is none.
    """
    if named is None:
        found = find_profiles()
        if not found:
            raise SetupError(
                "no profile of GIMP 3 was found: start GIMP 3 once, or name its folder with --profile "
                "(Edit > Preferences > Folders > Plug-ins in GIMP shows it)"
            )
        return found
    profile = named.parent if named.name == "plug-ins" else named
    if not profile.is_dir():
        raise SetupError(f"{profile} is no folder: name the profile folder of GIMP, such as .../GIMP/3.0")
    return [profile]


def find_gimp() -> str | None:
    """Find the command or place of GIMP 3 on this machine."""
    for name in _COMMANDS:
        command = shutil.which(name)
        if command is not None and (name != "gimp" or _is_three(command)):
            return command
    places = [Path("/Applications/GIMP.app"), Path("/var/lib/flatpak/app") / _FLATPAK]
    places += [Path.home() / "Applications" / "GIMP.app", Path.home() / ".local/share/flatpak/app" / _FLATPAK]
    for variable in ("ProgramFiles", "LOCALAPPDATA"):
        base = os.environ.get(variable)
        if base:
            places += [Path(base) / "GIMP 3", Path(base) / "Programs" / "GIMP 3"]
    return next((str(place) for place in places if place.exists()), None)


def find_console() -> list[str] | None:
    """Words that start GIMP 3 without windows; None where there is no such command."""
    for name in ("gimp-console-3", "gimp-console-3.2", "gimp-console-3.0", "gimp-console"):
        command = shutil.which(name)
        if command is not None and (name != "gimp-console" or _is_three(command)):
            return [command]
    gimp = find_gimp()
    if gimp is None:
        return None
    if _FLATPAK in gimp:
        flatpak = shutil.which("flatpak")
        return [flatpak, "run", "--command=gimp-console-3", _FLATPAK] if flatpak else None
    place = Path(gimp)
    for folder in (place / "bin", place / "Contents" / "MacOS", place.parent):
        found = sorted(folder.glob("gimp-console*")) if folder.is_dir() else []
        runnable = [str(path) for path in found if os.access(path, os.X_OK) and path.is_file()]
        three = [path for path in runnable if _is_three(path)]
        if three:
            return [three[0]]
    return None


def _is_three(command: str) -> bool:
    try:
        said = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(re.search(r"\b3\.\d+", said.stdout))
