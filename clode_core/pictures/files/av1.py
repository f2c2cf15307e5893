"""The size of the picture that an AV1 stream codes, which its container may tell otherwise."""

from __future__ import annotations

_SEQUENCE_HEADER = 1
_LEVELS_WITH_TIERS = 7


class _Bits:
    """Bits one after another, the highest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def next(self, count: int) -> int:
        """The number in the next bits; `EOFError` at the end."""
        if count > self._left:
            raise EOFError
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)


def stream_size(stream: bytes) -> tuple[int, int] | None:
    """Width and height in the sequence header (AV1 specification, section 5.5.1).

    Parameters
    ----------
    stream : bytes
        Beginning of a stream.

    Returns
    -------
    tuple of int or None
        Width and height in pixels; None where there is no such header or it has the rare timing fields.
    """
    place = 0
    while place < len(stream):
        head = stream[place]
        place += 2 if head & 4 else 1  # with or without the byte of an extension
        size = len(stream) - place
        if head & 2:
            size, place = _leb128(stream, place)
        if head >> 3 & 15 == _SEQUENCE_HEADER:
            try:
                return _sequence(_Bits(stream[place : place + size]))
            except EOFError:
                return None
        place += size
    return None


def _leb128(data: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends."""
    value = 0
    for index, byte in enumerate(data[place : place + 8]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, place + index + 1
    return value, len(data)


def _sequence(bits: _Bits) -> tuple[int, int] | None:
    bits.next(4)  # profile, still picture
    if bits.next(1):  # the short header of a still picture
        bits.next(5)
    else:
        if bits.next(1):  # timing
            return None
        delays = bits.next(1)
        for _ in range(bits.next(5) + 1):
            bits.next(12)
            if bits.next(5) > _LEVELS_WITH_TIERS:
                bits.next(1)
            if delays and bits.next(1):
                bits.next(4)
    across, down = bits.next(4) + 1, bits.next(4) + 1
    return bits.next(across) + 1, bits.next(down) + 1
