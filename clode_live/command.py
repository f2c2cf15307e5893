"""The command ``clode live``; what is heavy is imported when it starts."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from clode_core.cli.terminal import plain_errors
from clode_core.errors import UserError

SWITCH_INTERVAL = 0.001
"""Seconds after which threads change places: window and networks wait less for each other than by default."""
_CLODE_ONLY = ("time", "denoise")


def live(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(help="A video, or a camera by its number or device.", show_default="camera 0")
    ] = "0",
    time: Annotated[
        str, typer.Option(help="Exposure time at the start: a number from -5 to 5, or auto.")
    ] = "3",
    denoise: Annotated[bool, typer.Option("--denoise/--no-denoise", help="Remove noise.")] = False,
    method: Annotated[str, typer.Option(help="clode, or a baseline: zero-dce, zero-dce++.")] = "clode",
    iterations: Annotated[
        float, typer.Option(help="Of the curve of zero-dce and zero-dce++ at the start.")
    ] = 8,
    split: Annotated[bool, typer.Option("--split", help="Show before and after, side by side.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end.")] = False,
    weights: Annotated[
        Path | None, typer.Option(help="A .safetensors file; by default the packaged weights.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
) -> None:
    """Play a video or a camera in a window whose slider acts on it."""
    with plain_errors():
        _refuse_foreign_options(context, method)
        _need_a_screen()
        try:
            import av  # noqa: F401
            from qtpy.QtWidgets import QApplication

            from clode_live.window import LiveWindow
        except ImportError:  # qtpy has an error of its own, which is one of these
            raise _missing() from None
        from clode_live.methods import load_method
        from clode_live.pictures import Wish
        from clode_live.sources import open_source

        try:
            chosen = load_method(method, weights, device)
        except ModuleNotFoundError:
            raise UserError(f"{method} is not part of this installation: use --method clode") from None
        slider = chosen.slider
        auto = method == "clode" and time == "auto"
        value = slider.start if auto else _number(time) if method == "clode" else iterations
        if not slider.first <= value <= slider.last:
            name = "--time" if method == "clode" else "--iterations"
            raise UserError(f"{name} takes a number from {slider.first:g} to {slider.last:g}, not {value:g}")
        sys.setswitchinterval(SWITCH_INTERVAL)
        opened = open_source(source)
        application = QApplication.instance() or QApplication(sys.argv[:1])
        wish = Wish(value, auto=auto, denoise=denoise, split=split, loop=loop)
        window = LiveWindow(opened, chosen, wish)
        signal.signal(signal.SIGINT, lambda *_: window.close())
        window.show()
        code = application.exec()
    raise typer.Exit(code)


def _refuse_foreign_options(context: typer.Context, method: str) -> None:
    """Options that mean nothing to a method are told, not ignored."""
    for name in ("iterations",) if method == "clode" else _CLODE_ONLY:
        given = context.get_parameter_source(name)
        if given is not None and given.name == "COMMANDLINE" and context.params[name] is not False:
            instead = "--time" if method == "clode" else "--iterations"
            raise UserError(f"--{name} means nothing to {method}: leave it out, or use {instead}")


def _need_a_screen() -> None:
    chosen = (
        os.environ.get("QT_QPA_PLATFORM") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if sys.platform.startswith("linux") and not chosen:
        raise UserError("there is no screen here: use clode live on a desktop, or clode video for files")


def _missing() -> UserError:
    return UserError("clode live needs PyAV and Qt: pip install 'clode-core[live]'")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"--time takes a number or 'auto', not {text!r}") from None
