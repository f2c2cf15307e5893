"""Noise removal beside skimage's: real camera noise, clean pictures, and few photons.

    python benchmarks/noise.py NOISE [--microscopy PICTURE] [--weights FILE ...] [--limit N]

NOISE holds the folders `noisy` and `clean` with pictures of the same names. PSNR and SSIM are those of
`benchmarks/quality.py`. "worst" is the smallest gain in PSNR of a picture over its noisy self, "better" the
pictures that gain, "clean kept" the PSNR between a clean picture and what is made of it. The noise level that
non-local means and wavelets need is estimated by skimage, per picture. `--microscopy` is a picture with
little noise; single photons of its brightest plane are counted, at 0.1 to 10 photons a pixel at mid-grey.
Needs PyWavelets.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage.restoration import denoise_nl_means, denoise_wavelet, estimate_sigma

from clode_core.evaluation.metrics.fidelity import psnr, ssim
from clode_core.methods.clode.denoising import remove_noise
from clode_core.methods.clode.model import load_model
from clode_core.pictures.files import read_picture

PHOTONS = (0.1, 0.3, 1.0, 3.0, 10.0)


def as_8_bit(picture):
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def non_local_means(picture):
    sigma = float(np.mean(estimate_sigma(picture, channel_axis=-1)))
    return denoise_nl_means(
        picture, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, fast_mode=True, channel_axis=-1
    )


def wavelet(picture):
    colour = picture.shape[2] == 3
    return denoise_wavelet(picture, channel_axis=-1, convert2ycbcr=colour, rescale_sigma=True)


def methods(files):
    """Name and function of every row; functions take and give (Y, X, C) in [0, 1]."""
    rows = {"input": lambda x: x, "non-local means": non_local_means, "wavelet": wavelet}
    for file in files:
        g = load_model(file, device="cpu").g
        name = f"CLODE, {file.name if file else 'packaged'}"
        rows[name] = lambda x, g=g: remove_noise(g, x, torch.device("cpu"))
    return rows


def cameras(rows, folder, limit, pictures):
    names = sorted(p.name for p in (folder / "noisy").iterdir())[:limit]
    pairs = [tuple(read_picture(folder / kind / n).pixels for kind in ("noisy", "clean")) for n in names]
    print(f"{len(pairs)} pairs of real camera noise")
    print(f"{'':34}{'PSNR':>8}{'SSIM':>8}{'worst':>8}{'better':>8}{'clean kept':>12}")
    for name, remove in rows.items():
        made, kept = [], []
        for k, (noisy, clean) in enumerate(pairs):
            made.append(as_8_bit(remove(noisy.astype(np.float32) / 255)))
            kept.append(min(99.0, psnr(as_8_bit(remove(clean.astype(np.float32) / 255)), clean)))
            if pictures:
                Image.fromarray(made[-1]).save(pictures / f"{k}-{name.replace(' ', '-')}.png")
        quality = np.array([psnr(m, c) for m, (_, c) in zip(made, pairs, strict=True)])
        similarity = np.mean([ssim(m, c) for m, (_, c) in zip(made, pairs, strict=True)])
        gain = quality - np.array([psnr(n, c) for n, c in pairs])
        print(
            f"{name:34}{quality.mean():8.2f}{similarity:8.4f}{gain.min():8.2f}{(gain > 0).sum():8d}"
            f"{np.mean(kept):12.2f}",
            flush=True,
        )


def plane_of(path):
    """The brightest plane of a microscopy file, (Y, X, 1) in [0, 1]."""
    import tifffile

    array = tifffile.imread(path).astype(np.float32)
    planes = np.moveaxis(array, -1, 0) if array.shape[-1] <= 4 else array
    planes = planes.reshape(-1, *planes.shape[-2:])
    plane = planes[planes.mean((1, 2)).argmax()]
    low, high = np.quantile(plane, (0.001, 0.999))
    return np.clip((plane - low) / (high - low), 0, 1)[..., None]


def photons(rows, path, pictures):
    clean = plane_of(path)
    print(f"\n{path.name}, photons counted; PSNR / SSIM")
    print(f"{'photons a pixel at mid-grey':34}" + "".join(f"{n:>16g}" for n in PHOTONS))
    for name, remove in rows.items():
        line = f"{name:34}"
        for count in PHOTONS:
            counted = np.random.default_rng(0).poisson(clean * 2 * count).astype(np.float32) / (2 * count)
            made = as_8_bit(remove(counted.clip(0, 1))).reshape(clean.shape)
            grey, reference = (np.repeat(x, 3, 2) for x in (made, as_8_bit(clean)))
            line += f"{psnr(grey, reference):10.2f}{ssim(grey, reference):6.3f}"
            if pictures:
                Image.fromarray(made[..., 0]).save(
                    pictures / f"photons-{count:g}-{name.replace(' ', '-')}.png"
                )
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("noise", type=Path)
    parser.add_argument("--microscopy", type=Path)
    parser.add_argument("--weights", type=Path, nargs="*", default=[None])
    parser.add_argument("--limit", type=int)
    parser.add_argument("--pictures", type=Path, help="folder that the results are written to")
    given = parser.parse_args()
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
    rows = methods(given.weights)
    cameras(rows, given.noise, given.limit, given.pictures)
    if given.microscopy:
        photons(rows, given.microscopy, given.pictures)


if __name__ == "__main__":
    main()
