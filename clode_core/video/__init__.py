"""Video with an exposure that is steady over time.

>>> from clode_core.video import enhance_video
>>> enhance_video("dark.mp4", "bright.mp4", exposure_time="auto")

Needs PyAV: ``pip install "clode-core[video]"``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clode_core.video.enhancement import VideoSummary, enhance_video, look_through
    from clode_core.video.exposure import ExposureTimeline, LiveExposure, TimelineBuilder
    from clode_core.video.frames import FRAME_LEVELS, WHITE, Frame
    from clode_core.video.reading import SUFFIXES, VideoError, VideoReader
    from clode_core.video.tone import look_up, tone_tables
    from clode_core.video.writing import Encoding

_HOMES = {
    "enhancement": ("VideoSummary", "enhance_video", "look_through"),
    "exposure": ("ExposureTimeline", "LiveExposure", "TimelineBuilder"),
    "frames": ("FRAME_LEVELS", "WHITE", "Frame"),
    "reading": ("SUFFIXES", "VideoError", "VideoReader"),
    "tone": ("look_up", "tone_tables"),
    "writing": ("Encoding",),
}

__all__ = [
    "FRAME_LEVELS",
    "SUFFIXES",
    "WHITE",
    "Encoding",
    "ExposureTimeline",
    "Frame",
    "LiveExposure",
    "TimelineBuilder",
    "VideoError",
    "VideoReader",
    "VideoSummary",
    "enhance_video",
    "look_through",
    "look_up",
    "tone_tables",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts without torch."""
    for module, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
