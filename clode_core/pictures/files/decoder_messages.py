"""What decoders warn of and log: kept from the screen, and heard when pixels were lost."""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

_LOSS = re.compile("page offset|offset to|corrupted|series|TiffTag 270 .*invalid value offset")
"""Also of tag 270, the description: it names the axes of a stack, and stands at the end of some files."""


def loss_of(message: str) -> str:
    """What a message of tifffile means for who owns the picture."""
    return "its description is cut off" if "TiffTag 270 " in message else message


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Hold back warnings of the decoders, and gather what tifffile logs about pages it lost."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _gathered(
            "tifffile", lambda level, text: level >= logging.ERROR and bool(_LOSS.search(text))
        ) as told:
            yield told


def remarks() -> AbstractContextManager[list[str]]:
    """Gather what imagecodecs logs, such as libpng's warnings; with nobody to hear, it would be printed."""
    return _gathered("imagecodecs", lambda level, text: True)


@contextmanager
def _gathered(name: str, wanted: Callable[[int, str], bool]) -> Iterator[list[str]]:
    """Messages that this thread sends to a logger."""
    messages: list[str] = []
    thread = threading.get_ident()

    class Gather(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            if record.thread == thread and wanted(record.levelno, message):
                messages.append(message)

    handler = Gather()
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
