"""One file on its way in: its name, whether damage is accepted, and whom to tell what was noticed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clode_core.pictures.files.picture import PictureError

Say = Callable[[str], None]
"""Takes one sentence without the name of the file."""

LOST_SECTOR = 512
"""Zero bytes in a row that tell a hole in compressed data: a sector of a disk that could not be read."""


class PictureWarning(UserWarning):
    """A picture was read though it is damaged, or something it carried was not written again."""


@dataclass(frozen=True)
class Reading:
    """A file that is being read.

    Attributes
    ----------
    file : Path
        Its name.
    lenient : bool
        Whether a damaged picture is accepted as far as it can be decoded.
    say : callable
        Told of damage that is accepted, and of what the file carries that cannot be kept.
    """

    file: Path
    lenient: bool
    say: Say

    @cached_property
    def data(self) -> bytes:
        """All of it."""
        return self.file.read_bytes()

    def damaged(self, reason: str) -> None:
        """Refuse a damaged file, or accept it with a word."""
        if not self.lenient:
            raise DamageError(self.file, reason)
        self.say(f"is damaged ({reason}) and was read all the same")


class DamageError(PictureError):
    """A file whose pixels are damaged, though some could be decoded."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(
            f"{file} is damaged or cut short ({reason}); get another copy of it, "
            "or accept what is left with --lenient (lenient=True)."
        )
        self.reason = reason


def warn(file: Path) -> Say:
    """Tell by a Python warning, for callers that give nothing to tell."""
    return lambda sentence: warnings.warn(f"{file} {sentence}", PictureWarning, stacklevel=4)


def check_claim(reading: Reading, width: int, height: int, bits: float, held: int) -> None:
    """Refuse a header that promises more pixels than the compressed data can hold, however flat they are.

    Parameters
    ----------
    reading : Reading
        The file.
    width, height : int
        What the header says.
    bits : float
        Bits that the coding needs for one pixel at the very least.
    held : int
        Bytes of compressed data.

    Raises
    ------
    PictureError
        Also when damage is accepted: what is missing may be gigabytes.
    """
    if width * height * bits > 8 * held:
        raise PictureError(
            f"{reading.file} claims {width} x {height} pixels, which its {held} bytes cannot hold; "
            "get another copy of it."
        )
