"""Whether a process is still there, and whether it is at work."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys


def started(process: int) -> str:
    """What tells a process from a later one with the same number; empty where the system does not say."""
    fields = _stat(process)
    return fields[19] if fields else ""


def alive(process: int, since: str = "") -> bool:
    """Whether a process runs, and is the one that `started` at `since`."""
    if sys.platform == "win32":
        return _alive_on_windows(process)
    if sys.platform == "linux" and os.path.isdir("/proc/self"):
        fields = _stat(process)
        # A killed process whose parent has not noticed yet is a zombie: it is gone all the same.
        return bool(fields) and fields[0] not in ("Z", "X") and since in ("", fields[19])
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stopped(process: int) -> bool:
    """Whether a process was stopped (SIGSTOP), so that it says nothing until somebody lets it go on.

    Windows does not say; there a worker that is silent for long is given up.
    """
    if sys.platform == "linux":
        return _stat(process)[:1] == ["T"]
    if sys.platform == "win32":
        return False
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command = ["ps", "-o", "stat=", "-p", str(process)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout
        return said.strip().startswith("T")
    return False


def kill(process: int) -> None:
    """End a process that does not listen."""
    with contextlib.suppress(OSError):
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _stat(process: int) -> list[str]:
    """The fields behind the name in /proc/PID/stat: state first, start time at 19."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _alive_on_windows(process: int) -> bool:
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    synchronize, still_waiting = 0x00100000, 0x102
    handle = kernel.OpenProcess(synchronize, False, process)
    if not handle:
        return False
    try:
        return bool(kernel.WaitForSingleObject(ctypes.c_void_p(handle), 0) == still_waiting)
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))
