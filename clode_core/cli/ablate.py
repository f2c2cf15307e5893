"""The command ``clode ablate``; what is heavy is imported when it starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clode_core.cli.evaluation import (
    High,
    Limit,
    Low,
    Output,
    Seconds,
    evaluation_errors,
    finish,
    matched_pairs,
    table_console,
)
from clode_core.cli.options import Device, Weights
from clode_core.cli.terminal import examples, progress_bar
from clode_core.errors import UserError
from clode_core.pictures.atomic import make_folder

if TYPE_CHECKING:
    from clode_core.evaluation.ablation import AblationRow


@examples("clode ablate -i LOW -r HIGH --limit 20")
def ablate(
    low: Low,
    reference: High,
    steps: Annotated[
        str, typer.Option(help="How many discrete steps to try, with commas between.")
    ] = "1,5,10,20,30",
    size: Annotated[
        int | None, typer.Option(help="Long side in pixels; by default the working size.", min=16, max=4096)
    ] = None,
    output: Output = None,
    limit: Limit = None,
    weights: Weights = None,
    device: Device = "auto",
    seconds: Seconds = False,
) -> None:
    """Compare discrete steps with the ODE, by one network and without noise removal."""
    with evaluation_errors():
        from clode_core import load_model
        from clode_core.evaluation.ablation import ablate as measure

        counts = [int(part) if part.strip().isdecimal() else 0 for part in steps.split(",")]
        if not all(1 <= count <= 1000 for count in counts):
            raise UserError(f"--steps takes whole numbers from 1 to 1000 separated by commas, not {steps!r}")
        matched = matched_pairs(low, reference, limit)
        if output is not None:
            make_folder(output)
        model = load_model(weights, device=device)
        side = size or model.architecture.working_size
        with progress_bar(len(matched.pairs), "ablate") as advance:
            rows, failures = measure(matched.pairs, model, steps=counts, size=size, progress=advance)
        if rows:
            _print_ablation(rows, len(matched.pairs) - len(failures), side)
        if output is not None:
            typer.echo(_write_ablation(output, rows, seconds))
        finish(failures, "pairs")


def _print_ablation(rows: list[AblationRow], pairs: int, size: int) -> None:
    from clode_core.evaluation.reports import number, print_table

    cells = [
        [
            row.name,
            row.form,
            number(row.evaluations, 0),
            number(1000 * row.seconds, 0),
            number(row.psnr, 2),
            number(row.ssim, 3),
            number(row.best_psnr, 2),
            number(row.best_ssim, 3),
            number(row.best_time, 2),
            number(row.distance, 1),
        ]
        for row in rows
    ]
    headings = ["", "steps of", "evaluations", "ms", "PSNR T=3", "SSIM T=3", "PSNR best T", "SSIM best T"]
    title = f"{pairs} pairs at {size} pixels, no noise removal"
    print_table(table_console(), title, [*headings, "mean best T", "dB to tightest"], cells, names=2)


def _write_ablation(folder: Path, rows: list[AblationRow], seconds: bool) -> Path:
    from dataclasses import asdict

    from clode_core.evaluation.reports import csv_text, write_text

    stored = [{k: v for k, v in asdict(row).items() if seconds or k != "seconds"} for row in rows]
    headings = list(stored[0]) if stored else []
    return write_text(folder / "ablation.csv", csv_text(headings, [list(row.values()) for row in stored]))
