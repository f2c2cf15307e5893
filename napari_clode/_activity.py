"""Long work in napari's own terms: a bar in the activity dock, the time left, a word at the end."""

from __future__ import annotations

import time

from napari.utils import progress as progress_bar
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject, Signal

from napari_clode._jobs import LatestJob

_STEPS = 1000
_PATIENCE = 0.5  # seconds that work takes before it gets a bar
_TOLD = 0.03  # fraction done from which the time left can be told


class Activity(QObject):
    """Shows one kind of work in the activity dock while it lasts.

    Parameters
    ----------
    job : LatestJob
        The work.
    title : str
        What it is called in the dock.

    Signals
    -------
    progressed : float, str
        Fraction done, and the time left in words, which may be empty.
    ended
        Nothing is being done any more.
    """

    progressed = Signal(float, str)
    ended = Signal()

    def __init__(self, job: LatestJob, title: str, parent: QObject) -> None:
        super().__init__(parent)
        self.title = title
        self._job = job
        self._bar: progress_bar | None = None
        self._began = self._last = 0.0
        self._drawing = self._opening = False
        job.progressed.connect(self._on_progress)
        job.idle.connect(self.end)

    def end(self) -> None:
        """Take the bar away; also where the work itself ends a little later."""
        self._began = 0.0
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self.ended.emit()

    def _on_progress(self, fraction: float) -> None:
        now = time.monotonic()
        if not self._began or fraction < self._last:
            self._began = now
        self._last = fraction
        left = time_left(now - self._began, fraction)
        if self._bar is None and not self._opening and now - self._began > _PATIENCE:
            self._open()
        self._draw(fraction, left)
        if self._began:  # it may have ended meanwhile
            self.progressed.emit(fraction, left)

    def _open(self) -> None:
        """Make the bar; napari lets other events happen meanwhile, such as the next progress or the end."""
        self._opening = True
        try:
            bar = progress_bar(total=_STEPS, desc=self.title)
        finally:
            self._opening = False
        if self._began:
            self._bar = bar
        else:
            bar.close()

    def _draw(self, fraction: float, left: str) -> None:
        """Move the bar; napari lets other events happen meanwhile, so that it may be gone afterwards."""
        bar = self._bar
        if bar is None or self._drawing:
            return
        self._drawing = True
        try:
            bar.update(round(_STEPS * fraction) - bar.n)
            if self._bar is bar:
                bar.set_description(f"{self.title}, {left}" if left else self.title)
        finally:
            self._drawing = False


def time_left(seconds: float, fraction: float) -> str:
    """How long work will still take, in words; empty while that cannot be told."""
    if fraction < _TOLD or seconds < _PATIENCE:
        return ""
    left = seconds * (1 - fraction) / fraction
    if left < 90:
        return f"{max(1, round(left))} s left"
    return f"{round(left / 60)} min left" if left < 5400 else f"{left / 3600:.1f} h left"


def announce(text: str, *, error: bool = False) -> None:
    """A notification of napari, for what ends when nobody looks at the widget."""
    (show_error if error else show_info)(text)
