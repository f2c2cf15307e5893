"""Files written whole or not at all: beside the old file first, then renamed over it."""

from __future__ import annotations

import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from clode_core.errors import UserError

TEMPORARY_SUFFIX = ".partial"
"""Suffix of a file that is being written; one is left behind only when the writer is killed."""


_SURELY_LOCKED = 10  # seconds after which a file that is being written has its lock


class WriteError(ValueError):
    """A file cannot be written; the message is one sentence for the person who asked."""


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> Path:
    """Write a file beside `path`, bring it to the disk, and rename it over `path`.

    Parameters
    ----------
    path : Path
        Where to write. A file already there stays as it is when anything fails; otherwise its permissions
        pass to the new one. A symbolic link stays, and the file it leads to is replaced.
    write : callable
        Called once with an empty binary file, open for reading and writing, to write the content to.

    Returns
    -------
    Path
        The path written, as it was given.

    Raises
    ------
    WriteError
        When the name is impossible or a folder's, the folder is missing or closed to writing, or the disk
        is full or fails. What else `write` raises is passed on.
    """
    try:
        target = _target(path)
        temporary = target.parent / f".clode-{uuid.uuid4().hex}{TEMPORARY_SUFFIX}"
        try:
            with temporary.open("x+b") as handle:
                _lock(handle, shared=True)
                write(handle)
                handle.flush()
                os.fsync(handle.fileno())
            with suppress(OSError):
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise WriteError(_sentence(path, error)) from error
    return path


def remove_abandoned(path: Path) -> None:
    """Remove what killed writers left beside a file; what is still being written stays.

    Does nothing where the system has no locks to tell the two apart.
    """
    with suppress(OSError, ValueError):
        for left in path.parent.glob(f".clode-*{TEMPORARY_SUFFIX}"):
            with suppress(OSError), left.open("r+b") as handle:
                if time.time() - left.stat().st_mtime > _SURELY_LOCKED and _lock(handle, shared=False):
                    left.unlink()


def _lock(handle: BinaryIO, shared: bool) -> bool:
    """Lock an open file, for as long as it is open; False where that cannot be."""
    try:
        import fcntl

        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _target(path: Path) -> Path:
    """Follow links to the file to replace, and make sure that it can be one."""
    try:
        target = Path(os.path.realpath(path))
        folder, housed = target.is_dir(), target.parent.is_dir()
    except ValueError as error:
        raise WriteError(f"{str(path)!r} is not a possible file name; check it.") from error
    if folder:
        raise WriteError(f"{path} is a folder; give the name of a file to write.")
    if not housed:
        raise WriteError(f"{path} cannot be written, since its folder does not exist; make it first.")
    return target


def _sentence(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path} was not written, since the disk is full; free some space."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} cannot be written, since its folder is closed to you; choose another folder."
    return f"{path} was not written ({error.strerror or error}); check the disk and its space."


def make_folder(folder: Path) -> None:
    """Make a folder for results, or say why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made or is no folder ({error.strerror}): choose another with -o"
        ) from None
