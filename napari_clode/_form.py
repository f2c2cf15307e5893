"""Parts of which the controls are made."""

from __future__ import annotations

import math

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QScrollArea, QSizePolicy, QWidget


def choice_box(tip: str, *texts: str) -> QComboBox:
    """A box of choices that may be narrow."""
    box = QComboBox()
    box.addItems(list(texts))
    box.setToolTip(tip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(6)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def row(*widgets: QWidget) -> QWidget:
    """Widgets side by side."""
    inside = QWidget()
    layout = QHBoxLayout(inside)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return inside


def scrolled(inside: QWidget) -> QScrollArea:
    """A widget that can be scrolled up and down, so that it fits into a low window."""
    area = QScrollArea()
    area.setWidget(inside)
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    bar = area.verticalScrollBar()
    area.setMinimumWidth(inside.minimumWidth() + (bar.sizeHint().width() if bar is not None else 0))
    return area


def typed_number(text: str) -> float:
    """A typed number; NaN, which no level can be, for anything else."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan


def allow(widget: QWidget, possible: bool, tip: str, reason: str) -> None:
    """Enable a widget and explain it, or disable it and say why."""
    widget.setEnabled(possible)
    widget.setToolTip(tip if possible else reason)


def error_text(error: Exception) -> str:
    """An error as one sentence, in the words of the controls."""
    expected = isinstance(error, ValueError | MemoryError | OSError) and str(error)
    text = " ".join((str(error) if expected else f"{type(error).__name__}: {error}").split())
    advice = text.find("pass levels=")
    return text if advice < 0 else f"{text[:advice]}set the Levels above."
