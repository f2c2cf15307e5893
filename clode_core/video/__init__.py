"""Video with an exposure that is steady over time.

>>> from clode_core.video import enhance_video
>>> enhance_video("dark.mp4", "bright.mp4", exposure_time="auto")

Needs PyAV: ``pip install "clode-core[video]"``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clode_core.video.cursor import FrameCursor
    from clode_core.video.darkness import black_level, clean_dark, frame_compression
    from clode_core.video.enhancement import enhance_video, look_through
    from clode_core.video.exposure import ExposureTimeline, LiveExposure, TimelineBuilder
    from clode_core.video.frames import FRAME_LEVELS, WHITE, Frame
    from clode_core.video.passing import VideoSummary
    from clode_core.video.reading import SUFFIXES, VideoError, VideoReader
    from clode_core.video.tone import look_up, tone_tables
    from clode_core.video.writing import Encoding

_HOMES = {
    "FrameCursor": "cursor",
    "black_level": "darkness",
    "clean_dark": "darkness",
    "frame_compression": "darkness",
    "VideoSummary": "passing",
    "enhance_video": "enhancement",
    "look_through": "enhancement",
    "ExposureTimeline": "exposure",
    "LiveExposure": "exposure",
    "TimelineBuilder": "exposure",
    "FRAME_LEVELS": "frames",
    "WHITE": "frames",
    "Frame": "frames",
    "SUFFIXES": "reading",
    "VideoError": "reading",
    "VideoReader": "reading",
    "look_up": "tone",
    "tone_tables": "tone",
    "Encoding": "writing",
}

__all__ = [
    "FRAME_LEVELS",
    "SUFFIXES",
    "WHITE",
    "Encoding",
    "ExposureTimeline",
    "Frame",
    "FrameCursor",
    "LiveExposure",
    "TimelineBuilder",
    "VideoError",
    "VideoReader",
    "VideoSummary",
    "black_level",
    "clean_dark",
    "enhance_video",
    "frame_compression",
    "look_through",
    "look_up",
    "tone_tables",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: frames are read without waiting for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
