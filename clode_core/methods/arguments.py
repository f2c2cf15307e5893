"""Checks of arguments whose wrong type would be taken for something else, as the text "no" for yes."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np


def yes_or_no(name: str, value: Any) -> bool:
    """Return a truth value.

    Raises
    ------
    TypeError
        For anything but a bool: the text "no" would count as true.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} takes True or False, not {value!r}")
    return bool(value)


def callable_or_none(name: str, value: Any) -> None:
    """Refuse what cannot be called.

    Raises
    ------
    TypeError
        For anything but a callable or None.
    """
    if value is not None and not callable(value):
        raise TypeError(f"{name} takes a callable of the fraction done, not {value!r}")


def whole(name: str, value: Any) -> int:
    """Return a whole number.

    Raises
    ------
    TypeError
        For anything else, also a bool.
    """
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} takes a whole number, not {value!r}") from None


def first_and_stop(name: str, value: Any) -> tuple[int, int]:
    """Return the first index of a part and the one after its last.

    Raises
    ------
    TypeError
        For anything but two whole numbers.
    """
    try:
        first, stop = value
    except (TypeError, ValueError):
        raise TypeError(f"{name} takes two whole numbers, (first, stop), not {value!r}") from None
    return whole(name, first), whole(name, stop)


def several(name: str, values: Any) -> list[Any]:
    """Return numbers as a list.

    Raises
    ------
    TypeError
        For one number or a text.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name} takes several numbers, such as [1.0, 2.0], not {values!r}")
    return list(values)
