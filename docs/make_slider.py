"""Make docs/pictures/slider: for each picture a JPEG and the few numbers from which a browser exposes it.

The JPEG is the picture at its automatic exposure time, noise removed. The packaged weights need one
evaluation of h, so the exponent is S(T) = T/3 S(3): one map, stored as the strongest coefficients of its
cosine transform. Run ``python docs/make_slider.py`` again whenever the weights change (needs scikit-image
and scipy).
"""

from __future__ import annotations

import io
import json
import math
from base64 import b64encode
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scenes import Picture, Scene, scenes
from scipy.fft import dctn, idctn

import clode_core as clode
from clode_core import Levels, Model, Trajectory
from clode_core.pictures.source import Source

FOLDER = Path(__file__).resolve().parent / "pictures" / "slider"
QUALITY = 90
TIMES = (-2.0, 0.05, 1.5, 5.0)
"""Exposure times at which the loss by the few coefficients is measured."""
STEPS = (0.2, 0.13, 0.09, 0.07, 0.05, 0.035, 0.025, 0.018, 0.0125, 0.009, 0.006)
LARGEST_LOSS = 1.45
"""Levels of 255 by which a pixel may differ, measured here; what the browser rounds comes on top."""
TRAINED_TIME = 3.0
Exponent = NDArray[np.float32]


def shown_by(path: Trajectory, picture: NDArray[Any], start: float) -> Trajectory:
    """What the library shows of a picture that stands at the time `start` of a solved path.

    The picture is exposed by ``S(T) - S(start)``, as `Trajectory.at` does with a picture without noise.
    """
    solved = path.exponent
    levels = Levels(0, 255 if picture.dtype == np.uint8 else 1)
    moved = replace(solved, exponents=solved.exponents - solved.at(start))
    source = Source(picture, levels, alpha=False, device=torch.device("cpu"))
    size = path.working.shape[-1] if picture.shape[1] >= picture.shape[0] else path.working.shape[-2]
    return Trajectory(source, moved, source.shrunk(size), None, span=path.span, natural_dark=False)


def solved(model: Model, scene: Scene) -> Trajectory:
    """The path of a dark picture, refused where its exponent is not a straight line in time."""
    path = model.solve(scene.dark)
    for time in (-5.0, 1.0, 5.0):
        expected = time / TRAINED_TIME * path.exponent.at(TRAINED_TIME)
        if not torch.allclose(path.exponent.at(time), expected, atol=1e-4):
            raise SystemExit("these weights need more than one evaluation: the page stores only S(3)")
    return path


def quantised(exponent: Exponent, step: float) -> NDArray[np.int64]:
    """Cosine coefficients of green, red - green and blue - green in whole steps; the weakest are none."""
    red, green, blue = exponent
    spectrum = dctn(np.stack([green, red - green, blue - green]), axes=(1, 2), norm="ortho")
    whole = np.rint(spectrum / step)
    whole[np.abs(spectrum) < 0.7 * step] = 0
    return whole.astype(np.int64)


def restored(whole: NDArray[np.int64], step: float) -> Exponent:
    """Undo `quantised`."""
    green, red, blue = idctn(whole * step, axes=(1, 2), norm="ortho")
    return np.stack([red + green, green, blue + green]).astype(np.float32)


def packed(whole: NDArray[np.int64]) -> bytes:
    """Coefficients of each channel in the order of their frequency.

    One takes a signed byte; one that is larger than 127 takes the byte -128 and two more. 0 comes before a
    number of zeros.
    """
    _, rows, columns = whole.shape
    order = sorted(((y, x) for y in range(rows) for x in range(columns)), key=lambda at: (sum(at), at))
    out = bytearray()
    for channel in whole:
        for zero, run in groupby((int(channel[at]) for at in order), key=lambda value: value == 0):
            values = list(run)
            for start in range(0, len(values), 255):
                part = values[start : start + 255]
                if zero:
                    out += bytes([0, len(part)])
                    continue
                for value in part:
                    out += value.to_bytes(1, "little", signed=True) if abs(value) < 128 else b"\x80"
                    out += value.to_bytes(2, "little", signed=True) if abs(value) > 127 else b""
    return bytes(out)


def exposed_by(path: Trajectory, exponent: Exponent) -> Trajectory:
    """The same path with S(3) replaced: a straight line in time."""
    near = torch.from_numpy(exponent) / TRAINED_TIME
    line = replace(
        path.exponent,
        exponents=path.exponent.times.reshape(-1, 1, 1, 1).to(near) * near,
        slopes=near.expand_as(path.exponent.slopes),
    )
    return Trajectory(path.source, line, path.working, None, span=path.span, natural_dark=False)


def compressed(path: Trajectory, picture: Picture, auto: float) -> tuple[bytes, float, float]:
    """The exponent in as few bytes as the largest loss allows; also the step and the loss itself."""
    unit = picture.astype(np.float32) / 255
    exact = shown_by(path, unit, auto)
    wanted = [exact.at(time) for time in TIMES]
    exponent = path.exponent.at(TRAINED_TIME).numpy()
    for step in STEPS:
        whole = quantised(exponent, step)
        near = shown_by(exposed_by(path, restored(whole, step)), unit, auto)
        pairs = zip(TIMES, wanted, strict=True)
        loss = 255 * max(float(np.abs(near.at(time) - exact).max()) for time, exact in pairs)
        if loss <= LARGEST_LOSS:
            break
    return packed(whole), step, loss


def made(model: Model, scene: Scene) -> dict[str, object]:
    """Write the JPEG of a scene; return what is stored beside it."""
    path = solved(model, scene)
    auto = round(path.auto(), 3)
    content = io.BytesIO()
    bright = Image.fromarray(path.at(auto, denoise=True))
    bright.save(content, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
    (FOLDER / f"{scene.name}.jpg").write_bytes(content.getvalue())
    picture = np.asarray(Image.open(content))
    coefficients, step, loss = compressed(path, picture, auto)
    print(f"{scene.name}: {len(coefficients)} bytes at step {step:g}, largest loss {loss:.2f} of 255")
    rows, columns = path.exponent.at(0.0).shape[1:]
    return {
        "name": scene.name,
        "title": scene.title,
        "alt": scene.alt,
        "file": f"{scene.name}.jpg",
        "size": [picture.shape[1], picture.shape[0]],
        "auto": auto,
        "guide": round(-math.log(shown_by(path, picture, auto)._renderer.full._guide_gain), 5),
        "grid": [columns, rows],
        "step": step,
        "coefficients": b64encode(coefficients).decode(),
        "bytes": len(coefficients),
        "loss": round(loss, 2),
    }


def main() -> None:
    """Make the data of every scene."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    model = clode.load_model(device="cpu")
    stored = [made(model, scene) for scene in scenes()]
    (FOLDER / "slider.json").write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
