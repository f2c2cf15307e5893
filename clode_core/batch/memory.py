"""How much memory a picture will need, from the first bytes of its file, and how much there is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition
from typing import NamedTuple

from clode_core.pictures.files.dimensions import dimensions_of

PROCESS = 350_000_000
"""Bytes of a process that has loaded PyTorch and the weights; measured: 290 million."""
_FIXED, _TILE_PIXELS, _PER_TILE_PIXEL, _PER_INTENSITY, _COPIES = 32_000_000, 1_000_000, 350, 12, 3
_SHARE = 0.8


class Size(NamedTuple):
    """What the header of a picture file promises."""

    pixels: int
    """Of one plane."""
    channels: int
    decoded: int
    """Bytes of all planes once decoded."""
    working: int = 0
    """Bytes for each pixel that reading the format needs besides."""

    @property
    def needed(self) -> int:
        """Bytes to enhance it: network, one plane as floats, and the picture thrice (in, out, file)."""
        network = min(self.pixels, _TILE_PIXELS) * _PER_TILE_PIXEL
        planes = self.pixels * (self.channels * _PER_INTENSITY + self.working)
        return _FIXED + network + planes + self.decoded * _COPIES


def size_of(path: Path) -> Size:
    """Size of a picture, from its header.

    Returns
    -------
    Size
        Nothing but zeros where the file cannot be understood: reading it will say why.
    """
    with suppress(Exception):  # decoders raise anything
        if path.is_file():  # opening a pipe would wait for ever
            return Size(*dimensions_of(path))
    return Size(0, 0, 0)


def refusal(path: Path, size: Size, limit: int) -> str:
    """Why a picture cannot be opened within `limit` bytes; empty if it can, be it with nothing beside it."""
    if size.decoded <= limit:
        return ""
    return (
        f"{path} holds {size.decoded / 1e9:.1f} GB of pixels, over the limit of {limit / 1e9:.1f} GB: "
        "cut it into parts, or allow more with --memory"
    )


def available() -> int:
    """Bytes that this process and its children can have, without those that are in use elsewhere."""
    try:
        import psutil

        free = int(psutil.virtual_memory().available)
    except ImportError:
        free = _free_pages()
    with suppress(OSError, ValueError):  # a container that may use less than the machine has
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        free = min(free, limit - int((group / "memory.current").read_text()))
    return max(0, int(free * _SHARE))


def _free_pages() -> int:
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4_000_000_000


class MemoryBudget:
    """Memory that the threads of a process share: who needs more than is left waits.

    Parameters
    ----------
    limit : int
        Bytes for all together. Who needs more than that waits until nobody else is there.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._used = 0
        self._changed = Condition()

    def fits(self, needed: int) -> bool:
        """Whether there is room now."""
        return self._used == 0 or self._used + needed <= self.limit

    def enter(self, needed: int) -> None:
        """Take room, whether there is enough or not."""
        self._used += needed

    def leave(self, needed: int) -> None:
        """Give it back."""
        with self._changed:
            self._used -= needed
            self._changed.notify_all()

    @contextmanager
    def taken(self, needed: int) -> Iterator[None]:
        """Wait for room, and keep it for a while."""
        with self._changed:
            self._changed.wait_for(lambda: self.fits(needed))
            self.enter(needed)
        try:
            yield
        finally:
            self.leave(needed)
