"""What passes between the window's thread and the player's, guarded by one lock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from clode_live.frames import PlaybackSettings, RenderedFrame


class Message(NamedTuple):
    """Something that has happened.

    Attributes
    ----------
    kind : {"ended", "error", "warning", "saved"}
        The video has ended; it cannot go on; something else failed; a frame has been saved.
    text : str
        Why, or the path of the saved frame.
    """

    kind: str
    text: str = ""


@dataclass(frozen=True)
class Requests:
    """What the player is to do next.

    Attributes
    ----------
    settings : PlaybackSettings
        What users have set.
    seek : float or None
        Seconds from the start of the file to go to.
    steps : int
        Frames to go on, or back if negative.
    save : Path or None
        Where to write the frame that is shown.
    """

    settings: PlaybackSettings
    seek: float | None = None
    steps: int = 0
    save: Path | None = None


class Channel:
    """Requests to the player's thread, and frames and messages from it.

    Parameters
    ----------
    settings : PlaybackSettings
        The first settings.
    notify : callable
        Called from the player's thread whenever `take_frame` or `take_messages` has something new.
    """

    def __init__(self, settings: PlaybackSettings, notify: Callable[[], object]) -> None:
        self._notify = notify
        self._changed = threading.Condition()
        self._requests = Requests(settings)
        self._closing = False
        self._frame: RenderedFrame | None = None
        self._messages: deque[Message] = deque()

    @property
    def settings(self) -> PlaybackSettings:
        """The present settings."""
        return self._requests.settings

    # called by the window

    def change(self, **changes: Any) -> None:
        """Change settings; see `PlaybackSettings`."""
        with self._changed:
            self._request(settings=replace(self.settings, **changes))

    def seek(self, seconds: float) -> None:
        """Go to a time from the start of the file; of several only the last counts."""
        with self._changed:
            self._request(seek=seconds, steps=0)

    def step(self, frames: int) -> None:
        """Pause, and go on or back by frames."""
        with self._changed:
            paused = replace(self.settings, playing=False)
            self._request(settings=paused, steps=self._requests.steps + frames)

    def save(self, path: Path) -> None:
        """Write the frame that is shown, at its best."""
        with self._changed:
            self._request(save=path)

    def take_frame(self) -> RenderedFrame | None:
        """The newest frame, if it has not been taken yet."""
        with self._changed:
            frame, self._frame = self._frame, None
        return frame

    def take_messages(self) -> list[Message]:
        """What has happened since the last call."""
        with self._changed:
            messages = list(self._messages)
            self._messages.clear()
        return messages

    def request_close(self) -> None:
        """End the player's thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def _request(self, **changes: Any) -> None:
        self._requests = replace(self._requests, **changes)
        self._changed.notify()

    # called by the player's thread

    @property
    def closing(self) -> bool:
        """Whether the thread is to end."""
        return self._closing

    @property
    def interrupted(self) -> bool:
        """Whether another frame is wanted than the one that is worked on."""
        return self._closing or self._requests.seek is not None or self._requests.steps != 0

    def take_requests(self) -> Requests:
        """What is to be done next; only the settings stay."""
        with self._changed:
            requests, self._requests = self._requests, Requests(self.settings)
        return requests

    def wait(self, settings: PlaybackSettings, seconds: float | None) -> None:
        """Wait until something is requested, or some seconds have passed."""
        with self._changed:
            if self.settings == settings and not self.interrupted and self._requests.save is None:
                self._changed.wait(seconds)

    def publish(self, frame: RenderedFrame) -> None:
        """Give a frame to the window; one that it has not taken yet is replaced."""
        with self._changed:
            self._frame = frame
        self._notify()

    def report(self, kind: str, text: str = "") -> None:
        """Tell the window what has happened; see `Message`."""
        with self._changed:
            self._messages.append(Message(kind, text))
        self._notify()
