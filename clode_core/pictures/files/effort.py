"""How hard the encoders try to make files small."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

LOW, HIGH = 1, 9
_effort: ContextVar[int] = ContextVar("effort", default=LOW)
_FILTERED, _RUNS_ONLY = 1, 3  # strategies of zlib; runs alone are fast, and as small on photographs


@contextmanager
def encoder_effort(effort: int) -> Iterator[None]:
    """Write PNG, lossless WebP, AVIF and JPEG XL files with another effort, in this thread.

    Parameters
    ----------
    effort : int
        From 1, the fastest, to 9, the smallest files. The pixels are the same, or
        nearly so where the coding loses something.

    Raises
    ------
    ValueError
        If it is not such a number.
    """
    token = _effort.set(checked_effort(effort))
    try:
        yield
    finally:
        _effort.reset(token)


def checked_effort(effort: int) -> int:
    """The effort itself; `ValueError` where it is out of range."""
    if isinstance(effort, bool) or not isinstance(effort, int) or not LOW <= effort <= HIGH:
        raise ValueError(
            f"effort takes a whole number from {LOW} (fast) to {HIGH} (small files), not {effort}"
        )
    return effort


def png_tries() -> list[dict[str, int]]:
    """Options of the PNG encoder; of several, those that make the smallest file are to be taken."""
    effort = _effort.get()
    quick = {"level": 1, "strategy": _RUNS_ONLY}
    return [quick] if effort == LOW else [quick, {"level": effort, "strategy": _FILTERED}]


def webp_options() -> dict[str, Any]:
    """Options of the WebP encoder for pictures that are to lose nothing."""
    effort = _effort.get()
    if effort == LOW:
        return {"method": 0, "quality": 20}
    return {"method": min(6, 1 + effort * 5 // HIGH), "quality": 100 * effort // HIGH}


def jpeg_xl_options(lossless: bool) -> dict[str, Any]:
    """Options of the JPEG XL encoder: at the lowest effort a ninth of its usual time, files 6 % larger."""
    return {"effort": max(3 if lossless else 5, min(8, _effort.get()))}


def avif_options() -> dict[str, Any]:
    """Options of the AVIF encoder: at the lowest effort a third of its usual time, files 1 % larger."""
    return {"speed": 8 - (_effort.get() if _effort.get() > LOW else 0) // 2}
