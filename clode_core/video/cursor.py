"""Any moment of a video: straight on where that is near, from a key frame otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from clode_core.video.reading import VideoError, VideoReader

if TYPE_CHECKING:
    from av import VideoFrame

NEAR = 1.0
"""Seconds ahead that are read through rather than jumped to."""
_STEPS_BACK = (0.0, 2.0, 10.0, math.inf)  # some containers jump to a place after the one asked for
_LEEWAY = 1e-4  # seconds; clocks of containers are not finer


class FrameCursor:
    """The frame that a video shows at a time.

    Parameters
    ----------
    reader : VideoReader
        A file; while the cursor is used nothing else reads from it.
    """

    def __init__(self, reader: VideoReader) -> None:
        self.reader = reader
        self._frames: Iterator[VideoFrame] | None = None
        self._shown: VideoFrame | None = None
        self._next: VideoFrame | None = None

    def following(self) -> VideoFrame | None:
        """Go on to the next frame; None at the end, where the last one stays."""
        if self._frames is None:
            self._frames = self.reader.decoded()
        if self._next is not None:
            frame, self._next = self._next, None
        else:
            following = next(self._frames, None)
            if following is None:
                return None
            frame = following
        self._shown = frame
        return frame

    def jump(self, seconds: float) -> None:
        """Make the last frame from which decoding can start, at or before a time, the next one."""
        self._shown = self._next = None
        if math.isinf(seconds):
            self.reader.rewind()
        else:
            self.reader.seek(seconds)
        self._frames = self.reader.decoded()

    def at(self, seconds: float, cancelled: Callable[[], bool] = lambda: False) -> VideoFrame | None:
        """The frame shown at a time: the last one that begins then or before.

        Parameters
        ----------
        seconds : float
            As `VideoReader.seconds` counts; before the first frame it is the first, after the last the last.
        cancelled : callable
            Asked now and then whether nobody waits any more; the result is None then.

        Raises
        ------
        VideoError
            If no frame can be decoded there.
        """
        time = seconds + _LEEWAY
        if self._shown is not None and 0 <= time - self.reader.seconds(self._shown) <= NEAR:
            return self._advance(time, cancelled)
        import av.error

        for back in _STEPS_BACK:
            try:
                self.jump(seconds - back)
            except av.error.FFmpegError:
                continue
            first = self.following()
            if first is not None and (self.reader.seconds(first) <= time or math.isinf(back)):
                return self._advance(time, cancelled)
        raise VideoError(f"{self.reader.name} has no frame at {seconds:.2f} s that can be decoded")

    def _advance(self, time: float, cancelled: Callable[[], bool]) -> VideoFrame | None:
        """Read on until the next frame begins after a time."""
        shown = self._shown
        while not cancelled():
            following = self.following()
            if following is None:
                return shown
            if self.reader.seconds(following) > time:
                self._next, self._shown = following, shown
                return shown
            shown = following
        return None
