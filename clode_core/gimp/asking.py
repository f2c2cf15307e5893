"""The real GIMP, asked whether it knows the plug-in, and why not."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clode_core.gimp.install import FOLDER

PROCEDURE = "plug-in-clode"
_KNOWN, _UNKNOWN = "CLODE is in the menu", "CLODE is not in the menu"
# In pieces, for GIMP repeats a question that it does not understand.
_QUESTION = (
    f'(gimp-message (string-append "CLODE is " (if (defined? \'{PROCEDURE}) "in" "not in") " the menu"))'
)
_PATIENCE = 300
_LARGEST = 1 << 24  # bytes of a file of the profile that is copied
_REASONS = (
    re.compile(r"CLODE: .*"),
    re.compile(r"(?:\w+\.)*\w*(?:Error|Exception)\b: .*"),
    re.compile(r".*(?:env:|Fatal Python error).*"),
    re.compile(rf".*\b{FOLDER}\.py\b.*"),
)


@dataclass(frozen=True)
class Answer:
    """What GIMP says of the plug-in.

    Attributes
    ----------
    known : bool or None
        Whether it is in its menus; None where GIMP could not be asked.
    reason : str
        What GIMP or the plug-in complained about, or why GIMP could not be asked.
    """

    known: bool | None
    reason: str = ""


def ask(console: list[str], profile: Path) -> Answer:
    """Start GIMP without windows on a copy of a profile, and ask.

    Parameters
    ----------
    console : list of str
        Words that start it.
    profile : Path
        The profile. It stays as it is.
    """
    try:
        with _copied(profile) as copy:
            said = _run(console, copy)
            if _KNOWN in said:
                return Answer(True)
            if _UNKNOWN not in said:
                return Answer(None, reason=_last(said) or "it said nothing")
            return Answer(False, reason=_reason(said) or "it does not say why")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Answer(None, reason=" ".join(str(error).split()))


@contextmanager
def _copied(profile: Path) -> Iterator[Path]:
    """A profile with the same files and folders, in which GIMP may write; beside it, for sandboxes."""
    copy = profile.with_name(f".clode-doctor-{uuid.uuid4().hex}")
    copy.mkdir(mode=0o700)
    try:
        for entry in profile.iterdir():
            with contextlib.suppress(OSError):
                if entry.is_dir():
                    _mirror(entry, copy / entry.name)
                elif entry.stat().st_size <= _LARGEST:
                    shutil.copy2(entry, copy / entry.name)
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _mirror(folder: Path, target: Path) -> None:
    try:
        target.symlink_to(folder, target_is_directory=True)
    except OSError:  # Windows without the right to make links
        if folder.name == "plug-ins" and (folder / FOLDER).is_dir():
            shutil.copytree(folder / FOLDER, target / FOLDER)


def _run(console: list[str], profile: Path) -> str:
    if len(console) > 1:  # Flatpak hands over only what it is told
        console = [*console[:-1], f"--env=GIMP3_DIRECTORY={profile}", console[-1]]
    words = [*console, "--no-data", "--no-fonts", "--quit", "--batch-interpreter", "plug-in-script-fu-eval"]
    said = subprocess.run(
        [*words, "--batch", _QUESTION],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_PATIENCE,
        env=os.environ | {"GIMP3_DIRECTORY": str(profile)},
        check=False,
    )
    return said.stdout


def _reason(said: str) -> str:
    """The line that tells most, by the order of `_REASONS`."""
    lines = [line.strip() for line in said.splitlines()]
    for pattern in _REASONS:
        for line in reversed(lines):
            if pattern.fullmatch(line):
                return line
    return ""


def _last(said: str) -> str:
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
