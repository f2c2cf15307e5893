"""The command ``clode live``; what is heavy is imported when it starts."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clode_core.cli.options import ChosenMethod, Device, Weights, with_method
from clode_core.cli.terminal import examples, plain_errors
from clode_core.errors import UserError

if TYPE_CHECKING:
    from clode_core import Method
    from clode_live.frames import PlaybackSettings

SWITCH_INTERVAL = 0.001
"""Seconds after which threads change places: window and networks wait less for each other than by default."""


@with_method(video=True)
@examples("clode live night.mp4 --time auto --split", "clode live 0")
def live(
    chosen: ChosenMethod,
    source: Annotated[
        str, typer.Argument(help="A video, or a camera by its number or device.", show_default="camera 0")
    ] = "0",
    split: Annotated[bool, typer.Option("--split", help="Show before and after, side by side.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Start again when the video ends.")] = False,
    weights: Weights = None,
    device: Device = "auto",
) -> None:
    """Play a video or a camera in a window, with the slider beside it."""
    with plain_errors():
        _need_a_screen()
        try:
            import av  # noqa: F401
            from qtpy.QtWidgets import QApplication

            from clode_live.window import LiveWindow
        except ImportError:  # qtpy has an error of its own, which is one of these
            raise UserError("clode live needs PyAV and Qt: pip install 'clode-core[live]'") from None
        from clode_live.methods import live_method
        from clode_live.sources import open_source

        settings, options = _playback_settings(chosen, split, loop)
        method = live_method(_load(chosen, weights, device), options)
        sys.setswitchinterval(SWITCH_INTERVAL)
        opened = open_source(source)
        application = QApplication.instance() or QApplication(sys.argv[:1])
        window = LiveWindow(opened, method, settings)
        signal.signal(signal.SIGINT, lambda *_: window.close())
        window.show()
        code = application.exec()
    raise typer.Exit(code)


def _playback_settings(
    chosen: ChosenMethod, split: bool, loop: bool
) -> tuple[PlaybackSettings, dict[str, object]]:
    """What the window starts with, and the other settings of the method."""
    from clode_live.frames import PlaybackSettings

    options = dict(chosen.settings)
    denoise = bool(options.pop("denoise", False))
    value, auto = 0.0, False
    slider = chosen.info.slider
    if slider is not None:
        given = options.pop(slider.keyword, slider.default)
        auto = given == "auto"
        value = slider.default if auto else float(given)
        if not slider.first <= value <= slider.last:
            raise UserError(
                f"{slider.flag} takes a number from {slider.first:g} to {slider.last:g}, not {value:g}"
            )
    return PlaybackSettings(value, auto=auto, denoise=denoise, split=split, loop=loop), options


def _load(chosen: ChosenMethod, weights: Path | None, device: str) -> Method:
    missing = chosen.info.missing()
    if missing and weights is None:
        raise UserError(missing)
    return chosen.load(weights, device)


def _need_a_screen() -> None:
    screen = (
        os.environ.get("QT_QPA_PLATFORM") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if sys.platform.startswith("linux") and not screen:
        raise UserError("there is no screen here: use clode live on a desktop, or clode video for files")
