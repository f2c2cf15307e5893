"""Frames of the worker's protocol: a versioned JSON header and raw bytes behind it, and their checks."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

PROTOCOL = 3
"""Version of the protocol; two sides with different numbers do not talk."""
MAGIC = b"CLOD"
LARGEST_HEADER = 1 << 16
LARGEST_PAYLOAD = 1 << 25
"""Bytes behind one header; larger pictures travel in bands of rows."""
LARGEST_FRAME = LARGEST_HEADER + LARGEST_PAYLOAD + 64
LARGEST_SIDE = 1 << 19
SAMPLE_BYTES = {"u8": 1, "u16": 2, "f32": 4}
"""Bytes of one intensity, by the name of its kind."""

_START = struct.Struct("<4sHI")


class FrameError(ValueError):
    """Bytes that are no frame of this protocol, or a field that is missing or out of range."""


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes
    ----------
    kind : str
        What it asks or says.
    fields : dict
        The other entries of the header.
    payload : bytes-like
        Intensities: little-endian, rows then columns then channels.
    """

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    payload: bytes | memoryview = b""

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`; a `FrameError` says what else it is."""
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise FrameError(f"{self.kind}: {name} must be a whole number from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """Return a finite number from `low` to `high`."""
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise FrameError(f"{self.kind}: {name} must be a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise FrameError(f"{self.kind}: {name} must be true or false")
        return value

    def text(self, name: str, longest: int = 4096) -> str:
        """Return a text of at most `longest` characters."""
        value = self.fields.get(name)
        if not isinstance(value, str) or len(value) > longest:
            raise FrameError(f"{self.kind}: {name} must be a text of at most {longest} characters")
        return value


def encode(message: Message) -> bytes:
    """Bytes of one frame."""
    header = json.dumps({"kind": message.kind, **message.fields}, allow_nan=False).encode()
    if len(header) > LARGEST_HEADER or len(message.payload) > LARGEST_PAYLOAD:
        raise FrameError(f"a {message.kind} message is too large to send at once")
    return b"".join((_START.pack(MAGIC, PROTOCOL, len(header)), header, message.payload))


def decode(frame: bytes) -> Message:
    """Read one frame; nothing in it is executed or trusted.

    Raises
    ------
    FrameError
        If it is cut off, of another protocol, or its header is no JSON object with a kind.
    """
    if len(frame) < _START.size:
        raise FrameError(f"a frame of {len(frame)} bytes is cut off")
    magic, version, length = _START.unpack_from(frame)
    if magic != MAGIC:
        raise FrameError("these bytes are no frame of CLODE's worker")
    if version != PROTOCOL:
        raise FrameError(f"protocol {version} is spoken there and {PROTOCOL} here")
    if length > LARGEST_HEADER or _START.size + length > len(frame):
        raise FrameError(f"a header of {length} bytes does not fit a frame of {len(frame)} bytes")
    try:
        header = json.loads(frame[_START.size : _START.size + length], parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"the header is no JSON ({error})") from None
    if not isinstance(header, dict) or not isinstance(header.get("kind"), str):
        raise FrameError("the header is no JSON object with a kind")
    return Message(header.pop("kind"), header, memoryview(frame)[_START.size + length :])


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def rows_per_frame(width: int, channels: int, samples: str = "f32", largest: int = 1 << 22) -> int:
    """Rows that one frame carries: about 4 MiB, so that a cancellation need not wait long; never none."""
    return max(1, largest // (width * channels * SAMPLE_BYTES[samples]))
