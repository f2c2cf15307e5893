"""A thread that talks with the worker for the dialog: the newest question wins."""

from __future__ import annotations

import collections
import threading

from gi.repository import GLib
from link import WorkerError

PICTURE = 1
_LAST_ANSWER = 20.0  # seconds that an answer which is under way may take
_AHEAD = 4  # bands that may wait to be sent; the rest stays in GIMP


class Talk(threading.Thread):
    """Brings one picture to the worker and asks for views of it.

    Parameters
    ----------
    launcher : Launcher
        Where the worker is.
    shape : (int, int, int)
        Height, width and channels of the picture.
    tell : callable
        Called in GTK's thread with what happened: ("status", text), ("solved", auto), ("view", message),
        ("detail", message) or ("failed", text).
    """

    def __init__(self, launcher, shape, tell):
        super().__init__(daemon=True)
        self.link = None
        self.solved = False
        self._launcher = launcher
        self._shape = shape
        self._tell = tell
        self._news = threading.Condition()
        self._bands = collections.deque()
        self._questions = {}
        self._over = False

    def hungry(self):
        """Whether another band of rows should be brought."""
        with self._news:
            return len(self._bands) < _AHEAD and not self._over

    def bring(self, band):
        """Bring the next band: first row, number of rows, bytes."""
        with self._news:
            self._bands.append(band)
            self._news.notify()

    def ask(self, kind, **fields):
        """Ask for a view or a detail; a question of that kind that still waits is forgotten."""
        with self._news:
            self._questions.pop(kind, None)
            self._questions[kind] = fields
            self._news.notify()

    def stop(self, keep):
        """End the thread; returns the connection if it is to be kept and the picture is ready there."""
        with self._news:
            self._over = True
            self._news.notify()
        if keep and self.solved:
            self.join(_LAST_ANSWER)
            if self.solved and not self.is_alive():
                return self.link
        return None

    def run(self):
        """Talk until stopped."""
        try:
            self._say("status", "Starting CLODE…")
            self.link = self._launcher.connect(going=lambda: not self._over)
            self._upload()
            while (question := self._next_question()) is not None:
                kind, fields = question
                self._say(kind, self.link.request(kind, picture=PICTURE, **fields))
        except (WorkerError, _Over) as error:
            self.solved = False
            if self.link is not None:
                self.link.close()
            if not self._over:
                self._say("failed", str(error))

    def _upload(self):
        height, width, channels = self._shape
        self.link.request("open", picture=PICTURE, height=height, width=width, channels=channels)
        sent = 0
        while sent < height:
            first, count, data = self._next_band()
            self.link.send_rows(PICTURE, first, count, data)
            sent = first + count
            self._say("status", f"Reading the layer… {100 * sent // height} %")
        self._say("status", "Solving…")
        answer = self.link.request("solve", picture=PICTURE)
        self.solved = True
        self._say("solved", answer.number("auto", -20, 20))

    def _next_band(self):
        with self._news:
            while not self._bands:
                if self._over:
                    raise _Over
                self._news.wait()
            return self._bands.popleft()

    def _next_question(self):
        with self._news:
            while not self._questions:
                if self._over:
                    return None
                self._news.wait()
            if self._over:
                return None
            kind = next(iter(self._questions))
            return kind, self._questions.pop(kind)

    def _say(self, what, content):
        GLib.idle_add(self._tell, what, content)


class _Over(Exception):  # noqa: N818 - an order, not an error
    """The dialog is gone."""
