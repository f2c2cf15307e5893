"""The plug-in's files: into a profile, whole or not at all, and out of it again."""

from __future__ import annotations

import json
import os
import shutil
import sys
import uuid
from pathlib import Path

from clode_core._version import __version__
from clode_core.gimp.profiles import SetupError

FOLDER = "clode"
SCRIPT = "clode.py"
RECORD = "installed.json"
_MAKER = "clode gimp install"


def plugin_files() -> dict[str, Path]:
    """Every file of the plug-in, by its path inside the plug-in's folder.

    Raises
    ------
    SetupError
        If they are not beside this module, as in an installed package, nor in the checkout around it.
    """
    here = Path(__file__).resolve().parent
    for home in (here / "plugin", here.parents[1] / "gimp_plugin" / "clode"):
        if (home / SCRIPT).is_file():
            files = {path.name: path for pattern in ("*.py", "*.html") for path in sorted(home.glob(pattern))}
            link = here.parent / "worker" / "link"
            return files | {f"link/{path.name}": path for path in sorted(link.glob("*.py"))}
    raise SetupError("the files of the plug-in are missing: install clode-core again")


def folder_in(profile: Path) -> Path:
    """Where the plug-in is in a profile."""
    return profile / "plug-ins" / FOLDER


def read_record(folder: Path) -> dict[str, str] | None:
    """Return what an installation wrote down, or None where there is none of ours."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(record, dict) and record.get("made_by") == _MAKER
    return {str(key): str(value) for key, value in record.items()} if ours else None


def install(profile: Path, interpreter: str = sys.executable) -> Path:
    """Put the plug-in into a profile, in place of an older one.

    Parameters
    ----------
    profile : Path
        Profile folder of GIMP.
    interpreter : str
        The Python that has clode-core; the plug-in starts its worker with it.

    Returns
    -------
    Path
        The plug-in's folder.

    Raises
    ------
    SetupError
        If a folder of that name was not made by this command, or the profile cannot be written.
    """
    target = folder_in(profile)
    _refuse_foreign(target)
    files = plugin_files()
    staged = target.with_name(f".{FOLDER}-{uuid.uuid4().hex}.partial")
    try:
        (staged / "link").mkdir(parents=True)
        for name, source in files.items():
            shutil.copyfile(source, staged / name)
        (staged / SCRIPT).chmod(0o755)  # GIMP passes over a plug-in that is not executable
        record = {"made_by": _MAKER, "version": __version__, "interpreter": interpreter}
        (staged / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        _take_away(target)
        os.replace(staged, target)
    except OSError as error:
        raise SetupError(f"{target} cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return target


def uninstall(profile: Path) -> Path | None:
    """Take the plug-in out of a profile; returns its folder, or None where there was none.

    Raises
    ------
    SetupError
        If the folder was not made by `install`, or cannot be removed.
    """
    target = folder_in(profile)
    if not os.path.lexists(target):
        return None
    _refuse_foreign(target)
    try:
        _take_away(target)
    except OSError as error:
        raise SetupError(f"{target} cannot be removed ({error.strerror or error})") from None
    return target


def _refuse_foreign(target: Path) -> None:
    if os.path.lexists(target) and (target.is_symlink() or read_record(target) is None):
        raise SetupError(f"{target} was not made by '{_MAKER}': move it away first")


def _take_away(target: Path) -> None:
    """Rename first: a folder that is half removed is never in the place of a plug-in."""
    if target.exists():
        old = target.with_name(f".{FOLDER}-{uuid.uuid4().hex}.old")
        os.replace(target, old)
        shutil.rmtree(old, ignore_errors=True)
