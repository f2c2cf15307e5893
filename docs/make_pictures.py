"""Make the pictures of the site from the packaged weights: gallery, contact sheet, figures, slider page.

Run ``python docs/make_pictures.py`` whenever the weights change (needs scikit-image, scipy and matplotlib).
The pictures of windows have their own scripts: napari_screenshot.py, live_screenshot.py and
make_gimp_pictures.py.
"""

from __future__ import annotations

import subprocess
import sys

import make_slider
import matplotlib
import numpy as np
import torch
from PIL import Image
from scenes import DOCS, EXAMPLES, Scene, scenes

import clode_core as clode
from clode_core import Model
from clode_core.methods.clode.curve import curve

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PICTURES = DOCS / "pictures"
QUALITY = 88
GAP = 8


def gallery(model: Model, scene: Scene) -> None:
    """Write a dark picture and its automatic exposure, noise removed, as JPEG files."""
    bright = model.enhance(scene.dark, "auto")
    for pixels, when in ((scene.dark, "before"), (bright, "after")):
        target = PICTURES / "gallery" / f"{scene.name}-{when}.jpg"
        Image.fromarray(pixels).save(target, quality=QUALITY, subsampling=0, optimize=True)


def before_after() -> None:
    """Draw the README's picture: two scenes, before and after side by side."""
    pair = [Image.open(PICTURES / "gallery" / f"coffee-{when}.jpg") for when in ("before", "after")]
    width, height = pair[0].size
    sheet = Image.new("RGB", (2 * width + GAP, height), "white")
    for number, picture in enumerate(pair):
        sheet.paste(picture, (number * (width + GAP), 0))
    sheet.save(DOCS / "before-after.jpg", quality=QUALITY, optimize=True)


def curves() -> None:
    """Draw the curve for several exponents."""
    intensity = torch.linspace(0, 1, 257)
    figure, axes = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    colours = matplotlib.colormaps["plasma"]
    for exponent in (-3, -2, -1, 0, 1, 2, 3, 4):
        shown = curve(intensity, torch.tensor(float(exponent)))
        axes.plot(intensity, shown, color=colours((exponent + 3) / 8), label=f"S = {exponent}")
    axes.set(xlabel="intensity before", ylabel="intensity after", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.savefig(PICTURES / "curves.png", dpi=120)
    plt.close(figure)


def steps(model: Model, scene: Scene) -> None:
    """Draw the steps of one picture: the picture, its exponent small and at full size, the result."""
    path = model.solve(scene.dark)
    exponent = path.exponent.at(3.0).mean(0)
    slope, offset = path._renderer.full.upsampler.coefficients(path.exponent.at(3.0))
    size = scene.dark.shape[:2]
    wide = torch.nn.functional.interpolate(torch.cat([slope, offset])[None], size, mode="bilinear")[0]
    full = (wide[3:] + wide[:3] * path._renderer.full._whole_guide).mean(0)
    lowest, highest = float(exponent.min()), float(exponent.max())
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.3), layout="constrained")
    axes[0, 0].imshow(scene.dark)
    axes[0, 0].set_title("the dark picture")
    axes[0, 1].imshow(exponent, cmap="magma", vmin=lowest, vmax=highest)
    axes[0, 1].set_title(f"S(3), solved at {exponent.shape[1]} x {exponent.shape[0]} pixels")
    shown = axes[1, 0].imshow(full, cmap="magma", vmin=lowest, vmax=highest)
    axes[1, 0].set_title("S(3), brought to full size by the guided filter")
    axes[1, 1].imshow(path.at(3.0, denoise=True))
    axes[1, 1].set_title("the picture at T = 3, noise removed")
    figure.colorbar(shown, ax=axes[:, 1], label="exponent, mean of the channels", shrink=0.7)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.savefig(PICTURES / "steps.png", dpi=100)
    plt.close(figure)


def brightness(model: Model) -> None:
    """Draw the mean brightness of every scene over exposure time, with the automatic time."""
    times = np.linspace(-5, 5, 81)
    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for scene in scenes():
        path = model.solve(scene.dark)
        (line,) = axes.plot(times, path.brightness(times), label=scene.title)
        auto = path.auto()
        axes.plot(auto, path.brightness([auto])[0], "o", color=line.get_color())
    axes.set(xlabel="exposure time T", ylabel="mean brightness", xlim=(-5, 5), ylim=(0, 1))
    axes.legend(title="dot: automatic time", frameon=False)
    axes.grid(alpha=0.3)
    figure.savefig(PICTURES / "brightness.png", dpi=120)
    plt.close(figure)


def contact_sheet() -> None:
    """Draw docs/ladder.jpg by the command."""
    sheet = PICTURES / "ladder.png"
    command = [sys.executable, "-m", "clode_core.cli", "ladder", str(EXAMPLES / "dark_coffee.png")]
    subprocess.run([*command, "--width", "300", "-o", str(sheet)], check=True)
    with Image.open(sheet) as picture:
        picture.convert("RGB").save(DOCS / "ladder.jpg", quality=85, optimize=True)
    sheet.unlink()


def main() -> None:
    """Make everything."""
    (PICTURES / "gallery").mkdir(parents=True, exist_ok=True)
    model = clode.load_model(device="cpu")
    every = scenes()
    for scene in every:
        gallery(model, scene)
    before_after()
    curves()
    steps(model, every[0])
    brightness(model)
    contact_sheet()
    make_slider.main()


if __name__ == "__main__":
    main()
