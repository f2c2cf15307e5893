"""What every method is: one call for an array or a stack, on any device."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import torch

from clode_core.methods.arguments import callable_or_none, yes_or_no
from clode_core.methods.device import with_fallback
from clode_core.methods.networks import Networks
from clode_core.pictures.arrays import (
    Array,
    ImageError,
    Layout,
    Levels,
    LevelsArgument,
    Planes,
    as_image,
    colours,
    layout,
    resolve_levels,
)

Progress: TypeAlias = Callable[[float], None]
Same = TypeVar("Same", bound="Method")


class Solved(Protocol):
    """One picture, ready to be shown at any value of the method's slider."""

    def at(self, value: Any = ..., *, progress: Progress | None = None) -> Array:
        """The picture at a value: same shape, dtype and levels."""
        ...


class Method(Networks, ABC):
    """A way to enhance dark pictures.

    A subclass says what a weights file of it holds (`format`, `family`, `architecture_type`) and either
    solves one plane (`solve_plane`) or enhances it (`enhance_plane`); everything else is here. See `Networks`
    for how it is made.

    Attributes
    ----------
    single_threaded : bool
        Whether the small part whose last digits depend on the number of threads runs in one thread, so that
        results do not.
    """

    single_threaded: bool = False

    def steady(self: Same) -> Same:
        """The same method, giving the same bytes whatever the number of threads."""
        twin = copy.copy(self)
        twin.single_threaded = True
        return twin

    def settings(self, value: Any = None, **options: Any) -> dict[str, Any]:
        """All settings of a call, checked: those given, and the defaults of the others.

        Raises
        ------
        TypeError
            If the method knows no such setting.
        ValueError
            If a value is out of range.
        """
        slider = self.info.slider
        known = {option.keyword: option.default for option in self.info.options}
        if slider is not None:
            known[slider.keyword] = slider.default
            if value is not None:
                options = {slider.keyword: value} | options
        elif value is not None:
            raise TypeError(f"{self.info.name} has no slider: leave the value {value!r} out")
        for name in options:
            if name not in known:
                raise TypeError(f"{self.info.name} knows no setting {name!r}")
        for option in self.info.options:
            if isinstance(option.default, bool) and option.keyword in options:
                yes_or_no(option.keyword, options[option.keyword])
        return self.check(known | options)

    def check(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Check the settings of a call; `ValueError` for what is out of range."""
        return settings

    def enhance(
        self,
        image: Any,
        value: Any = None,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Array:
        """Enhance a picture or a stack of pictures.

        Parameters
        ----------
        image : array_like
            (..., Y, X) grey or (..., Y, X, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA; integer or
            float. Every plane on its own.
        value : float, optional
            Of the method's slider, where it has one; also by the slider's own name.
        levels : {"dtype", "auto"} or (float, float)
            Black and white level, see `clode_core.resolve_levels`.
        rgb : bool, optional
            Whether the last axis is channels; guessed from the shape by default.
        progress : callable, optional
            Called with the fraction done; what it raises stops the work.
        **options
            Settings of the method, see `MethodInfo.options`.

        Returns
        -------
        ndarray
            A new array with the shape, dtype and levels of `image`. Alpha, NaN and Inf are as they were.

        Raises
        ------
        ImageError
            If the array cannot be understood as pictures.
        TypeError
            If the method knows no such setting.
        ValueError
            If a setting is out of range.

        Notes
        -----
        If the accelerator runs out of memory, the work is done again on the CPU with a warning.
        """
        callable_or_none("progress", progress)
        settings = self.settings(value, **options)
        array = as_image(image)
        where = layout(array, rgb)
        level = resolve_levels(colours(array, where), levels, bool(where.channels))
        result = np.empty(array.shape, array.dtype)
        pictures = Planes(array, where)
        settings, used = with_fallback(self, lambda on: on.prepare(pictures, where, level, settings))
        for done, plane in enumerate(pictures):

            def report(fraction: float, done: int = done) -> None:
                if progress is not None:
                    progress((done + fraction) / len(pictures))

            def enhanced(on: Method, plane: Array = plane) -> Array:
                return on.enhance_steadily(plane, where.alpha, level, report, **settings)

            result[pictures.place(done)], used = with_fallback(used, enhanced)
            report(1.0)
        return result

    def prepare(
        self, pictures: Planes, where: Layout, levels: Levels, settings: dict[str, Any]
    ) -> dict[str, Any]:
        """Settings of all planes of a stack, found before the first is enhanced."""
        return settings

    def enhance_steadily(self, *plane: Any, **settings: Any) -> Array:
        """`enhance_plane`, with one thread where that is asked for and the method does not see to it."""
        return self.enhance_plane(*plane, **settings)

    def enhance_plane(
        self, array: Array, alpha: bool, levels: Levels, progress: Progress, **settings: Any
    ) -> Array:
        """Enhance one plane whose layout and levels are known; by default, solve it and show one value."""
        slider = self.info.slider
        value = (settings.pop(slider.keyword),) if slider else ()
        with self.solving():
            path = self.solve_plane(array, alpha, levels, **settings)
        return path.at(*value, progress=progress)

    def solve(
        self,
        image: Any,
        *,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        **settings: Any,
    ) -> Any:
        """Solve one picture, to show it at any value of the slider.

        Parameters
        ----------
        image : array_like
            (Y, X) grey or (Y, X, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA; integer or float.
        levels, rgb
            As in `enhance`.
        **settings
            What else `solve_plane` of the method takes.

        Returns
        -------
        Solved
            Its `at` shows the picture at a value.

        Raises
        ------
        ImageError
            If the array is not one picture.
        ValueError
            If another argument is out of range.
        """
        array = as_image(image)
        where = layout(array, rgb)
        if where.stack:
            raise ImageError(
                f"solve takes one picture, not a stack of shape {array.shape}: "
                "call it for each plane, or use enhance"
            )
        level = resolve_levels(colours(array, where), levels, bool(where.channels))
        with self.solving():
            return self.solve_plane(array, where.alpha, level, **settings)

    def solve_for(
        self,
        image: Any,
        values: Iterable[Any] = (),
        *,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        **options: Any,
    ) -> Any:
        """Solve one picture so that it can be shown at given values of the slider.

        Parameters
        ----------
        image, levels, rgb
            As in `solve`.
        values : iterable
            Values that will be asked for, "auto" among them where the method can choose.
        **options
            Settings of the method, as in `enhance`.

        Returns
        -------
        Solved
            Its ``at(value)`` is what ``enhance(image, value, **options)`` gives; where the method can choose,
            its ``auto()`` is the value chosen.
        """
        self.settings(**options)
        return self.solve(image, levels=levels, rgb=rgb, **options)

    @abstractmethod
    def solve_plane(self, array: Array, alpha: bool, levels: Levels, **settings: Any) -> Solved:
        """Solve one plane whose layout and levels are known; see `solve`."""

    @contextmanager
    def solving(self) -> Iterator[None]:
        """Compute with one thread where results must not depend on the number of threads."""
        threads = torch.get_num_threads()
        if self.single_threaded:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if self.single_threaded:
                torch.set_num_threads(threads)


class WholeMethod(Method):
    """A method whose every result costs the whole network: nothing is solved ahead."""

    def solve_plane(self, array: Array, alpha: bool, levels: Levels, **settings: Any) -> Solved:
        """The picture and the settings, kept until it is shown."""
        return _Unsolved(self, array, alpha, levels, settings)

    def enhance_steadily(self, *plane: Any, **settings: Any) -> Array:
        """`enhance_plane`, all of it with one thread where that is asked for."""
        with self.solving():
            return self.enhance_plane(*plane, **settings)

    @abstractmethod
    def enhance_plane(
        self, array: Array, alpha: bool, levels: Levels, progress: Progress, **settings: Any
    ) -> Array:
        """Enhance one plane whose layout and levels are known."""


class _Unsolved:
    """A picture that is enhanced when it is shown."""

    def __init__(
        self, method: Method, array: Array, alpha: bool, levels: Levels, settings: dict[str, Any]
    ) -> None:
        self._method, self._array, self._alpha, self._levels = method, array, alpha, levels
        self._settings = settings

    def at(self, value: Any = None, *, progress: Progress | None = None) -> Array:
        """The picture at a value of the slider; without one, the picture."""
        settings = self._method.settings(value, **self._settings)
        return self._method.enhance_plane(
            self._array, self._alpha, self._levels, progress or (lambda fraction: None), **settings
        )
