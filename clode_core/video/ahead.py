"""What comes next is made in a thread of its own, while what is there is worked on."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from queue import Empty, Full, Queue
from typing import TypeVar

_Item = TypeVar("_Item")
_MOST = 3
"""Things that wait at most: frames of film are large."""
_POLL = 0.05  # seconds


def ahead(items: Iterable[_Item]) -> Generator[_Item, None, None]:
    """Go through things that a thread makes, a few of them ahead.

    What goes wrong in the thread is raised where its result would have come. When this is closed, the thread
    has ended, and nothing more is asked of `items`.
    """
    made: Queue[tuple[_Item | None, BaseException | None]] = Queue(_MOST)
    unwanted = threading.Event()

    def put(item: _Item | None, error: BaseException | None) -> None:
        while not unwanted.is_set():
            try:
                made.put((item, error), timeout=_POLL)
            except Full:
                continue
            return

    def make() -> None:
        try:
            for item in items:
                put(item, None)
                if unwanted.is_set():
                    return
            put(None, StopIteration())
        except BaseException as error:  # whoever waits for the next item gets it
            put(None, error)

    thread = threading.Thread(target=make, name="clode-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # None only beside an error
    finally:
        unwanted.set()
        while thread.is_alive():
            try:
                made.get_nowait()
            except Empty:
                thread.join(_POLL)
