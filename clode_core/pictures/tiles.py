"""A picture in tiles: bands of rows that fit the cache, worked on by several threads at once."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

import torch

_TILE_PIXELS = {"cpu": 1 << 17}  # the planes that are at work at once stay in the cache of a core
_ACCELERATED = 1 << 22  # pixels: an accelerator wants few large pieces of work

Progress = Callable[[float], None]


class Scratch(threading.local):
    """Memory of one thread that is used again for every tile: new memory is slower than the work in it."""

    def __init__(self) -> None:
        self._kept: dict[str, torch.Tensor] = {}

    def take(self, name: str, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
        """A tensor of a shape, with the dtype and device of another; its values are left over."""
        size = math.prod(shape)
        kept = self._kept.get(name)
        if kept is None or kept.numel() < size or kept.dtype != like.dtype or kept.device != like.device:
            kept = self._kept[name] = like.new_empty(size)
        return kept[:size].view(shape)


def tiles(rows: slice, width: int, device: torch.device) -> list[slice]:
    """Bands of rows of a part of a picture that is `width` pixels wide."""
    pixels = _TILE_PIXELS.get(device.type, _ACCELERATED)
    step = max(1, pixels // max(1, width))
    return [slice(top, min(rows.stop, top + step)) for top in range(rows.start, rows.stop, step)]


def for_each(
    work: Callable[[slice], None],
    parts: Sequence[slice],
    device: torch.device,
    progress: Progress | None = None,
) -> None:
    """Do some work for each tile, in as many threads as PyTorch uses.

    Every operation of a tile is computed by one thread, so that results do not depend on their number.

    Parameters
    ----------
    work : callable
        Takes a tile; no two tiles may write to the same place.
    parts : sequence of slice
        The tiles.
    device : torch.device
        Where the work is done; an accelerator gets one tile after another.
    progress : callable, optional
        Called in this thread with the fraction done after each tile; what it raises stops the work.
    """
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    for done, _ in enumerate(_done(work, parts, threads), 1):
        if progress is not None:
            progress(done / len(parts))


def _done(work: Callable[[slice], None], parts: Sequence[slice], threads: int) -> Iterator[None]:
    if threads == 1:
        with torch.inference_mode():
            for part in parts:
                work(part)
                yield
        return
    pool = _workers(threads)
    futures = [pool.submit(_inferring, work, part) for part in parts]
    try:
        for future in futures:
            future.result()
            yield
    finally:
        for future in futures:
            future.cancel()
        wait(futures)  # nobody writes to a result that is given up


def _inferring(work: Callable[[slice], None], part: slice) -> None:
    with torch.inference_mode():
        work(part)


@lru_cache(maxsize=2)
def _workers(threads: int) -> ThreadPoolExecutor:
    """Threads each of which computes alone, kept for the next picture."""
    pool = ThreadPoolExecutor(threads, "picture-tile", torch.set_num_threads, (1,))
    together = threading.Barrier(threads + 1)
    for _ in range(threads):
        pool.submit(together.wait)
    together.wait()
    torch.set_num_threads(threads)  # what a worker sets is also the default of threads to come
    return pool


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.cache_clear)  # threads do not survive a fork
