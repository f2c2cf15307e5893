"""Find the worker of a process, or start it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError

from .client import Link, Lost, WorkerError
from .owner import kill, stopped
from .place import LOG, PlaceError, last_words, place_for, process_of, read_endpoint

FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "LD_LIBRARY_PATH", "GI_TYPELIB_PATH")
"""Settings of the front end's own Python that would break another one."""
IDLE = 300
_PAUSE = 0.02


class Launcher:
    """Connections to the worker of a process and a Python.

    Parameters
    ----------
    interpreter : str
        The Python that has clode-core.
    owner : int
        Process that the worker serves; it ends when this one does.
    client : str
        Name and version of the caller.
    idle : int
        Seconds without a connection after which the worker ends.
    """

    def __init__(self, interpreter: str, owner: int, client: str, idle: int = IDLE) -> None:
        self.interpreter = interpreter
        self.owner = owner
        self.client = client
        self.idle = idle
        self._child: subprocess.Popen[bytes] | None = None
        self.folder = self._place()

    def _place(self) -> str:
        try:
            return place_for(self.owner, self.interpreter)
        except PlaceError as error:
            raise WorkerError(str(error)) from None
        except OSError as error:
            raise WorkerError(f"CLODE's worker finds no place for its files ({error})") from None

    def connect(self, patience: float = 60.0, going: Callable[[], bool] = lambda: True) -> Link:
        """Connect to the worker, starting it first where none answers.

        Parameters
        ----------
        patience : float
            Seconds to wait for it.
        going : callable
            Asked again and again whether to go on waiting.

        Raises
        ------
        WorkerError
            If it cannot be started; the message holds its last words.
        """
        deadline = time.monotonic() + patience
        while going():
            link = self._try()
            if link is not None:
                self._child = None
                return link
            if self._child is None:
                self._end_stopped()
                self.folder = self._place()  # somebody may have tidied it away
                self._child = self._start()
            elif self._child.poll() is not None:
                ended, self._child = self._child.returncode, None
                if ended != 0:  # 0: another worker serves already, or is just leaving
                    raise WorkerError(self._obituary())
                time.sleep(0.2)
            if time.monotonic() > deadline:
                raise WorkerError(
                    f"CLODE's worker did not start within {patience:.0f} seconds: try again; {self._advice()}"
                )
            time.sleep(_PAUSE)
        raise WorkerError("stopped while CLODE's worker was starting")

    def _try(self) -> Link | None:
        endpoint = read_endpoint(self.folder)
        process = process_of(self.folder)
        if endpoint is None or process is None or stopped(process):
            return None
        try:
            return Link(*endpoint, self.client, self._obituary)
        except (OSError, EOFError, AuthenticationError, Lost):
            return None

    def _end_stopped(self) -> None:
        """End a worker that was stopped: it holds the place, and would never answer."""
        process = process_of(self.folder)
        if process is not None and stopped(process):
            kill(process)
            until = time.monotonic() + 2
            while process_of(self.folder) == process and time.monotonic() < until:
                time.sleep(_PAUSE)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        # Threads that spin while they wait, as they do by default, come to a standstill beside a busy GIMP.
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        command = [self.interpreter, "-P", "-m", "clode_core.worker", "--folder", self.folder]
        command += ["--owner", str(self.owner), "--idle", str(self.idle)]
        no_window = 0x08000000 if sys.platform == "win32" else 0
        try:
            log = os.open(os.path.join(self.folder, LOG), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise WorkerError(
                f"{self.folder} cannot be written ({error.strerror or error}): try again"
            ) from None
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=os.sep,  # which nobody removes
                env=environment,
                start_new_session=True,
                creationflags=no_window,
            )
            # Whoever stays longer than the worker must not keep a dead process around.
            threading.Thread(target=child.wait, daemon=True).start()
            return child
        except OSError as error:
            if not os.path.isdir(self.folder):
                raise WorkerError(
                    f"{self.folder} was removed while CLODE's worker started: try again"
                ) from None
            raise WorkerError(
                f"the Python that CLODE was installed with cannot be started "
                f"({self.interpreter}: {error.strerror or error}): run 'clode gimp install' again"
            ) from None
        finally:
            os.close(log)

    def _obituary(self) -> str:
        words = last_words(self.folder)
        if "No module named 'clode_core" in words or "No module named clode_core" in words:
            return (
                f"{self.interpreter} has no clode-core any more: install it there, "
                "or run 'clode gimp install' from the Python that has it"
            )
        return f"CLODE's worker stopped: try again; {self._advice()}"

    def _advice(self) -> str:
        words = last_words(self.folder)
        return (
            f"its last words:\n{words}" if words else "if it happens again, 'clode gimp doctor' finds out why"
        )
