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
        weights=_FOLDER / "weights" / f"{name}.safetensors",
        recipe=f"{__name__}.training:RECIPE",
        configurations=_FOLDER / "configs",
        paper="Xu et al., ICCV 2023",
    )
    for name, title, summary in (
        ("lfpv-unet", "U-Net with LFPV", "A U-Net trained on pairs, with learnable references."),
        (
            "lfpv-curve",
            "curve with LFPV",
            "CLODE's exposure network trained on pairs, with learnable references.",
        ),
    )
)
