"""CLODE on pairs, beside the control that has no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from clode_core.methods.clode.automatic import TRAINED_TIME
from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.denoising import remove_noise
from clode_core.methods.clode.model import Model
from clode_core.training.validation import Pair, Picture, mean_numbers, psnr, ssim

TIMES = tuple(np.arange(1.0, 5.01, 0.25).tolist())
"""Exposure times among which the best is looked for."""
_NOISE_CROP = 256


def control(picture: Picture, time: float) -> Picture:
    """The picture exposed without any network, ``A = 1``."""
    unit = torch.from_numpy(picture).float() / 255
    exposed: Picture = (curve(unit, torch.tensor(float(time))) * 255).round().byte().numpy()
    return exposed


def _exposures(
    exposed: Callable[[float], Picture], reference: Picture
) -> tuple[dict[str, float], list[Picture]]:
    """Numbers at the trained time and at the best of `TIMES`, and the two pictures."""
    trained = exposed(TRAINED_TIME)
    pictures = {time: exposed(time) for time in TIMES}
    best = max(TIMES, key=lambda time: psnr(pictures[time], reference))
    numbers = {
        "psnr_trained": psnr(trained, reference),
        "ssim_trained": ssim(trained, reference),
        "psnr_best": psnr(pictures[best], reference),
        "ssim_best": ssim(pictures[best], reference),
        "best_time": best,
    }
    return numbers, [trained, pictures[best]]


def measure_exposure(
    model: Model, pair: Pair, denoise: bool = False
) -> tuple[dict[str, float], list[Picture]]:
    """Numbers of a model and of the control on a pair; pictures: low, trained time, best time, reference."""
    path = model.solve(pair.low, span=(0.0, max(*TIMES, TRAINED_TIME)))

    def exposed(time: float) -> Picture:
        picture: Picture = path.at(time, denoise=denoise)
        return picture

    numbers, pictures = _exposures(exposed, pair.high)
    without, _ = _exposures(lambda time: control(pair.low, time), pair.high)
    numbers |= {f"control_{name}": value for name, value in without.items()}
    return numbers, [pair.low, *pictures, pair.high]


def measure_noise_removal(model: Model, pair: Pair) -> tuple[dict[str, float], list[Picture]]:
    """Numbers of g on the control at its best time; pictures: noisy, clean, reference."""
    assert model.g is not None
    part = pair.centre(_NOISE_CROP)
    _, (_, noisy) = _exposures(lambda time: control(part.low, time), part.high)
    unit = noisy.astype(np.float32) / 255
    cleaned: Picture = np.rint(remove_noise(model.g, unit, model.device) * 255).astype(np.uint8)  # type: ignore[arg-type]
    numbers = {
        "psnr_noisy": psnr(noisy, part.high),
        "ssim_noisy": ssim(noisy, part.high),
        "psnr_clean": psnr(cleaned, part.high),
        "ssim_clean": ssim(cleaned, part.high),
    }
    return numbers, [noisy, cleaned, part.high]


def evaluate(model: Model, pairs: Sequence[Pair]) -> dict[str, float]:
    """Means over full-size pairs, without noise removal and, where there is g, with it (``denoised_``)."""
    rows = []
    for pair in pairs:
        numbers, _ = measure_exposure(model, pair)
        if model.g is not None:
            denoised, _ = measure_exposure(model, pair, denoise=True)
            numbers |= {f"denoised_{k}": v for k, v in denoised.items() if not k.startswith("control")}
        rows.append(numbers)
    return mean_numbers(rows)
