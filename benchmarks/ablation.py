"""What each part of the training of h is worth: short trainings that differ in one thing.

    python benchmarks/ablation.py LOW HIGH --output FOLDER [--steps 400] [--limit N] [--set ...] [--only NAME]

Every row starts from the same untrained h, sees the same number of steps, and is measured on the pairs with
the noise removal of the packaged weights. The control is A = 1.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import quality
import torch

from clode_core.methods.clode.model import Model, load_model
from clode_core.pictures.files import read_picture
from clode_core.training import load_config, run_training

VARIANTS = {
    "as shipped": [],
    "without partial white balance": ["weights.colour=0", "white_balance.strength=0"],
    "without its loss, targets balanced": ["weights.colour=0"],
    "full white balance": ["white_balance.strength=1", "white_balance.limit=2"],
    "without smoothness": ["weights.smooth=0"],
    "without shape (best scale) loss": ["weights.shape=0"],
    "without path losses": ["weights.straight=0", "weights.extrapolation=0"],
    "without brackets": ["mixture.bracket=0"],
    "without dark pictures": ["mixture.dark=0"],
    "brackets alone": ["mixture.undo=0", "mixture.dark=0"],
    "strong random fields": ["darkening.field=0.5"],
}
ZERO_REFERENCE = "the paper's zero-reference losses"


def untrained(shipped, path):
    torch.manual_seed(0)
    model = Model(shipped.architecture)
    model.g.load_state_dict(shipped.g.state_dict())
    return model.save(path)


def settings(name, arguments, start):
    stage = (
        "{kind: zero_reference, steps: %d, batch_size: 8}"
        if name == ZERO_REFERENCE
        else "{kind: undo, steps: %d, batch_size: 16, darkening: {level_range: 2.4}}"
    ) % arguments.steps
    changes = [
        f"stages=[{stage}]",
        f"start_from={start}",
        f"output={arguments.output / name.replace(' ', '-')}",
    ]
    changes += ["validation=null", "trainer.progress=false", *arguments.set]
    return changes + [f"stages.0.{change}" for change in VARIANTS.get(name, [])]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("low", type=Path)
    parser.add_argument("high", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--only", nargs="*", default=[*VARIANTS, ZERO_REFERENCE])
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    names = sorted(p.name for p in arguments.low.iterdir())[: arguments.limit]
    pairs = [(read_picture(arguments.low / n).pixels, read_picture(arguments.high / n).pixels) for n in names]
    shipped = load_model(device="cpu")
    start = untrained(shipped, arguments.output / "untrained.safetensors")
    control = Model(replace(shipped.architecture, curve_network="control", curve_options={}))
    control.g.load_state_dict(shipped.g.state_dict())

    print(f"{len(pairs)} pairs, {arguments.steps} steps, PSNR / SSIM with the same noise removal")
    print(f"{'':38}{'T=3':>16}{'best T':>16}{'auto':>16}")

    def show(name, model):
        rows = quality.rows_of(model, pairs, True, False)
        cells = "".join(f"{p:9.2f} /{s:6.3f}" for p, s, _ in rows.values())
        print(f"{name:38}{cells}", flush=True)

    show("control", control)
    for name in arguments.only:
        model = load_model(run_training(load_config("clode-cpu", overrides=settings(name, arguments, start))))
        model.g.load_state_dict(shipped.g.state_dict())
        show(name, model.to("cpu"))


if __name__ == "__main__":
    main()
