"""The command ``clode methods``."""

from __future__ import annotations

from typing import Any

from clode_core.cli.terminal import examples, plain_errors
from clode_core.methods import MethodInfo, available_methods


@examples("clode methods")
def methods() -> None:
    """List the methods for --method: what each can do, its size, its licence, its figures."""
    with plain_errors():
        from rich.console import Console
        from rich.table import Table

        console = Console()
        if not console.is_terminal:
            console = Console(width=200)  # a table in a file is not broken to fit a window
        table = Table(box=None, pad_edge=False)
        for heading in ("name", "what it is", "can do", "parameters", "weights", "measured"):
            table.add_column(heading, overflow="fold")
        for info in available_methods().values():
            table.add_row(*_row(info))
        console.print(table)


def _row(info: MethodInfo) -> list[Any]:
    from rich.text import Text

    about = f"{info.title}: {info.summary}" + (f" ({info.paper})" if info.paper else "")
    missing = info.missing()
    size, measured = ("", "") if missing else _measured(info)
    licence = (missing or info.licence) if info.needs_weights or missing else "needs none"
    return [Text(text) for text in (info.name, about, _abilities(info), size, licence, measured)]


def _abilities(info: MethodInfo) -> str:
    able = []
    if info.slider is not None:
        slider = info.slider
        able.append(f"{slider.flag} {slider.first:g} to {slider.last:g}" + " or auto" * slider.automatic)
    able += ["noise removal"] * info.noise_removal
    able += ["steady exposure of videos"] * info.video_tables
    able += ["can be trained"] * bool(info.recipe)
    return ", ".join(able) or "one result"


def _measured(info: MethodInfo) -> tuple[str, str]:
    """Number of parameters, and the figures of the model card."""
    from clode_core.methods import load_method

    method = load_method(info.name, device="cpu")
    figures = method.card.get("metrics", {})
    shown = [f"{name} {value:g}" for name, value in figures.items() if isinstance(value, int | float)]
    known = [text for text in shown if text.startswith(("psnr", "ssim", "denoised_"))]
    return (f"{method.parameters:,}" if info.needs_weights else "none"), ", ".join(known)
