"""The work of the player's thread: reads, renders, keeps time; of what is late only the newest is shown."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import clode_core
from clode_core.video import VideoError
from clode_live.channel import Channel
from clode_live.clock import PlaybackClock
from clode_live.frames import DecodedFrame, PlaybackSettings
from clode_live.methods import LiveMethod
from clode_live.sources import FileSource, Source, start_time

if TYPE_CHECKING:
    from av import VideoFrame

QUEUE_LENGTH = 4
"""Frames that are made ready before their time, so that a slow one delays none."""
_REST = 0.15  # seconds without a change after which a paused frame is rendered at its best


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """Raised inside work whose result nobody waits for any more."""


class Playback:
    """Plays a video, one action at a time.

    Parameters
    ----------
    source : Source
        What is played.
    method : LiveMethod
        Enhances the frames.
    channel : Channel
        Requests come from it, frames and messages go to it.

    Attributes
    ----------
    current : DecodedFrame or None
        The frame that is shown.
    clock : PlaybackClock
        When frames are due.
    """

    def __init__(self, source: Source, method: LiveMethod, channel: Channel) -> None:
        self.source = source
        self.method = method
        self.channel = channel
        self.clock = PlaybackClock(source)
        self.current: DecodedFrame | None = None
        self._queue: deque[DecodedFrame] = deque()
        self._shown: tuple[PlaybackSettings, bool] | None = None  # `current`, and if at its best
        self._all_read = self._ended = False

    def run(self) -> None:
        """Work until the channel is closed."""
        while not self.channel.closing:
            try:
                self._act()
            except Interrupted:
                pass
            except (VideoError, clode_core.ImageError) as error:
                self._end("error", str(error))
            except MemoryError:
                self._end("error", "there is not enough memory for this video")

    def _end(self, kind: str, text: str = "") -> None:
        self._ended = True
        self.channel.report(kind, text)

    def _act(self) -> None:
        """Do the most urgent thing there is, or wait for one."""
        requests = self.channel.take_requests()
        settings = requests.settings
        if requests.seek is not None:
            self._seek(requests.seek, settings)
        elif requests.steps:
            self._step(requests.steps, settings)
        elif requests.save is not None:
            self._save(requests.save, settings)
        elif settings.playing and not self._ended:
            self._play(settings)
        elif self.current is None and not self._ended:
            self._show_first(settings)
        else:
            self._stand_still(settings)

    # playing

    def _play(self, settings: PlaybackSettings) -> None:
        now, queue = time.monotonic(), self._queue
        while len(queue) > 1 and self._due(queue[1]) <= now:
            queue.popleft()
        if queue and self._due(queue[0]) <= now:
            self._show(queue.popleft(), settings)
        elif self.current is not None and self._shown is not None and self._shown[0] != settings:
            self._show(self.current, settings)
        elif len(queue) < (1 if self.source.live else QUEUE_LENGTH) and not self._all_read:
            self._read_ahead(settings)
        elif queue:
            self.channel.wait(settings, self._due(queue[0]) - now)
        else:
            self._finish(settings)

    def _due(self, frame: DecodedFrame) -> float:
        return self.clock.due(frame.time)

    def _read_ahead(self, settings: PlaybackSettings) -> None:
        """Read the next frame, and make it ready unless it is too late."""

        def cancelled() -> bool:
            return self._interrupted() or self.channel.settings is not settings

        began = time.monotonic()
        decoded = self.source.following(cancelled)
        if decoded is None:
            self._all_read = not self.source.live
            return
        if self.clock.is_too_late(decoded, time.monotonic() - began, bool(self._queue)):
            return
        frame = self._frame(decoded)
        frame.prepare(settings)
        self._queue.append(frame)

    def _frame(self, decoded: VideoFrame) -> DecodedFrame:
        return DecodedFrame(self.source, decoded, self.method.renderer(self.source.reader, decoded))

    def _finish(self, settings: PlaybackSettings) -> None:
        """When the time of the last frame is over, begin again or stay there."""
        if self.current is None:
            raise VideoError(f"{self.source.reader.name} holds no frame that can be decoded")
        left = self._due(self.current) + self.current.duration(self.clock.rate) - time.monotonic()
        if left > 0:
            self.channel.wait(settings, left)
        elif settings.loop:
            self._go_to(start_time(self.source.reader))
        else:
            self._end("ended")

    # moving

    def _interrupted(self) -> bool:
        return self.channel.interrupted

    def _next(self) -> DecodedFrame | None:
        """The next frame; None at the end, or when interrupted."""
        decoded = self.source.following(self._interrupted)
        return None if decoded is None else self._frame(decoded)

    def _show_first(self, settings: PlaybackSettings) -> None:
        frame = self._next()
        if frame is not None:
            self._show(frame, settings)
        elif not self._interrupted() and not self.source.live:
            raise VideoError(f"{self.source.reader.name} holds no frame that can be decoded")

    def _go_to(self, seconds: float) -> None:
        """Go to a time as the file counts; the queue stays empty if interrupted."""
        assert isinstance(self.source, FileSource)
        self._queue.clear()
        self.clock.reset()
        self._all_read = self._ended = False
        self.source.reader.stream.codec_context.skip_frame = "DEFAULT"
        decoded = self.source.at(seconds, self._interrupted)
        if decoded is not None:
            self._queue.append(self._frame(decoded))

    def _seek(self, seconds: float, settings: PlaybackSettings) -> None:
        if self.source.live:
            return
        self._go_to(start_time(self.source.reader) + max(0.0, seconds))
        if self._queue and not settings.playing:
            self._show(self._queue.popleft(), settings)

    def _step(self, steps: int, settings: PlaybackSettings) -> None:
        if self.source.live or self.current is None:
            return
        if steps < 0:
            self._go_to(self.current.time - 1e-3 - (-steps - 1) / self.clock.rate)
        self.clock.reset()
        for left in range(steps, 0, -1):
            if not self._queue:
                frame = self._next()
                if frame is None:
                    self._end("ended")
                    return
                self._queue.append(frame)
            if left > 1:
                self._queue.popleft()
        if self._queue:
            self._show(self._queue.popleft(), settings)

    # showing

    def _stand_still(self, settings: PlaybackSettings) -> None:
        """Paused, or at the end: follow the slider at once, and do better when it rests."""
        self.clock.reset()
        if self.current is None:
            self.channel.wait(settings, None)
        elif self._shown is None or self._shown[0] != settings:
            self._show(self.current, settings)
        elif not self._shown[1]:
            self.channel.wait(settings, _REST)
            if self.channel.settings is settings and not self._interrupted():
                self._show(self.current, settings, best=True)
        else:
            self.channel.wait(settings, None)

    def _show(self, frame: DecodedFrame, settings: PlaybackSettings, best: bool = False) -> None:
        """Render a frame and hand it to the window."""
        if frame is not self.current:
            self.current, self._shown = frame, None
        best = best or (not settings.playing and frame.is_denoised())

        def progress(_: float) -> None:
            if self._interrupted() or (best and self.channel.settings is not settings):
                raise Interrupted

        rendered = frame.render(settings, progress, best)
        self._shown = settings, rendered.best
        self.clock.on_shown()
        self.channel.publish(rendered)

    def _save(self, path: Path, settings: PlaybackSettings) -> None:
        """Write the frame that is shown, in the depth of the video."""
        if self.current is None:
            return

        def progress(_: float) -> None:
            if self.channel.closing:
                raise Interrupted

        pixels = self.current.pixels(settings, progress)
        try:
            clode_core.write_picture(path, pixels)
        except (ValueError, OSError) as error:
            self.channel.report("warning", str(error))
        else:
            self.channel.report("saved", str(path))
