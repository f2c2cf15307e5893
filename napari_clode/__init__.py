"""CLODE as a napari plug-in; `enhance_layer` serves scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_clode._function import enhance_layer

__all__ = ["enhance_layer"]


def __getattr__(name: str) -> Any:
    """Import the function when it is first used: napari and Qt are not imported before."""
    if name != "enhance_layer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from napari_clode._function import enhance_layer

    return enhance_layer
