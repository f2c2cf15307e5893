"""Running a whole training: its stages in order, resumable at any moment."""

from __future__ import annotations

import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from clode_core.methods import method_info
from clode_core.methods.method import Method
from clode_core.pictures.atomic import write_atomically
from clode_core.training.config import TrainingConfig, TrainingError
from clode_core.training.loading import recipe_of
from clode_core.training.module import StageModule
from clode_core.training.pictures import list_pictures
from clode_core.training.processes import Processes, processes
from clode_core.training.recipe import Recipe
from clode_core.training.trainer import CHECKPOINT, fit, make_trainer, quiet
from clode_core.training.validation import Pair, Panel, read_pairs

_FREE_TO_CHANGE = {"trainer", "validation", "output"}  # may differ when a training is resumed


def run_training(config: TrainingConfig, resume: bool = False) -> Path:
    """Run all stages of a training.

    Parameters
    ----------
    config : TrainingConfig
        From `load_config`.
    resume : bool
        Continue what is in ``config.output``: finished stages are skipped, an interrupted one goes on from
        its last checkpoint with the same schedule, data and randomness.

    Returns
    -------
    Path
        The weights in the output folder, with a model card inside: named after the method.

    Raises
    ------
    TrainingError
        If the output folder is in use, the data do not serve, or the loss is no longer finite.

    Notes
    -----
    With several processes, each runs the script that calls this, and all return; the first one has then
    written everything.
    """
    threads = torch.get_num_threads()
    with quiet(), processes(config.trainer) as group:
        try:
            if config.trainer.threads is not None:
                torch.set_num_threads(config.trainer.threads)
            torch.set_flush_denormal(True)  # averages of dying gradients would slow a CPU down many times
            return _run(config, resume, group)
        finally:
            torch.set_flush_denormal(False)
            torch.set_num_threads(threads)


def _run(config: TrainingConfig, resume: bool, group: Processes) -> Path:
    output, recipe = config.output, recipe_of(config.method)
    file = weights_file(config.method)
    _check_folders(config)
    pairs = read_pairs(config.validation) if config.validation is not None else []
    model = _starting_model(config, recipe)
    if group.first:
        _claim(config, resume)
    group.agreed(True)  # nobody goes on before the folder is ours
    stages: list[dict[str, Any]] = []
    for number, stage in enumerate(config.stages):
        folder = output / f"{number + 1}-{stage.kind}"
        finished = folder / file
        if _everywhere(finished, group):
            model = recipe.read(finished, config)
        else:
            model = _run_stage(config, number, folder, model, pairs, recipe, group)
        stages.append(model.card["stage"])
    target = output / file
    if group.first:
        card = _card(config, stages)
        card["metrics"] = recipe.evaluate(model, pairs)
        model.card = card
        model.to("cpu").save(target)
    return target


def _run_stage(
    config: TrainingConfig,
    number: int,
    folder: Path,
    model: Method,
    pairs: list[Pair],
    recipe: Recipe,
    group: Processes,
) -> Method:
    """Train one stage, from its checkpoint if there is one; its weights mark it as finished."""
    stage, settings, validation = config.stages[number], config.trainer, config.validation
    if group.first:
        folder.mkdir(parents=True, exist_ok=True)
    seed = config.seed * 101 + number
    started = time.perf_counter()
    dataset = recipe.dataset(config.data, stage, model.architecture.working_size, seed, group.rank)
    shrink = validation is not None and not stage.full_size
    shown = [pair.shrunk(validation.long_side) for pair in pairs] if shrink and validation else pairs
    module = (recipe.module or StageModule)(
        recipe,
        model,
        stage,
        dataset,
        seed,
        shown,
        Panel(folder / "panels", validation.shown) if validation else None,
        settings.log_every_steps,
        settings.workers,
    )
    trainer = make_trainer(stage, settings, validation, folder, clip=module.automatic_optimization)
    checkpoint = folder / CHECKPOINT
    fit(trainer, module, checkpoint if _everywhere(checkpoint, group) else None)
    if trainer.global_step < stage.steps:
        raise TrainingError(f"stage {number} was interrupted at step {trainer.global_step} of {stage.steps}.")
    done = module.export().to("cpu")
    done.card = {
        "name": config.name,
        "stage": {
            "kind": stage.kind,
            "steps": trainer.global_step,
            "seconds": round(module.elapsed, 1),
            "preparation_seconds": round(module.started - started, 1),
            "data": dataset.facts,
            "metrics": {
                name.removeprefix("val/"): round(float(value), 4)
                for name, value in trainer.callback_metrics.items()
                if name.startswith("val/")
            },
        },
    }
    if trainer.is_global_zero:
        done.save(folder / weights_file(config.method))
    trainer.strategy.barrier()
    return done


def weights_file(method: str) -> str:
    """Name of the weights file of a method."""
    packaged = method_info(method).weights
    return packaged.name if packaged else f"{method}.safetensors"


def _everywhere(path: Path, group: Processes) -> bool:
    """Whether the first process has a file, and so all."""
    there = group.agreed(path.is_file())
    if there and not path.is_file():
        raise TrainingError(f"output: {path} is not seen by every machine: choose a folder that all share.")
    return there


def _check_folders(config: TrainingConfig) -> None:
    """Find missing data before anything is written."""
    data = config.data
    list_pictures([*data.normal, *data.dark, *data.low, *data.high], data.exclude)


def _starting_model(config: TrainingConfig, recipe: Recipe) -> Method:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = recipe.untrained(config)
    if config.start_from is not None:
        start = recipe.read(config.start_from, config)
        try:
            model.load_state_dict(start.state_dict())
        except RuntimeError:
            raise TrainingError(
                f"start_from: {config.start_from} holds networks of another architecture."
            ) from None
    if config.noise_from is not None:
        source = recipe.read(config.noise_from, config)
        if model.g is None or source.g is None:
            raise TrainingError("noise_from: both that file and what is trained must hold a noise network.")
        _take_noise_network(model.g, source.g, config.noise_from)
    return model


def _take_noise_network(g: nn.Module, source: nn.Module, file: Path) -> None:
    """Copy weights into ``g``, or into its coarse part where that is what the file holds."""
    for network in (g, getattr(g, "coarse", None)):
        if network is not None and type(network) is type(source):
            try:
                network.load_state_dict(source.state_dict())
            except RuntimeError:
                break
            return
    raise TrainingError(f"noise_from: {file} holds another noise network.")


def _claim(config: TrainingConfig, resume: bool) -> None:
    """Make the output folder ours, or check that what is in it is this very training."""
    output, record = config.output, config.output / "config.yaml"
    values = config.model_dump(mode="json")
    if output.exists() and not output.is_dir():
        raise TrainingError(f"output: {output} is a file, not a folder.")
    if output.is_dir() and any(output.iterdir()):
        if not resume:
            raise TrainingError(
                f"output: {output} is not empty: resume the training in it, or choose another folder."
            )
        if not record.is_file():
            raise TrainingError(f"output: {output} holds no config.yaml, so there is no training to resume.")
        before = yaml.safe_load(record.read_text(encoding="utf-8"))
        changed = [k for k, v in values.items() if k not in _FREE_TO_CHANGE and before.get(k) != v]
        if changed:
            raise TrainingError(
                f"{changed[0]}: differs from the training in {output}: undo it or choose another output."
            )
    output.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    write_atomically(record, lambda handle: handle.write(text.encode()))


def _card(config: TrainingConfig, stages: list[dict[str, Any]]) -> dict[str, Any]:
    """What the weights say about how they came to be; folder names only, no paths."""
    values = config.model_dump(mode="json")
    names = {kind: [Path(folder).name for folder in values["data"][kind]] for kind in config.data.FOLDERS}
    values["data"] |= names
    values["output"] = config.output.name
    values["start_from"] = config.start_from.name if config.start_from else None
    values["noise_from"] = config.noise_from.name if config.noise_from else None
    if config.validation is not None:
        values["validation"] |= {"low": config.validation.low.name, "high": config.validation.high.name}
    return {
        "name": config.name,
        "created": datetime.now(UTC).date().isoformat(),
        "data": names,
        "stages": stages,
        "config": values,
        "seed": config.seed,
        "hardware": _hardware(),
        "torch": str(torch.__version__),
    }


def _hardware() -> str:
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {torch.get_num_threads()} threads"
