"""EnlightenGAN: a generator taught by adversaries, from pictures that are no pairs."""

from pathlib import Path

from clode_core.methods.info import MethodInfo

_FOLDER = Path(__file__).parent

METHODS = (
    MethodInfo(
        "enlightengan",
        "EnlightenGAN",
        "A generator taught by adversaries what well exposed pictures look like.",
        f"{__name__}.model:EnlightenGAN",
        weights=_FOLDER / "weights" / "enlightengan.safetensors",
        recipe=f"{__name__}.training:RECIPE",
        configurations=_FOLDER / "configs",
        paper="Jiang et al., IEEE TIP 2021",
    ),
)
