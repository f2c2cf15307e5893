"""One connection to a worker, and what can be asked of it."""

from __future__ import annotations

import contextlib
import threading
import time as clock
from collections.abc import Callable, Iterable
from multiprocessing.connection import Client, answer_challenge, deliver_challenge
from typing import Any

from .frames import LARGEST_FRAME, PROTOCOL, FrameError, Message, decode, encode
from .owner import kill, stopped

PATIENCE = 120.0
"""Seconds without a word from the worker after which it counts as stuck."""
_HANDSHAKE = 10.0
_LOOK = 0.05  # seconds between two looks at what a person wants meanwhile
_FROZEN = 3.0  # seconds after which a stopped worker is given up


class WorkerError(Exception):
    """The worker cannot do what was asked; the message is one sentence for the person who asked."""


class Cancelled(WorkerError):  # noqa: N818 - not an error of anybody's making
    """The work was stopped because its caller asked for that."""


class Lost(WorkerError):  # noqa: N818
    """The worker is gone."""


class Frozen(Lost):
    """The worker was stopped and has been ended; another can take its place."""


class Link:
    """A connection to a worker that has said hello. Use it from one thread at a time.

    Attributes
    ----------
    version : str
        Version of clode-core there.
    process : int
        Process number of the worker.
    meanwhile : callable
        Called some twenty times a second while an answer is waited for; what it raises ends the waiting.
    """

    def __init__(
        self,
        address: str,
        key: bytes,
        client: str,
        obituary: Callable[[], str] = lambda: "the worker is gone",
    ) -> None:
        self._connection: Any = Client(address)
        self._last = 0
        self._obituary = obituary
        self._frozen = False
        self._closed = threading.Event()
        self.meanwhile: Callable[[], None] = lambda: None
        try:
            # As Client(authkey=...) does, but a worker that hangs cannot hang its caller.
            if not self._connection.poll(_HANDSHAKE):
                raise TimeoutError("the worker does not answer")
            answer_challenge(self._connection, key)
            deliver_challenge(self._connection, key)
            hello = self.request("hello", protocol=PROTOCOL, client=client)
            self.version = hello.text("version")
            self.process = hello.whole("process", 1, 2**63)
        except BaseException:
            self.close()
            raise
        threading.Thread(target=self._guard, daemon=True).start()

    def _guard(self) -> None:
        """End a worker that was stopped: it would not answer, and sending to it would take forever."""
        since = clock.monotonic()
        while not self._closed.wait(0.5):
            if not stopped(self.process):
                since = clock.monotonic()
            elif clock.monotonic() - since > _FROZEN:
                self._frozen = True
                kill(self.process)
                return

    def close(self) -> None:
        """Hang up; the worker forgets the pictures of this connection."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._connection.close()

    def _gone(self) -> Lost:
        if self._frozen:
            return Frozen("CLODE's worker was stopped by something else on this machine: try again")
        return Lost(self._obituary())

    def send(self, message: Message) -> None:
        """Send one message."""
        try:
            self._connection.send_bytes(encode(message))
        except OSError:
            raise self._gone() from None

    def receive(self, patience: float = PATIENCE) -> Message:
        """Wait for one message; an error that the worker reports is raised as `WorkerError`."""
        try:
            until = clock.monotonic() + patience
            while not self._connection.poll(_LOOK):
                self.meanwhile()
                if clock.monotonic() > until:
                    raise WorkerError(
                        f"CLODE's worker has not answered for {patience:.0f} seconds; try again"
                    )
            message = decode(self._connection.recv_bytes(LARGEST_FRAME))
            if message.kind == "error":
                raise WorkerError(message.text("message"))
        except (OSError, EOFError):
            raise self._gone() from None
        except FrameError as error:
            raise WorkerError(
                f"CLODE's worker and this front end do not understand each other ({error}): "
                "install both again from one version, and start anew"
            ) from None
        if message.kind == "cancelled":
            raise Cancelled("cancelled")
        return message

    def request(self, kind: str, **fields: Any) -> Message:
        """Ask, and wait for the one answer."""
        self._ask(kind, **fields)
        return self.receive()

    def upload(
        self,
        picture: int,
        shape: tuple[int, int, int],
        bands: Iterable[tuple[int, int, bytes]],
        samples: str = "f32",
    ) -> None:
        """Bring a picture to the worker.

        Parameters
        ----------
        picture : int
            A number for it, chosen by the caller.
        shape : (int, int, int)
            Height, width, and channels from 1 to 4: grey, grey + alpha, RGB, RGBA.
        bands : iterable of (int, int, bytes)
            First row, number of rows, and their intensities; from top to bottom.
        samples : str
            Kind of the intensities: "u8", "u16" or "f32".
        """
        height, width, channels = shape
        self.request("open", picture=picture, height=height, width=width, channels=channels, samples=samples)
        for first, count, data in bands:
            self.send_rows(picture, first, count, data)

    def send_rows(self, picture: int, first: int, count: int, data: bytes) -> None:
        """Send some rows of a picture that was opened."""
        self.send(Message("rows", {"picture": picture, "first": first, "count": count}, data))

    def render(
        self,
        picture: int,
        time: float | str,
        denoise: bool,
        region: tuple[int, int, int, int],
        store: Callable[[int, int, memoryview], None],
        progress: Callable[[float], bool] = lambda fraction: True,
        shadows: float = 0.0,
        highlights: float = 0.0,
    ) -> float:
        """Have a part of a picture exposed at full size and precision.

        Parameters
        ----------
        picture : int
            Its number.
        time : float or "auto"
            Exposure time.
        denoise : bool
            Remove noise.
        region : (int, int, int, int)
            Left column, top row, width and height.
        store : callable
            Called with first row (from the top of the region), number of rows and their intensities, of
            the kind in which the picture was brought.
        progress : callable
            Called with the fraction done; returns whether to go on.
        shadows, highlights : float
            What is added to the exposure time where the scene is dark, and where it is bright.

        Returns
        -------
        float
            The exposure time used.

        Raises
        ------
        Cancelled
            After `progress` said to stop.
        """
        x, y, width, height = region
        exposure = {"time": time, "denoise": denoise, "shadows": shadows, "highlights": highlights}
        self._ask("render", picture=picture, x=x, y=y, width=width, height=height, **exposure)
        stopped = False
        while True:
            message = self.receive()
            if message.kind == "rows":
                if not stopped:
                    first, count = message.whole("first", 0, height - 1), message.whole("count", 1, height)
                    store(first, count, memoryview(message.payload))
            elif message.kind == "progress":
                if not stopped and not progress(message.number("fraction", 0, 1)):
                    stopped = True
                    self.send(Message("cancel", {"id": self._last}))
            elif message.kind == "rendered":
                if stopped:
                    raise Cancelled("cancelled")
                return message.number("time", -20, 20)
            else:
                raise WorkerError(f"CLODE's worker sent {message.kind}, which was not asked for")

    def _ask(self, kind: str, **fields: Any) -> None:
        self._last += 1
        self.send(Message(kind, {"id": self._last, **fields}))
