"""What a method says of itself. Light: listing the methods imports no network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Option:
    """A setting of a method that users can change.

    Attributes
    ----------
    keyword : str
        Its name as an argument of `Method.enhance`.
    default : bool, float, str or None
        What it is unless it is set; None leaves it to the method.
    help : str
        What it does, for ``clode enhance --help``.
    flag : str
        Its name on the command line, such as "--time"; by default made from `keyword`.
    video : bool
        Whether it means something when a video is enhanced.
    kind : type
        Its type on the command line; by default that of `default`.
    """

    keyword: str
    default: bool | float | str | None
    help: str
    flag: str = ""
    video: bool = False
    kind: type = str

    def __post_init__(self) -> None:
        if self.default is not None:
            object.__setattr__(self, "kind", type(self.default))
        if not self.flag:
            object.__setattr__(self, "flag", f"--{self.keyword.replace('_', '-')}")


@dataclass(frozen=True)
class Slider:
    """The one number by which users choose how strong a method is.

    Attributes
    ----------
    keyword : str
        Its name as an argument of `Method.enhance`.
    label : str
        What windows call it.
    first, last : float
        Range of the slider in windows.
    default : float
        Where it stands first.
    step : float
        What a key moves it by.
    help : str
        What it does, for the command line.
    flag : str
        Its name on the command line; by default made from `keyword`.
    automatic : bool
        Whether the method can choose the value itself: "auto".
    best : tuple of float
        Values among which a table looks for the best.
    ladder : tuple of float
        Values that a contact sheet shows; by default some from the first to the last.
    symbol : str
        What headings of tables call it, as in "T=3".
    limits : (float, float)
        What the method takes at all; by default what the slider reaches.
    """

    keyword: str
    label: str
    first: float
    last: float
    default: float
    step: float
    help: str = ""
    flag: str = ""
    automatic: bool = False
    best: tuple[float, ...] = ()
    ladder: tuple[float, ...] = ()
    symbol: str = ""
    limits: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not self.flag:
            object.__setattr__(self, "flag", f"--{self.keyword.replace('_', '-')}")
        if not self.symbol:
            object.__setattr__(self, "symbol", self.keyword)
        if self.limits == (0.0, 0.0):
            object.__setattr__(self, "limits", (self.first, self.last))

    def read(self, text: str) -> float | str:
        """The value that a text gives: a number within the limits, or "auto" where the method can choose.

        Raises
        ------
        ValueError
            If it is neither.

        Examples
        --------
        >>> Slider("exponent", "Exponent", 0.1, 2.0, 0.5, 0.05).read("0.7")
        0.7
        """
        if self.automatic and text == "auto":
            return text
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        first, last = self.limits
        if not first <= value <= last:
            choice = " or 'auto'" if self.automatic else ""
            raise ValueError(f"{self.flag} takes a number from {first:g} to {last:g}{choice}, not {text!r}")
        return value


@dataclass(frozen=True)
class MethodInfo:
    """One method: its name, where its code is, and what it can do.

    Callers ask these fields and never compare names.

    Attributes
    ----------
    name : str
        What users type, such as "zero-dce".
    title : str
        Its heading in tables and windows, such as "Zero-DCE".
    summary : str
        What it does, in one sentence.
    implementation : str
        "package.module:Class" of the `Method`; imported when it is loaded.
    weights : Path or None
        The packaged weights; None if it needs none or has none yet.
    needs_weights : bool
        Whether it has weights at all; classical methods have none.
    slider : Slider or None
        The number that users choose, if there is one.
    options : tuple of Option
        Its other settings.
    noise_removal : bool
        Whether it can remove noise.
    video_tables : bool
        Whether a video frame can be exposed by tables (one shared exposure for many frames).
    preview_side : int
        Long side, in pixels, to which live frames are reduced so that it keeps up; 0 for no limit.
    preview : bool
        Whether its `Method.solve` takes ``preview=True``: less exact, but fast enough for live frames.
    recipe : str
        "package.module:RECIPE" of how it is trained, a `clode_core.training.recipe.Recipe`; may be empty.
    configurations : Path or None
        Folder of its packaged training configurations.
    licence : str
        Licence of the packaged weights.
    paper : str
        Where it was published.
    extra : str
        Extra of the distribution that it needs, such as "eval"; empty for none.
    needs : tuple of str
        The packages that this extra is for.
    """

    name: str
    title: str
    summary: str
    implementation: str
    weights: Path | None = None
    needs_weights: bool = True
    slider: Slider | None = None
    options: tuple[Option, ...] = ()
    noise_removal: bool = False
    video_tables: bool = False
    preview_side: int = 0
    preview: bool = False
    recipe: str = ""
    configurations: Path | None = None
    licence: str = "MIT"
    paper: str = ""
    extra: str = ""
    needs: tuple[str, ...] = ()

    @property
    def automatic(self) -> bool:
        """Whether it can choose the value of its slider itself."""
        return self.slider is not None and self.slider.automatic

    @property
    def keywords(self) -> tuple[str, ...]:
        """All arguments of `Method.enhance` that are its own."""
        own = (self.slider.keyword,) if self.slider else ()
        return own + tuple(option.keyword for option in self.options)

    def missing(self) -> str:
        """Why it cannot be used here, in one sentence; empty if it can."""
        if self.extra and any(find_spec(package) is None for package in self.needs):
            return f"{self.name} needs more packages: pip install 'clode-core[{self.extra}]'"
        if self.needs_weights and (self.weights is None or not self.weights.is_file()):
            return f"{self.name} comes without weights: train some, and name their file"
        return ""

    def implement(self) -> Any:
        """Import the class of the method, a `clode_core.methods.method.Method`."""
        return resolve(self.implementation)


def resolve(place: str) -> Any:
    """Import what "package.module:name" names."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
