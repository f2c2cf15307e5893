"""The command ``clode evaluate``; what is heavy is imported when it starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clode_core.cli.evaluation import (
    Limit,
    MaybeHigh,
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
from clode_core.methods import DEFAULT_METHOD, MethodInfo, method_info
from clode_core.pictures.atomic import make_folder

if TYPE_CHECKING:
    from clode_core.evaluation.comparison import Comparison
    from clode_core.evaluation.methods import Entry
    from clode_core.evaluation.metrics import Metric, Resources
    from clode_core.evaluation.sets import Example
    from clode_core.methods.method import Method

Keep = Callable[[str, str, Any], None]
METHODS = "input,clode,clode@auto,control,control@auto"
METHODS_BY_REFERENCE = ",clode@best,control@best"
METRICS_BY_REFERENCE = "psnr,ssim,psnr-gt-mean,ssim-gt-mean,delta-e-2000"
METRICS = "entropy,loe"


@examples(
    "clode evaluate -i LOW -r HIGH --methods clode,clode@auto,control,clahe -o tables",
    "clode evaluate -i DARK --metrics niqe,brisque --models MODELS",
)
def evaluate(
    low: Annotated[
        Path | None, typer.Option("--input", "-i", help="Folder of dark pictures, or one picture.")
    ] = None,
    reference: MaybeHigh = None,
    sets: Annotated[
        Path | None, typer.Option(help="YAML file that names several sets, in place of -i and -r.")
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(help="Methods with commas between, such as clode,clode@auto,clode@2.5,clahe."),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Metrics, separated by commas, or all.")] = None,
    output: Output = None,
    limit: Limit = None,
    weights: Weights = None,
    device: Device = "auto",
    denoise: Annotated[
        bool, typer.Option("--denoise/--no-denoise", help="Remove noise, where the method can.")
    ] = True,
    published: Annotated[
        str | None,
        typer.Option(help="Print published tables too, such as lol,sice; any other name lists all."),
    ] = None,
    models: Annotated[
        Path | None, typer.Option(help="Folder of the model files that some metrics need.")
    ] = None,
    ma_scores: Annotated[
        Path | None, typer.Option(help="CSV file with the columns method, picture and ma, for the metric pi.")
    ] = None,
    save_pictures: Annotated[
        bool, typer.Option("--save-pictures", help="Keep the enhanced pictures, under the folder of -o.")
    ] = False,
    seconds: Seconds = False,
) -> None:
    """Measure how good methods are: against references, without any, or on several sets at once."""
    with evaluation_errors():
        from clode_core.evaluation.metrics import Resources
        from clode_core.evaluation.published import published_table

        if (low is None) == (sets is None) or (sets is not None and reference is not None):
            raise UserError("name pictures by -i (and their references by -r), or several sets by --sets")
        if save_pictures and output is None:
            raise UserError("--save-pictures puts the results under the folder of -o: give one")
        paired = sets is not None or reference is not None
        run = _Run(*_chosen(methods, metrics, paired), weights, device, denoise, Resources(models, ma_scores))
        tables = [published_table(name.strip()) for name in (published or "").split(",") if name.strip()]
        if sets is not None:
            _evaluate_sets(run, sets, limit, output, save_pictures, seconds)
            return
        assert low is not None
        matched = matched_pairs(low, reference, limit)
        if output is not None:
            make_folder(output)
        from clode_core.evaluation import reports
        from clode_core.evaluation.sets import examples_of

        done = run.measured(examples_of(matched.pairs), "evaluate", _keep(output if save_pictures else None))
        console = table_console()
        if done.rows:
            reports.print_comparison(console, done, seconds=True)
        for table in tables:
            reports.print_published(console, table)
        if output is not None:
            settings = run.described() | {"left_out": [path.name for path in matched.alone]}
            for path in reports.write_comparison(output, done, settings, tables, seconds=seconds):
                typer.echo(path)
        finish(done.failures, "pictures or values")


@dataclass
class _Run:
    """What is measured, and with what."""

    entries: list[Entry]
    metrics: list[Metric]
    weights: Path | None
    device: str
    denoise: bool
    resources: Resources

    def __post_init__(self) -> None:
        from clode_core.evaluation.methods import load_methods

        self.loaded = load_methods(self.entries, lambda info: _loaded(info, self.weights, self.device))

    def measured(self, examples: Sequence[Example], what: str, keep: Keep | None = None) -> Comparison:
        """Measure on examples, with a progress bar."""
        from clode_core.evaluation.comparison import compare

        with progress_bar(len(examples), what) as advance:
            return compare(
                examples,
                self.entries,
                self.metrics,
                self.loaded,
                resources=self.resources,
                denoise=self.denoise,
                progress=advance,
                keep=keep,
            )

    def described(self) -> dict[str, Any]:
        """The settings, for the files."""
        return {
            "methods": [entry.name for entry in self.entries],
            "metrics": [metric.name for metric in self.metrics],
            "denoise": self.denoise,
            "weights": self.weights.name if self.weights else "packaged",
        }


def _chosen(methods: str | None, metrics: str | None, paired: bool) -> tuple[list[Entry], list[Metric]]:
    """The methods and metrics that the options name, or the usual ones."""
    from clode_core.evaluation.methods import choose_methods
    from clode_core.evaluation.metrics import METRICS as ALL
    from clode_core.evaluation.metrics import choose_metrics

    if metrics == "all":
        metrics = ",".join(n for n, m in ALL.items() if (paired or not m.needs_reference) and n != "pi")
    usual = METHODS + METHODS_BY_REFERENCE * paired
    entries = choose_methods((methods or usual).split(","), reference=paired)
    measures = metrics or (METRICS_BY_REFERENCE if paired else METRICS)
    return entries, choose_metrics(measures.split(","), reference=paired)


def _keep(output: Path | None) -> Keep | None:
    """What writes the results below a folder, if there is one."""
    if output is None:
        return None

    def keep(method: str, name: str, picture: Any) -> None:
        from clode_core.pictures.files import write_picture

        folder = output / "pictures" / method
        make_folder(folder)
        write_picture(folder / f"{name}.png", picture)

    return keep


def _evaluate_sets(
    run: _Run, file: Path, limit: int | None, output: Path | None, save_pictures: bool, seconds: bool
) -> None:
    """Print a table for each set and one of the means over the sets; write the files of each."""
    from clode_core.evaluation import reports
    from clode_core.evaluation.sets import read_sets

    named = read_sets(file, limit)
    console, results, failures = table_console(), {}, []
    for one in named:
        folder = output / one.name.replace("/", "-").replace(" ", "_") if output is not None else None
        if folder is not None:
            make_folder(folder)
        done = run.measured(one.examples, one.name, _keep(folder if save_pictures else None))
        failures += [f"{one.name}: {failure}" for failure in done.failures]
        results[one.name] = done
        reports.print_comparison(console, done, seconds=True, title=one.name)
        if folder is not None:
            reports.write_comparison(folder, done, run.described() | {"set": one.name}, seconds=seconds)
    reports.print_means_over_sets(console, results)
    if output is not None:
        typer.echo(reports.write_means_over_sets(output, results))
    finish(failures, "pictures or values")


def _loaded(info: MethodInfo, weights: Path | None, device: str) -> Method:
    """A method with its packaged weights; with those that were named where it shares the default method's."""
    from clode_core.methods import load_method

    own = info.weights is not None and info.weights == method_info(DEFAULT_METHOD).weights
    return load_method(info.name, weights if own else None, device=device)
