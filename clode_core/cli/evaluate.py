"""The command ``clode evaluate``; what is heavy is imported when it starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clode_core.cli.evaluation import (
    Limit,
    Low,
    MaybeHigh,
    Output,
    Seconds,
    evaluation_errors,
    finish,
    matched_pairs,
    table_console,
)
from clode_core.cli.options import Device, Weights
from clode_core.cli.terminal import progress_bar
from clode_core.errors import UserError
from clode_core.methods import DEFAULT_METHOD, MethodInfo, method_info
from clode_core.pictures.atomic import make_folder

if TYPE_CHECKING:
    from clode_core.methods.method import Method

METHODS = "input,clode,clode@auto,control,control@auto"
METHODS_BY_REFERENCE = ",clode@best,control@best"
METRICS_BY_REFERENCE = "psnr,ssim,psnr-gt-mean,ssim-gt-mean,delta-e-2000"
METRICS = "entropy,loe"


def evaluate(
    low: Low,
    reference: MaybeHigh = None,
    methods: Annotated[
        str | None,
        typer.Option(help="Methods with commas between, such as clode,clode@auto,clode@2.5,clahe."),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Metrics, separated by commas, or all.")] = None,
    output: Output = None,
    limit: Limit = None,
    weights: Weights = None,
    device: Device = "auto",
    denoise: Annotated[bool, typer.Option("--denoise/--no-denoise", help="Remove noise.")] = True,
    published: Annotated[
        str | None, typer.Option(help="Print a published table too: lol, lol-gt-mean, sice.")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of the model files of metrics.")] = None,
    ma_scores: Annotated[Path | None, typer.Option(help="CSV of method,picture,ma for PI.")] = None,
    save_pictures: Annotated[bool, typer.Option("--save-pictures", help="Keep the results.")] = False,
    seconds: Seconds = False,
) -> None:
    """Measure methods on pictures, with or without references."""
    with evaluation_errors():
        from clode_core.evaluation import reports
        from clode_core.evaluation.comparison import compare
        from clode_core.evaluation.methods import choose_methods, load_methods
        from clode_core.evaluation.metrics import METRICS as ALL
        from clode_core.evaluation.metrics import Resources, choose_metrics
        from clode_core.evaluation.published import published_table

        paired = reference is not None
        if metrics == "all":
            metrics = ",".join(n for n, m in ALL.items() if (paired or not m.needs_reference) and n != "pi")
        chosen_methods = choose_methods(
            (methods or METHODS + METHODS_BY_REFERENCE * paired).split(","), reference=paired
        )
        chosen_metrics = choose_metrics(
            (metrics or (METRICS_BY_REFERENCE if paired else METRICS)).split(","), reference=paired
        )
        tables = [published_table(name.strip()) for name in (published or "").split(",") if name.strip()]
        if save_pictures and output is None:
            raise UserError("--save-pictures puts the results under the folder of -o: give one")
        matched = matched_pairs(low, reference, limit)
        if output is not None:
            make_folder(output)

        def keep(method: str, name: str, picture: Any) -> None:
            from clode_core.pictures.files import write_picture

            assert output is not None
            folder = output / "pictures" / method
            make_folder(folder)
            write_picture(folder / f"{name}.png", picture)

        with progress_bar(len(matched.pairs), "evaluate") as advance:
            done = compare(
                matched.pairs,
                chosen_methods,
                chosen_metrics,
                load_methods(chosen_methods, lambda info: _loaded(info, weights, device)),
                resources=Resources(models, ma_scores),
                denoise=denoise,
                progress=advance,
                keep=keep if save_pictures else None,
            )
        console = table_console()
        if done.rows:
            reports.print_comparison(console, done, seconds=True)
        for table in tables:
            reports.print_published(console, table)
        if output is not None:
            settings = {
                "methods": [m.name for m in chosen_methods],
                "metrics": [m.name for m in chosen_metrics],
                "denoise": denoise,
                "weights": weights.name if weights else "packaged",
                "left_out": [path.name for path in matched.alone],
            }
            for path in reports.write_comparison(output, done, settings, tables, seconds=seconds):
                typer.echo(path)
        finish(done.failures, "pictures or values")


def _loaded(info: MethodInfo, weights: Path | None, device: str) -> Method:
    """A method with its packaged weights; with those that were named where it shares the default method's."""
    from clode_core.methods import load_method

    own = info.weights is not None and info.weights == method_info(DEFAULT_METHOD).weights
    return load_method(info.name, weights if own else None, device=device)
