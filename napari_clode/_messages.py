"""The sentence under the buttons: what is going on, what stays true, or what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_clode._actions_box import ActionsBox

_ERROR_COLOURS = {"dark": "#ff8a65", "light": "#b00020"}


def error_colour(theme_type: str) -> str:
    """A colour for errors that can be read on the background of a theme, "dark" or "light"."""
    return _ERROR_COLOURS[theme_type]


class Messages:
    """Decides which sentence is shown.

    Parameters
    ----------
    box : ActionsBox
        Where it is shown.
    """

    def __init__(self, box: ActionsBox) -> None:
        self._box = box
        self._note = ""

    @property
    def shows_error(self) -> bool:
        """Whether something went wrong and is being told."""
        return self._box.shows_error

    def say(self, text: str) -> None:
        """What is going on now; where that is nothing special, what is still true."""
        if text or not self.shows_error:
            self._box.show_status(text or self._note)

    def note(self, text: str) -> None:
        """What stays true until the next note."""
        self._note = text
        self._box.show_status(text)

    def error(self, text: str) -> None:
        """What went wrong; it is not covered by the end of other work."""
        self._box.show_status(text, error=True)
