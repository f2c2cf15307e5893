"""The methods that are compared: what each makes of one dark picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clode_core.evaluation.metrics.fidelity import psnr
from clode_core.evaluation.search import best
from clode_core.methods import MethodInfo, available_methods, method_info

if TYPE_CHECKING:
    from clode_core.methods.method import Method

Picture = NDArray[np.uint8]


class Enhanced(NamedTuple):
    """A result, and the value of the slider it was made with."""

    picture: Picture
    parameter: float | None = None


class Scene:
    """One dark picture and what the methods share about it: each method solves it once.

    Parameters
    ----------
    source : ndarray
        The dark picture, 8-bit (Y, X, 3).
    reference : ndarray or None
        The well exposed one.
    methods : dict
        Loaded methods by name.
    denoise : bool
        Whether methods that can remove noise do it.
    """

    def __init__(
        self, source: Picture, reference: Picture | None, methods: Mapping[str, Method], denoise: bool = True
    ) -> None:
        self.source = source
        self.reference = reference
        self.denoise = denoise
        self._methods = methods
        self.solved = cache(self._solve)
        self.shown = lru_cache(8)(self._show)

    def _solve(self, name: str, *ends: float) -> Any:
        method = self._methods[name]
        options: dict[str, Any] = {"denoise": self.denoise} if method.info.noise_removal else {}
        return method.solve_for(self.source, ends, **options)

    def _path(self, name: str, value: float | None) -> Any:
        """The solved picture; one solve for all values that a table looks at, where it holds `value`."""
        slider = self._methods[name].info.slider
        if slider is None or not slider.best:
            return self.solved(name)
        first, last = slider.best[0], slider.best[-1]
        if value is None or first <= value <= last:
            return self.solved(name, first, last)
        return self.solved(name, value)

    def _show(self, name: str, value: float | None) -> Picture:
        path = self._path(name, value)
        return np.asarray(path.at() if value is None else path.at(value))

    def auto(self, name: str) -> float:
        """The value that a method chooses itself."""
        return float(self._path(name, None).auto())

    def best(self, enhance: Callable[[float], Picture], grid: Iterable[float]) -> Enhanced:
        """The result nearest to the reference, in PSNR, over a grid of values."""
        reference = self.reference
        if reference is None:
            raise ValueError("the best is found by comparison with a reference")
        value = best(lambda v: psnr(enhance(v), reference), list(grid))
        return Enhanced(enhance(value), value)


@dataclass(frozen=True)
class Entry:
    """A method at one setting, as it stands in a table.

    Attributes
    ----------
    name, title : str
        As it was asked for, and heading of its row.
    apply : callable
        From a `Scene` to the result.
    needs_reference : bool
        Whether it looks at the reference: an upper bound, not something to use.
    method : str
        The method that the scene must hold; empty for the picture itself.
    """

    name: str
    title: str
    apply: Callable[[Scene], Enhanced]
    needs_reference: bool = False
    method: str = ""


def choose_methods(names: Iterable[str], *, reference: bool) -> list[Entry]:
    """Methods by name, each once and in the order given.

    Parameters
    ----------
    names : iterable of str
        ``input``, or the name of a method; one with a slider also as ``name@value``, ``name@best``, and
        ``name@auto`` where it can choose.
    reference : bool
        Whether there are references.

    Raises
    ------
    ValueError
        If a name is unknown, none is given, or one is not available or needs a reference.
    """
    chosen = [_entry(name) for name in dict.fromkeys(n.strip() for n in names if n.strip())]
    if not chosen:
        raise ValueError("no method is given: name some by --methods, for example clode,clode@auto")
    wanting = [entry.name for entry in chosen if entry.needs_reference and not reference]
    if wanting:
        raise ValueError(f"{', '.join(wanting)} look at the reference: give its folder by --reference")
    return chosen


def load_methods(entries: Iterable[Entry], load: Callable[[MethodInfo], Method]) -> dict[str, Method]:
    """The methods that entries need, each loaded once."""
    return {name: load(method_info(name)) for name in dict.fromkeys(e.method for e in entries) if name}


def _entry(name: str) -> Entry:
    kind, at, choice = name.partition("@")
    if name == "input":
        return Entry(name, "input", lambda scene: Enhanced(scene.source))
    if kind not in available_methods():
        raise ValueError(f"unknown method {name!r}: choose among input, {', '.join(available_methods())}")
    info = method_info(kind)
    if info.missing():
        raise ValueError(f"{info.missing()}; or leave it out of --methods")
    slider = info.slider
    if slider is None:
        if at:
            raise ValueError(f"{name!r} is no method: {kind} has nothing to choose, name it alone")
        return Entry(name, info.title, lambda scene: Enhanced(scene.shown(kind, None)), method=kind)
    if choice == "best" and slider.best:
        return Entry(
            name,
            f"{info.title}, best {slider.symbol}",
            lambda scene: scene.best(lambda value: scene.shown(kind, value), slider.best),
            True,
            kind,
        )
    if choice == "auto" and slider.automatic:

        def automatic(scene: Scene) -> Enhanced:
            value = scene.auto(kind)
            return Enhanced(scene.shown(kind, value), value)

        return Entry(name, f"{info.title}, auto", automatic, method=kind)
    value = _value(info, name, choice) if at else slider.default
    title = f"{info.title}, {slider.symbol}={value:g}" if at or slider.automatic else info.title
    return Entry(name, title, lambda scene: Enhanced(scene.shown(kind, value), value), method=kind)


def _value(info: MethodInfo, name: str, choice: str) -> float:
    slider = info.slider
    assert slider is not None
    try:
        return float(slider.read(choice))
    except ValueError:
        first, last = slider.limits
        words = "auto, best or " * slider.automatic
        raise ValueError(
            f"{name!r} is no method: after {info.name}@ comes {words}a number from {first:g} to {last:g}"
        ) from None
