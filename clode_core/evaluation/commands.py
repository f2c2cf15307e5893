"""The commands ``evaluate``, ``ablate`` and ``plot``; what is heavy is imported when one of them starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clode_core.cli.terminal import (
    UserError,
    chosen_model,
    complain,
    count_weights,
    make_folder,
    plain_errors,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from clode_core.evaluation.ablation import AblationRow
    from clode_core.evaluation.pairs import Matched

METHODS = "input,clode,clode@auto,control,control@auto"
METHODS_BY_REFERENCE = ",clode@best,control@best"
METRICS_BY_REFERENCE = "psnr,ssim,psnr-gt-mean,ssim-gt-mean,delta-e-2000"
METRICS = "entropy,loe"

_Low = Annotated[Path, typer.Option("--input", "-i", help="Folder of dark pictures, or one.")]
_High = Annotated[Path, typer.Option("--reference", "-r", help="Folder of well exposed pictures, or one.")]
_MaybeHigh = Annotated[
    Path | None, typer.Option("--reference", "-r", help="Folder of well exposed pictures of the same names.")
]
_Output = Annotated[Path | None, typer.Option("-o", "--output", help="Folder for CSV and JSON files.")]
_Limit = Annotated[int | None, typer.Option(help="Only the first pictures, in order of names.", min=1)]
_Weights = Annotated[Path | None, typer.Option(help="A .safetensors file; by default the packaged weights.")]
_Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
_Seconds = Annotated[bool, typer.Option("--seconds", help="Write times into the files too.")]


@contextmanager
def _errors() -> Iterator[None]:
    """The command line's sentences for errors, and one for a package that is missing."""
    with plain_errors():
        try:
            yield
        except ModuleNotFoundError as error:
            raise UserError(f"this command needs {error.name}: pip install 'clode-core[eval]'") from None


def _matched(low: Path, high: Path | None, limit: int | None) -> Matched:
    """Match two folders and say on the error output what did not match."""
    from clode_core.evaluation.pairs import match

    matched = match(low, high, limit)
    if matched.alone:
        shown = ", ".join(str(path) for path in matched.alone[:10])
        more = f" and {len(matched.alone) - 10} more" if len(matched.alone) > 10 else ""
        typer.echo(
            f"clode: left out, since the other folder has no picture of that name: {shown}{more}", err=True
        )
    return matched


def _console() -> Any:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # a table in a file is not broken to fit a window
    return console


def _finish(failures: list[str], what: str) -> None:

    for failure in failures:
        complain(failure)
    if failures:
        raise UserError(f"{len(failures)} {what} could not be measured")


def evaluate(
    low: _Low,
    reference: _MaybeHigh = None,
    methods: Annotated[
        str | None,
        typer.Option(help="Methods with commas between, such as clode,clode@auto,clode@2.5,clahe."),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Metrics, separated by commas, or all.")] = None,
    output: _Output = None,
    limit: _Limit = None,
    weights: _Weights = None,
    device: _Device = "auto",
    denoise: Annotated[bool, typer.Option("--denoise/--no-denoise", help="Remove noise.")] = True,
    published: Annotated[
        str | None, typer.Option(help="Print a published table too: lol, lol-gt-mean, sice.")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of the model files of metrics.")] = None,
    ma_scores: Annotated[Path | None, typer.Option(help="CSV of method,picture,ma for PI.")] = None,
    save_pictures: Annotated[bool, typer.Option("--save-pictures", help="Keep the results.")] = False,
    seconds: _Seconds = False,
) -> None:
    """Measure methods on pictures, with or without references."""
    with _errors():
        from clode_core.evaluation import reports
        from clode_core.evaluation.comparison import compare, models_for
        from clode_core.evaluation.methods import choose_methods
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
        matched = _matched(low, reference, limit)
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
                models_for(chosen_methods, lambda: chosen_model(weights, device)),
                resources=Resources(models, ma_scores),
                denoise=denoise,
                progress=advance,
                keep=keep if save_pictures else None,
            )
        console = _console()
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
        _finish(done.failures, "pictures or values")


def ablate(
    low: _Low,
    reference: _High,
    steps: Annotated[str, typer.Option(help="Numbers of discrete steps.")] = "1,5,10,20,30",
    size: Annotated[
        int | None, typer.Option(help="Long side in pixels; by default the working size.", min=16, max=4096)
    ] = None,
    output: _Output = None,
    limit: _Limit = None,
    weights: _Weights = None,
    device: _Device = "auto",
    seconds: _Seconds = False,
) -> None:
    """Compare discrete steps with the ODE: one network, at one size, without noise removal."""
    with _errors():
        from clode_core.evaluation.ablation import ablate as measure

        counts = [int(part) if part.strip().isdecimal() else 0 for part in steps.split(",")]
        if not all(1 <= count <= 1000 for count in counts):
            raise UserError(f"--steps takes whole numbers from 1 to 1000 separated by commas, not {steps!r}")
        matched = _matched(low, reference, limit)
        if output is not None:
            make_folder(output)
        model = chosen_model(weights, device)
        side = size or model.architecture.working_size
        with progress_bar(len(matched.pairs), "ablate") as advance:
            rows, failures = measure(matched.pairs, model, steps=counts, size=size, progress=advance)
        if rows:
            _print_ablation(rows, len(matched.pairs) - len(failures), side)
        if output is not None:
            typer.echo(_write_ablation(output, rows, seconds))
        _finish(failures, "pairs")


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
    print_table(_console(), title, [*headings, "mean best T", "dB to tightest"], cells, names=2)


def _write_ablation(folder: Path, rows: list[AblationRow], seconds: bool) -> Path:
    from dataclasses import asdict

    from clode_core.evaluation.reports import csv_text, write_text

    stored = [{k: v for k, v in asdict(row).items() if seconds or k != "seconds"} for row in rows]
    headings = list(stored[0]) if stored else []
    return write_text(folder / "ablation.csv", csv_text(headings, [list(row.values()) for row in stored]))


class Plot(StrEnum):
    """The figures."""

    trajectories = "trajectories"
    times = "times"
    brightness = "brightness"
    solvers = "solvers"
    scatter = "scatter"


def plot(
    kind: Annotated[Plot, typer.Argument(help="Which figure.")],
    low: Annotated[
        Path | None, typer.Option("--input", "-i", help="Folder of dark pictures, or one; not for scatter.")
    ] = None,
    reference: _MaybeHigh = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A .png or .svg file; by default <figure>.png.")
    ] = None,
    limit: _Limit = None,
    weights: _Weights = None,
    device: _Device = "auto",
    denoise: Annotated[bool, typer.Option("--denoise/--no-denoise", help="Remove noise (times).")] = True,
    published: Annotated[str, typer.Option(help="The published table (scatter).")] = "lol",
    measured: Annotated[
        Path | None, typer.Option(help="A table.json of clode evaluate to add CLODE from (scatter).")
    ] = None,
) -> None:
    """Draw a figure.

    trajectories: states of one picture, discrete and continuous, in their principal components.
    times: PSNR and SSIM over exposure time. brightness: mean intensity over exposure time.
    solvers: distance from the tightest solve against evaluations.
    scatter: weights against PSNR, from the published table.
    """
    with _errors():
        from clode_core.evaluation import figures
        from clode_core.evaluation.published import published_table

        target = output or Path(f"{kind.value}.png")
        if target.suffix.lower() not in figures.SUFFIXES:
            raise UserError(f"{target} is neither a .png nor an .svg file: choose another name with -o")
        if kind is Plot.scatter:
            rows = _measured_rows(measured, weights, device) if measured else []
            say(figures.save(figures.parameters_against_quality(published_table(published), rows), target))
            return
        if low is None:
            raise UserError(f"clode plot {kind.value} needs pictures: name a folder or a picture by --input")
        if kind is Plot.times and reference is None:
            raise UserError("clode plot times compares with references: name their folder by --reference")
        paired = kind in (Plot.times, Plot.trajectories)
        matched = _matched(low, reference if paired else None, 1 if kind is Plot.trajectories else limit)
        model = chosen_model(weights, device)
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
        say(figures.save(figure, target))


def _measured_rows(table: Path, weights: Path | None, device: str) -> list[tuple[str, float, int]]:
    """CLODE's rows of a ``table.json``, with the number of weights of both networks."""
    import json

    model = chosen_model(weights, device)
    count = count_weights(model.h) + count_weights(model.g)
    try:
        stored = json.loads(table.read_text(encoding="utf-8"))["measured"]
        return [(r["title"], float(r["psnr"]), count) for r in stored if r["method"].startswith("clode")]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{table} is no table.json with psnr that clode evaluate wrote") from None


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command()(evaluate)
    app.command()(ablate)
    app.command()(plot)
