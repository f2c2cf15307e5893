"""Whether this machine can train as the settings want it, known before any process is started."""

from __future__ import annotations

import os

import torch
from lightning.fabric.accelerators import ACCELERATOR_REGISTRY
from lightning.fabric.strategies import STRATEGY_REGISTRY

from clode_core.training.config import TrainerConfig, TrainingError

_LEAST, _PER_CORE = 8, 4
"""Processes that any machine may be asked for, and those for each core beyond."""


def check_hardware(settings: TrainerConfig) -> None:
    """Refuse an accelerator, devices or a strategy that are not there.

    Raises
    ------
    TrainingError
        One sentence that names the setting.
    """
    known = ACCELERATOR_REGISTRY.available_accelerators()
    here = ["auto", *(name for name in known if _is_there(name))]
    here += ["gpu"] * ("cuda" in here or "mps" in here)  # Lightning's name for either
    if settings.accelerator not in here:
        raise TrainingError(
            f"trainer.accelerator: this machine has no {settings.accelerator!r}: choose one of "
            f"{', '.join(here)}."
        )
    strategies = ["auto", *STRATEGY_REGISTRY.available_strategies()]
    if settings.strategy not in strategies:
        raise TrainingError(
            f"trainer.strategy: there is no {settings.strategy!r}: choose auto or ddp, for example."
        )
    if isinstance(settings.devices, int):
        _check_devices(settings.devices, settings.accelerator, "cuda" in here, "mps" in here)


def _is_there(name: str) -> bool:
    return bool(ACCELERATOR_REGISTRY[name]["accelerator"].is_available())


def _check_devices(asked: int, accelerator: str, cuda: bool, mps: bool) -> None:
    """Refuse more devices than there are; on the CPU, where each is a process, far more than cores."""
    if accelerator != "cpu" and (cuda or mps):
        there = torch.cuda.device_count() if cuda else 1
        if asked > there:
            raise TrainingError(f"trainer.devices: {asked} are asked for, and this machine has {there}.")
        return
    cores = os.cpu_count() or 1
    if asked > max(_LEAST, _PER_CORE * cores):
        raise TrainingError(f"trainer.devices: {asked} processes are too many for {cores} cores: use fewer.")
