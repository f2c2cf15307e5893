"""Background work of which only the newest counts."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakSet

from qtpy.QtCore import QObject, QThreadPool, QTimer, Signal
from superqt.utils import create_worker

_REPORT_EVERY = 0.05  # seconds
_OURS = {"clode_core", "napari_clode"}
_LAST_WAIT = 30_000  # milliseconds
_running: WeakSet[JobProgress] = WeakSet()


@atexit.register
def _end_before_qt() -> None:
    """Let running work end while what it reports to still exists."""
    for progress in list(_running):
        progress.stop()
    if _running:
        QThreadPool.globalInstance().waitForDone(_LAST_WAIT)


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """Raised inside work that nobody waits for any more."""


class JobProgress(QObject):
    """Handed to the work: call it with the fraction done; it raises `Cancelled` where the work is to end."""

    reported = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._stop = threading.Event()
        self._last = 0.0

    def stop(self) -> None:
        """Ask the work to end at its next report."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether it has been asked to end."""
        return self._stop.is_set()

    def __call__(self, fraction: float) -> None:
        if self.stopped:
            raise Cancelled
        now = time.monotonic()
        if now - self._last > _REPORT_EVERY:
            self._last = now
            self.reported.emit(fraction)


Work = Callable[[JobProgress], Any]


class LatestJob(QObject):
    """One piece of work at a time, in a thread; of what is asked for meanwhile, only the newest is done.

    Signals
    -------
    done : object
        What the work returned.
    failed : object
        The exception it raised.
    progressed : float
        Fraction done.
    warned : str
        What it warned of.
    idle
        Nothing is left to do.
    """

    done = Signal(object)
    failed = Signal(object)
    progressed = Signal(float)
    warned = Signal(str)
    idle = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._progress: JobProgress | None = None
        self._next: Work | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being done whose result counts."""
        return self._next is not None or (self._progress is not None and not self._progress.stopped)

    @property
    def has_next(self) -> bool:
        """Whether something newer than what is being done has been asked for."""
        return self._next is not None

    def submit(self, work: Work) -> None:
        """Do this as soon as what is being done has ended."""
        self._next = work
        if self._progress is None:
            self._start()

    def cancel(self) -> None:
        """Forget what was asked for; what is being done ends soon and without a result."""
        self._next = None
        if self._progress is not None:
            self._progress.stop()

    def _start(self) -> None:
        work, self._next = self._next, None
        if work is None:
            self.idle.emit()
            return
        self._progress = JobProgress()
        _running.add(self._progress)
        self._progress.reported.connect(self._on_report)
        worker = create_worker(_outcome, work, self._progress, _start_thread=False, _ignore_errors=True)
        worker.returned.connect(self._on_outcome)
        worker.warned.connect(self._on_warning)
        worker.start()

    def _on_report(self, fraction: float) -> None:
        if self._progress is not None and not self._progress.stopped:
            self.progressed.emit(fraction)

    def _on_warning(self, shown: tuple[Any, ...]) -> None:
        message, _, origin, *_ = shown
        if _OURS & set(Path(str(origin)).parts):  # warnings of other threads arrive here too
            self.warned.emit(str(message))

    def _on_outcome(self, outcome: tuple[Any, Exception | None]) -> None:
        progress, self._progress = self._progress, None
        result, error = outcome
        if progress is not None and not progress.stopped:
            if error is None:
                self.done.emit(result)
            elif not isinstance(error, Cancelled):
                self.failed.emit(error)
        if self._progress is None:
            self._start()


def _outcome(work: Work, progress: JobProgress) -> tuple[Any, Exception | None]:
    """Result and error of some work, one of them None: an error is news, not an accident, to the window."""
    try:
        return work(progress), None
    except Exception as error:
        return None, error


def single_shot(parent: QObject, milliseconds: int, slot: Callable[[], None]) -> QTimer:
    """A timer that calls once, some time after it was last started."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(slot)
    return timer
