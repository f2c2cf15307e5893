"""What a JPEG XL picture says of itself before its pixels (ISO/IEC 18181-1): size, bits, colours."""

from __future__ import annotations

from typing import NamedTuple

_ALPHA, _SPOT, _FILTER = 0, 2, 5
_GREY, _XYB = 1, 2
_USUAL = 1
"""White and primaries of sRGB."""
_CURVE, _LINEAR = 13, 8
_CUSTOM = 2


class Header(NamedTuple):
    """The beginning of a picture.

    Attributes
    ----------
    width, height : int
        As coded, before it is turned.
    bits : int
        Of an intensity; 16 or 32 for floats.
    floating : bool
        Whether intensities are floats.
    lossy : bool
        Whether it is coded in XYB, as pictures are that lose something.
    profile : bool
        Whether there is a colour profile.
    srgb : bool
        Whether its colours are those of sRGB, be it on its curve or as linear light.
    linear : bool
        Whether intensities are linear light.
    transfer_at : int
        Bit where the four bits begin that tell the curve, counted from the beginning; 0 where there are none.
    animation : bool
        Whether it moves.
    extra : int
        Channels beside colour and alpha, such as depth.
    """

    width: int
    height: int
    bits: int = 8
    floating: bool = False
    lossy: bool = True
    profile: bool = False
    srgb: bool = True
    linear: bool = False
    transfer_at: int = 0
    animation: bool = False
    extra: int = 0


class _Bits:
    """Bits one after another, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)
        self.place = 0

    def next(self, count: int) -> int:
        """The number in the next bits; `ValueError` at the end."""
        if count > self._left:
            raise ValueError("the header is cut")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        self.place += count
        return value

    def flag(self) -> bool:
        """The next bit."""
        return self.next(1) == 1

    def choice(self, *ways: tuple[int, int]) -> int:
        """One of four ways to write a number: a constant and the bits to add."""
        base, bits = ways[self.next(2)]
        return base + self.next(bits)

    def kind(self) -> int:
        """One of the numbers that stand for names."""
        return self.choice((0, 0), (1, 0), (2, 4), (18, 6))


def header_of(coded: bytes) -> Header:
    """Understand the beginning of a coded picture, without its boxes.

    Raises
    ------
    ValueError
        When it is cut short.
    """
    bits = _Bits(coded[:1026])
    bits.next(16)
    height, width = _size(bits)
    header = Header(width, height)
    if bits.flag():  # all is as usual
        return header
    if bits.flag():
        header = header._replace(animation=_more(bits))
    depth, floating = _depth(bits)
    bits.flag()
    channels = [_extra(bits) for _ in range(bits.choice((0, 0), (1, 0), (2, 4), (1, 12)))]
    header = header._replace(
        bits=depth, floating=floating, extra=sum(kind != _ALPHA for kind in channels), lossy=bits.flag()
    )
    return _colours(bits, header)


def with_srgb_curve(coded: bytes) -> bytes:
    """A coded picture that is said to be linear light, said to be on sRGB's curve instead."""
    header = header_of(coded)
    if not header.linear:
        return coded
    start = header.transfer_at
    value = int.from_bytes(coded[:1026], "little")
    value &= ~(15 << start)
    value |= (_CURVE - 2) << start
    return value.to_bytes(len(coded[:1026]), "little") + coded[1026:]


def _size(bits: _Bits) -> tuple[int, int]:
    """Height and width."""

    def side() -> int:
        return 8 * (1 + bits.next(5)) if small else bits.choice((1, 9), (1, 13), (1, 18), (1, 30))

    small = bits.flag()
    height = side()
    over, under = ((0, 0), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[bits.next(3)]
    return height, height * over // under if under else side()


def _more(bits: _Bits) -> bool:
    """Orientation, size meant, preview and animation; tells whether there is an animation."""
    bits.next(3)
    if bits.flag():
        _size(bits)
    if bits.flag():
        raise ValueError("it has a preview of a rare kind")
    if moving := bits.flag():
        bits.choice((100, 0), (1000, 0), (1, 10), (1, 30))
        bits.choice((1, 0), (1001, 0), (1, 8), (1, 10))
        bits.choice((0, 0), (0, 3), (0, 16), (0, 32))
        bits.flag()
    return moving


def _depth(bits: _Bits) -> tuple[int, bool]:
    if bits.flag():
        depth = bits.choice((32, 0), (16, 0), (24, 0), (1, 6))
        bits.next(4)
        return depth, True
    return bits.choice((8, 0), (10, 0), (12, 0), (1, 6)), False


def _extra(bits: _Bits) -> int:
    """Kind of one more channel."""
    if bits.flag():
        return _ALPHA
    kind = bits.kind()
    _depth(bits)
    bits.choice((0, 0), (3, 0), (4, 0), (1, 3))
    bits.next(8 * bits.choice((0, 0), (0, 4), (16, 5), (48, 10)))
    if kind == _ALPHA:
        bits.flag()
    elif kind == _SPOT:
        bits.next(64)
    elif kind == _FILTER:
        bits.choice((1, 0), (0, 2), (3, 4), (19, 8))
    return kind


def _colours(bits: _Bits, header: Header) -> Header:
    """The header with what it says of colours."""
    if bits.flag():
        return header
    if bits.flag():
        return header._replace(profile=True, srgb=False)
    space, usual = bits.kind(), True
    if space != _XYB:
        white = bits.kind()
        usual = white == _USUAL
        if white == _CUSTOM:
            return header._replace(srgb=False)
        if space != _GREY:
            primaries = bits.kind()
            usual = usual and primaries == _USUAL
            if primaries == _CUSTOM:
                return header._replace(srgb=False)
    if bits.flag():
        return header._replace(srgb=False)
    place = bits.place + 2  # behind the two that say how the number is written
    transfer = bits.kind()
    known = usual and transfer in (_CURVE, _LINEAR)
    return header._replace(srgb=known, linear=known and transfer == _LINEAR, transfer_at=place)
