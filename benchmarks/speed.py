"""Speed, memory and agreement of the default path beside the reference path, in one run.

    python benchmarks/speed.py [--reference-up-to MEGAPIXELS] [--repeat N]

Every size runs in a process of its own, so that its peak memory is its own; times are medians and exclude
imports and the making of the picture. The reference path is the state ODE at full resolution, dopri5 at 1e-5.
"""

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

FIGURES = Path(__file__).resolve().parent / "speed_figures.json"  # of an earlier state, see its "from"
SIZES = {0.003: (48, 64), 0.24: (400, 600), 2: (1154, 1732), 8: (2309, 3464), 24: (4000, 6000)}
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def timed(work, repeat):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def photograph(height, width):
    """A dark photograph of any size: the example, enlarged."""
    import numpy as np
    from PIL import Image

    with Image.open(EXAMPLES / "dark_coffee.png") as image:
        return np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC))


def reference(model, picture):
    """The whole picture by the state ODE at full resolution; number of network evaluations."""
    import torch

    from clode_core.methods.clode.ode import Solver, solve_state

    count = 0

    def counted(state, t):
        nonlocal count
        count += 1
        return model.curve_parameters(state, t)

    with torch.inference_mode():
        image = torch.from_numpy(picture).permute(2, 0, 1)[None].float().to(model.device) / 255
        solve_state(counted, image, torch.tensor([0.0, 3.0]).to(image), Solver("dopri5", tolerance=1e-5))
    return count


def first_result(model, picture, repeat):
    """Milliseconds from an array to its first result, and of Zero-DCE++ beside it, in turn."""
    from clode_core import load_method
    from clode_core.methods.clode.enhancement import enhance

    reference = load_method("zero-dce++", device=str(model.device))
    works = {
        "first result": lambda: enhance(picture, 3.0, denoise=False, model=model),
        "noise removed": lambda: enhance(picture, 3.0, model=model),
        "Zero-DCE++": lambda: reference.enhance(picture),
    }
    laps = {name: [] for name in works}
    for lap in range(repeat + 1):
        for name, work in works.items():
            laps[name].append(timed(work, 1) * 1000)
            if lap == 0:
                laps[name].clear()
    return {name: statistics.median(times) for name, times in laps.items()}


def beside_zero_dce(repeat, device):
    earlier = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    print(f"\nfirst result beside Zero-DCE++, ms (earlier: {earlier.get('from', 'nothing kept')})")
    for megapixels in (0.003, 0.24, 2):
        found = ask("first", megapixels, max(7, repeat), device)
        rows, columns = SIZES[megapixels]
        ratio = found["first result"] / found["Zero-DCE++"]
        before = earlier.get(f"{columns}x{rows}", {}).get("ratio")
        print(
            f"  {columns:>4} x {rows:<4}  first {found['first result']:6.1f}   "
            f"noise removed {found['noise removed']:7.1f}   Zero-DCE++ {found['Zero-DCE++']:6.1f}   "
            f"ratio {ratio:.2f}"
            + (f" (earlier {before:.2f})" if before else "")
            + f"   {found['megabytes']:.0f} MB",
            flush=True,
        )


def child(mode, megapixels, repeat, device):
    from clode_core.methods.clode.enhancement import enhance
    from clode_core.methods.clode.model import load_model

    picture = photograph(*SIZES[megapixels])
    model = load_model(device=device)
    result = {}
    if mode == "first":
        result |= first_result(model, picture, repeat)
    elif mode == "reference":
        start = time.perf_counter()
        result["evaluations"] = reference(model, picture)
        result["seconds"] = time.perf_counter() - start
    elif mode == "slider":
        import numpy as np

        path = model.solve(picture)
        for denoise in (False, True):
            path.at(1.0, denoise=denoise)
            laps = [timed(lambda t=t: path.at(t, denoise=denoise), 1) for t in np.linspace(-4.9, 4.9, 41)]
            result["denoised" if denoise else "plain"] = statistics.median(laps)
        result["solve"] = timed(lambda: model.solve(picture), repeat)
    else:
        result["seconds"] = timed(lambda: enhance(picture, denoise=mode == "denoise", model=model), repeat)
    result["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def ask(mode, megapixels, repeat, device="cpu"):
    command = [sys.executable, __file__, "--child", mode, str(megapixels), "--repeat", str(repeat)]
    command += ["--device", device]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def sizes(reference_up_to, repeat, device):
    titles = {
        "megapixels": 10,
        "default s": 12,
        "MB": 8,
        "denoised s": 12,
        "MB ": 8,
        "reference s": 13,
        "MB  ": 8,
    }
    titles |= {"evaluations": 13, "ratio": 8}
    print("".join(f"{title.strip():>{width}}" for title, width in titles.items()))
    for megapixels in SIZES:
        plain, clean = (
            ask("plain", megapixels, repeat, device),
            ask("denoise", megapixels, max(1, repeat // 2), device),
        )
        print(f"{megapixels:>10}{plain['seconds']:12.2f}{plain['megabytes']:8.0f}", end="")
        print(f"{clean['seconds']:12.2f}{clean['megabytes']:8.0f}", end="", flush=True)
        slow = ask("reference", megapixels, 1, device) if megapixels <= reference_up_to else None
        if slow:
            print(f"{slow['seconds']:13.1f}{slow['megabytes']:8.0f}{slow['evaluations']:13}", end="")
            print(f"{slow['seconds'] / plain['seconds']:7.0f}x")
        else:
            print(f"{'not run':>13}")


def psnr(a, b):
    return -10 * math.log10(float((a.double() - b.double()).square().mean()) + 1e-30)


def agreement(model):
    import torch

    from clode_core.methods.clode.curve import curve
    from clode_core.methods.clode.ode import Solver, solve_exponent, solve_state

    print("\nexponent form against state form, dopri5 at 1e-6, equal size, T = 3")
    for size in ((85, 128), (400, 600)):
        picture = torch.from_numpy(photograph(*size).copy()).permute(2, 0, 1)[None].float() / 255
        times = torch.tensor([0.0, 3.0])
        tight = Solver("dopri5", tolerance=1e-6)
        with torch.inference_mode():
            exponent = solve_exponent(model.curve_parameters, picture, times, tight)[-1]
            state = solve_state(model.curve_parameters, picture, times, tight)[-1]
        print(f"  {size[1]} x {size[0]}: {psnr(curve(picture, exponent), state):.1f} dB")


def solvers(model, repeat):
    from clode_core.methods.clode.curve import curve
    from clode_core.methods.clode.ode import Solver

    picture = photograph(*SIZES[0.24])

    def solved(solver):
        path = model.solve(picture, span=(0.0, 3.0), solver=solver)
        return path, curve(path.working, path.exponent.at(3.0))

    tightest = solved(Solver("dopri5", tolerance=1e-7))[1]
    rows = [Solver(name, step) for name in ("euler", "midpoint", "rk4") for step in (1.0, 0.5, 0.25)]
    rows += [Solver(name, tolerance=tol) for name in ("bosh3", "dopri5") for tol in (1e-2, 1e-3, 1e-4, 1e-5)]
    print(f"\nsolve to T = 3 at working resolution{'evaluations':>13}{'ms':>8}{'dB to dopri5 1e-7':>20}")
    for solver in rows:
        path, exposed = solved(solver)
        name = f"{solver.name} " + (
            f"tolerance {solver.tolerance:g}" if solver.adaptive else f"step {solver.step:g}"
        )
        mark = " (default)" if solver == Solver() else ""
        lap = timed(lambda s=solver: solved(s), repeat) * 1000
        print(f"  {name + mark:34}{path.evaluations:13}{lap:8.0f}{psnr(exposed, tightest):20.1f}")


def start_up(repeat):
    print("\nstart-up, whole process, median")
    clode = [sys.executable, "-m", "clode_core.cli"]
    rows = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import clode_core": [sys.executable, "-c", "import clode_core"],
        "clode --help": [*clode, "--help"],
    }
    for name, command in rows.items():
        lap = timed(lambda c=command: subprocess.run(c, capture_output=True, check=True), max(5, repeat))
        print(f"  {name:24}{lap:6.2f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference-up-to", type=float, default=2, help="largest reference, megapixels")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps: of the sizes and the slider")
    parser.add_argument("--child", nargs=2, metavar=("MODE", "MEGAPIXELS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        mode, megapixels = arguments.child
        child(mode, float(megapixels), arguments.repeat, arguments.device)
        return
    import torch

    from clode_core.methods.clode.model import load_model

    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    beside_zero_dce(arguments.repeat, arguments.device)
    sizes(arguments.reference_up_to, arguments.repeat, arguments.device)
    slider = ask("slider", 2, arguments.repeat, arguments.device)
    print(f"\nslider at 2 megapixels: solve once {slider['solve'] * 1000:.0f} ms, then each new time")
    print(
        f"  {slider['plain'] * 1000:.0f} ms, noise removed {slider['denoised'] * 1000:.0f} ms (medians of 41)"
    )
    model = load_model(device="cpu")
    agreement(model)
    solvers(model, arguments.repeat)
    start_up(arguments.repeat)


if __name__ == "__main__":
    main()
