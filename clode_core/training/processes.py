"""The processes of a training: started or joined together, and ended together.

Lightning starts the further processes of a machine by running the command again, or joins those that
``torchrun`` or SLURM started. Here that happens before any work, so that whatever fails in one process,
wherever it is, is said once, by the first, and ends all.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from lightning.fabric import Fabric
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.strategies.launchers import _SubprocessScriptLauncher
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import distributed
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from clode_core.training.config import TrainerConfig, TrainingError
from clode_core.training.hardware import check_hardware

T = TypeVar("T")
_POLL = 0.2
_GRACE = 4.0
"""Seconds in which a process leaves by itself once another failed, before it is ended."""
_INTERRUPTED_GRACE = 1.0
_INTERRUPTED = "interrupted"
_INTERRUPTED_SENTENCE = "interrupted; finished files are complete"
_ENDED = "another process of this training ended without a word (killed, or out of memory): resume it."


@dataclass(frozen=True)
class Processes:
    """A process among those that train together.

    Attributes
    ----------
    rank, size : int
        Number of this process, from 0, and how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def agreed(self, value: T) -> T:
        """The first process's value, in all of them; all must ask."""
        return broadcast(value) if self.size > 1 else value


def broadcast(value: T) -> T:
    """The first process's value."""
    box = [value]
    distributed.broadcast_object_list(box)
    return box[0]


def gather(value: T) -> list[T]:
    """The values of all processes, in order; all must ask."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return [value]
    values: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


def first_process() -> bool:
    """Whether this process speaks for all of a training that has run."""
    together = distributed.is_available() and distributed.is_initialized()
    return not together or distributed.get_rank() == 0


def interrupt(signum: int, frame: object) -> None:
    """End as Ctrl-C does: handler of SIGTERM."""
    raise KeyboardInterrupt


@contextmanager
def processes(settings: TrainerConfig) -> Iterator[Processes]:
    """Start the processes of a training or join them; when one fails, end all.

    In the first process the error is raised, wherever it happened; the others leave silently.

    Raises
    ------
    TrainingError
        If they cannot be started as the settings want them, or one failed.
    """
    fabric = _fabric(settings)
    with _interrupted_by_sigterm() as signals:
        if fabric.world_size == 1:
            yield Processes()
            return
        _start(fabric, signals)
        group = Processes(fabric.global_rank, fabric.world_size)
        monitor = _GroupMonitor(group, signals)
        try:
            yield group
        except BaseException as error:
            monitor.fail(error)
        monitor.leave()


def _fabric(settings: TrainerConfig) -> Fabric:
    check_hardware(settings)
    try:
        fabric = Fabric(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.nodes,
            strategy=settings.strategy,
        )
    except (MisconfigurationException, ValueError, ImportError) as error:
        raise TrainingError(f"trainer: {str(error).splitlines()[0]}") from error
    started = _started()
    if started is not None and started != fabric.world_size:
        raise TrainingError(
            f"trainer: {started} processes were started, but devices times nodes is {fabric.world_size}: "
            "let both agree."
        )
    if fabric.world_size > 1 and not isinstance(fabric.strategy.launcher, _SubprocessScriptLauncher):
        raise TrainingError(
            f"trainer.strategy: {settings.strategy} does not start processes by a command: choose ddp, and "
            "train by the command clode."
        )
    return fabric


def _started() -> int | None:
    """How many processes whoever started this one says there are."""
    for environment in (TorchElasticEnvironment, SLURMEnvironment):
        if environment.detect():
            return int(environment().world_size())
    size = os.environ.get("WORLD_SIZE") if "NODE_RANK" in os.environ else None
    return int(size) if size and size.isdecimal() else None


def _start(fabric: Fabric, signals: _Signals | None) -> None:
    try:
        with _ended_while_waiting(fabric, signals):
            fabric.launch()
    except BaseException as error:
        _kill_started(fabric)
        if isinstance(error, RuntimeError | ValueError):
            raise TrainingError(f"trainer: {str(error).splitlines()[0]}") from error
        raise


def _kill_started(fabric: Fabric) -> None:
    for process in getattr(fabric.strategy.launcher, "procs", []):
        process.kill()


@contextmanager
def _ended_while_waiting(fabric: Fabric, signals: _Signals | None) -> Iterator[None]:
    """Let a signal end this process while it waits for others, which it does in compiled code."""
    started = threading.Event()

    def watch() -> None:
        while signals is not None and not started.wait(_POLL):
            if signals.ask_to_end() and not started.wait(_INTERRUPTED_GRACE):
                _kill_started(fabric)
                if os.environ.get("LOCAL_RANK", "0") == "0":
                    print(f"clode: {_INTERRUPTED_SENTENCE}", file=sys.stderr, flush=True)
                os._exit(130)

    watcher = threading.Thread(target=watch, daemon=True, name="clode-start")
    watcher.start()
    try:
        yield
    finally:
        started.set()
        watcher.join()


class _Signals:
    """The signals that arrived, seen from any thread.

    Python runs handlers in the main thread only, which may wait in compiled code for another process and
    never come back. The interpreter writes each signal's number to a socket at once, whatever it does.
    """

    def __init__(self) -> None:
        self._read, self._written = socket.socketpair()
        for end in (self._read, self._written):
            end.setblocking(False)

    def __enter__(self) -> _Signals:
        self._before: int = signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.set_wakeup_fd(self._before)
        self._read.close()
        self._written.close()

    def ask_to_end(self) -> bool:
        """Whether one of those that arrived since the last call asks the program to end."""
        try:
            return any(number in (signal.SIGTERM, signal.SIGINT) for number in self._read.recv(4096))
        except OSError:  # none arrived, or it is closed
            return False


@contextmanager
def _interrupted_by_sigterm() -> Iterator[_Signals | None]:
    if threading.current_thread() is not threading.main_thread():
        yield None  # only the main thread may set handlers
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with _Signals() as signals:
            yield signals
    finally:
        signal.signal(signal.SIGTERM, before)


class _GroupMonitor:
    """Tells every process when one failed, beside the process group, which may be stuck.

    Until then nothing is sent but one question per process and `_POLL` seconds.
    """

    def __init__(self, group: Processes, signals: _Signals | None) -> None:
        self.group = group
        self._signals = signals
        host = os.environ["MASTER_ADDR"]
        if group.first:
            self.store = TCPStore(host, 0, is_master=True, wait_for_workers=False)
            group.agreed(self.store.port)
        else:
            self.store = TCPStore(host, group.agreed(0), is_master=False, wait_for_workers=False)
        self._leaving = threading.Event()
        threading.Thread(target=self._watch, daemon=True, name="clode-monitor").start()

    def leave(self) -> None:
        """Leave in peace."""
        self._leaving.set()
        with suppress(RuntimeError):
            self.store.add("left", 1)

    def fail(self, error: BaseException) -> None:
        """Leave because of an error; raises what this process is to end with."""
        self._leaving.set()
        reason, mine = self._tell(error)
        if reason == _INTERRUPTED and self.group.first:
            self._exit(reason)  # gloo may abort when it is torn down under work that is under way
        if distributed.is_initialized() and distributed.get_backend() == "gloo":
            with suppress(RuntimeError):
                distributed.destroy_process_group()  # wakes those who wait for this process
        if self.group.first:
            self._wait_for_others()
            with suppress(RuntimeError):
                self.store.set("closed", "")
            if mine and reason == _ENDED:
                raise TrainingError(reason) from error
            if mine or isinstance(error, TrainingError | OSError | MemoryError):
                raise error
            raise TrainingError(reason) from None
        if mine and reason.startswith("process "):
            traceback.print_exception(error)
        with suppress(RuntimeError):
            self.store.add("left", 1)
        if "TORCHELASTIC_RUN_ID" not in os.environ and os.environ.get("LOCAL_RANK", "0") != "0":
            raise SystemExit(0)  # else Lightning would kill the first process before it has said why
        self._wait(lambda: self.store.check(["closed"]))
        raise SystemExit(1)

    def _tell(self, error: BaseException) -> tuple[str, bool]:
        """What failed first, and whether it was this."""
        own = f"{self.group.rank} {_sentence(error, self.group.rank)}"
        try:
            said = self.store.compare_set("failed", "", own).decode()
        except RuntimeError:  # the first process is gone, and the store with it
            return _ENDED, False
        return said.partition(" ")[2], said == own

    def _wait_for_others(self) -> None:
        """The store lives in the first process: whoever asks it later would complain."""
        self._wait(lambda: self.store.add("left", 0) >= self.group.size - 1)

    def _wait(self, reached: Any) -> None:
        end = time.monotonic() + _GRACE + 1
        with suppress(RuntimeError):
            while time.monotonic() < end and not reached():
                time.sleep(_POLL / 4)

    def _watch(self) -> None:
        reason = _ENDED
        while not self._leaving.wait(_POLL):
            try:
                if self._signals is not None and self._signals.ask_to_end():
                    self.store.compare_set("failed", "", f"{self.group.rank} {_INTERRUPTED}")
                if self.store.check(["failed"]):
                    reason = self.store.get("failed").decode().partition(" ")[2]
                    break
            except RuntimeError:
                break
        if not self._leaving.wait(_INTERRUPTED_GRACE if reason == _INTERRUPTED else _GRACE):
            self._exit(reason)  # the main thread waits for a process that is gone

    def _exit(self, reason: str) -> NoReturn:
        """End this process at once; the first says why, when the others have left."""
        interrupted = reason == _INTERRUPTED
        if self.group.first:
            sentence = _INTERRUPTED_SENTENCE if interrupted else reason
            print(f"clode: {sentence}", file=sys.stderr, flush=True)
            self._wait_for_others()
        with suppress(RuntimeError):
            self.store.add("left", 1)
        os._exit(130 if interrupted else 1)


def _sentence(error: BaseException, rank: int) -> str:
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if isinstance(error, distributed.DistError) or "gloo" in str(error):
        return _ENDED
    if isinstance(error, ValueError | OSError | MemoryError):
        return str(error) or "out of memory"
    return f"process {rank} failed: {type(error).__name__}: {error}"
