"""A small plot of mean brightness against the value of the slider."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 8, 20
_MARK = QColor(255, 170, 60)


class BrightnessPlot(QWidget):
    """Mean intensity of the solved plane at every value of the slider, with the present one marked.

    A click or drag on it asks for the value under the pointer.

    Signals
    -------
    picked : float
        Value that was clicked.
    """

    picked = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._span = (0.0, 1.0)
        self._value = 0.0
        self.clear()
        self.setMinimumHeight(110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Values and mean intensities that are drawn; empty before a plane is solved."""
        return self._values, self._means

    @property
    def value(self) -> float:
        """The marked value."""
        return self._value

    def set_axis(self, span: tuple[float, float], name: str) -> None:
        """Take the range of a slider, and what it is called in a sentence."""
        self._span = span
        self.setToolTip(
            f"Mean brightness of this plane against {name}. Where the curve flattens, "
            "the picture saturates. Click to go there."
        )
        self.update()

    def set_curve(self, values: NDArray[np.float64], means: NDArray[np.float64]) -> None:
        """Draw mean intensities in [0, 1] at values of the slider; nothing for empty arrays."""
        self._values, self._means = values, means
        self.update()

    def clear(self) -> None:
        """Draw no curve."""
        self.set_curve(np.zeros(0), np.zeros(0))

    def set_value(self, value: float) -> None:
        """Mark a value."""
        self._value = value
        self.update()

    def _area(self) -> QRectF:
        return QRectF(
            _LEFT, _TOP, max(1, self.width() - _LEFT - _RIGHT), max(1, self.height() - _TOP - _BOTTOM)
        )

    def _point(self, value: float, mean: float) -> QPointF:
        area, (first, last) = self._area(), self._span
        return QPointF(
            area.left() + (value - first) / (last - first) * area.width(),
            area.bottom() - mean * area.height(),
        )

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw axes, curve and mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        faint = QColor(ink)
        faint.setAlpha(60)
        font = painter.font()
        font.setPixelSize(10)
        painter.setFont(font)
        area = self._area()
        for mean in (0.0, 0.5, 1.0):
            left, right = self._point(self._span[0], mean), self._point(self._span[1], mean)
            painter.setPen(QPen(faint, 1))
            painter.drawLine(left, right)
            painter.setPen(ink)
            label = QRectF(0, left.y() - 7, _LEFT - 6, 14)
            painter.drawText(label, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{mean:g}")
        for value in np.linspace(*self._span, 5):
            x = self._point(float(value), 0).x()
            label = QRectF(x - 20, area.bottom() + 3, 40, 14)
            painter.drawText(label, Qt.AlignmentFlag.AlignHCenter, f"{value:g}")
        if self._values.size:
            path = QPainterPath(self._point(float(self._values[0]), float(self._means[0])))
            for value, mean in zip(self._values[1:].tolist(), self._means[1:].tolist(), strict=True):
                path.lineTo(self._point(value, mean))
            painter.setPen(QPen(ink, 1.6))
            painter.drawPath(path)
            painter.setPen(QPen(_MARK, 1.4))
            painter.drawLine(self._point(self._value, 0), self._point(self._value, 1))
            painter.setBrush(_MARK)
            here = self._point(self._value, float(np.interp(self._value, self._values, self._means)))
            painter.drawEllipse(here, 3.5, 3.5)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Ask for the value under the pointer."""
        if event is None or not self._values.size:
            return
        if not (event.button() | event.buttons()) & Qt.MouseButton.LeftButton:
            return
        area, (first, last) = self._area(), self._span
        share = (event.position().x() - area.left()) / area.width()
        self.picked.emit(float(np.clip(first + share * (last - first), first, last)))

    mouseMoveEvent = mousePressEvent
