"""What decoders warn of and log: kept from the screen, and heard when pixels were lost."""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOSS = re.compile("page offset|offset to|corrupted|series")


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Hold back warnings of the decoders, and gather what tifffile logs about pages it lost."""
    messages: list[str] = []
    thread = threading.get_ident()

    class Gather(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            if record.thread == thread and record.levelno >= logging.ERROR and _LOSS.search(message):
                messages.append(message)

    handler = Gather()
    logger = logging.getLogger("tifffile")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield messages
    finally:
        logger.removeHandler(handler)
