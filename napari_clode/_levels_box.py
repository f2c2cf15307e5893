"""The choice of black and white level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QLineEdit, QWidget

from napari_clode._form import choice_box, row, typed_number
from napari_clode._layer_choices import needs_levels
from napari_clode._methods import level_limits

if TYPE_CHECKING:
    from napari.layers import Image

_KINDS = ("dtype", "auto", "typed")
_TIP = "Which values of the data are black and white: the exposure works between them"


class LevelsBox(QWidget):
    """Which values are black and white: those of the type, found in the data, or typed.

    Signals
    -------
    changed
        Something else is chosen.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = choice_box(_TIP, "All of the type", "Found in the data", "My own")
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.found = QLabel()
        self.found.setToolTip("What was found in all planes that were looked at")
        self.black, self.white = QLineEdit("0"), QLineEdit("255")
        for box, word in ((self.black, "black"), (self.white, "white")):
            box.setToolTip(f"The value that is {word}, in the units of the layer's values")
            box.editingFinished.connect(self.changed)
        self.typed = row(QLabel("black"), self.black, QLabel("white"), self.white)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        for widget in (self.kind, self.found, self.typed):
            self._form.addRow(widget)
        self._show_kind()

    @property
    def choice(self) -> tuple[int, str, str]:
        """All that is chosen and typed."""
        return self.kind.currentIndex(), self.black.text(), self.white.text()

    @choice.setter
    def choice(self, choice: tuple[int, str, str]) -> None:
        kind, black, white = choice
        with QSignalBlocker(self.kind):
            self.kind.setCurrentIndex(kind)
        self.black.setText(black)
        self.white.setText(white)
        self._show_kind()

    @property
    def levels(self) -> Literal["dtype", "auto"] | tuple[float, float]:
        """What is chosen, as `Settings.levels`."""
        kind = _KINDS[self.kind.currentIndex()]
        if kind == "typed":
            return typed_number(self.black.text()), typed_number(self.white.text())
        return "auto" if kind == "auto" else "dtype"

    def fit_to(self, layer: Image, *, video: bool) -> None:
        """Offer what makes sense for a layer."""
        low, high = level_limits("dtype", np.dtype(layer.dtype)) if layer.dtype.kind in "uif" else (0.0, 1.0)
        self.kind.setItemText(0, f"{low:g} to {high:g}, all of the type")
        self.choice = (
            int(needs_levels(layer) and not video),
            "0",
            f"{float(layer.contrast_limits_range[1]):g}",
        )
        self.show_found(None)

    def show_found(self, limits: tuple[float, float] | None) -> None:
        """Say which levels were found; None before that."""
        text = "looked for when the picture is enhanced"
        self.found.setText(text if limits is None else f"black {limits[0]:g}, white {limits[1]:g}")

    def _on_kind(self, _: int) -> None:
        self._show_kind()
        self.changed.emit()

    def _show_kind(self) -> None:
        kind = _KINDS[self.kind.currentIndex()]
        self._form.setRowVisible(self.found, kind == "auto")
        self._form.setRowVisible(self.typed, kind == "typed")
