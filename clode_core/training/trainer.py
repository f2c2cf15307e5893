"""Lightning's trainer, set up for one stage."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from clode_core.pictures.atomic import write_atomically
from clode_core.training.config import StageConfig, TrainerConfig, TrainingError, ValidationConfig
from clode_core.training.processes import interrupt

CHECKPOINT = "last.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoints written beside and renamed: a kill leaves the old one or the new one, whole."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint, making its folder."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, lambda handle: torch.save(checkpoint, handle))


class ProgressBar(TQDMProgressBar):
    """Lightning's progress bar without the version numbers of the logs."""

    def get_metrics(self, *args: Any) -> dict[str, Any]:
        """Show the loss alone."""
        shown = dict(super().get_metrics(*args))
        shown.pop("v_num", None)
        return shown


class PlainSigterm(Callback):
    """SIGTERM ends a training as Ctrl-C does; Lightning's handler waits for processes that may be stuck."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the signal back; Lightning restores what was before itself."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, interrupt)


def make_trainer(
    stage: StageConfig,
    settings: TrainerConfig,
    validation: ValidationConfig | None,
    folder: Path,
    *,
    clip: bool = True,
) -> Trainer:
    """Lightning's trainer of one stage; without `clip`, limiting gradients is left to the stage."""
    runs = len(list(folder.glob("log/version_*")))
    callbacks: list[Any] = [
        PlainSigterm(),
        ModelCheckpoint(
            folder,
            CHECKPOINT.removesuffix(".ckpt"),
            every_n_train_steps=settings.checkpoint_every_steps,
            save_top_k=1,
            enable_version_counter=False,
        ),
    ]
    if settings.progress:
        callbacks.append(ProgressBar(refresh_rate=max(1, min(10, settings.log_every_steps))))
    try:
        return Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.nodes,
            strategy=settings.strategy,
            precision=settings.precision,
            max_steps=stage.steps,
            max_epochs=-1,
            gradient_clip_val=stage.gradient_clip if clip else None,
            val_check_interval=validation.every_steps if validation else None,
            check_val_every_n_epoch=None if validation else 1,
            limit_val_batches=None if validation else 0,
            num_sanity_val_steps=0,
            inference_mode=False,
            use_distributed_sampler=False,
            log_every_n_steps=min(settings.log_every_steps, stage.steps),
            logger=[
                CSVLogger(folder, name="log", version=runs, flush_logs_every_n_steps=1),
                TensorBoardLogger(folder, name="tensorboard", version=""),
            ],
            callbacks=callbacks,
            plugins=[AtomicCheckpointIO()],
            enable_progress_bar=settings.progress,
            enable_model_summary=False,
        )
    except (MisconfigurationException, ValueError) as error:
        raise TrainingError(f"trainer: {str(error).splitlines()[0]}") from error


def fit(trainer: Trainer, module: LightningModule, checkpoint: Path | None) -> None:
    """Train, from a checkpoint if there is one; an interruption stays one."""
    try:
        trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as left:  # how Lightning ends after Ctrl-C
        if isinstance(left.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what Lightning says about choices made here on purpose, and its advertisements."""
    logs = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for message in (
            r".*does not have many workers.*",  # pictures are in memory: workers would only copy them
            r".*Checkpoint directory .* exists and is not empty.*",  # it is the stage's own folder
            r".*is available but not used.*",  # the accelerator is the configuration's choice
            r".*resuming from a checkpoint that ended before the epoch ended.*",  # batches are numbered
            r".*no pre-optimization state was saved.*",  # a checkpoint holds what its step has led to
            r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",  # inside Lightning
        ):
            warnings.filterwarnings("ignore", message)
        try:
            yield
        finally:
            for log, level in zip(logs, levels, strict=True):
                log.setLevel(level)
