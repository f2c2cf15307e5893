"""Plays a video in a thread: reads, exposes, keeps time; of what is not shown in time the newest wins."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import clode_core
from clode_core.video import WHITE, VideoError
from clode_live.methods import Method, pack_as_it_is, pack_pixels
from clode_live.pictures import Picture, Shot, Wish
from clode_live.sources import FileSource, Source

if TYPE_CHECKING:
    from av import VideoFrame

AHEAD = 4
"""Frames that are made ready before their time, so that a slow one delays none."""
_UNSEEN = 0.25  # seconds of reading late frames after which one of them is shown all the same
_PATIENCE = 5.0  # seconds of reading late frames after which the clock waits for the machine
_REST = 0.15  # seconds without a change after which a paused frame is made at its best
_LAST_WAIT = 5.0


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """Raised inside work whose result nobody waits for any more."""


class Player:
    """A video that plays in a thread of its own.

    Parameters
    ----------
    source : Source
        What is played; closed with the player.
    method : Method
        How frames are shown; closed too.
    wish : Wish
        What is wanted first.
    notify : callable
        Called from the thread whenever `take` or `notes` has something new.

    Attributes
    ----------
    duration : float or None
        Seconds that the video takes; None for a camera, or where the file does not say.
    """

    def __init__(self, source: Source, method: Method, wish: Wish, notify: Callable[[], object]) -> None:
        self.source = source
        self.method = method
        self.first = self._first_time()
        self.duration = None if source.live else source.reader.duration
        self._notify = notify
        self._changed = threading.Condition()
        # guarded by _changed
        self._wish = wish
        self._closing = False
        self._seek: float | None = None
        self._steps = 0
        self._save: Path | None = None
        self._picture: Picture | None = None
        self._notes: deque[tuple[str, str]] = deque()
        # of the thread
        self._ahead: deque[Shot] = deque()
        self._current: Shot | None = None
        self._shown: tuple[Wish, bool] | None = None
        self._clock: tuple[float, float] | None = None  # a moment, and the time of the video then
        self._reading = self._unseen = 0.0  # seconds of reading late frames: in a row, and since one was seen
        self._no_more = self._ended = False
        self._thread = threading.Thread(target=self._run, name="clode player", daemon=True)

    def _first_time(self) -> float:
        stream = self.source.reader.stream
        return float((stream.start_time or 0) * self.source.reader.time_base)

    @property
    def wish(self) -> Wish:
        """What is wanted."""
        return self._wish

    # called by the window

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def want(self, **changes: Any) -> None:
        """Change what is wanted; see `Wish`."""
        with self._changed:
            self._wish = replace(self._wish, **changes)
            self._changed.notify()

    def seek(self, seconds: float) -> None:
        """Go to a time from the start of the file; of several only the last counts."""
        with self._changed:
            self._seek, self._steps = seconds, 0
            self._changed.notify()

    def step(self, frames: int) -> None:
        """Pause, and go on or back by frames."""
        with self._changed:
            self._wish = replace(self._wish, playing=False)
            self._steps += frames
            self._changed.notify()

    def save(self, path: Path) -> None:
        """Write the frame that is shown, at its best."""
        with self._changed:
            self._save = path
            self._changed.notify()

    def take(self) -> Picture | None:
        """The newest picture, if it has not been taken yet."""
        with self._changed:
            picture, self._picture = self._picture, None
        return picture

    def notes(self) -> list[tuple[str, str]]:
        """What has happened: ("ended", ""), ("trouble", why), ("notice", sentence), ("saved", path)."""
        with self._changed:
            notes = list(self._notes)
            self._notes.clear()
        return notes

    def close(self) -> None:
        """Stop, and let go of the source."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(_LAST_WAIT)
        elif self._thread.ident is None:
            self.method.close()
            self.source.close()

    # the thread

    def _run(self) -> None:
        try:
            while not self._closing:
                try:
                    self._turn()
                except Interrupted:
                    pass
                except (VideoError, clode_core.ImageError) as error:
                    self._stop_at(("trouble", str(error)))
                except MemoryError:
                    self._stop_at(("trouble", "there is not enough memory for this video"))
        except Exception as error:  # the window says so, rather than to stand still
            self._tell("trouble", f"{type(error).__name__}: {error}")
        finally:
            self.method.close()
            self.source.close()

    def _tell(self, kind: str, text: str = "") -> None:
        with self._changed:
            self._notes.append((kind, text))
        self._notify()

    def _stop_at(self, note: tuple[str, str]) -> None:
        self._ended = True
        self._tell(*note)

    def _interrupted(self) -> bool:
        return self._closing or self._seek is not None or self._steps != 0

    def _turn(self) -> None:
        """Do the most urgent thing there is, or wait for one."""
        with self._changed:
            wish = self._wish
            seek, self._seek = self._seek, None
            steps, self._steps = self._steps, 0
            save, self._save = self._save, None
        if seek is not None:
            self._go_to(seek, wish)
        elif steps:
            self._walk(steps, wish)
        elif save is not None:
            self._write(save, wish)
        elif wish.playing and not self._ended:
            self._play(wish)
        elif self._current is None and not self._ended:
            self._begin(wish)
        else:
            self._stand(wish)

    def _wait(self, wish: Wish, seconds: float | None) -> None:
        """Until something is wanted, or some seconds have passed."""
        with self._changed:
            if self._wish == wish and not self._interrupted() and self._save is None:
                self._changed.wait(seconds)

    # playing

    def _play(self, wish: Wish) -> None:
        now = time.monotonic()
        while len(self._ahead) > 1 and self._due(self._ahead[1]) <= now:
            self._ahead.popleft()
        if self._ahead and self._due(self._ahead[0]) <= now:
            self._show(self._ahead.popleft(), wish)
        elif self._current is not None and self._shown is not None and self._shown[0] != wish:
            self._show(self._current, wish)
        elif len(self._ahead) < (1 if self.source.live else AHEAD) and not self._no_more:
            self._prepare(wish)
        elif self._ahead:
            self._wait(wish, self._due(self._ahead[0]) - now)
        else:
            self._finish(wish)

    def _due(self, shot: Shot) -> float:
        """When a shot is to be shown."""
        if self.source.live:
            return 0.0
        if self._clock is None:
            self._clock = time.monotonic(), shot.time
        moment, at = self._clock
        return moment + shot.time - at

    def _prepare(self, wish: Wish) -> None:
        """Read the next frame, and make it ready unless its time is over."""

        def cancelled() -> bool:
            return self._interrupted() or self._wish is not wish

        began = time.monotonic()
        decoded = self.source.following(cancelled)
        if decoded is None:
            self._no_more = not self.source.live
            return
        if self._is_late(decoded, time.monotonic() - began):
            return
        shot = self._shot(decoded)
        if not wish.denoise:
            shot.frame(self._size(wish))
        self._ahead.append(shot)

    def _is_late(self, decoded: VideoFrame, reading: float) -> bool:
        """Whether the time of a frame, which took some time to read, is over."""
        if self.source.live or self._clock is None:
            return False
        moment, at = self._clock
        late = time.monotonic() - (moment + self.source.reader.seconds(decoded) - at)
        # Frames that no other depends on are not even decoded until the others are in time again.
        context = self.source.reader.stream.codec_context
        context.skip_frame = "NONREF" if late > 3 / self._rate else "DEFAULT"
        if late <= 1 / self._rate:
            self._reading = 0.0
            return False
        self._reading += reading
        self._unseen += reading
        if self._reading > _PATIENCE:  # reading alone is too slow for this machine
            self._clock, self._reading = None, 0.0
            return False
        return bool(self._ahead) or self._unseen < _UNSEEN

    @property
    def _rate(self) -> float:
        return max(1.0, float(self.source.reader.frame_rate))

    def _shot(self, decoded: VideoFrame) -> Shot:
        return Shot(self.source, decoded, self.method.look(self.source.reader, decoded))

    def _finish(self, wish: Wish) -> None:
        """The last frame is seen; when its time is over, begin again or stay there."""
        if self._current is None:
            raise VideoError(f"{self.source.reader.name} holds no frame that can be decoded")
        left = self._due(self._current) + self._current.seconds(self._rate) - time.monotonic()
        if left > 0:
            self._wait(wish, left)
        elif wish.loop:
            self._jump(self.first)
        else:
            self._stop_at(("ended", ""))

    # moving

    def _begin(self, wish: Wish) -> None:
        decoded = self.source.following(self._interrupted)
        if decoded is not None:
            self._show(self._shot(decoded), wish)
        elif not self._interrupted() and not self.source.live:
            raise VideoError(f"{self.source.reader.name} holds no frame that can be decoded")

    def _jump(self, seconds: float) -> Shot | None:
        """Go to a time as the file counts; None when another was asked for meanwhile."""
        assert isinstance(self.source, FileSource)
        self._ahead.clear()
        self._clock = None
        self._no_more = self._ended = False
        self.source.reader.stream.codec_context.skip_frame = "DEFAULT"
        decoded = self.source.at(seconds, self._interrupted)
        if decoded is None:
            return None
        shot = self._shot(decoded)
        self._ahead.append(shot)
        return shot

    def _go_to(self, seconds: float, wish: Wish) -> None:
        if self.source.live:
            return
        shot = self._jump(self.first + max(0.0, seconds))
        if shot is not None and not wish.playing:
            self._show(self._ahead.popleft(), wish)

    def _walk(self, steps: int, wish: Wish) -> None:
        if self.source.live or self._current is None:
            return
        if steps < 0:
            rate = self._rate
            self._jump(self._current.time - 1e-3 - (-steps - 1) / rate)
        self._clock = None
        for left in range(steps, 0, -1):
            if not self._ahead:
                decoded = self.source.following(self._interrupted)
                if decoded is None:
                    self._stop_at(("ended", ""))
                    return
                self._ahead.append(self._shot(decoded))
            if left > 1:
                self._ahead.popleft()
        if self._ahead:
            self._show(self._ahead.popleft(), wish)

    # showing

    def _stand(self, wish: Wish) -> None:
        """Paused, or at the end: follow the slider at once, and do better when it rests."""
        shot = self._current
        self._clock = None
        if shot is None:
            self._wait(wish, None)
            return
        if self._shown is None or self._shown[0] != wish:
            self._show(shot, wish)
        elif not self._shown[1]:
            self._wait(wish, _REST)
            if self._wish is wish and not self._interrupted():
                self._show(shot, wish, best=True)
        else:
            self._wait(wish, None)

    def _size(self, wish: Wish) -> int:
        """Long side to which frames are made smaller; 0 for their own."""
        limits = [wish.long_side, self.method.long_side if wish.playing else 0]
        return min((limit for limit in limits if limit > 0), default=0)

    def _show(self, shot: Shot, wish: Wish, best: bool = False) -> None:
        """Expose a shot and hand it to the window."""
        self._current = shot
        look = shot.look
        value = look.auto if wish.auto and look.auto is not None else wish.value
        denoise = wish.denoise and self.method.removes_noise
        if not wish.playing and look.is_clean(shot.frame(0)):
            best = True
        size = 0 if best else self._size(wish)
        frame = shot.frame(size)

        def progress(_: float) -> None:
            if self._interrupted() or (best and self._wish is not wish):
                raise Interrupted

        cleaned = denoise and (best or wish.playing)
        after = pack_pixels(look.clean(frame, value, progress)) if cleaned else look.quick(frame, value)
        before = pack_as_it_is(frame) if wish.split else None
        is_best = best or (cleaned == denoise and not shot.reduced(size))
        self._shown = wish, is_best
        self._unseen = 0.0
        picture = Picture(after, before, shot.time - self.first, value, self._aspect, is_best)
        with self._changed:
            self._picture = picture
        self._notify()

    @property
    def _aspect(self) -> float:
        reader = self.source.reader
        aspect = float(reader.stream.sample_aspect_ratio or 0) or 1.0
        return aspect if reader.shape == (reader.stream.height, reader.stream.width) else 1 / aspect

    def _write(self, path: Path, wish: Wish) -> None:
        """Write the frame that is shown, in the depth of the video."""
        shot = self._current
        if shot is None:
            return
        value = shot.look.auto if wish.auto and shot.look.auto is not None else wish.value
        frame = shot.frame(0)

        def progress(_: float) -> None:
            if self._closing:
                raise Interrupted

        if wish.denoise and self.method.removes_noise:
            pixels = shot.look.clean(frame, value, progress)
        else:
            pixels = shot.look.exact(frame, value)
        try:
            clode_core.write_picture(path, _full_range(pixels, self.source.reader.dtype))
        except (ValueError, OSError) as error:
            self._tell("notice", str(error))
        else:
            self._tell("saved", str(path))


def _full_range(pixels: NDArray[np.uint16], dtype: type[np.uint8] | type[np.uint16]) -> NDArray[Any]:
    """Pixels whose white is `WHITE` over the full range of a type."""
    top = np.iinfo(dtype).max
    table = np.minimum(np.rint(np.arange(1 << 16) * (top / WHITE)), top).astype(dtype)
    return table[pixels]
