"""Plays a video in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from clode_live.channel import Channel
from clode_live.frames import PlaybackSettings
from clode_live.methods import LiveMethod
from clode_live.playback import Playback
from clode_live.sources import Source

_CLOSING_SECONDS = 5.0


class Player(Channel):
    """A channel at whose other end a thread plays a video.

    Parameters
    ----------
    source : Source
        What is played; closed with the player.
    method : LiveMethod
        How frames are enhanced; closed too.
    settings : PlaybackSettings
        The first settings.
    notify : callable
        Called from the thread whenever `take_frame` or `take_messages` has something new.

    Attributes
    ----------
    duration : float or None
        Seconds that the video takes; None for a camera, or where the file does not say.
    """

    def __init__(
        self,
        source: Source,
        method: LiveMethod,
        settings: PlaybackSettings,
        notify: Callable[[], object],
    ) -> None:
        super().__init__(settings, notify)
        self.source = source
        self.method = method
        self.duration = None if source.live else source.reader.duration
        self.playback = Playback(source, method, self)
        self._thread = threading.Thread(target=self._run, name="clode player", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and close the source."""
        self.request_close()
        if self._thread.is_alive():
            self._thread.join(_CLOSING_SECONDS)
        elif self._thread.ident is None:
            self._release()

    def _run(self) -> None:
        try:
            self.playback.run()
        except Exception as error:  # shown in the window, so that it does not stand still without a word
            self.report("error", f"{type(error).__name__}: {error}")
        finally:
            self._release()

    def _release(self) -> None:
        self.method.close()
        self.source.close()
