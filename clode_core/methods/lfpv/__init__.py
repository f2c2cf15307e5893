"""Learnable feature patches and vectors: references that boost an enhancer trained on pairs."""

from pathlib import Path

from clode_core.methods.info import MethodInfo

_FOLDER = Path(__file__).parent

METHODS = tuple(
    MethodInfo(
        name,
        title,
        summary,
        f"{__name__}.model:SupervisedEnhancer",
        weights=weights,
        recipe=f"{__name__}.training:RECIPE",
        configurations=_FOLDER / "configs",
        paper="Xu et al., ICCV 2023",
    )
    for name, title, weights, summary in (
        (
            "lfpv-unet",
            "U-Net with LFPV",
            _FOLDER / "weights" / "lfpv-unet.safetensors",
            "A U-Net trained on pairs, with learnable references.",
        ),
        (
            "lfpv-curve",
            "curve with LFPV",
            None,
            "CLODE's exposure network trained on pairs, with learnable references.",
        ),
    )
)
