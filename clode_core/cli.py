"""The ``clode`` command."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clode_core.gimp.commands import app as gimp_app
from clode_core.terminal import (
    UserError,
    baseline_options,
    chosen_model,
    count_weights,
    plain_errors,
    read_exposure_time,
    say,
)

if TYPE_CHECKING:
    from clode_core.image import LevelsArgument
    from clode_core.ode import Solver

app = typer.Typer(
    name="clode",
    help="Continuous exposure for low-light images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(gimp_app)

_Weights = Annotated[Path | None, typer.Option(help="A .safetensors file; by default the packaged weights.")]
_Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
_SolverName = Annotated[str, typer.Option("--solver", help="midpoint, rk4, euler, bosh3, dopri5, ...")]
_Step = Annotated[float, typer.Option(help="Step in exposure time of the fixed-step solvers.")]
_Tolerance = Annotated[float, typer.Option(help="Tolerance of the adaptive solvers.")]
_Denoise = Annotated[bool, typer.Option("--denoise/--no-denoise", help="Remove noise.")]
_NaturalDark = Annotated[
    bool,
    typer.Option("--natural-dark/--no-natural-dark", help="Put right what JPEG left of the dark."),
]
_Levels = Annotated[
    str,
    typer.Option(help="Black and white level: dtype, auto, or two numbers as BLACK,WHITE (12 bits: 0,4095)."),
]


_CLODE_ONLY = ("time", "denoise", "solver", "step", "tolerance", "shared_exposure", "natural_dark")
"""Options of `enhance` that only CLODE has."""
_BASELINES_ONLY = ("iterations",)
"""Options of `enhance` that only some baselines have."""


def _levels(text: str) -> LevelsArgument:
    if text == "dtype" or text == "auto":
        return "dtype" if text == "dtype" else "auto"
    try:
        black, white = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--levels takes dtype, auto or BLACK,WHITE, not {text!r}") from None
    return black, white


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _own_options(method: str) -> tuple[str, ...]:
    """Options of `enhance` that are not common to all methods but known to this one."""
    return _CLODE_ONLY if method == "clode" else baseline_options(method)


def _refuse_foreign_options(context: typer.Context, method: str) -> None:
    """Options that mean nothing to the method are told, not ignored."""
    own = _own_options(method)
    for name in (*_CLODE_ONLY, *_BASELINES_ONLY):
        given = context.get_parameter_source(name)
        if name in own or given is None or given.name != "COMMANDLINE" or context.params[name] is False:
            continue
        instead = f", or use --{own[0]}" if own else ""
        raise UserError(f"--{name.replace('_', '-')} means nothing to {method}: leave it out{instead}")


def _solver(name: str, step: float, tolerance: float) -> Solver:
    from clode_core.ode import Solver

    return Solver(name, step, tolerance)


@app.command()
def enhance(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(help="Pictures, or folders with pictures in them and below.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path(
        "enhanced"
    ),
    time: Annotated[str, typer.Option(help="Exposure time: a number (0 as it is, 3 normal) or auto.")] = "3",
    denoise: _Denoise = True,
    levels: _Levels = "dtype",
    weights: _Weights = None,
    device: _Device = "auto",
    solver: _SolverName = "midpoint",
    step: _Step = 0.5,
    tolerance: _Tolerance = 1e-3,
    shared_exposure: Annotated[
        bool, typer.Option("--shared-exposure", help="Expose all pages of a file alike: no flicker.")
    ] = False,
    natural_dark: _NaturalDark = True,
    method: Annotated[
        str,
        typer.Option(help="clode, or a baseline: zero-dce, zero-dce++, enlightengan, lfpv-unet, lfpv-curve."),
    ] = "clode",
    iterations: Annotated[float, typer.Option(help="Of the curve of zero-dce and zero-dce++.")] = 8,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out what an earlier run has done in the same way.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Processes that work at once.")] = 1,
    memory: Annotated[
        float | None, typer.Option(help="Gigabytes they may use together; by default most of what is free.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, to work on its cluster instead.")
    ] = None,
) -> None:
    """Brighten pictures; the originals stay as they are."""
    with plain_errors():
        _refuse_foreign_options(context, method)
        from clode_core.batch.run import Means, run
        from clode_core.batch.work import Settings

        means = Means(jobs, memory, scheduler)
        settings = Settings(
            method=method,
            exposure_time=read_exposure_time(time),
            denoise=denoise,
            levels=_levels(levels),
            solver=solver,
            step=step,
            tolerance=tolerance,
            shared_exposure=shared_exposure,
            natural_dark=natural_dark,
            iterations=iterations,
        )
        run(paths, output, settings, means, weights=weights, device=device, resume=resume)


@app.command()
def ladder(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The contact sheet to write.")] = None,
    times: Annotated[str, typer.Option(help="Exposure times, separated by commas.")] = "-1,0,1,2,3,4,5",
    denoise: _Denoise = True,
    natural_dark: _NaturalDark = True,
    levels: _Levels = "dtype",
    width: Annotated[
        int, typer.Option(help="Width of one picture on the sheet in pixels.", min=64, max=4096)
    ] = 360,
    weights: _Weights = None,
    device: _Device = "auto",
    solver: _SolverName = "midpoint",
    step: _Step = 0.5,
    tolerance: _Tolerance = 1e-3,
) -> None:
    """Draw a contact sheet of one picture over exposure time, all from one solve."""
    with plain_errors():
        try:
            steps = [float(part) for part in times.split(",")]
        except ValueError:
            raise UserError(f"--times takes numbers separated by commas, not {times!r}") from None
        from clode_core.batch.work import depth_levels
        from clode_core.files import read_picture, write_picture
        from clode_core.ladder import contact_sheet

        target = output or image.with_name(f"{image.stem}-ladder.png")
        if _same(target, image):
            raise UserError(f"{image} would be overwritten: choose another name with -o")
        chosen = _solver(solver, step, tolerance)
        picture = read_picture(image)
        sheet = contact_sheet(
            picture.pixels,
            steps,
            model=chosen_model(weights, device),
            denoise=denoise,
            natural_dark=natural_dark,
            width=width,
            solver=chosen,
            levels=depth_levels(picture, _levels(levels)),
            rgb=picture.channels_last,
        )
        write_picture(target, sheet)
        say(target)


@app.command()
def info(weights: _Weights = None, device: _Device = "auto") -> None:
    """Show the version, the device and the model card."""
    with plain_errors():
        import platform

        import torch
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        from clode_core import __version__
        from clode_core.model import PACKAGED_WEIGHTS

        model = chosen_model(weights, device)
        table = Table(show_header=False, box=None)
        table.add_column()
        table.add_column(overflow="fold")
        rows = {
            "clode-core": __version__,
            "python": f"{platform.python_version()} ({sys.executable})",
            "torch": f"{torch.__version__}, {torch.get_num_threads()} threads",
            "device": _describe(model.device),
            "weights": str(weights or PACKAGED_WEIGHTS),
            "curve network": f"{model.architecture.curve_network}, {count_weights(model.h):,} parameters",
            "noise removal": (
                f"{model.architecture.noise_network or 'none'}, {count_weights(model.g):,} parameters"
            ),
            "working size": f"{model.architecture.working_size} pixels",
        }
        rows |= _baselines(device)
        card = {k: v if isinstance(v, str) else json.dumps(v, indent=1) for k, v in model.card.items()}
        for name, value in (rows | card).items():
            table.add_row(name, Text(value))
        Console(soft_wrap=False).print(table)


@app.command()
def train(
    config: Annotated[
        str,
        typer.Argument(
            help="A YAML file, or a packaged configuration: clode-cpu, clode-gpu, paper-cpu, "
            "zero-dce-cpu, zero-dce-pp-cpu, enlightengan-cpu, enlightengan-gpu, lfpv-unet-cpu, "
            "lfpv-curve-cpu."
        ),
    ],
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one setting, for example --set stages.0.steps=100. Repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
) -> None:
    """Train weights; checkpoints, curves and pictures go to the output folder of the configuration."""
    with plain_errors():
        try:
            from clode_core.training import load_config, run_training
            from clode_core.training.processes import first_process
        except ModuleNotFoundError as error:
            raise UserError(f"training needs {error.name}: pip install 'clode-core[train]'") from None
        weights = run_training(load_config(config, overrides=change or []), resume=resume)
        if first_process():
            say(weights)


def _baselines(device: str) -> dict[str, str]:
    """What there is to say of each packaged baseline."""
    try:
        from clode_core.baselines import BASELINES, load_baseline, packaged_weights
    except ModuleNotFoundError:
        return {}
    return {
        name: f"{load_baseline(name, device=device).description}, {packaged_weights(name)}"
        for name in BASELINES
        if packaged_weights(name).is_file()
    }


def _describe(device: object) -> str:
    import torch

    kind = torch.device(str(device))
    return f"{kind} ({torch.cuda.get_device_name(kind)})" if kind.type == "cuda" else str(kind)


with suppress(ModuleNotFoundError):  # nor do videos have to be there
    from clode_core.video.commands import add_commands as add_video_commands

    add_video_commands(app)

with suppress(ModuleNotFoundError):  # a package without the evaluation is whole without its commands
    from clode_core.evaluation.commands import add_commands

    add_commands(app)


def _add_front_ends() -> None:
    """Add the commands of front ends, which the core knows by their entry points only."""
    from importlib.metadata import entry_points

    for entry in sorted(entry_points(group="clode.commands"), key=lambda found: found.name):
        with suppress(ImportError, AttributeError):  # a front end that is not whole is not offered
            app.command(entry.name)(entry.load())


_add_front_ends()


def main() -> None:
    """Entry point of the ``clode`` command."""
    app()


if __name__ == "__main__":
    main()
