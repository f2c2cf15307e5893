"""The private folder of a worker: its endpoint, key, lock and log."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterator
from typing import Any

from .owner import alive, started

ENDPOINT = "endpoint.json"
LOCK = "lock"
LOG = "worker.log"
SOCKET = "socket"
_ROOM = 1 << 16  # bytes that a worker may have to say
_LONGEST_SOCKET = 100  # the system's limit on the path of a Unix socket is 104 or 108 bytes


class PlaceError(Exception):
    """No folder that is safe to use; the message says what to do."""


def place_for(owner: int, interpreter: str) -> str:
    """Make or find the folder of the worker of a process and a Python; only this user can open it."""
    name = f"{owner}-{started(owner) or ''}-{zlib.crc32(os.fsencode(interpreter)):08x}"
    trouble = None
    for base in _bases():
        try:
            _sweep(base)
            return _with_room(private(os.path.join(base, name)))
        except OSError as error:
            trouble = f"{base} cannot be written ({error.strerror or error})"
    raise PlaceError(f"CLODE's worker finds no place for its files: {trouble}; free some space there")


def _with_room(folder: str) -> str:
    """Write a little, as a worker will: a disk that is full still makes folders."""
    probe = os.path.join(folder, f"room-{os.getpid()}-{threading.get_ident()}")
    try:
        with open(probe, "wb") as file:
            file.write(bytes(_ROOM))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(probe)
    return folder


def private(folder: str) -> str:
    """Make a folder that only its owner can open, and make sure that it is one."""
    with contextlib.suppress(FileExistsError):
        os.makedirs(folder, mode=0o700)
    if sys.platform == "win32":  # the folder is inside the user's own, closed to others
        return folder
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PlaceError(f"{folder} is not a folder that only you can open; remove it and try again")
    return folder


def _bases() -> Iterator[str]:
    """Folders of this user for the folders of workers, the best first; each is made."""
    if sys.platform == "win32":
        yield private(os.path.join(os.environ.get("LOCALAPPDATA", tempfile.gettempdir()), "clode-worker"))
        return
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    candidates = [os.path.join(runtime, "clode")] if os.path.isdir(runtime) else []
    candidates += [os.path.join(home, f"clode-{os.getuid()}") for home in (tempfile.gettempdir(), "/tmp")]
    found = False
    for base in dict.fromkeys(candidates):
        if len(os.fsencode(base)) + len(f"/{2**22}-{2**63}-{2**31:08x}/{SOCKET}") <= _LONGEST_SOCKET:
            with contextlib.suppress(OSError):
                base = private(base)
                found = True
                yield base
    if not found:
        raise PlaceError(f"CLODE's worker finds no folder for its socket: make {candidates[-1]} possible")


def _sweep(base: str) -> None:
    """Remove what workers of processes that are gone left behind."""
    for name in os.listdir(base):
        owner, since = [*name.split("-"), ""][:2]
        if owner.isdigit() and not alive(int(owner), since):
            shutil.rmtree(os.path.join(base, name), ignore_errors=True)


def write_endpoint(folder: str, address: str, key: bytes) -> None:
    """Hand address and key to this user's other processes, whole or not at all."""
    target = os.path.join(folder, ENDPOINT)
    partial = f"{target}.{os.getpid()}"
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        process = os.getpid()
        entry = {"address": address, "key": key.hex(), "process": process, "since": started(process)}
        json.dump(entry, file)
    os.replace(partial, target)


def read_endpoint(folder: str) -> tuple[str, bytes] | None:
    """Address and key of the worker of a folder, if one has said them."""
    entry = _entry(folder)
    try:
        return str(entry["address"]), bytes.fromhex(entry["key"])
    except (ValueError, KeyError, TypeError):
        return None


def process_of(folder: str) -> int | None:
    """Number of the process that serves a folder, if it is the one that said so."""
    entry = _entry(folder)
    process, since = entry.get("process"), entry.get("since")
    if isinstance(process, int) and isinstance(since, str) and alive(process, since):
        return process
    return None


def _entry(folder: str) -> dict[str, Any]:
    try:
        with open(os.path.join(folder, ENDPOINT), encoding="utf-8") as file:
            entry = json.load(file)
    except (OSError, ValueError):
        return {}
    return entry if isinstance(entry, dict) else {}


def last_words(folder: str, lines: int = 4) -> str:
    """Give the last lines of the worker's log."""
    try:
        with open(os.path.join(folder, LOG), "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join([line.rstrip() for line in text.splitlines() if line.strip()][-lines:])
