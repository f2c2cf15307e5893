"""How much memory a picture will need, from the first bytes of its file, and how much there is."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition
from typing import NamedTuple

from clode_core.pictures.files.decoder_messages import quiet
from clode_core.pictures.files.png import SIGNATURE

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

    @property
    def needed(self) -> int:
        """Bytes to enhance it: network, one plane as floats, and the picture thrice (in, out, file)."""
        network = min(self.pixels, _TILE_PIXELS) * _PER_TILE_PIXEL
        return _FIXED + network + self.pixels * self.channels * _PER_INTENSITY + self.decoded * _COPIES


def size_of(path: Path) -> Size:
    """Size of a picture, from its header.

    Returns
    -------
    Size
        Nothing but zeros where the file cannot be understood: reading it will say why.
    """
    with suppress(Exception):  # decoders raise anything
        if not path.is_file():  # opening a pipe would wait for ever
            return Size(0, 0, 0)
        with path.open("rb") as file:
            start = file.read(30)
        if start.startswith(SIGNATURE):
            width, height, bits, kind = struct.unpack_from(">IIBB", start, 16)
            # A palette, or a transparent colour, may turn out as four channels.
            channels = {0: 2, 2: 4, 3: 4, 4: 2, 6: 4}[kind]
            return _plane(width, height, channels, 2 if bits == 16 else 1)
        if start.startswith(b"\xff\xd8\xff"):
            from PIL import JpegImagePlugin

            with quiet(), path.open("rb") as again, JpegImagePlugin.JpegImageFile(again) as image:
                return _plane(*image.size, len(image.getbands()), 1)
        if start[:4] == b"RIFF":
            return _plane(*_webp_size(start), 4, 1)
        return _tiff(path)
    return Size(0, 0, 0)


def refusal(path: Path, size: Size, limit: int) -> str:
    """Why a picture cannot be opened within `limit` bytes; empty if it can, be it with nothing beside it."""
    if size.decoded <= limit:
        return ""
    return (
        f"{path} holds {size.decoded / 1e9:.1f} GB of pixels, over the limit of {limit / 1e9:.1f} GB: "
        "cut it into parts, or allow more with --memory"
    )


def _plane(width: int, height: int, channels: int, depth: int) -> Size:
    return Size(width * height, channels, width * height * channels * depth)


def _webp_size(start: bytes) -> tuple[int, int]:
    if start[12:16] == b"VP8X":
        return 1 + int.from_bytes(start[24:27], "little"), 1 + int.from_bytes(start[27:30], "little")
    if start[12:16] == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", start, 26)
    return width & 0x3FFF, height & 0x3FFF


def _tiff(path: Path) -> Size:
    import tifffile

    with quiet(), tifffile.TiffFile(path) as tif:
        page = tif.pages.first
        pixels = page.imagewidth * page.imagelength
        # Planes without pages of their own are stored as they are, so that the file is as large as they.
        decoded = max(page.nbytes * len(tif.pages), path.stat().st_size)
        return Size(pixels, min(4, page.samplesperpixel), decoded)


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
