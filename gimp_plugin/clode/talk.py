"""A thread that talks with the worker for the dialog: the newest question wins."""

from __future__ import annotations

import collections
import threading

from gi.repository import GLib
from link import Frozen, WorkerError
from selection import ask_auto

PICTURE = 1
_AHEAD = 4  # bands that may wait to be sent; the rest stays in GIMP


class Talk(threading.Thread):
    """Brings a picture to the worker, as often as it changes, and asks for views of it.

    Parameters
    ----------
    launcher : Launcher
        Where the worker is.
    tell : callable
        Called in GTK's thread with what happened: ("status", text), ("again", None) if the picture has to be
        brought again, ("solved", auto), ("auto", auto), ("pixels", (name, place, message)),
        ("failed", text). What belongs to a picture that was replaced meanwhile is not told.
    """

    def __init__(self, launcher, tell):
        super().__init__(daemon=True)
        self.link = None
        self.solved = False
        self._launcher = launcher
        self._tell = tell
        self._news = threading.Condition()
        self._picture = None
        self._turn = 0
        self._bands = collections.deque()
        self._questions = {}
        self._over = False

    def begin(self, pixels):
        """Begin to bring a picture, in place of the one before."""
        with self._news:
            self._turn += 1
            self._picture = pixels.shape, pixels.samples
            self.solved = False
            self._bands.clear()
            self._questions.clear()
            self._news.notify()

    def hungry(self):
        """Whether another band of rows should be brought."""
        with self._news:
            return len(self._bands) < _AHEAD and not self._over

    def bring(self, band):
        """Bring the next band: first row, number of rows, bytes."""
        with self._news:
            self._bands.append(band)
            self._news.notify()

    def ask(self, name, kind, place=None, **fields):
        """Ask for something; an earlier question of that name that still waits is forgotten."""
        with self._news:
            self._questions.pop(name, None)
            self._questions[name] = kind, place, fields
            self._news.notify()

    def busy(self):
        """Whether something is waited for."""
        with self._news:
            return bool(self._questions) or not self.solved

    def stop(self, wait=0.0, look=lambda: None):
        """End the thread; returns the connection if the picture is ready there and nothing is under way.

        Parameters
        ----------
        wait : float
            Seconds to wait for an answer that is under way.
        look : callable
            Called meanwhile.
        """
        ready = self.solved
        with self._news:
            self._over = True
            self._news.notify()
        waited = 0.0
        while self.is_alive() and waited < wait:
            look()
            self.join(0.05)
            waited += 0.05
        if ready and self.solved and not self.is_alive():
            return self.link
        if self.link is not None:
            self.link.close()
        return None

    def run(self):
        """Talk until stopped."""
        frozen = 0
        while True:
            try:
                self._serve()
                return
            except _Over:
                return
            except Frozen as error:
                frozen += 1
                self._forget()
                if frozen > 1:
                    self._say("failed", str(error))
                    return
                self._say("again", None)
                self._wait_for_turn(self._turn)
            except WorkerError as error:
                self._forget()
                if not self._over:
                    self._say("failed", str(error))
                return

    def _forget(self):
        self.solved = False
        if self.link is not None:
            self.link.close()
            self.link = None

    def _wait_for_turn(self, turn):
        with self._news:
            while self._turn == turn and not self._over:
                self._news.wait()

    def _serve(self):
        if self.link is None:
            self._say("status", "Starting CLODE…")
            self.link = self._launcher.connect(going=lambda: not self._over)
            self.link.meanwhile = self._check
        turn = None
        while True:
            if turn != self._turn:
                turn = self._upload()
                continue
            question = self._next_question(turn)
            if question is not None:
                name, (kind, place, fields) = question
                if kind == "auto":
                    answer = ask_auto(self.link, PICTURE, fields["question"])
                    self._say("auto", answer, turn)
                else:
                    answer = self.link.request(kind, picture=PICTURE, **fields)
                    self._say("pixels", (name, place, answer), turn)

    def _check(self):
        if self._over and not self.solved:
            raise _Over

    def _upload(self):
        """Bring the newest picture; returns its turn, or that of a newer one which came meanwhile."""
        with self._news:
            turn, ((height, width, channels), samples) = self._turn, self._picture
        self.link.request(
            "open", picture=PICTURE, height=height, width=width, channels=channels, samples=samples
        )
        sent = 0
        while sent < height:
            band = self._next_band(turn)
            if band is None:
                return None
            first, count, data = band
            self.link.send_rows(PICTURE, first, count, data)
            sent = first + count
            self._say("status", f"Reading the layer… {100 * sent // height} %", turn)
        self._say("status", "Estimating the exposure…", turn)
        answer = self.link.request("solve", picture=PICTURE)
        with self._news:
            self.solved = turn == self._turn
        self._say("solved", answer.number("auto", -20, 20), turn)
        return turn

    def _next_band(self, turn):
        with self._news:
            while not self._bands:
                if self._over:
                    raise _Over
                if turn != self._turn:
                    return None
                self._news.wait()
            return self._bands.popleft() if turn == self._turn else None

    def _next_question(self, turn):
        with self._news:
            while not self._questions and not self._over and turn == self._turn:
                self._news.wait()
            if self._over:
                raise _Over
            if turn != self._turn:
                return None
            name = next(iter(self._questions))
            return name, self._questions.pop(name)

    def _say(self, what, content, turn=None):
        GLib.idle_add(self._hear, what, content, turn)

    def _hear(self, what, content, turn):
        if not self._over and turn in (None, self._turn):
            self._tell(what, content)
        return False


class _Over(Exception):  # noqa: N818 - an order, not an error
    """The dialog is gone."""
