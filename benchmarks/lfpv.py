"""Learnable references (LFPV): a network trained on pairs without them, with them, and with the control.

    python benchmarks/lfpv.py LOW HIGH PAIRS_LOW PAIRS_HIGH --output RUNS [--seeds 3] [--set KEY=VALUE ...]

Trains the packaged configurations lfpv-unet-cpu and lfpv-curve-cpu on the pairs in LOW and HIGH, whose
names in PAIRS_LOW are left out, and measures on PAIRS_LOW and PAIRS_HIGH. Equal seeds have equal
backbones at the start and equal batches, whatever is plugged in. The control has plain 1 x 1 convolutions
of as many parameters in the place of the references. A run that is in RUNS is not trained again, an
interrupted one goes on.

PSNR and SSIM of 8-bit results, means over the pairs shrunk to --long-side pixels (by default 300, as
trained on); then mean and standard deviation over the seeds, and the same of the difference to the run of
equal seed without references.
"""

import argparse
import json
import statistics
from pathlib import Path

import torch

from clode_core.methods.lfpv.model import SupervisedEnhancer
from clode_core.methods.lfpv.references import attention
from clode_core.methods.lfpv.training.objective import evaluate
from clode_core.training import load_config, run_training
from clode_core.training.config import ValidationConfig
from clode_core.training.validation import read_pairs

BACKBONES = {"unet": "U-Net", "curve": "CLODE's h"}
KINDS = {
    "without": ["architecture.references=null"],
    "LFPV": [],
    "control": ["architecture.references=null", "architecture.control=130"],
}
COLUMNS = ("PSNR", "SSIM")


def trained(backbone, kind, seed, arguments):
    """The weights of one run, which is trained unless it is there."""
    folder = arguments.output / f"{backbone}-{kind.lower()}-{seed}"
    weights = folder / f"lfpv-{backbone}.safetensors"
    if not weights.is_file():
        low, high, pairs_low, _ = (path.absolute() for path in arguments.folders)
        overrides = [
            *KINDS[kind],
            f"output={folder}",
            f"seed={seed}",
            f"data.low=['{low}']",
            f"data.high=['{high}']",
            f"data.exclude=['{pairs_low}']",
            "validation=null",
            "trainer.progress=false",
            *arguments.set,
        ]
        run_training(load_config(f"lfpv-{backbone}-cpu", overrides), resume=folder.is_dir())
    return weights


def measured(backbone, kind, seed, pairs, arguments):
    """Numbers of one run, kept beside its weights."""
    weights = trained(backbone, kind, seed, arguments)
    record = weights.with_name(f"measured-{arguments.long_side}-{len(pairs)}.json")
    if not record.is_file():
        numbers = evaluate(SupervisedEnhancer.read(weights), pairs)
        record.write_text(json.dumps(numbers))
    method = SupervisedEnhancer.read(weights)
    numbers = json.loads(record.read_text())
    row = {
        "numbers": (numbers["psnr"], numbers["ssim"]),
        "parameters": sum(tensor.numel() for tensor in method.state_dict().values()),
        "seconds": method.card["stages"][0]["seconds"],
        "usage": usage(method, pairs[::10]) if kind == "LFPV" else None,
    }
    title = f"{BACKBONES[backbone]}, {kind}, seed {seed}"
    print(f"{title:30}{numbers['psnr']:9.3f}{numbers['ssim']:9.4f}{row['seconds']:9.0f} s", flush=True)
    return row


def usage(method, pairs):
    """How many vectors an answer mixes (exponential of the entropy), and its size relative to the feature."""
    plug_in, rows = method.h.references, []

    def record(module, given, boosted):
        feature = given[0]
        shares = attention(feature.movedim(1, -1), plug_in.vectors)
        entropy = torch.special.entr(shares).sum(-1)
        added = (boosted - feature).square().mean().sqrt() / feature.square().mean().sqrt()
        rows.append((float(entropy.exp().mean()), float(added)))

    plug_in.register_forward_hook(record)
    for pair in pairs:
        method.enhance(pair.low)
    return [statistics.mean(column) for column in zip(*rows, strict=True)]


def spread(values, digits):
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.{digits}f} ± {deviation:.{digits}f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs=4, metavar="FOLDER", help="LOW HIGH PAIRS_LOW PAIRS_HIGH")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--long-side", type=int, default=300)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--backbones", default=",".join(BACKBONES))
    parser.add_argument("--set", action="append", default=[], help="change a setting of every run")
    arguments = parser.parse_args()
    arguments.output = arguments.output.absolute()
    kinds, backbones = arguments.kinds.split(","), arguments.backbones.split(",")
    low, high = arguments.folders[2:]
    pairs = read_pairs(ValidationConfig(low=low, high=high, limit=1000))
    pairs = [pair.shrunk(arguments.long_side) for pair in pairs]
    runs = {}
    for some in ([k for k in kinds if k != "control"], [k for k in kinds if k == "control"]):
        for seed in range(arguments.seeds):
            for backbone in backbones:
                for kind in some:
                    runs[backbone, kind, seed] = measured(backbone, kind, seed, pairs, arguments)
    print(
        f"\n{f'{len(pairs)} pairs, {arguments.seeds} seeds':27}{'parameters':>12}"
        + "".join(f"{c:>18}" for c in COLUMNS)
    )
    for backbone in backbones:
        for kind in kinds:
            rows = [runs[backbone, kind, seed] for seed in range(arguments.seeds)]
            columns = list(zip(*(row["numbers"] for row in rows), strict=True))
            cells = [spread(values, 2 + k % 2) for k, values in enumerate(columns)]
            title = f"{BACKBONES[backbone]}, {kind}"
            print(f"{title:27}{rows[0]['parameters']:12,}" + "".join(f"{cell:>18}" for cell in cells))
            if kind == "LFPV":
                mixed, added = (statistics.mean(row["usage"][k] for row in rows) for k in range(2))
                print(
                    f"  an answer mixes {mixed:.1f} vectors; answers are {100 * added:.1f} % of the feature"
                )
        for kind in [k for k in kinds if k != "without" and "without" in kinds]:
            both = [
                [runs[backbone, k, seed]["numbers"] for k in (kind, "without")]
                for seed in range(arguments.seeds)
            ]
            cells = [
                spread([more[k] - less[k] for more, less in both], 2 + k % 2) for k in range(len(COLUMNS))
            ]
            print(f"{'  ' + kind + ' - without':39}" + "".join(f"{cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
