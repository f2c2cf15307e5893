"""The segments of a JPEG file: which there are, and which can be copied to another picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from clode_core.pictures.files.picture import Segment

_FRAMES = {0xC0 + n for n in range(16)} - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END, _COMMENT = 0xDA, 0xD9, 0xFE
_ALONE = {0x01, *range(0xD0, 0xD9)}
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_MADE_ANEW = (b"JFIF\0", b"JFXX\0", b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"Adobe")
_SECOND_PICTURES = b"MPF\0"


class Frame(NamedTuple):
    """What the frame header says.

    Attributes
    ----------
    kind : int
        Second byte of its marker: 0xC0 and 0xC1 sequential, 0xC2 progressive, others rarer.
    precision : int
        Bits of a sample.
    height, width : int
        In pixels.
    sampling : tuple of (int, int)
        Horizontal and vertical sampling factor of each component.
    """

    kind: int
    precision: int
    height: int
    width: int
    sampling: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class JpegFile:
    """A JPEG file taken apart.

    Attributes
    ----------
    frame : Frame
        Size and sampling.
    kept : tuple of Segment
        Application data and comments to copy: Photoshop's blocks with IPTC, and all that is not known here.
    pictures : bool
        Whether the file lists further pictures in it (multi-picture format).
    behind : int
        Bytes behind the end of the picture.
    """

    frame: Frame
    kept: tuple[Segment, ...] = ()
    pictures: bool = False
    behind: int = 0


def take_apart(data: bytes) -> JpegFile:
    """Walk over the segments of a file.

    Raises
    ------
    ValueError
        When there is no frame or no picture data.
    """
    frame, kept, pictures = None, [], False
    for marker, content in _segments(data):
        if marker in _FRAMES and frame is None:
            frame = _frame(marker, content)
        elif marker == _COMMENT or 0xE0 <= marker <= 0xEF:
            if content.startswith(_SECOND_PICTURES):
                pictures = True
            elif not (marker != _COMMENT and content.startswith(_MADE_ANEW)):
                kept.append(Segment(marker, content))
    if frame is None:
        raise ValueError("the header is missing")
    return JpegFile(frame, tuple(kept), pictures, len(data) - _end(data))


def _segments(data: bytes) -> list[Segment]:
    """Segments before the first scan."""
    found: list[Segment] = []
    position = 2
    while True:
        position = data.find(b"\xff", position)
        while position >= 0 and data[position : position + 1] == b"\xff":
            position += 1
        if not 0 < position < len(data) - 2:
            raise ValueError("it has no picture data")
        marker = data[position]
        position += 1
        if marker in _ALONE:
            continue
        if marker in (_START_OF_SCAN, _END):
            return found
        length = int.from_bytes(data[position : position + 2], "big")
        found.append(Segment(marker, data[position + 2 : position + length]))
        position += max(2, length)


def _end(data: bytes) -> int:
    """Where the first picture of a file ends; the length of the file when it has no end."""
    position = 2
    while match := _NEXT_MARKER.search(data, position):
        position = match.end()
        marker = data[position - 1]
        if marker == _END:
            return position
        if marker not in _ALONE:
            position += int.from_bytes(data[position : position + 2], "big")
    return len(data)


def _frame(marker: int, content: bytes) -> Frame:
    if len(content) < 6 + 3 * content[5]:
        raise ValueError("the header is cut")
    sampling = tuple((content[7 + 3 * i] >> 4, content[7 + 3 * i] & 15) for i in range(content[5]))
    height, width = int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big")
    return Frame(marker, content[0], height, width, sampling)
