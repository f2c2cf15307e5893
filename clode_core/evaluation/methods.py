"""The methods that are compared: what each makes of one dark picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clode_core.evaluation import classical
from clode_core.evaluation.metrics.fidelity import psnr
from clode_core.evaluation.search import GAINS, GAMMAS, LAST_TIME, TIMES, best

if TYPE_CHECKING:
    from clode_core.methods.clode.model import Model
    from clode_core.methods.clode.trajectory import Trajectory

Picture = NDArray[np.uint8]

ITERATED = {"zero-dce": "Zero-DCE", "zero-dce++": "Zero-DCE++"}
"""Learned baselines with a number of iterations."""
PLAIN = {"enlightengan": "EnlightenGAN", "lfpv-unet": "U-Net with LFPV"}
"""Learned baselines without; the last has seen references."""
CLASSICAL: dict[str, tuple[str, Callable[[Picture], Picture]]] = {
    "histogram-equalisation": ("histogram equalisation", classical.histogram_equalisation),
    "clahe": ("CLAHE", classical.clahe),
    "lime": ("LIME-style Retinex", classical.lime),
}
_FARTHEST_TIME = 20.0
_MOST_ITERATIONS = 100


class Enhanced(NamedTuple):
    """A result, and the exposure time, exponent, factor or number of iterations it was made with."""

    picture: Picture
    parameter: float | None = None


def control_of(model: Model) -> Model:
    """The control of a model: ``A = 1`` everywhere in place of `h`, the same noise removal `g`."""
    from clode_core.methods.clode.model import Model

    control = Model(replace(model.architecture, curve_network="control", curve_options={}))
    if control.g is not None and model.g is not None:
        control.g.load_state_dict(model.g.state_dict())
    return control.to(model.device)


class Scene:
    """One dark picture and what the methods share about it: each model is solved once.

    Parameters
    ----------
    source : ndarray
        The dark picture, 8-bit (Y, X, 3).
    reference : ndarray or None
        The well exposed one.
    models : dict
        Models by name: "clode" and "control".
    denoise : bool
        Whether the models remove noise.
    """

    def __init__(
        self, source: Picture, reference: Picture | None, models: dict[str, Model], denoise: bool = True
    ) -> None:
        self.source = source
        self.reference = reference
        self.denoise = denoise
        self._models = models
        self.solved = cache(self._solve)
        self.exposed = lru_cache(8)(self._expose)

    def _solve(self, model: str, first: float, last: float) -> Trajectory:
        return self._models[model].solve(self.source, span=(first, last))

    def _expose(self, model: str, time: float) -> Picture:
        path = self.solved(model, min(0.0, math.floor(time)), max(LAST_TIME, math.ceil(time)))
        picture: Picture = path.at(time, denoise=self.denoise)
        return picture

    def auto(self, model: str) -> float:
        """The automatic exposure time."""
        return self.solved(model, 0.0, LAST_TIME).auto()

    def best(self, enhance: Callable[[float], Picture], grid: list[float]) -> Enhanced:
        """The result nearest to the reference, in PSNR, over a grid of values."""
        reference = self.reference
        if reference is None:
            raise ValueError("the best is found by comparison with a reference")
        value = best(lambda v: psnr(enhance(v), reference), grid)
        return Enhanced(enhance(value), value)


@dataclass(frozen=True)
class Method:
    """A method, as it stands in a table.

    Attributes
    ----------
    name, title : str
        As it was asked for, and heading of its row.
    apply : callable
        From a `Scene` to the result.
    needs_reference : bool
        Whether it looks at the reference: an upper bound, not something to use.
    models : tuple of str
        Models that the scene must hold.
    """

    name: str
    title: str
    apply: Callable[[Scene], Enhanced]
    needs_reference: bool = False
    models: tuple[str, ...] = ()


def choose_methods(names: Iterable[str], *, reference: bool) -> list[Method]:
    """Methods by name, each once and in the order given.

    Parameters
    ----------
    names : iterable of str
        ``input``; ``clode`` and ``control``, both also as ``@auto``, ``@best`` and ``@<time>``;
        ``gamma@best`` and ``gain@best``; ``histogram-equalisation``, ``clahe``, ``lime``; ``zero-dce`` and
        ``zero-dce++``, both also as ``@<iterations>``; ``enlightengan``; ``lfpv-unet``.
    reference : bool
        Whether there are references.

    Raises
    ------
    ValueError
        If a name is unknown, none is given, or one is not available or needs a reference.
    """
    chosen = [_method(name) for name in dict.fromkeys(n.strip() for n in names if n.strip())]
    if not chosen:
        raise ValueError("no method is given: name some by --methods, for example clode,clode@auto")
    wanting = [method.name for method in chosen if method.needs_reference and not reference]
    if wanting:
        raise ValueError(f"{', '.join(wanting)} look at the reference: give its folder by --reference")
    return chosen


def _method(name: str) -> Method:
    kind, _, choice = name.partition("@")
    if name == "input":
        return Method(name, "input", lambda scene: Enhanced(scene.source))
    if kind in ("clode", "control"):
        return _exposure(name, kind, choice)
    if name == "gamma@best":
        return Method(
            name, "best gamma", lambda s: s.best(lambda v: classical.gamma(s.source, v), GAMMAS), True
        )
    if name == "gain@best":
        return Method(name, "best gain", lambda s: s.best(lambda v: classical.gain(s.source, v), GAINS), True)
    if name in CLASSICAL:
        title, enhance = CLASSICAL[name]
        return Method(name, title, lambda scene: Enhanced(enhance(scene.source)))
    if kind in ITERATED:
        return _iterated(name, kind, choice)
    if kind in PLAIN and name != kind:
        raise ValueError(f"{name!r} is no method: {kind} has nothing to choose, name it alone")
    if name in PLAIN:
        network = load_baseline(name)
        return Method(name, PLAIN[name], lambda s: Enhanced(np.asarray(network.enhance(s.source))))
    raise ValueError(
        f"unknown method {name!r}: choose among input, clode, clode@auto, clode@best, clode@2.5, "
        f"control (with the same), gamma@best, gain@best, {', '.join((*CLASSICAL, *ITERATED, *PLAIN))}"
    )


def _exposure(name: str, model: str, choice: str) -> Method:
    title = {"clode": "CLODE"}.get(model, model)
    if choice == "best":

        def nearest(scene: Scene) -> Enhanced:
            return scene.best(lambda time: scene.exposed(model, time), TIMES)

        return Method(name, f"{title}, best T", nearest, True, (model,))
    if choice == "auto":

        def automatic(scene: Scene) -> Enhanced:
            time = scene.auto(model)
            return Enhanced(scene.exposed(model, time), time)

        return Method(name, f"{title}, auto", automatic, models=(model,))
    try:
        time = float(choice or 3)
    except ValueError:
        time = math.nan
    if not abs(time) <= _FARTHEST_TIME:
        raise ValueError(
            f"{name!r} is no method: after {model}@ comes auto, best or a time from "
            f"-{_FARTHEST_TIME:g} to {_FARTHEST_TIME:g}"
        )

    def at(scene: Scene) -> Enhanced:
        return Enhanced(scene.exposed(model, time), time)

    return Method(name, f"{title}, T={time:g}", at, models=(model,))


def _iterated(name: str, kind: str, choice: str) -> Method:
    iterations = int(choice or 8) if (choice or "8").isdecimal() else 0
    if not 1 <= iterations <= _MOST_ITERATIONS:
        raise ValueError(
            f"{name!r} is no method: after {kind}@ comes a number of iterations from 1 to {_MOST_ITERATIONS}"
        )
    network = load_baseline(kind)

    def enhance(scene: Scene) -> Enhanced:
        return Enhanced(np.asarray(network.enhance(scene.source, iterations=iterations)), iterations)

    title = ITERATED[kind]
    return Method(name, title if not choice else f"{title}, {iterations} iterations", enhance)


def load_baseline(name: str) -> Any:
    """A learned baseline of `clode_core.methods`; `ValueError` if it is not there."""
    try:
        from clode_core import baselines  # type: ignore[attr-defined,unused-ignore]

        if name in baselines.BASELINES:
            return baselines.load_baseline(name)
    except (ImportError, AttributeError):
        pass
    raise ValueError(f"{name} is not available in this installation: leave it out of --methods")
