"""Quality on the scenes that a training leaves for development: what choices may be made by.

    python benchmarks/development.py CONFIG WEIGHTS... [--set data.normal=[...]]

CONFIG is that of the training (its first stage of kind reach says which scenes they are), WEIGHTS are files.
Other weights may have been trained on these scenes. Every darker exposure of a bracket against the fusion of
its scene, and every pair; small pictures, no noise removal. PSNR in dB at T=3, at the automatic time and at
the best time of each picture; `mean T` is the automatic time; `fine` is the share of targets, and `own` that
of automatic results, whose automatic time is within 0.2 of 0.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from clode_core.evaluation.metrics.fidelity import psnr
from clode_core.evaluation.search import best
from clode_core.methods.clode.control import control_of
from clode_core.methods.clode.model import load_model
from clode_core.methods.clode.training.config import ReachStage
from clode_core.methods.clode.training.fusion import ReachDataset
from clode_core.training.loading import load_config

_FINE = 0.2


def development_pictures(config):
    """Dark pictures and targets of brackets and of pairs, 8-bit (Y, X, 3)."""
    stage = next(stage for stage in config.stages if isinstance(stage, ReachStage))
    side = config.architecture.working_size
    data = ReachDataset(config.data, stage, side, 0, development=True)

    def picture(stored):
        return (stored.float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()

    brackets = [
        (picture(data.stored[k]), picture(target)) for scene, target in data.scenes for k in scene.dark
    ]
    return {"brackets": brackets, "pairs": [(picture(low), picture(high)) for low, high in data.pairs]}


def row(model, pairs):
    """PSNR at T=3, auto and best T, the automatic time, and the shares that are called fine."""
    numbers = []
    for low, high in pairs:
        path = model.solve(low, span=(-5.0, 5.0))
        auto = path.auto()
        exposed = path.at(auto, denoise=False)
        found = best(lambda t, path=path: psnr(path.at(t, denoise=False), high), model.info.slider.best)
        numbers.append(
            [psnr(path.at(t, denoise=False), high) for t in (3.0, auto, found)]
            + [auto]
            + [abs(model.solve(x, span=(-5.0, 5.0)).auto()) <= _FINE for x in (high, exposed)]
        )
    return np.mean(np.array(numbers, float), 0)


def main():
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="FIELD=VALUE")
    parser.add_argument("--no-control", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="only every how many-th picture")
    given = parser.parse_args()
    torch.set_num_threads(1)
    sets = {
        name: pictures[:: given.every]
        for name, pictures in development_pictures(load_config(given.config, given.settings)).items()
        if pictures
    }
    models = {str(file): load_model(file, device="cpu") for file in given.weights}
    if not given.no_control:
        models = {"control": control_of(next(iter(models.values())))} | models
    heads = ("T=3", "auto", "best T", "mean T", "fine", "own")
    print(f"{'':40}" + "".join(f"{head:>8}" for head in heads))
    for title, model in models.items():
        for name, pictures in sets.items():
            values = "".join(f"{value:8.2f}" for value in row(model, pictures))
            print(f"{f'{title[-24:]}, {len(pictures)} {name}':40}{values}", flush=True)


if __name__ == "__main__":
    main()
