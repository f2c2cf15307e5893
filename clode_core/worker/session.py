"""One connection: its pictures, and the answers to what is asked about them."""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, ClassVar

from clode_core._version import __version__
from clode_core.worker.link.frames import (
    LARGEST_FRAME,
    LARGEST_SIDE,
    PROTOCOL,
    SAMPLE_BYTES,
    FrameError,
    Message,
    decode,
    encode,
    rows_per_frame,
)
from clode_core.worker.model_host import ModelHost, Picture, RequestError, for_screen

MOST_PICTURES = 64
LARGEST_PICTURE = 1 << 31
"""Pixels; the memory of the machine is the nearer limit."""
LARGEST_VIEW = 2048
"""Long side of what is shown; a square of it with four channels just fits a frame."""
LARGEST_WEIGHTS = 1024
_LONGEST_QUEUE = 64
_CLEAN_ROWS = 1408  # with the margin of noise removal, two whole tiles
_LARGEST_NUMBER = 2**53


class _Stopped(Exception):  # noqa: N818 - an order, not an error
    """The caller cancelled, or hung up."""


class Session:
    """Serves one connection until it ends.

    A thread reads, so that a cancellation is heard in mid-computation; another computes, in order.

    Parameters
    ----------
    connection : Connection
        Authenticated.
    model_host : ModelHost
        Where the model is.
    """

    def __init__(self, connection: Connection, model_host: ModelHost) -> None:
        self._connection = connection
        self._studio = model_host
        self._pictures: dict[int, Picture] = {}
        self._sending = threading.Lock()
        self._tasks: queue.Queue[Message | None] = queue.Queue(_LONGEST_QUEUE)
        self._cancelled: set[int] = set()
        self._over = False

    def run(self) -> None:
        """Read messages until the other side hangs up or sends what is no message."""
        greeted = False
        computing = threading.Thread(target=self._compute, daemon=True)
        computing.start()
        try:
            while not self._over:
                message = decode(self._connection.recv_bytes(LARGEST_FRAME))
                if not greeted:
                    self._greet(message)
                    greeted = True
                else:
                    self._take(message)
        except (FrameError, RequestError) as error:
            self._refuse(0, error)
        except (EOFError, OSError):
            pass
        finally:
            self._over = True
            self._tasks.put(None)
            computing.join()

    def _greet(self, message: Message) -> None:
        if message.kind != "hello":
            raise FrameError(f"a connection begins with hello, not {message.kind}")
        spoken = message.whole("protocol", 0, _LARGEST_NUMBER)
        if spoken != PROTOCOL:
            raise FrameError(f"protocol {PROTOCOL} is spoken here, not {spoken}")
        message.text("client", 200)
        self._answer(message, "hello", protocol=PROTOCOL, version=__version__, process=os.getpid())

    def _take(self, message: Message) -> None:
        if message.kind == "rows":
            self._picture(message).fill(
                message.whole("first", 0, LARGEST_SIDE),
                message.whole("count", 1, LARGEST_SIDE),
                message.payload,
            )
        elif message.kind == "cancel":
            if len(self._cancelled) < _LONGEST_QUEUE:
                self._cancelled.add(_number(message))
        elif message.kind in self._ANSWERS:
            _number(message)
            if len(message.payload):
                raise FrameError(f"{message.kind} carries no pixels")
            try:
                self._tasks.put_nowait(message)
            except queue.Full:
                raise FrameError(f"more than {_LONGEST_QUEUE} questions at once") from None
        else:
            raise FrameError(f"{message.kind[:40]!r} is no message of protocol {PROTOCOL}")

    def _compute(self) -> None:
        while (message := self._tasks.get()) is not None:
            if self._over:
                continue
            try:
                self._serve(message)
            except OSError:  # the caller hung up while it was answered
                self._over = True
            finally:
                self._cancelled.discard(_number(message))

    def _serve(self, message: Message) -> None:
        try:
            self._ANSWERS[message.kind](self, message)
        except _Stopped:
            if not self._over:
                self._answer(message, "cancelled")
        except (RequestError, ValueError) as error:
            self._refuse(_number(message), error)
        except OSError:
            raise
        except Exception as error:
            traceback.print_exc()
            sys.stderr.flush()
            self._refuse(
                _number(message), RequestError(f"CLODE's worker failed ({type(error).__name__}: {error})")
            )

    def _answer(self, message: Message, kind: str, payload: bytes | memoryview = b"", **fields: Any) -> None:
        frame = encode(Message(kind, {"id": _number(message), **fields}, payload))
        with self._sending:
            self._connection.send_bytes(frame)

    def _refuse(self, number: int, error: Exception) -> None:
        text = " ".join(str(error).split()) or type(error).__name__
        print(f"refused: {text}", file=sys.stderr, flush=True)
        frame = encode(Message("error", {"id": number, "message": text[:2000]}))
        try:
            with self._sending:
                self._connection.send_bytes(frame)
        except OSError:
            self._over = True

    def _picture(self, message: Message, field: str = "picture") -> Picture:
        number = message.whole(field, 0, _LARGEST_NUMBER)
        if number not in self._pictures:
            raise FrameError(f"{message.kind}: there is no picture {number}")
        return self._pictures[number]

    def _status(self, message: Message) -> None:
        model = self._studio.model()
        self._answer(message, "status", device=str(model.device), noise_removal=model.g is not None)

    def _open(self, message: Message) -> None:
        number = message.whole("picture", 0, _LARGEST_NUMBER)
        height, width = (message.whole(side, 1, LARGEST_SIDE) for side in ("height", "width"))
        channels = message.whole("channels", 1, 4)
        samples = message.text("samples", 8)
        if samples not in SAMPLE_BYTES:
            raise FrameError(f"open: samples must be one of {', '.join(SAMPLE_BYTES)}")
        if number not in self._pictures and len(self._pictures) >= MOST_PICTURES:
            raise RequestError(f"more than {MOST_PICTURES} pictures at once: close some")
        if height * width > LARGEST_PICTURE:
            raise RequestError(f"{width} x {height} pixels are too many for one picture")
        self._pictures.pop(number, None)
        self._pictures[number] = Picture(height, width, channels, samples)
        self._answer(message, "opened")

    def _close(self, message: Message) -> None:
        self._pictures.pop(message.whole("picture", 0, _LARGEST_NUMBER), None)
        self._answer(message, "closed")

    def _solve(self, message: Message) -> None:
        picture = self._picture(message)
        auto = self._studio.work(lambda model: picture.path(model).auto())
        self._answer(message, "solved", auto=auto, device=str(self._studio.model().device))

    def _auto(self, message: Message) -> None:
        picture = self._picture(message)
        rows, columns = _region(message, picture, LARGEST_SIDE)
        weights = None
        if "weights" in message.fields:
            shape = self._picture(message, "weights").whole()
            if shape.shape[2] != 1 or shape.dtype != "u1" or max(shape.shape) > LARGEST_WEIGHTS:
                raise FrameError("auto: weights must be a small picture with one channel of 8 bits")
            weights = shape[..., 0]
        auto = self._studio.work(
            lambda model: picture.part_auto(model, slice(*rows), slice(*columns), weights)
        )
        self._answer(message, "solved", auto=auto, device=str(self._studio.model().device))

    def _view(self, message: Message) -> None:
        picture = self._picture(message)
        exposure = _exposure(message)
        side = message.whole("long_side", 1, LARGEST_VIEW)
        shown = self._studio.work(
            lambda model: picture.reduced(model, side).at(**exposure, progress=self._check(message))
        )
        self._show(message, shown, 1.0)

    def _detail(self, message: Message) -> None:
        picture = self._picture(message)
        exposure = _exposure(message)
        rows, columns = _region(message, picture, LARGEST_VIEW)
        shown = self._studio.work(
            lambda model: picture.path(model).region(rows, columns, **exposure, progress=self._check(message))
        )
        self._show(message, shown, picture.white)

    def _show(self, message: Message, shown: Any, white: float) -> None:
        height, width, channels = shown.shape
        data = for_screen(shown, white)
        self._answer(message, "pixels", data, width=width, height=height, channels=channels)

    def _render(self, message: Message) -> None:
        picture = self._picture(message)
        exposure = _exposure(message)
        rows, columns = _region(message, picture, LARGEST_SIDE)
        if exposure["exposure_time"] == "auto":
            exposure["exposure_time"] = self._studio.work(lambda model: picture.path(model).auto())
        height, width = rows[1] - rows[0], columns[1] - columns[0]
        per_frame = rows_per_frame(width, picture.pixels.shape[2], picture.samples)
        # Bands bound the memory: the exposed picture is never there as a whole.
        per_band = _CLEAN_ROWS if exposure["denoise"] else max(64, per_frame)
        for top in range(0, height, per_band):
            count = min(per_band, height - top)
            band = (rows[0] + top, rows[0] + top + count)
            report = self._report(message, top / height, count / height)
            report(0.0)
            exposed = self._studio.work(
                lambda model, band=band, report=report: picture.path(model).region(  # type: ignore[misc]
                    band, columns, **exposure, progress=report
                )
            )
            for start in range(0, count, per_frame):
                part = exposed[start : start + per_frame]
                data = picture.wire(part)
                self._answer(message, "rows", data, first=top + start, count=len(part))
            report(1.0)
        self._answer(message, "rendered", time=exposure["exposure_time"])

    def _check(self, message: Message) -> Callable[[float], None]:
        number = _number(message)

        def check(fraction: float) -> None:
            if self._over or number in self._cancelled:
                raise _Stopped

        return check

    def _report(self, message: Message, start: float, share: float) -> Callable[[float], None]:
        check = self._check(message)

        def report(fraction: float) -> None:
            check(fraction)
            self._answer(message, "progress", fraction=min(1.0, start + share * fraction))

        return report

    _ANSWERS: ClassVar[dict[str, Callable[[Session, Message], None]]] = {
        "status": _status,
        "open": _open,
        "close": _close,
        "solve": _solve,
        "auto": _auto,
        "view": _view,
        "detail": _detail,
        "render": _render,
    }


def _number(message: Message) -> int:
    return message.whole("id", 0, _LARGEST_NUMBER)


def _exposure(message: Message) -> dict[str, Any]:
    """What is asked for, as arguments of `Trajectory.at`."""
    automatic = message.fields.get("time") == "auto"
    exposure: dict[str, Any] = {
        "exposure_time": "auto" if automatic else message.number("time", -20, 20),
        "denoise": message.flag("denoise"),
    }
    for name in ("shadows", "highlights"):
        if name in message.fields:
            exposure[name] = message.number(name, -20, 20)
    return exposure


def _region(message: Message, picture: Picture, longest: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns of a part that lies inside the picture."""
    height, width, _ = picture.pixels.shape
    x, y = message.whole("x", 0, width - 1), message.whole("y", 0, height - 1)
    wide = message.whole("width", 1, min(longest, width - x))
    high = message.whole("height", 1, min(longest, height - y))
    return (y, y + high), (x, x + wide)
