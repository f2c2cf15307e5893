"""When frames are due, and which of them come too late to be shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from clode_live.sources import Source

if TYPE_CHECKING:
    from av import VideoFrame

_LONGEST_GAP = 0.25  # seconds of reading late frames after which one of them is shown all the same
_LONGEST_DELAY = 5.0  # seconds of reading late frames after which the clock waits for the machine


class PlaybackClock:
    """Keeps the time of a video.

    Parameters
    ----------
    source : Source
        What is played; the frames of a camera are due at once.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._start: tuple[float, float] | None = None  # a moment, and the time of the video then
        self._reading = 0.0  # seconds of reading late frames in a row
        self._unseen = 0.0  # seconds of reading late frames since one was shown

    @property
    def rate(self) -> float:
        """Frames per second of the video, at least 1."""
        return max(1.0, float(self.source.reader.frame_rate))

    def reset(self) -> None:
        """Start anew with the next frame."""
        self._start = None

    def on_shown(self) -> None:
        """Note that a frame has been shown."""
        self._unseen = 0.0

    def due(self, seconds: float) -> float:
        """When a frame is to be shown whose time is given; the first one starts the clock."""
        if self.source.live:
            return 0.0
        if self._start is None:
            self._start = time.monotonic(), seconds
        moment, at = self._start
        return moment + seconds - at

    def is_too_late(self, decoded: VideoFrame, reading: float, others_wait: bool) -> bool:
        """Whether a frame is to be left out.

        Parameters
        ----------
        decoded : VideoFrame
            The frame.
        reading : float
            Seconds that it took to read.
        others_wait : bool
            Whether there are other frames that can be shown.
        """
        if self.source.live or self._start is None:
            return False
        late = time.monotonic() - self.due(self.source.reader.seconds(decoded))
        # Frames that no other depends on are not even decoded until the others are in time again.
        context = self.source.reader.stream.codec_context
        context.skip_frame = "NONREF" if late > 3 / self.rate else "DEFAULT"
        if late <= 1 / self.rate:
            self._reading = 0.0
            return False
        self._reading += reading
        self._unseen += reading
        if self._reading > _LONGEST_DELAY:  # reading alone is too slow for this machine
            self._start, self._reading = None, 0.0
            return False
        return others_wait or self._unseen < _LONGEST_GAP
