"""Quality on pairs: the packaged weights beside the control (A = 1, same noise removal).

    python benchmarks/quality.py LOW HIGH [--weights FILE] [--limit N] [--working-size N]

PSNR and SSIM of 8-bit RGB results (SSIM: Gaussian window 11, sigma 1.5, data range 255, per channel, valid
border), averaged over the pairs; `best` is the best exposure time of each picture on a grid of 0.05.
"""

import argparse
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from clode_core.evaluation.metrics.fidelity import psnr, ssim
from clode_core.evaluation.search import best
from clode_core.methods.clode.control import control_of
from clode_core.methods.clode.model import load_model
from clode_core.pictures.files import read_picture


def time_for(path, statistic, level):
    """Time at which a statistic of the grey working picture reaches a level: other rules for the control."""
    times = np.arange(0, 5.001, 0.02)
    from clode_core.methods.clode.curve import curve

    values = [float(statistic(curve(path.working, path.exponent.at(t)).mean(0).flatten())) for t in times]
    return float(times[int(np.argmin(np.abs(np.array(values) - level)))])


def rows_of(model, pairs, denoise, extra):
    table = {}
    for low, high in pairs:
        path = model.solve(low)
        at = lru_cache(None)(lambda t: path.at(t, denoise=denoise))
        times = {
            "T=3": 3.0,
            "best T": best(lambda t: psnr(at(t), high), model.info.slider.best),
            "auto": path.auto(),
        }
        if extra:
            times["95th percentile at 0.7"] = time_for(path, lambda g: torch.quantile(g, 0.95), 0.7)
            times["mean at 0.4"] = time_for(path, torch.mean, 0.4)
        for name, t in times.items():
            table.setdefault(name, []).append((psnr(at(t), high), ssim(at(t), high), t))
    return {name: np.mean(values, 0) for name, values in table.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("low", type=Path)
    parser.add_argument("high", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--no-denoise", action="store_true")
    parser.add_argument("--working-size", type=int, help="solve at another size than the trained one")
    arguments = parser.parse_args()
    names = sorted(p.name for p in arguments.low.iterdir())[: arguments.limit]
    pairs = [(read_picture(arguments.low / n).pixels, read_picture(arguments.high / n).pixels) for n in names]
    model = load_model(arguments.weights, device="cpu")
    if arguments.working_size:
        model.architecture = replace(model.architecture, working_size=arguments.working_size)
    control = control_of(model)
    denoise = not arguments.no_denoise
    print(f"{len(pairs)} pairs, noise removal {'on' if denoise else 'off'}")
    print(f"{'':34}{'PSNR':>8}{'SSIM':>8}{'mean T':>8}")
    for title, candidate in (("CLODE", model), ("control", control)):
        for name, (p, s, t) in rows_of(candidate, pairs, denoise, candidate is control).items():
            print(f"{title + ', ' + name:34}{p:8.2f}{s:8.3f}{t:8.2f}", flush=True)


if __name__ == "__main__":
    main()
