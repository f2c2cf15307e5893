"""What decoders warn of and log: kept from the screen, and heard when pixels were lost."""

from __future__ import annotations

import logging
import os
import re
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOSS = re.compile("page offset|offset to|corrupted|series|TiffTag 270 .*invalid value offset")
"""Also of tag 270, the description: it names the axes of a stack, and stands at the end of some files."""


def loss_of(message: str) -> str:
    """What a message of tifffile means for who owns the picture."""
    return "its description is cut off" if "TiffTag 270 " in message else message


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


_one_at_a_time = threading.Lock()


@contextmanager
def printed() -> Iterator[list[str]]:
    """Gather what libpng prints on the error output; what others print there meanwhile is passed on."""
    lines: list[str] = []
    with _one_at_a_time, tempfile.TemporaryFile() as file:
        try:
            kept = os.dup(2)
        except OSError:  # a program without an error output
            yield lines
            return
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            file.seek(0)
            for line in file:
                if line.startswith(b"PNG "):
                    lines.append(line.decode("ascii", "replace"))
                else:
                    os.write(2, line)
            os.close(kept)
