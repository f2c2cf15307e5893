"""What can be done with a result, how far it is, and one sentence about it."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_clode._form import row

_LINES = 3  # of the sentence; its place is kept, so that nothing moves when it changes


class ActionsBox(QWidget):
    """Buttons, progress and message; what they mean is decided elsewhere."""

    def __init__(self, reset: QPushButton, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.enhance = _button("Enhance", "Show the result as a new layer that follows the slider")
        self.back = _button("Back", "Return to the setting before (Ctrl+Z)")
        self.compare = _button("Before", "Hold this down to see the picture without the result")
        self.keep = _button("Keep", "Make what is seen a layer of its own, which stays as it is")
        self.apply = _button("Apply to all planes", "Enhance the whole stack into a layer of its own")
        self.cancel = _button("Cancel", "Stop what is going on; what is shown stays")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setToolTip("How much is done, and how long the rest will take")
        self.status = QLabel()
        self.shows_error = False  # whether the sentence tells of something wrong
        self._error_colour = ""
        self.status.setWordWrap(True)
        self.status.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.status.setFixedHeight(_LINES * self.status.fontMetrics().lineSpacing() + 4)
        self.progress.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for widget in (self.progress, self.cancel):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(row(self.enhance, self.keep))
        layout.addWidget(row(self.back, reset, self.compare))
        layout.addWidget(self.apply)
        layout.addWidget(row(self.progress, self.cancel))
        layout.addWidget(self.status)
        self.show_progress(None)

    def set_error_colour(self, colour: str) -> None:
        """Colour of sentences that tell of something wrong, readable on the window's background."""
        self._error_colour = colour
        self.show_status(self.status.text(), error=self.shows_error)

    def show_apply(self, layers: int, possible: bool) -> None:
        """Offer to enhance whole layers, so many of them."""
        several = layers > 1
        self.apply.setText(f"Apply to {layers} layers" if several else "Apply to all planes")
        self.apply.setToolTip(
            "Enhance every selected layer, all its planes, into a layer of its own"
            if several
            else "Enhance the whole stack into a layer of its own"
        )
        self.apply.setVisible(possible)

    def show_status(self, text: str, *, error: bool = False) -> None:
        """One sentence under the buttons; the whole of it also as a tooltip."""
        self.shows_error = error
        self.status.setText(text)
        self.status.setToolTip(text)
        self.status.setStyleSheet(f"color: {self._error_colour}" if error else "")

    def show_progress(self, fraction: float | None, left: str = "") -> None:
        """Show the fraction done and the time left, or nothing for None."""
        self.progress.setVisible(fraction is not None)
        self.cancel.setVisible(fraction is not None)
        self.progress.setValue(round(1000 * (fraction or 0)))
        self.progress.setFormat(f"%p %  {left}")


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    return button
