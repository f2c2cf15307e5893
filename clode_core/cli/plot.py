"""The command ``clode plot``; what is heavy is imported when it starts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clode_core.cli.evaluation import Limit, MaybeHigh, evaluation_errors, matched_pairs
from clode_core.cli.options import Device, Weights
from clode_core.cli.terminal import examples, print_path, progress_bar
from clode_core.errors import UserError


class Plot(StrEnum):
    """The figures."""

    trajectories = "trajectories"
    times = "times"
    brightness = "brightness"
    solvers = "solvers"
    scatter = "scatter"


@examples("clode plot brightness -i DARK -o brightness.svg", "clode plot times -i LOW -r HIGH")
def plot(
    kind: Annotated[Plot, typer.Argument(help="Which figure.")],
    low: Annotated[
        Path | None, typer.Option("--input", "-i", help="Folder of dark pictures, or one; not for scatter.")
    ] = None,
    reference: MaybeHigh = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A .png or .svg file; by default <figure>.png.")
    ] = None,
    limit: Limit = None,
    weights: Weights = None,
    device: Device = "auto",
    denoise: Annotated[bool, typer.Option("--denoise/--no-denoise", help="Remove noise (times).")] = True,
    published: Annotated[str, typer.Option(help="The published table (scatter).")] = "lol",
    measured: Annotated[
        Path | None, typer.Option(help="A table.json of clode evaluate to add CLODE from (scatter).")
    ] = None,
) -> None:
    """Draw a figure of what the ODE does.

    trajectories: states of one picture, discrete and continuous, in their principal components.
    times: PSNR and SSIM over exposure time. brightness: mean intensity over exposure time.
    solvers: distance from the tightest solve against evaluations.
    scatter: weights against PSNR, from the published table.
    """
    with evaluation_errors():
        from clode_core import load_model
        from clode_core.evaluation import figures
        from clode_core.evaluation.published import published_table

        target = output or Path(f"{kind.value}.png")
        if target.suffix.lower() not in figures.SUFFIXES:
            raise UserError(f"{target} is neither a .png nor an .svg file: choose another name with -o")
        if kind is Plot.scatter:
            rows = _measured_rows(measured, weights, device) if measured else []
            print_path(
                figures.save(figures.parameters_against_quality(published_table(published), rows), target)
            )
            return
        if low is None:
            raise UserError(f"clode plot {kind.value} needs pictures: name a folder or a picture by --input")
        if kind is Plot.times and reference is None:
            raise UserError("clode plot times compares with references: name their folder by --reference")
        paired = kind in (Plot.times, Plot.trajectories)
        matched = matched_pairs(low, reference if paired else None, 1 if kind is Plot.trajectories else limit)
        model = load_model(weights, device=device)
        alone = [path for path, _ in matched.pairs]
        with progress_bar(len(matched.pairs), kind.value) as advance:
            if kind is Plot.trajectories:
                figure = figures.trajectories(*matched.pairs[0], model)
            elif kind is Plot.times:
                figure = figures.quality_over_time(matched.pairs, model, denoise=denoise, report=advance)
            elif kind is Plot.brightness:
                figure = figures.brightness_over_time(alone, model, report=advance)
            else:
                figure = figures.solver_errors(alone, model, report=advance)
        print_path(figures.save(figure, target))


def _measured_rows(table: Path, weights: Path | None, device: str) -> list[tuple[str, float, int]]:
    """CLODE's rows of a ``table.json``, with the number of weights of both networks."""
    import json

    from clode_core import load_model

    model = load_model(weights, device=device)
    count = model.parameters
    try:
        stored = json.loads(table.read_text(encoding="utf-8"))["measured"]
        return [(r["title"], float(r["psnr"]), count) for r in stored if r["method"].startswith("clode")]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{table} is no table.json with psnr that clode evaluate wrote") from None
