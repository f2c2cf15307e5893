"""Draws a picture as large as fits, with the line between before and after."""

from __future__ import annotations

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from qtpy.QtWidgets import QSizePolicy, QWidget

from clode_live.frames import RenderedFrame
from clode_live.packing import Packed

_GRIP = 12  # pixels on either side of the line that can be taken hold of
_LINE = QColor(255, 255, 255, 220)
_SHADE = QColor(0, 0, 0, 150)


def _image(packed: Packed) -> QImage:
    height, width = packed.shape
    return QImage(packed.data, width, height, packed.strides[0], QImage.Format.Format_RGB32)  # type: ignore[call-overload]


class View(QWidget):
    """The picture.

    Signals
    -------
    double_clicked
        Somewhere on it.
    resized
        It has another size.
    """

    double_clicked = Signal()
    resized = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 90)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.split = 0.5
        self.message = ""
        self.painted = 0
        self._picture: RenderedFrame | None = None
        self._fresh = False
        self._dragging = False

    @property
    def picture(self) -> RenderedFrame | None:
        """What is seen."""
        return self._picture

    def show_picture(self, picture: RenderedFrame) -> None:
        """Draw another picture."""
        self._picture = picture
        self._fresh = True
        self.update()

    def show_message(self, message: str) -> None:
        """A sentence over the picture; none if it is empty."""
        if message != self.message:
            self.message = message
            self.update()

    @property
    def long_side(self) -> int:
        """Pixels of the screen along the longer side that a picture can have."""
        return round(max(self.width(), self.height()) * self.devicePixelRatioF())

    @property
    def area(self) -> QRectF:
        """Where the picture is drawn."""
        whole = QRectF(self.rect())
        if self._picture is None:
            return whole
        rows, columns = self._picture.after.shape
        wide = columns * self._picture.aspect
        scale = min(whole.width() / wide, whole.height() / rows)
        area = QRectF(0, 0, max(1.0, wide * scale), max(1.0, rows * scale))
        area.moveCenter(whole.center())
        return area

    @property
    def line(self) -> float:
        """Where the line is, in pixels from the left of the window."""
        return self.area.left() + self.split * self.area.width()

    def sizeHint(self) -> QSize:
        """Large enough to see something."""
        return QSize(960, 540)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        picture = self._picture
        if picture is not None:
            area = self.area
            painter.drawImage(area, _image(picture.after))
            if picture.before is not None:
                painter.save()
                painter.setClipRect(QRectF(area.left(), area.top(), self.line - area.left(), area.height()))
                painter.drawImage(area, _image(picture.before))
                painter.restore()
                self._draw_line(painter, area)
            if self._fresh:
                self._fresh = False
                self.painted += 1
        if self.message:
            self._draw_message(painter)
        painter.end()

    def _draw_line(self, painter: QPainter, area: QRectF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x, y = self.line, area.center().y()
        for colour, width in ((_SHADE, 4), (_LINE, 2)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_LINE)
        painter.drawEllipse(QPointF(x, y), 11, 11)
        painter.setBrush(QColor(40, 40, 40))
        for side in (-1, 1):
            tip = QPointF(x + 8 * side, y)
            foot = x + 3 * side
            painter.drawPolygon(QPolygonF([tip, QPointF(foot, y - 4), QPointF(foot, y + 4)]))

    def _draw_message(self, painter: QPainter) -> None:
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        room = QRectF(self.rect()).adjusted(24, 12, -24, -24)
        box = painter.boundingRect(room, flags, self.message)
        box.moveBottom(room.bottom())
        painter.fillRect(box.adjusted(-10, -6, 10, 6), _SHADE)
        painter.setPen(QColor(255, 255, 255))
        painter.drawText(box, flags, self.message)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Report it."""
        self.resized.emit()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take hold of the line."""
        if event is not None and self._has_line and abs(event.position().x() - self.line) <= _GRIP:
            self._dragging = True

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag the line, or show that it can be dragged."""
        if event is None:
            return
        x = event.position().x()
        if self._dragging:
            self.split = min(1.0, max(0.0, (x - self.area.left()) / self.area.width()))
            self.update()
        near = self._dragging or (self._has_line and abs(x - self.line) <= _GRIP)
        self.setCursor(Qt.CursorShape.SplitHCursor if near else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Let go of the line."""
        self._dragging = False

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Report it."""
        if event is not None and not (self._has_line and abs(event.position().x() - self.line) <= _GRIP):
            self.double_clicked.emit()

    @property
    def _has_line(self) -> bool:
        return self._picture is not None and self._picture.before is not None
