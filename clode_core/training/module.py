"""The training step: one LightningModule for every kind of stage."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader

from clode_core.methods.method import Method
from clode_core.training.config import StageConfig, TrainingError
from clode_core.training.data import Batch, BatchDataset, batches, step_generator
from clode_core.training.processes import gather
from clode_core.training.recipe import Objective, Recipe
from clode_core.training.validation import Pair, Panel, Picture, mean_numbers

_MIXED = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
DEVICE_SALT = 500_009  # the choice of pictures and what happens to them must not share random numbers


def learning_rate_factor(step: int, stage: StageConfig) -> float:
    """Linear warm-up, then a cosine that ends at one hundredth."""
    warm = min(1.0, (step + 1) / stage.warmup_steps)
    return warm * (0.5 * (1 + math.cos(math.pi * step / stage.steps)) + 0.01)


class StageModule(LightningModule):
    """Trains the networks of a method through one stage.

    The averaged weights are what is validated and exported; they are part of the checkpoint.

    Parameters
    ----------
    recipe : Recipe
        How the method is trained.
    model : Method
        Where the weights start; not changed.
    stage : StageConfig
        What to minimise.
    dataset : BatchDataset
        Its batches.
    seed : int
        Of what happens to the pictures.
    pairs : list of Pair
        What is validated; may be empty.
    panel : Panel or None
        Where the pictures of a validation are written.
    """

    def __init__(
        self,
        recipe: Recipe,
        model: Method,
        stage: Any,
        dataset: BatchDataset,
        seed: int,
        pairs: list[Pair],
        panel: Panel | None = None,
        log_every_steps: int = 50,
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.stage = stage
        self.dataset = dataset
        self.seed = seed
        self.pairs = pairs
        self.panel = panel
        self.log_every_steps = log_every_steps
        self.workers = workers
        self.model = model
        self.objective: Objective = recipe.objective(stage, model)
        self.measure = recipe.measure(stage)
        self.networks = nn.ModuleDict({"h": copy.deepcopy(model.h)})
        if model.g is not None:
            self.networks["g"] = copy.deepcopy(model.g)
        self.networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for name, network in self.networks.items():
            network.requires_grad_(name in self.objective.trains)
        self.networks.train()
        self.average = copy.deepcopy(self.networks).requires_grad_(False)
        self.seconds = 0.0
        self.started = time.perf_counter()
        self._sums: dict[str, Tensor] = {}
        self._summed = 0

    def mixed(self) -> torch.autocast:
        """The trainer's precision, for the networks alone."""
        kind = _MIXED.get(str(self.trainer.precision))
        return torch.autocast(self.device.type, kind or torch.bfloat16, enabled=kind is not None)

    def in_precision(self, network: Callable[..., Any]) -> Callable[..., Any]:
        """A network in the trainer's precision, taking and giving 32-bit pictures."""

        def run(picture: Tensor, *arguments: Tensor) -> Any:
            with self.mixed():
                out = network(picture.contiguous(memory_format=torch.channels_last), *arguments)
                return tuple(part.float() for part in out) if isinstance(out, tuple) else out.float()

        return run

    def run_network(self, name: str, picture: Tensor, *arguments: Tensor) -> Any:
        """What a network that is trained makes of pictures; see `clode_core.training.recipe.Networks`."""
        network, _, method = name.partition(".")
        called: Any = self.networks[network]
        return self.in_precision(getattr(called, method) if method else called)(picture, *arguments)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one batch, outside autocast: only the networks run in mixed precision."""
        generator = step_generator(
            self.seed + DEVICE_SALT, int(batch.step), self.trainer.global_rank, self.device
        )
        with torch.autocast(self.device.type, enabled=False):
            terms = self.objective.terms(self.run_network, batch, generator)
            loss = torch.stack(list(terms.values())).sum()
        self.sum_up({**terms, "loss": loss})
        return loss

    def sum_up(self, terms: dict[str, Tensor]) -> None:
        """Add what a step has to say to the log."""
        for name, term in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + term.detach()
        self._summed += 1

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        """Step, then average the weights: here, so that a checkpoint holds the average of its own step."""
        super().optimizer_step(*arguments, **options)
        self.average_weights(self.trainer.global_step + 1)  # counted only after this

    def average_weights(self, step: int) -> None:
        """Move the averages towards the weights after a step."""
        decay = min(self.stage.ema, step / (9 + step))
        for name in self.objective.trains:
            weights = [p.detach() for p in self.networks[name].parameters()]
            torch._foreach_lerp_(list(self.average[name].parameters()), weights, 1 - decay)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Now and then, log the loss terms."""
        step = self.trainer.global_step
        if step % self.log_every_steps == 0 or step == self.stage.steps:
            self._write_log(step)

    def _write_log(self, step: int) -> None:
        totals = torch.stack([total.float() for total in self._sums.values()]) / self._summed
        means = self.trainer.strategy.reduce(totals, reduce_op="mean").tolist()  # over the processes
        values = {f"train/{name}": mean for name, mean in zip(self._sums, means, strict=True)}
        self._sums, self._summed = {}, 0
        if not math.isfinite(values["train/loss"]):
            raise TrainingError(
                f"the loss is not a finite number at step {step}: lower the stage's learning_rate."
            )
        self.log("loss", values["train/loss"], prog_bar=True, logger=False)
        values["train/learning_rate"] = self.trainer.optimizers[0].param_groups[0]["lr"]
        for logger in self.loggers:
            logger.log_metrics(values, step)

    def configure_optimizers(self) -> Any:
        """AdamW with warm-up and cosine."""
        trained = [p for name in self.objective.trains for p in self.networks[name].parameters()]
        stage = self.stage
        optimizer = torch.optim.AdamW(
            trained, stage.learning_rate, betas=self.objective.betas, weight_decay=stage.weight_decay
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, stage)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches from the current step on; called after a checkpoint is restored."""
        pin = self.device.type == "cuda"
        return batches(self.dataset, self.trainer.global_step, self.stage.steps, self.workers, pin)

    def export(self) -> Method:
        """The averaged weights as a model, on the device of the training."""
        model = copy.deepcopy(self.model)
        weights = self.average.state_dict()
        model.load_state_dict({name: tensor.detach().clone() for name, tensor in weights.items()})
        return model.to(self.device)

    def val_dataloader(self) -> DataLoader[Any]:
        """Indices of the pairs that this process measures; as many in each, so some may lie past the last."""
        rank, size = self.trainer.global_rank, self.trainer.world_size
        mine = range(rank, -(-len(self.pairs) // size) * size, size)
        return DataLoader(list(mine), batch_size=None)  # type: ignore[arg-type]

    def on_validation_epoch_start(self) -> None:
        """Take the averaged weights as they are now."""
        self._exported = self.export()
        self._measured: dict[int, tuple[dict[str, float], list[Picture]]] = {}

    def validation_step(self, index: Tensor, batch_idx: int) -> None:
        """Measure one pair."""
        k = int(index)
        if k >= len(self.pairs):
            return
        with torch.autocast(self.device.type, enabled=False):
            numbers, pictures = self.measure(self._exported, self.pairs[k])
        shown = self.panel is not None and k < self.panel.shown
        self._measured[k] = (numbers, pictures if shown else [])

    def on_validation_epoch_end(self) -> None:
        """Log the means over the pairs of all processes, and write the panel."""
        measured = {k: row for part in gather(self._measured) for k, row in part.items()}
        rows = [measured[k] for k in sorted(measured)]
        means = mean_numbers([numbers for numbers, _ in rows])
        several = self.trainer.world_size > 1
        self.log_dict({f"val/{name}": mean for name, mean in means.items()}, sync_dist=several)
        if self.panel is not None and self.trainer.is_global_zero:
            for _, pictures in rows[: self.panel.shown]:
                self.panel.add(pictures)
            self.panel.write(self.trainer.global_step)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the time spent."""
        checkpoint["seconds"] = self.elapsed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the time spent."""
        self.seconds = float(checkpoint["seconds"])

    @property
    def elapsed(self) -> float:
        """Seconds spent in this stage, those before an interruption included."""
        return self.seconds + time.perf_counter() - self.started
