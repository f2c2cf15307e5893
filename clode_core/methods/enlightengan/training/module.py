"""Training EnlightenGAN: a generator and two discriminators that take turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from clode_core.methods.enlightengan.model import EnlightenGAN
from clode_core.methods.enlightengan.networks import PatchDiscriminator
from clode_core.methods.enlightengan.training import losses
from clode_core.methods.enlightengan.training.config import EnlightenGANStage
from clode_core.methods.enlightengan.training.features import VGG_MODEL, read_vgg
from clode_core.model_files import ModelFileError
from clode_core.training.config import TrainingError
from clode_core.training.data import Batch, step_generator
from clode_core.training.module import DEVICE_SALT, StageModule, learning_rate_factor
from clode_core.training.recipe import unit
from clode_core.training.validation import Pair, Picture, mean_numbers, psnr, ssim

Network = Callable[[Tensor], Tensor]


def random_patches(pictures: Tensor, corners: Tensor, side: int) -> Tensor:
    """Cut patches (B * N, C, side, side), those of a picture together, at corners (B, N, 2)."""
    return torch.stack(
        [
            picture[:, top : top + side, left : left + side]
            for picture, places in zip(pictures, corners.tolist(), strict=True)
            for top, left in places
        ]
    )


def load_features(stage: EnlightenGANStage) -> nn.Module:
    """The network whose features are preserved.

    Raises
    ------
    TrainingError
        If its file is not there or is another; the message says how to get it.
    """
    try:
        return read_vgg(VGG_MODEL.read(), *stage.feature_layer)
    except ModelFileError as error:
        raise TrainingError(str(error)) from None


class Adversaries:
    """What generator and discriminators minimise; an `Objective` in two parts."""

    trains: tuple[str, ...] = ("h",)
    betas = (0.5, 0.999)

    def __init__(self, stage: EnlightenGANStage, features: nn.Module) -> None:
        self.stage = stage
        self.features = features

    def corners(self, shape: torch.Size, generator: torch.Generator) -> Tensor:
        """Random corners (B, N, 2) of the local patches of pictures (B, C, H, W)."""
        spans = [n - self.stage.patch + 1 for n in shape[2:]]
        count = (shape[0], self.stage.patches)
        drawn = [torch.randint(n, count, generator=generator, device=generator.device) for n in spans]
        return torch.stack(drawn, -1)

    def terms(self, networks: Any, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Not one loss: `EnlightenGANModule` takes the two sides in turns."""
        raise TypeError("adversaries have two losses: see generator_terms and discriminator_terms")

    def generator_terms(
        self, critics: dict[str, Network], see: Network, pictures: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Loss terms of the generator, each already times its weight.

        Parameters
        ----------
        critics : dict
            The discriminators, "global" and "local".
        see : callable
            The feature network.
        pictures : dict
            "dark", "fake" and "real" ones, and local patches of each: "dark_patches", ...
        """
        with torch.no_grad():
            real = critics["global"](pictures["real"])
            seen, seen_patches = see(pictures["dark"]), see(pictures["dark_patches"])
        terms = {
            "adversarial": losses.relativistic_generator(real, critics["global"](pictures["fake"])),
            "adversarial_local": losses.local_generator(critics["local"](pictures["fake_patches"])),
            "features": losses.feature_preserving(see(pictures["fake"]), seen),
            "features_local": losses.feature_preserving(see(pictures["fake_patches"]), seen_patches),
        }
        return {name: getattr(self.stage.weights, name) * term for name, term in terms.items()}

    def discriminator_terms(
        self, critics: dict[str, Network], pictures: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Losses of the two discriminators; the pictures are as for `generator_terms`."""
        whole, local = critics["global"], critics["local"]
        return {
            "discriminator": losses.relativistic_discriminator(
                whole(pictures["real"]), whole(pictures["fake"].detach())
            ),
            "discriminator_local": losses.local_discriminator(
                local(pictures["real_patches"]), local(pictures["fake_patches"].detach())
            ),
        }


def make_objective(stage: EnlightenGANStage) -> Adversaries:
    """Both sides of the game."""
    return Adversaries(stage, load_features(stage))


class EnlightenGANModule(StageModule):
    """Trains the generator and the discriminators in turns, each with an optimiser of its own.

    A step is one of the generator, counted by the trainer, and then one of each discriminator on the same
    pictures. The averaged generator is what is validated and exported; the discriminators and all optimisers
    are part of the checkpoint.
    """

    stage: EnlightenGANStage

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.automatic_optimization = False
        stage = self.stage
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.discriminators = nn.ModuleDict(
                {
                    "global": PatchDiscriminator(stage.critic_width, stage.critic_layers),
                    "local": PatchDiscriminator(stage.critic_width, stage.local_critic_layers),
                }
            )
        self.discriminators.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def adversaries(self) -> Adversaries:
        """The objective, by what it is."""
        return cast(Adversaries, self.objective)

    def on_fit_start(self) -> None:
        """Bring the feature network, which is no part of the checkpoint, to the device."""
        self.adversaries.features.to(self.device)

    def configure_optimizers(self) -> Any:
        """AdamW with warm-up and cosine, for the generator first and then for each discriminator."""
        stage, rates = self.stage, [self.stage.learning_rate, *[self.stage.critic_learning_rate] * 2]
        networks = [self.networks["h"], self.discriminators["global"], self.discriminators["local"]]
        optimizers = [
            torch.optim.AdamW(
                network.parameters(), rate, betas=self.objective.betas, weight_decay=stage.weight_decay
            )
            for network, rate in zip(networks, rates, strict=True)
        ]
        schedules = [
            torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_factor(step, stage))
            for optimizer in optimizers
        ]
        return optimizers, schedules

    @contextmanager
    def _fixed(self, networks: nn.Module) -> Iterator[None]:
        networks.requires_grad_(False)
        try:
            yield
        finally:
            networks.requires_grad_(True)

    def training_step(self, batch: Batch, batch_idx: int) -> None:  # type: ignore[override]
        """One step of the generator, then one of each discriminator."""
        generator = step_generator(
            self.seed + DEVICE_SALT, int(batch.step), self.trainer.global_rank, self.device
        )
        objective, side = self.adversaries, self.stage.patch
        critics = {name: self.in_precision(network) for name, network in self.discriminators.items()}
        with torch.autocast(self.device.type, enabled=False):
            dark, real = unit(batch.pictures), unit(batch.targets)
            fake = self.in_precision(self.networks["h"])(dark)
            places, elsewhere = (objective.corners(dark.shape, generator) for _ in range(2))
            pictures = {
                "dark": dark,
                "fake": fake,
                "real": real,
                "dark_patches": random_patches(dark, places, side),
                "fake_patches": random_patches(fake, places, side),
                "real_patches": random_patches(real, elsewhere, side),
            }
            with self._fixed(self.discriminators):
                see = self.in_precision(objective.features)
                terms = objective.generator_terms(critics, see, pictures)
                loss = torch.stack(list(terms.values())).sum()
                self._step(0, loss)
            against = objective.discriminator_terms(critics, pictures)
            for number, term in enumerate(against.values(), 1):
                self._step(number, term)
        self.average_weights(self.trainer.global_step)
        for schedule in self.lr_schedulers():  # type: ignore[union-attr]
            schedule.step()
        self.sum_up({**terms, **against, "loss": loss})

    def _step(self, number: int, loss: Tensor) -> None:
        """Step an optimiser; only the first counts as a step of the training."""
        optimizer: Any = self.optimizers()[number]  # type: ignore[index]
        optimizer.zero_grad()
        self.manual_backward(loss)
        self.clip_gradients(optimizer, self.stage.gradient_clip, "norm")
        if number == 0:
            optimizer.step()
        else:
            self.trainer.strategy.optimizer_step(optimizer.optimizer, lambda: None)


def measure(method: EnlightenGAN, pair: Pair) -> tuple[dict[str, float], list[Picture]]:
    """Numbers of the result and of the dark picture itself; pictures: low, result, reference."""
    result: Picture = method.enhance(pair.low)
    numbers = {
        "psnr": psnr(result, pair.high),
        "ssim": ssim(result, pair.high),
        "input_psnr": psnr(pair.low, pair.high),
        "input_ssim": ssim(pair.low, pair.high),
    }
    return numbers, [pair.low, result, pair.high]


def evaluate(method: EnlightenGAN, pairs: Sequence[Pair]) -> dict[str, float]:
    """Means over full-size pairs."""
    return mean_numbers([measure(method, pair)[0] for pair in pairs])
