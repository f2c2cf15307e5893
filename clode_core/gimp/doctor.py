"""From GIMP to the network and back: each link of the chain, tried."""

from __future__ import annotations

import os
import shutil
import subprocess
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clode_core._version import __version__
from clode_core.gimp.asking import ask
from clode_core.gimp.install import RECORD, SCRIPT, folder_in, plugin_files, read_record
from clode_core.gimp.profiles import SetupError, chosen_profiles, find_console, find_gimp
from clode_core.worker.link import Launcher, WorkerError
from clode_core.worker.link.launch import FOREIGN

_AGAIN = "run 'clode gimp install'"
_MENU = "Filters > Light and Shadow > CLODE"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    good : bool or None
        Whether this link of the chain holds; None where that cannot be found out here.
    text : str
        What was found, and if it is not good, what to do.
    """

    good: bool | None
    text: str


def examine(named: Path | None = None) -> Iterator[Finding]:
    """Check everything between GIMP and the network, one finding after the other.

    Parameters
    ----------
    named : Path, optional
        One profile of GIMP; by default all that are found.
    """
    gimp = find_gimp()
    if gimp is None:
        yield Finding(False, "no GIMP 3 was found on this machine: install GIMP 3.0 or newer")
    else:
        yield Finding(True, f"GIMP 3 is here: {gimp}")
    try:
        profiles = chosen_profiles(named)
        files = plugin_files()
    except SetupError as error:
        yield Finding(False, str(error))
        return
    interpreters = []
    for profile in profiles:
        yield Finding(True, f"profile: {profile}")
        for finding in _installed(folder_in(profile), files):
            yield finding
            if finding.good is False:
                break
        else:
            if gimp is not None:
                yield _in_menu(profile)
            interpreter = (read_record(folder_in(profile)) or {})["interpreter"]
            if interpreter not in interpreters:
                interpreters.append(interpreter)
    for interpreter in interpreters:
        for finding in _working(interpreter):
            yield finding
            if finding.good is False:
                break


def _in_menu(profile: Path) -> Finding:
    """Ask the real GIMP: most of what keeps a plug-in out of the menu is seen nowhere else."""
    console = find_console()
    if console is None:
        return Finding(
            None, f"no gimp-console was found to ask: look for {_MENU} in GIMP, which lists it or does not"
        )
    answer = ask(console, profile)
    if answer.known is None:
        return Finding(None, f"GIMP could not be asked ({answer.reason}): look for {_MENU} in it")
    if answer.known:
        return Finding(True, f"GIMP has it in its menus: {_MENU}")
    return Finding(
        False, f"GIMP does not have it in its menus, because the plug-in fails there: {answer.reason}"
    )


def _installed(folder: Path, files: dict[str, Path]) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding(False, f"the plug-in is not in {folder}: {_AGAIN}")
        return
    record = read_record(folder)
    if record is None or "interpreter" not in record:
        yield Finding(False, f"{folder} was not made by 'clode gimp install': move it away, then {_AGAIN}")
        return
    yield Finding(True, f"the plug-in is in {folder}")
    different = [name for name, source in files.items() if not _same(folder / name, source)]
    if different or record.get("version") != __version__:
        what = f"version {record.get('version')}" if record.get("version") != __version__ else different[0]
        yield Finding(False, f"the plug-in is not that of clode-core {__version__} ({what}): {_AGAIN}")
    else:
        yield Finding(True, f"its files are complete and those of clode-core {__version__}")
    if os.name != "nt" and not os.access(folder / SCRIPT, os.X_OK):
        yield Finding(False, f"{folder / SCRIPT} is not executable, so GIMP passes over it: {_AGAIN}")
    else:
        yield Finding(True, f"{SCRIPT} is executable")


def _same(installed: Path, source: Path) -> bool:
    try:
        return installed.read_bytes() == source.read_bytes()
    except OSError:
        return False


def _working(interpreter: str) -> Iterator[Finding]:
    if shutil.which(interpreter) is None:
        yield Finding(False, f"the Python written down in {RECORD} is gone ({interpreter}): {_AGAIN}")
        return
    yield Finding(True, f"the Python with clode-core is there: {interpreter}")
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    program = "import clode_core, torch; print(clode_core.__version__, torch.__version__)"
    command = [interpreter, "-P", "-c", program]
    try:
        said = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=300,
            env=environment,
            cwd=os.sep,  # torch cannot be loaded where the working folder was removed
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding(False, f"{interpreter} cannot be run ({error}): {_AGAIN} from a Python that works")
        return
    if said.returncode:
        last = (said.stderr.strip().splitlines() or ["no message"])[-1]
        yield Finding(False, f"{interpreter} cannot import clode-core ({last}): install it there again")
        return
    version, torch = said.stdout.split()
    if version == __version__:
        yield Finding(True, f"it imports clode-core {version} and torch {torch}")
    else:
        yield Finding(
            False, f"it has clode-core {version}, and this is {__version__}: {_AGAIN} from one of them"
        )
    yield from _answering(interpreter)


def _answering(interpreter: str) -> Iterator[Finding]:
    """Enhance a small grey picture by way of the worker, as GIMP does."""
    side = 32
    dark = array("f", [0.1 + 0.1 * (k % side) / side for k in range(side * side)]).tobytes()
    brightest = 0.0

    def store(first: int, count: int, data: memoryview) -> None:
        nonlocal brightest
        brightest = max(brightest, *memoryview(bytes(data)).cast("f"))

    link = None
    try:
        link = Launcher(interpreter, os.getpid(), "clode gimp doctor", idle=1).connect()
        yield Finding(True, f"its worker starts and answers (clode-core {link.version})")
        device = link.request("status").text("device")
        yield Finding(True, f"the weights load; pictures are computed on {device}")
        link.upload(1, (side, side, 1), [(0, side, dark)])
        link.request("solve", picture=1)
        link.render(1, 3.0, True, (0, 0, side, side), store)
    except WorkerError as error:
        yield Finding(False, f"{error}")
        return
    finally:
        if link is not None:
            link.close()
    if brightest > 0.4:
        yield Finding(True, "a dark picture comes back bright")
    else:
        yield Finding(False, "a dark picture comes back dark: install clode-core again")
