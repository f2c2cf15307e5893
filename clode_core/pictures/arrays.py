"""Arrays in and out: shape and colour layout, black and white level, unit intensities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
LevelsArgument: TypeAlias = Literal["dtype", "auto"] | tuple[float, float]

_SAY_LEVELS = "pass levels=(black, white) or levels='auto' (--levels at the command line)"
_ALPHA_CHANNELS = {2, 4}
_FOREIGN_MODES = {"P", "PA", "CMYK", "LAB", "HSV", "YCbCr"}  # of Pillow: numbers that are no intensities
_FEW = 16  # a last axis this short, behind two long ones, is channels rather than a row of pixels
_BACKGROUND_SHARE, _BACKGROUND_SAMPLE = 0.1, 200_000  # of the pixels; pixels looked at
_BACKGROUND_WIDTH, _BACKGROUND_HEIGHT = 0.015, 0.35  # as shares of the range of the data


class ImageError(ValueError):
    """An array that cannot be enhanced; the message says what to do."""


@dataclass(frozen=True)
class Levels:
    """Intensities taken as black (0) and white (1), in the units of the array.

    Parameters
    ----------
    black, white : float
        The two intensities, black below white.

    Raises
    ------
    ImageError
        If they are not finite, not in this order, or too close or too far apart to compute with.

    Examples
    --------
    >>> Levels(100, 4095)
    Levels(black=100, white=4095)
    """

    black: float
    white: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.black) and math.isfinite(self.white) and self.black < self.white):
            raise ImageError(
                f"black level {self.black:g} and white level {self.white:g} must be finite numbers, "
                "black below white"
            )
        if not 1e-30 <= self.white - self.black <= 1e30 or abs(self.black) > 1e30:
            raise ImageError(
                f"black level {self.black:g} and white level {self.white:g} are too close or too far apart "
                "to compute with: scale the image"
            )


def as_image(image: Any) -> Array:
    """Return `image` as an array of a real numeric dtype with at least two axes and one pixel.

    Raises
    ------
    ImageError
        For empty, boolean, complex, object and text arrays and for fewer than two axes.
    """
    if getattr(image, "mode", None) in _FOREIGN_MODES:
        raise ImageError(f"a picture in mode {image.mode} has no intensities to enhance: convert it to RGB")
    if isinstance(image, np.ma.MaskedArray) and np.ma.is_masked(image):
        raise ImageError("the image has masked pixels: fill them first, for example with NaN")
    try:
        array = np.asarray(image)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ImageError(f"this cannot be read as an image array ({error})") from None
    _refuse_other_than_numbers(array)
    if array.ndim < 2:
        raise ImageError(f"an image needs at least two axes (Y, X), not shape {array.shape}")
    if array.size == 0:
        raise ImageError(f"the image is empty (shape {array.shape})")
    return array


def _refuse_other_than_numbers(array: Array) -> None:
    if array.dtype.kind not in "uif":
        raise ImageError(
            f"cannot enhance an array of dtype {array.dtype}: "
            "convert it to an integer or floating-point image"
        )


@dataclass(frozen=True)
class Layout:
    """Which axes of an array are what.

    Attributes
    ----------
    stack : tuple of int
        Lengths of the axes before (Y, X).
    channels : int
        0 where there is no channel axis; otherwise the length of the last axis, alpha included.
    """

    stack: tuple[int, ...]
    channels: int

    @property
    def alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in _ALPHA_CHANNELS


def layout(array: Array, rgb: bool | None = None) -> Layout:
    """Find the channel axis.

    Parameters
    ----------
    array : ndarray
        (..., Y, X) or (..., Y, X, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA.
    rgb : bool, optional
        True: the last axis is channels. False: every axis before the last two is a stack. By default the
        last axis is channels if it has 1 to 4 entries and the two before it are longer than it, or if it
        has 3 or 4 entries and the array is three-dimensional.

    Raises
    ------
    ImageError
        If the last axis looks like channels of a number that is not understood.
    """
    last = array.shape[-1]
    if rgb is None:
        rows, columns = array.shape[-3:-1] if array.ndim > 2 else (0, 0)
        longer = min(rows, columns) > last
        if array.ndim > 2 and 4 < last <= _FEW and min(rows, columns) > _FEW:
            raise ImageError(
                f"shape {array.shape} looks like {last} channels: pass grey, RGB or RGBA pictures, "
                "move the channels to the front, or pass rgb=False if the last axis is X"
            )
        rgb = array.ndim > 2 and ((last <= 4 and longer) or (array.ndim == 3 and last in (3, 4)))
    if not rgb:
        return Layout(array.shape[:-2], 0)
    if array.ndim < 3 or not 1 <= last <= 4:
        raise ImageError(
            "rgb=True needs a last axis of 1 to 4 channels (grey, grey + alpha, RGB, RGBA), "
            f"not shape {array.shape}"
        )
    return Layout(array.shape[:-3], last)


def colours(array: Array, where: Layout) -> Array:
    """The array without its alpha channel."""
    return array[..., :-1] if where.alpha else array


class Planes(Sequence[Array]):
    """The pictures of a stack in order, as (Y, X) or (Y, X, C) views of its array."""

    def __init__(self, array: Array, where: Layout) -> None:
        self.array = array
        self.stack = where.stack

    def __len__(self) -> int:
        return math.prod(self.stack)

    def place(self, number: int) -> tuple[int, ...]:
        """Index into the stack axes of picture `number`."""
        return tuple(int(i) for i in np.unravel_index(number, self.stack)) if self.stack else ()

    def __getitem__(self, number: int) -> Array:  # type: ignore[override]
        if not 0 <= number < len(self):
            raise IndexError(number)
        picture: Array = self.array[self.place(number)]
        return picture


def resolve_levels(array: Array, levels: LevelsArgument = "dtype", rgb: bool | None = None) -> Levels:
    """Black and white level of an array.

    Parameters
    ----------
    array : ndarray
        The whole image or stack.
    levels : {"dtype", "auto"} or (float, float)
        "dtype": 0 to the largest value of an integer dtype, 0 to 1 for floats. "auto": black is the
        background, the dark value that a tenth of the pixels or more lie close around, as where cells glow
        on an unlit slide; without one, and in colour, the lowest value that is not an outlier (camera
        offset).
        White is the smallest full scale (8, 10, 12, 14 or 16 bits) that holds an integer image, or the
        largest value of a float image. Or the two numbers.
    rgb : bool, optional
        Whether the last axis is colours; as `layout` finds it by default.

    Returns
    -------
    Levels
        Black and white level.

    Raises
    ------
    ImageError
        If the levels are not two increasing finite numbers, or a float image goes far beyond 1.

    Examples
    --------
    >>> resolve_levels(image)  # uint8
    Levels(black=0.0, white=255.0)
    >>> resolve_levels(image, (10, 200))
    Levels(black=10.0, white=200.0)
    """
    _refuse_other_than_numbers(array)
    if isinstance(levels, str):
        if levels == "auto":
            return _auto_levels(array, colour=layout(array, rgb).channels > 2)
        if levels != "dtype":
            raise ImageError(f"levels must be 'dtype', 'auto' or (black, white), not {levels!r}")
        if array.dtype.kind in "ui":
            if array.dtype.itemsize >= 4 and 0 < (reached := int(array.max())) < 2**16:
                raise ImageError(
                    f"{array.dtype} data that reach only {reached} are not at full scale: {_SAY_LEVELS}"
                )
            return Levels(0.0, float(np.iinfo(array.dtype).max))
        largest = _finite_extreme(array, np.max)
        if largest > 2.0:
            raise ImageError(
                f"a floating-point image is taken to lie in [0, 1], but this one reaches {largest:g}: "
                f"{_SAY_LEVELS}"
            )
        return Levels(0.0, 1.0)
    try:
        if isinstance(levels, bytes):
            raise TypeError
        black, white = (float(value) for value in levels)
    except (TypeError, ValueError, OverflowError):
        raise ImageError(f"levels must be 'dtype', 'auto' or (black, white), not {levels!r}") from None
    return Levels(black, white)


def _finite_extreme(array: Array, extreme: Any) -> float:
    """Largest or smallest finite value, 0 where there is none; copies only where there is NaN or Inf."""
    value = float(extreme(array))
    if math.isfinite(value):
        return value
    finite = array[np.isfinite(array)]
    return float(extreme(finite)) if finite.size else 0.0


def _background(sample: Array) -> float | None:
    """Find the value of a dark background; None where there is none.

    The middle of the shortest interval that holds a tenth of the pixels, if that is narrow and lies low.
    """
    step = 1.0 if sample.dtype.kind in "ui" else 0.0  # a count stands for values that far apart
    ordered = np.sort(sample[:: max(1, sample.size // _BACKGROUND_SAMPLE)].astype(np.float64))
    low, high = np.quantile(ordered, [1e-3, 1 - 1e-3])
    count = int(_BACKGROUND_SHARE * ordered.size)
    if count < 1 or not low < high:
        return None
    widths = ordered[count:] - ordered[:-count]
    narrow = np.flatnonzero(widths == widths.min())
    first = narrow[len(narrow) // 2]  # the middle one of those that are equal, as integers may be
    middle = float(ordered[first] + ordered[first + count]) / 2
    dark = middle <= low + _BACKGROUND_HEIGHT * (high - low)
    return middle if dark and widths[first] + step <= _BACKGROUND_WIDTH * (high - low) else None


def _auto_levels(array: Array, colour: bool) -> Levels:
    step = max(1, array.size // 2_000_000)
    while step > 1 and (step % 2 == 0 or step % 3 == 0):  # or only one channel would be seen
        step += 1
    sample = array.reshape(-1)[::step]
    sample = sample[np.isfinite(sample)] if array.dtype.kind == "f" else sample
    background = None if colour or not sample.size else _background(sample)
    if background is not None:
        black = background
    else:
        black = float(np.quantile(sample, 1e-3)) if sample.size else 0.0
    largest = _finite_extreme(array, np.max)
    if array.dtype.kind in "ui":
        bits = next((b for b in (8, 10, 12, 14, 16) if largest < 2**b), None)
        white = float(min(2 ** (bits or 64) - 1, np.iinfo(array.dtype).max))
    else:
        white = largest
    if not black < white:
        black = 0.0 if white > 0 else white - 1
    return Levels(black, white)


def to_unit(array: Array, levels: Levels, dtype: Any = np.float32, out: Array | None = None) -> Array:
    """Map intensities so that black is 0 and white is 1; values beyond the levels go beyond [0, 1].

    With `out`, an array of `dtype` and the same shape, they are written there.
    """
    if out is None:
        unit = array.astype(dtype, order="C")
    else:
        np.copyto(out, array, casting="unsafe")
        unit = out
    if levels.black != 0:
        unit -= dtype(levels.black)
    unit *= dtype(1.0 / (levels.white - levels.black))
    return unit


def from_unit(unit: Array, levels: Levels, dtype: np.dtype[Any]) -> Array:
    """Undo `to_unit`: scale back and round to `dtype`. `unit` is overwritten."""
    unit *= unit.dtype.type(levels.white - levels.black)
    unit += unit.dtype.type(levels.black)
    if dtype.kind in "ui":
        np.rint(unit, out=unit)
        limits = np.iinfo(dtype)
        top = unit.dtype.type(limits.max)
        if int(top) > limits.max:  # a float32 or float64 that was rounded up, beyond the integer
            top = np.nextafter(top, unit.dtype.type(0))
        np.clip(unit, limits.min, top, out=unit)
    return unit.astype(dtype, copy=False)


def working_dtype(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """Precision in which intensities of `dtype` are handled: float64 where float32 would lose digits."""
    return np.float64 if dtype.itemsize >= 4 and dtype != np.float32 else np.float32
