"""The ``clode`` command."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clode_core.gimp.commands import app as gimp_app
from clode_core.terminal import (
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
    from clode_core.files import Picture
    from clode_core.image import Array, LevelsArgument
    from clode_core.ode import Solver
    from clode_core.trajectory import ExposureTime

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
_Levels = Annotated[
    str,
    typer.Option(help="Black and white level: dtype, auto, or two numbers as BLACK,WHITE (12 bits: 0,4095)."),
]


_CLODE_ONLY = ["time", "denoise", "solver", "step", "tolerance", "shared_exposure"]
"""Options of `enhance` that only CLODE has."""


def _exposure_time(text: str) -> ExposureTime:
    if text == "auto":
        return "auto"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"--time takes a number or 'auto', not {text!r}")
    return value


def _levels(text: str) -> LevelsArgument:
    if text == "dtype" or text == "auto":
        return "dtype" if text == "dtype" else "auto"
    try:
        black, white = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--levels takes dtype, auto or BLACK,WHITE, not {text!r}") from None
    return black, white


def _pictures(paths: list[Path]) -> list[Path]:
    """Files as they are, folders as the pictures directly inside them."""
    from clode_core.files import SUFFIXES

    found: list[Path] = []
    for path in paths:
        if _is_folder(path):
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
            if not inside:
                raise UserError(f"{path} holds no pictures ({', '.join(sorted(SUFFIXES))})")
            found += inside
        else:
            found.append(path)
    return found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that no file can have; reading it will say so
        return False


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _depth_levels(picture: Picture, levels: LevelsArgument) -> LevelsArgument:
    """The levels of a file that says it holds fewer bits than its integers could, such as 12 in 16."""
    dtype = picture.pixels.dtype
    if levels == "dtype" and dtype.kind == "u" and picture.bit_depth < 8 * dtype.itemsize:
        return 0.0, float(2**picture.bit_depth - 1)
    return levels


def _targets(sources: list[Path], folder: Path) -> list[Path]:
    targets = [folder / source.name for source in sources]
    seen: dict[str, Path] = {}
    for source, target in zip(sources, targets, strict=True):
        name = target.name.casefold()
        if _same(target, source):
            raise UserError(f"{source} would be overwritten: choose another folder with -o")
        if name in seen and not _same(seen[name], source):
            raise UserError(
                f"{seen[name]} and {source} would both become {target}: enhance them into two folders"
            )
        seen[name] = source
    return targets


def _baseline(name: str, weights: Path | None, device: str) -> Any:
    try:
        from clode_core.baselines import BASELINES, load_baseline
    except ModuleNotFoundError:
        raise UserError(f"--method {name} is not part of this installation: use clode") from None
    if name not in BASELINES:
        raise UserError(f"--method takes one of {', '.join(('clode', *BASELINES))}, not {name!r}")
    return load_baseline(name, weights, device)


def _own_options(method: str, iterations: float) -> dict[str, Any]:
    """What a baseline's `enhance` takes beside a picture."""
    from clode_core.baselines import ITERATED

    if method not in ITERATED:
        return {}
    from clode_core.baselines.zero_dce import checked_iterations

    return {"iterations": checked_iterations(iterations)}


def _iterates(method: str) -> bool:
    with suppress(ModuleNotFoundError):
        from clode_core.baselines import ITERATED

        return method in ITERATED
    return False


def _refuse_foreign_options(context: typer.Context, method: str) -> None:
    """Options that mean nothing to the method are told, not ignored."""
    iterates = _iterates(method)
    foreign = [] if method == "clode" else list(_CLODE_ONLY)
    if not iterates:
        foreign.append("iterations")
    for name in foreign:
        given = context.get_parameter_source(name)
        if given is not None and given.name == "COMMANDLINE" and context.params[name] is not False:
            instead = ", or use --time" if method == "clode" else ", or use --iterations" if iterates else ""
            raise UserError(f"--{name.replace('_', '-')} means nothing to {method}: leave it out{instead}")


def _solver(name: str, step: float, tolerance: float) -> Solver:
    from clode_core.ode import Solver

    return Solver(name, step, tolerance)


@app.command()
def enhance(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Pictures, or folders of pictures.")],
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
    method: Annotated[
        str, typer.Option(help="clode, or a baseline: zero-dce, zero-dce++, enlightengan.")
    ] = "clode",
    iterations: Annotated[float, typer.Option(help="Of the curve of zero-dce and zero-dce++.")] = 8,
) -> None:
    """Brighten pictures; the originals stay as they are."""
    failed = 0
    with plain_errors():
        _refuse_foreign_options(context, method)
        exposure_time = _exposure_time(time)
        level = _levels(levels)
        sources = _pictures(paths)
        targets = _targets(sources, output)
        from clode_core.enhancement import enhance as enhance_array
        from clode_core.enhancement import span_for
        from clode_core.files import read_picture, write_picture

        span_for(exposure_time)
        chosen = _solver(solver, step, tolerance)
        enhanced: Callable[..., Array]
        if method == "clode":
            enhanced = partial(
                enhance_array,
                exposure_time=exposure_time,
                denoise=denoise,
                model=chosen_model(weights, device),
                solver=chosen,
                shared_exposure=shared_exposure,
            )
        else:
            used = _baseline(method, weights, device)
            enhanced = partial(used.enhance, **_own_options(method, iterations))
        make_folder(output)
        with progress_bar(len(sources), "enhance") as advance:
            for done, (source, target) in enumerate(zip(sources, targets, strict=True)):

                def report(fraction: float, done: int = done, name: str = source.name) -> None:
                    advance(done + fraction, name)

                try:
                    picture = read_picture(source)
                    result = enhanced(
                        picture.pixels,
                        levels=_depth_levels(picture, level),
                        rgb=picture.channels_last,
                        progress=report,
                    )
                    write_picture(target, result, picture)
                except (ValueError, OSError, MemoryError) as error:
                    failed += 1
                    message = str(error) or "out of memory"
                    complain(message if str(source) in message else f"{source}: {message}")
                else:
                    say(target)
        if failed:
            raise UserError(f"{failed} of {len(sources)} pictures could not be enhanced")


@app.command()
def ladder(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The contact sheet to write.")] = None,
    times: Annotated[str, typer.Option(help="Exposure times, separated by commas.")] = "-1,0,1,2,3,4,5",
    denoise: _Denoise = True,
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
            width=width,
            solver=chosen,
            levels=_depth_levels(picture, _levels(levels)),
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
            "zero-dce-cpu, zero-dce-pp-cpu, enlightengan-cpu, enlightengan-gpu."
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
        except ModuleNotFoundError as error:
            raise UserError(f"training needs {error.name}: pip install 'clode-core[train]'") from None
        weights = run_training(load_config(config, overrides=change or []), resume=resume)
        say(weights)


def _baselines(device: str) -> dict[str, str]:
    """What there is to say of each packaged baseline."""
    try:
        from clode_core.baselines import BASELINES, load_baseline, packaged_weights
    except ModuleNotFoundError:
        return {}
    known = {}
    for name in BASELINES:
        path = packaged_weights(name)
        if path.is_file():
            known[name] = f"{count_weights(load_baseline(name, device=device).h):,} parameters, {path}"
        else:
            known[name] = "no weights are packaged: train some and name them by --weights"
    return known


def _describe(device: object) -> str:
    import torch

    kind = torch.device(str(device))
    return f"{kind} ({torch.cuda.get_device_name(kind)})" if kind.type == "cuda" else str(kind)


with suppress(ModuleNotFoundError):  # a package without the evaluation is whole without its commands
    from clode_core.evaluation.commands import add_commands

    add_commands(app)


def main() -> None:
    """Entry point of the ``clode`` command."""
    app()


if __name__ == "__main__":
    main()
