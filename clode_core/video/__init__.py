"""Video with an exposure that is steady over time.

>>> from clode_core.video import enhance_video
>>> enhance_video("dark.mp4", "bright.mp4", exposure_time="auto")

Needs PyAV: ``pip install "clode-core[video]"``.
"""

from __future__ import annotations

from clode_core.video.enhancement import VideoSummary, enhance_video, look_through
from clode_core.video.exposure import ExposureTimeline, LiveExposure, TimelineBuilder
from clode_core.video.frames import FRAME_LEVELS, WHITE, Frame
from clode_core.video.reading import SUFFIXES, VideoError, VideoReader
from clode_core.video.tone import look_up, tone_tables
from clode_core.video.writing import Encoding

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
