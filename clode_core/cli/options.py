"""Options that several commands share, among them those that the methods themselves bring."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clode_core.cli.terminal import plain_errors
from clode_core.errors import UserError
from clode_core.methods import DEFAULT_METHOD, MethodInfo, Option, Slider, available_methods, method_info

if TYPE_CHECKING:
    from clode_core.methods.method import Method
    from clode_core.pictures.arrays import LevelsArgument

Weights = Annotated[
    Path | None, typer.Option(help="Weights of your own, a .safetensors file; by default the packaged ones.")
]
Device = Annotated[
    str, typer.Option(help="Where to compute: auto (a GPU if there is one), cpu, cuda, cuda:1, mps.")
]
Denoise = Annotated[
    bool, typer.Option("--denoise/--no-denoise", help="Remove the noise that brightening reveals.")
]
Levels = Annotated[
    str,
    typer.Option(
        help="Which numbers are black and white: dtype (the ends of the data type), auto (found in the "
        "picture), or two numbers as BLACK,WHITE (12 bits: 0,4095)."
    ),
]


def read_levels(text: str) -> LevelsArgument:
    """The levels that an option gives."""
    if text == "dtype" or text == "auto":
        return "dtype" if text == "dtype" else "auto"
    try:
        black, white = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--levels takes dtype, auto or BLACK,WHITE, not {text!r}") from None
    return black, white


@dataclass(frozen=True)
class ChosenMethod:
    """The method that a command was asked for, and its settings.

    Attributes
    ----------
    info : MethodInfo
        What it can do.
    settings : dict
        Arguments of `Method.enhance` that were given.
    """

    info: MethodInfo
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What users call it."""
        return self.info.name

    def load(self, weights: Path | None, device: str) -> Method:
        """Load it; `ValueError` if it cannot be used here."""
        from clode_core.methods import load_method

        return load_method(self.info.name, weights, device=device)


def _own_settings(video: bool) -> dict[str, Slider | Option]:
    """Settings of all methods, by the flag of the command line."""
    found: dict[str, Slider | Option] = {}
    for info in available_methods().values():
        if info.slider is not None:
            found.setdefault(info.slider.flag, info.slider)
        for option in info.options:
            if option.video or not video:
                found.setdefault(option.flag, option)
    return found


def _owners(flag: str) -> str:
    """Names of the methods that a setting belongs to."""
    return ", ".join(
        info.name
        for info in available_methods().values()
        if flag in {setting.flag for setting in (info.slider, *info.options) if setting is not None}
    )


def _parameter(setting: Slider | Option, video: bool) -> inspect.Parameter:
    """A setting as a parameter of a command."""
    owners = _owners(setting.flag)
    help_text = f"{setting.help or setting.keyword} (For {owners}. Default: {_shown(setting, video)}.)"
    if isinstance(setting, Slider):
        kind: Any = str
        flag = setting.flag
    elif isinstance(setting.default, bool):
        kind = bool
        flag = f"{setting.flag}/--no-{setting.flag[2:]}"
    else:
        kind = setting.kind
        flag = setting.flag
    return inspect.Parameter(
        setting.keyword,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, typer.Option(flag, help=help_text, show_default=False)],
    )


def _shown(setting: Slider | Option, video: bool) -> str:
    default = setting.default
    if isinstance(default, bool):
        return "off" if video or not default else "on"
    if default is None:
        return "chosen by the method"
    return f"{default:g}" if isinstance(default, float) else str(default)


def with_method(video: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command ``--method`` and the options of all methods; it gets a `ChosenMethod` as ``chosen``.

    Options that mean nothing to the chosen method are refused.

    Parameters
    ----------
    video : bool
        Whether only the options are offered that mean something for a video.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        settings = _own_settings(video)
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.name != "chosen"]
        names = ", ".join(available_methods())
        method = inspect.Parameter(
            "method",
            inspect.Parameter.KEYWORD_ONLY,
            default=DEFAULT_METHOD,
            annotation=Annotated[
                str, typer.Option(help="How to enhance; `clode methods` lists all methods.")
            ],
        )
        parameters = [*own, method, *(_parameter(setting, video) for setting in settings.values())]

        @wraps(command)
        def run(**given: Any) -> None:
            with plain_errors():
                name = given.pop("method")
                values = {flag: given.pop(setting.keyword) for flag, setting in settings.items()}
                chosen = choose(name, {flag: value for flag, value in values.items() if value is not None})
            command(**given, chosen=chosen)

        keywords = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        run.__signature__ = signature.replace(parameters=keywords)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__doc__ = f"{command.__doc__}\n\nMethods: {names}."
        return run

    return decorate


def choose(name: str, given: dict[str, Any]) -> ChosenMethod:
    """The method of a name, with settings by their flags.

    Raises
    ------
    UserError
        If there is no such method, or it has no such setting.
    ValueError
        If a value is out of range.
    """
    if name not in available_methods():
        raise UserError(f"--method takes one of {', '.join(available_methods())}, not {name!r}")
    info = method_info(name)
    own = {setting.flag: setting for setting in (info.slider, *info.options) if setting is not None}
    settings: dict[str, Any] = {}
    for flag, value in given.items():
        if flag not in own:
            if value is False:
                continue  # what the method cannot do was not wanted
            first = next(iter(own), "")
            instead = f", or use {first}" if first else ""
            raise UserError(f"{name} has no {flag}: leave it out{instead}")
        setting = own[flag]
        settings[setting.keyword] = setting.read(value) if isinstance(setting, Slider) else value
    return ChosenMethod(info, settings)
