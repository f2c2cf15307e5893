"""How results are named, drawn and described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from napari_clode._methods import EVEN, Local, shown_digits

if TYPE_CHECKING:
    from napari.layers import Image

    from clode_core import MethodInfo
    from napari_clode._engine import Stack

_OPAQUE = {"opaque", "translucent", "translucent_no_depth"}


class Appearance(NamedTuple):
    """How a result is named, drawn and described.

    Attributes
    ----------
    name : str
        Of a new layer.
    rgb : bool
        Whether the last axis is colours.
    limits : (float, float)
        Contrast limits of a grey layer that nobody has changed.
    about : dict
        How the result was made; goes into its metadata under "clode".
    kept_name : str
        Of the layer when it is kept; "{}" stands for the name of its source.
    """

    name: str
    rgb: bool
    limits: tuple[float, float]
    about: dict[str, Any]
    kept_name: str = "{}"


def appearance(stack: Stack, value: float, denoise: bool, *, shared: bool | str | None = None) -> Appearance:
    """Appearance of a result; in the background, for levels may have to be read.

    Parameters
    ----------
    stack : Stack
        The planes and their settings.
    value : float
        Of the method's slider.
    denoise : bool
        Whether noise was removed.
    shared : bool or str, optional
        How the exposure is shared; by default as the settings say.
    """
    settings, limits, info = stack.settings, stack.limits, stack.info
    about = {
        "method": info.name,
        **({info.slider.keyword: value} if info.slider else {}),
        "denoise": denoise,
        **stack.local.options,
        **({"where": where.about} if (where := stack.local.where) is not None else {}),
        "levels": limits,
        "shared_exposure": settings.shared if shared is None else shared,
        "weights": settings.weights or "packaged",
    }
    name = f"{stack.planes.name} [{info.title}]"
    return Appearance(name, stack.planes.rgb, limits, about, f"{{}} [{title(info, value, stack.local)}]")


def title(info: MethodInfo, value: float, local: Local = EVEN) -> str:
    """A method and its settings, as in "CLODE, T 2.92" or "CLODE, T 2.92, highlights -1.00"."""
    slider = info.slider
    if slider is None:
        return info.title
    digits = shown_digits(info)
    added = "".join(f", {name} {much:+.{digits}f}" for name, much in local.options.items() if much)
    where = f", by {local.where.name}" if local.where is not None else ""
    return f"{info.title}, {slider.symbol} {value:.{digits}f}{added}{where}"


def looks(layer: Image, style: Appearance) -> dict[str, Any]:
    """What a new result takes over from its source, so that it is seen as that was."""
    taken: dict[str, Any] = {
        "interpolation2d": layer.interpolation2d,
        "blending": layer.blending,
        "opacity": layer.opacity,
    }
    if layer.rgb == style.rgb:
        taken["gamma"] = layer.gamma
    if not style.rgb:
        taken |= {"colormap": layer.colormap, "contrast_limits": style.limits}
    return taken


def shines_through(layer: Image) -> bool:
    """Whether a layer is seen through another that lies over it and is drawn like it."""
    return layer.blending not in _OPAQUE or layer.opacity < 1
