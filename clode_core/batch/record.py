"""What has been made from what: one line of JSON for every result, so that a later run can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from clode_core.batch.work import Outcome, Task, file_state
from clode_core.errors import UserError
from clode_core.pictures.atomic import write_atomically

NAME = ".clode-record.jsonl"
"""Name of the record in the folder of the results."""


class Record:
    """The record of one folder of results.

    A result counts as done if its picture is the same file with the same size and time of change, was made
    with the same settings, weights and version, and has not been changed since. Lines are added whole, each
    after its result is safely on disk; a line that a kill cut short is no line, and of two for one result
    the later counts.

    Parameters
    ----------
    folder : Path
        Folder of the results.
    fingerprint : str
        Of the settings, see `Work.fingerprint`.

    Raises
    ------
    UserError
        If the record can be neither read nor written.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        self.failed = ""
        self.path = path = folder / NAME
        self.new = not os.path.lexists(path)
        try:
            with suppress(FileNotFoundError):
                self._tidy(path)
            self._entries = _read(path)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"{path} cannot be written ({reason}): choose another folder with -o") from None
        self._torn = os.fstat(self._file).st_size > 0 and path.read_bytes()[-1:] != b"\n"

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)

    def remove(self) -> None:
        """Leave no trace, if there was no record before."""
        if self.new:
            self.path.unlink(missing_ok=True)

    def holds(self, task: Task) -> bool:
        """Whether the result of a task is there and made as it would be made now."""
        entry = self._entry(task, file_state(task.source), file_state(task.target))
        known = self._entries.get(entry["target"])
        return None not in (entry["source_state"], entry["target_state"]) and known == entry

    def add(self, outcome: Outcome) -> None:
        """Keep what a result was made from. A full disk is remembered in `failed`, not raised."""
        if outcome.source is None or outcome.target is None:
            return
        entry = self._entry(outcome.task, outcome.source, outcome.target)
        line = json.dumps(entry).encode() + b"\n"
        try:
            written = os.write(self._file, b"\n" * self._torn + line)
            self._torn = written != len(line) + self._torn
        except OSError as error:
            self._torn = True
            self.failed = error.strerror or str(error)

    def _entry(self, task: Task, source: Any, target: Any) -> dict[str, Any]:
        return {
            "target": task.target.relative_to(self.folder).as_posix(),
            "source": os.path.realpath(task.source),
            "source_state": source and list(source),
            "target_state": target and list(target),
            "settings": self.fingerprint,
        }

    @staticmethod
    def _tidy(path: Path) -> None:
        """Leave out the lines that later ones replace, once they are the most."""
        entries = _read(path)
        with path.open("rb") as file:
            lines = sum(1 for _ in file)
        if lines > 2 * len(entries) + 100:
            text = "".join(json.dumps(entry) + "\n" for entry in entries.values())
            write_atomically(path, lambda handle: handle.write(text.encode()))


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Refuse to run beside another run into the same folder, where the system can tell.

    Raises
    ------
    UserError
        If another process runs into this folder.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another run is writing into {folder}: wait for it, or choose another folder with -o"
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Lines of a record by their result; what is no whole line is left out."""
    entries: dict[str, dict[str, Any]] = {}
    try:
        text = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return entries
    for line in text.splitlines():
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            entry = json.loads(line)
            if isinstance(entry["target"], str):
                entries[entry["target"]] = entry
    return entries
