"""The resident process: who may connect, and when it ends."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path
from typing import IO

from clode_core.worker.link.owner import alive, started
from clode_core.worker.link.place import ENDPOINT, LOCK, SOCKET, process_of, write_endpoint
from clode_core.worker.model_host import ModelHost
from clode_core.worker.session import Session

_WATCH = 0.5  # seconds between two looks at the owner
_HANDSHAKE = 10.0


class Server:
    """One worker.

    Parameters
    ----------
    folder : str
        Private folder; one worker serves it at a time.
    owner : int
        Process whose end is the end of the worker, also in mid-computation.
    idle : float
        Seconds without a connection after which the worker ends.
    device : str
        Where to compute.
    """

    def __init__(self, folder: str, owner: int, idle: float, device: str = "auto") -> None:
        self.folder = Path(folder)
        self.owner = owner
        self.since = started(owner)
        self.idle = idle
        self.model_host = ModelHost(device)
        self._open = 0
        self._quiet_since = time.monotonic()
        self._changed = threading.Lock()
        self._ending = threading.Lock()

    def serve(self) -> int:
        """Answer connections until the owner is gone or nobody came for a while."""
        with (self.folder / LOCK).open("w") as lock:
            if not _taken(lock):
                return 0
            key = secrets.token_bytes(32)
            if sys.platform == "win32":
                address, family = rf"\\.\pipe\clode-{secrets.token_hex(16)}", "AF_PIPE"
            else:
                address, family = str(self.folder / SOCKET), "AF_UNIX"
                Path(address).unlink(missing_ok=True)
            with Listener(address, family, backlog=16) as listener:
                write_endpoint(str(self.folder), address, key)
                threading.Thread(target=self._watch, daemon=True).start()
                self.model_host.start()
                while True:
                    try:
                        connection = listener.accept()
                    except OSError:  # the caller hung up before it was let in
                        continue
                    threading.Thread(target=self._welcome, args=(connection, key), daemon=True).start()

    def _welcome(self, connection: Connection, key: bytes) -> None:
        with self._changed:
            self._open += 1
        try:
            # As Listener(authkey=...) does, but a caller that hangs cannot keep others out.
            deliver_challenge(connection, key)
            if connection.poll(_HANDSHAKE):
                answer_challenge(connection, key)
                Session(connection, self.model_host).run()
        except (OSError, EOFError, AuthenticationError):
            pass  # hung up, or does not know the key
        finally:
            with contextlib.suppress(OSError):
                connection.close()
            with self._changed:
                self._open -= 1
                self._quiet_since = time.monotonic()
        if self.model_host.broken:
            self._end(1)

    def _watch(self) -> None:
        while True:
            time.sleep(_WATCH)
            if not alive(self.owner, self.since):
                self._end(0)
            # Nobody finds a worker whose folder was tidied away, or who serves it by now.
            unknown = process_of(str(self.folder)) != os.getpid()
            with self._changed:
                quiet = time.monotonic() - self._quiet_since if self._open == 0 else 0.0
            if quiet > (1 if unknown else self.idle):
                self._end(0)

    def _end(self, code: int) -> None:
        self._ending.acquire()  # never released: the first who comes ends the process
        if process_of(str(self.folder)) == os.getpid():
            for name in (ENDPOINT, SOCKET):
                (self.folder / name).unlink(missing_ok=True)
        sys.stderr.flush()
        os._exit(code)  # a computation cannot be interrupted in any other way


def _taken(lock: IO[str]) -> bool:
    """Whether this process is now the one that serves; the system lets go of the lock when it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
