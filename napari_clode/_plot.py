"""A small plot of mean brightness against exposure time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 8, 20
_MARK = QColor(255, 170, 60)


class BrightnessPlot(QWidget):
    """Mean intensity of the solved plane for every exposure time, with the present one marked.

    A click or drag on it asks for the exposure time under the pointer.

    Signals
    -------
    picked : float
        Exposure time that was clicked.
    """

    picked = Signal(float)

    def __init__(self, span: tuple[float, float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._span = span
        self._time = 0.0
        self._times: NDArray[np.float64] = np.zeros(0)
        self._means: NDArray[np.float64] = np.zeros(0)
        self.setMinimumHeight(110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Mean brightness of this plane against exposure time. Where the curve flattens, "
            "the picture saturates. Click to go there."
        )

    @property
    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Exposure times and mean intensities that are drawn; empty before a plane is solved."""
        return self._times, self._means

    @property
    def time(self) -> float:
        """The marked exposure time."""
        return self._time

    def set_curve(self, times: NDArray[np.float64], means: NDArray[np.float64]) -> None:
        """Draw mean intensities in [0, 1] at exposure times; nothing for empty arrays."""
        self._times, self._means = times, means
        self.update()

    def set_time(self, time: float) -> None:
        """Mark an exposure time."""
        self._time = time
        self.update()

    def _area(self) -> QRectF:
        return QRectF(
            _LEFT, _TOP, max(1, self.width() - _LEFT - _RIGHT), max(1, self.height() - _TOP - _BOTTOM)
        )

    def _point(self, time: float, mean: float) -> QPointF:
        area, (first, last) = self._area(), self._span
        return QPointF(
            area.left() + (time - first) / (last - first) * area.width(), area.bottom() - mean * area.height()
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
        for time in np.linspace(*self._span, 5):
            x = self._point(float(time), 0).x()
            label = QRectF(x - 20, area.bottom() + 3, 40, 14)
            painter.drawText(label, Qt.AlignmentFlag.AlignHCenter, f"{time:g}")
        if self._times.size:
            path = QPainterPath(self._point(float(self._times[0]), float(self._means[0])))
            for time, mean in zip(self._times[1:].tolist(), self._means[1:].tolist(), strict=True):
                path.lineTo(self._point(time, mean))
            painter.setPen(QPen(ink, 1.6))
            painter.drawPath(path)
            painter.setPen(QPen(_MARK, 1.4))
            painter.drawLine(self._point(self._time, 0), self._point(self._time, 1))
            painter.setBrush(_MARK)
            here = self._point(self._time, float(np.interp(self._time, self._times, self._means)))
            painter.drawEllipse(here, 3.5, 3.5)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Ask for the exposure time under the pointer."""
        if event is None or not self._times.size:
            return
        area, (first, last) = self._area(), self._span
        share = (event.position().x() - area.left()) / area.width()
        self.picked.emit(float(np.clip(first + share * (last - first), first, last)))

    mouseMoveEvent = mousePressEvent
