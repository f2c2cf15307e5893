"""The window: a view, a slider, a seek bar and a few buttons; all work is the player's."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtGui import QCloseEvent, QKeyEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from clode_live.methods import Method
from clode_live.pictures import Wish
from clode_live.player import Player
from clode_live.sources import Source
from clode_live.view import View

JUMP = 5.0
"""Seconds that an arrow key goes."""
_TICKS = 10_000  # of the seek bar
_COUNTED = 2.0  # seconds over which shown frames are counted
_COUNT_EVERY = 500  # milliseconds
_MESSAGE_SECONDS = 5.0
_ENDED = "The video has ended: press space to see it again."


class SeekBar(QSlider):
    """A slider that goes where it is clicked."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(0, _TICKS)
        self.setMinimumWidth(100)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def mousePressEvent(self, event: Any) -> None:
        """Put the handle under the pointer, so that it can be dragged from there."""
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        part = QStyle.SubControl.SC_SliderHandle
        handle = self.style().subControlRect(QStyle.ComplexControl.CC_Slider, option, part, self)
        if not handle.contains(event.position().toPoint()):
            room = max(1, self.width() - handle.width())
            at = round(event.position().x()) - handle.width() // 2
            self.setValue(QStyle.sliderValueFromPosition(0, _TICKS, at, room))
        super().mousePressEvent(event)


class LiveWindow(QWidget):
    """Running video and the slider that acts on it.

    Parameters
    ----------
    source : Source
        What is played.
    method : Method
        How its frames are shown.
    wish : Wish
        What is wanted first.
    """

    _news = Signal()

    def __init__(self, source: Source, method: Method, wish: Wish) -> None:
        super().__init__()
        self.method = method
        self.name = source.reader.name
        self._named_rate = float(source.reader.frame_rate)
        self._seen: deque[tuple[float, int]] = deque()
        self._message_until = math.inf
        self._ended = False
        self._news.connect(self._on_news, Qt.ConnectionType.QueuedConnection)
        self.player = Player(source, method, wish, self._news.emit)
        self.setWindowTitle(f"{Path(self.name).name} - CLODE")
        self._build(wish)
        self._arrange()
        self._bind()
        self._counter = QTimer(self)
        self._counter.setInterval(_COUNT_EVERY)
        self._counter.timeout.connect(self._count)
        self._counter.start()
        self.player.start()

    def _build(self, wish: Wish) -> None:
        slider = self.method.slider
        self.view = View()
        self.view.resized.connect(self._on_resized)
        self.view.double_clicked.connect(self.toggle_full_screen)
        self.value = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.value.setRange(slider.first, slider.last)
        self.value.setDecimals(2)
        self.value.setSingleStep(slider.step)
        self.value.setPageStep(5 * slider.step)
        self.value.setValue(wish.value)
        self.value.valueChanged.connect(self._on_value)
        self.value.editingFinished.connect(self.view.setFocus)
        self.value._slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # arrow keys belong to the video
        self.play = _button("Pause", "Pause or go on (space)", checkable=False)
        self.play.setMinimumWidth(self.play.fontMetrics().horizontalAdvance("  Pause  ") + 16)
        self.play.clicked.connect(self.toggle_playing)
        self.seek_bar = SeekBar()
        self.seek_bar.valueChanged.connect(self._on_seek)
        self.clock = QLabel()
        self.auto = _button("Auto", "Let the exposure time be chosen, and followed (A)", wish.auto)
        self.auto.toggled.connect(lambda on: self.player.want(auto=on))
        self.denoise = _button(
            "Remove noise", "In every frame; frames are left out to keep time (D)", wish.denoise
        )
        self.denoise.toggled.connect(lambda on: self.player.want(denoise=on))
        self.split = _button("Before | after", "With a line that can be dragged (S)", wish.split)
        self.split.toggled.connect(lambda on: self.player.want(split=on))
        self.loop = _button("Loop", "Begin again at the end (L)", wish.loop)
        self.loop.toggled.connect(lambda on: self.player.want(loop=on))
        self.full = _button("Full screen", "Or a double click; Esc leaves (F)", checkable=False)
        self.full.clicked.connect(self.toggle_full_screen)
        self.keep = _button("Save frame …", "As a picture of its own (Ctrl+S)", checkable=False)
        self.keep.clicked.connect(self.save)
        self.rate = QLabel()
        self.rate.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.rate.setMinimumWidth(self.rate.fontMetrics().horizontalAdvance("29.97 of 29.97 fps"))
        self.rate.setToolTip("Frames per second that are shown")
        self.auto.setVisible(self.method.chooses)
        self.denoise.setVisible(self.method.removes_noise)
        live = self.player.source.live
        self.loop.setVisible(not live)
        for control in (self.seek_bar, self.clock):
            control.setVisible(bool(self.player.duration))

    def _arrange(self) -> None:
        self.controls = QWidget()
        rows = QVBoxLayout(self.controls)
        rows.setContentsMargins(8, 4, 8, 8)
        exposure = QHBoxLayout()
        for widget in (QLabel(self.method.slider.name), self.value, self.auto, self.denoise, self.split):
            exposure.addWidget(widget, 1 if widget is self.value else 0)
        moving = QHBoxLayout()
        for widget in (self.play, self.seek_bar, self.clock):
            moving.addWidget(widget, 1 if widget is self.seek_bar else 0)
        if not self.player.duration:
            moving.addStretch(1)
        for widget in (self.loop, self.full, self.keep):
            moving.addWidget(widget)
        moving.addWidget(self.rate)
        rows.addLayout(exposure)
        rows.addLayout(moving)
        everything = QVBoxLayout(self)
        everything.setContentsMargins(0, 0, 0, 0)
        everything.setSpacing(0)
        everything.addWidget(self.view, 1)
        everything.addWidget(self.controls)
        self.view.setFocus()

    def _bind(self) -> None:
        key, plain = Qt.Key, Qt.KeyboardModifier.NoModifier
        shift, control = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
        step = self.method.slider.step
        self._keys: dict[tuple[Any, Any], Callable[[], object]] = {
            (key.Key_Space, plain): self.toggle_playing,
            (key.Key_Left, plain): lambda: self._arrow(-1),
            (key.Key_Right, plain): lambda: self._arrow(1),
            (key.Key_Left, shift): lambda: self.jump(-JUMP),
            (key.Key_Right, shift): lambda: self.jump(JUMP),
            (key.Key_Comma, plain): lambda: self._step(-1),
            (key.Key_Period, plain): lambda: self._step(1),
            (key.Key_Home, plain): lambda: self._go(0.0),
            (key.Key_Up, plain): lambda: self.value.setValue(self.value.value() + step),
            (key.Key_Down, plain): lambda: self.value.setValue(self.value.value() - step),
            (key.Key_A, plain): lambda: self.method.chooses and self.auto.toggle(),
            (key.Key_D, plain): lambda: self.method.removes_noise and self.denoise.toggle(),
            (key.Key_S, plain): self.split.toggle,
            (key.Key_L, plain): self.loop.toggle,
            (key.Key_F, plain): self.toggle_full_screen,
            (key.Key_F11, plain): self.toggle_full_screen,
            (key.Key_Escape, plain): self.leave_full_screen,
            (key.Key_S, control): self.save,
            (key.Key_W, control): self.close,
            (key.Key_Q, control): self.close,
        }

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Do what a key stands for."""
        if event is None:
            return
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        slot = self._keys.get((Qt.Key(event.key()), modifiers))
        if slot is None:
            super().keyPressEvent(event)
        else:
            slot()

    # what users do

    def toggle_playing(self) -> None:
        """Pause, go on, or begin again at the end."""
        if self._ended:
            self._ended = False
            self._say("")
            if not self.player.source.live:
                self.player.seek(0.0)
            self.player.want(playing=True)
        else:
            self.player.want(playing=not self.player.wish.playing)
        self._show_playing()

    def jump(self, seconds: float) -> None:
        """Go on or back."""
        picture = self.view.picture
        if picture is not None:
            self._go(picture.time + seconds)

    def toggle_full_screen(self) -> None:
        """Fill the screen with the picture, or go back to the window."""
        if self.isFullScreen():
            self.leave_full_screen()
        else:
            self.controls.hide()
            self.showFullScreen()

    def leave_full_screen(self) -> None:
        """Go back to the window."""
        if self.isFullScreen():
            self.controls.show()
            self.showNormal()

    def save(self) -> None:
        """Ask for a name, and write the frame that is shown; meanwhile it stands still."""
        picture = self.view.picture
        if picture is None:
            return
        playing = self.player.wish.playing
        self.player.want(playing=False)
        path = self._ask_name(picture.time)
        if path is not None:
            self.player.save(path)
        self.player.want(playing=playing)

    def _ask_name(self, seconds: float) -> Path | None:
        here = Path(self.name)
        stem = here.stem if here.is_file() and not self.player.source.live else "camera"
        moment = f"{seconds:.3f}s" if self.player.duration else time.strftime("%Y%m%d-%H%M%S")
        folder = here.parent if here.is_file() and not self.player.source.live else Path.cwd()
        suggested = folder / f"{stem}-{moment}.png"
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Save frame", str(suggested), "Pictures (*.png *.tif *.tiff *.jpg *.jpeg *.webp)"
        )
        if not chosen:
            return None
        path = Path(chosen)
        return path if path.suffix else path.with_suffix(".png")

    def _arrow(self, direction: int) -> None:
        if self.player.wish.playing and not self._ended:
            self.jump(direction * JUMP)
        else:
            self._step(direction)

    def _step(self, frames: int) -> None:
        if not self.player.source.live:
            if frames < 0:
                self._ended = False
                self._say("")
            self.player.step(frames)
            self._show_playing()

    def _go(self, seconds: float) -> None:
        if not self.player.source.live:
            self._ended = False
            self._say("")
            self.player.seek(max(0.0, seconds))
            self._show_playing()

    def _on_seek(self, tick: int) -> None:
        if self.player.duration:
            self._go(tick / _TICKS * self.player.duration)

    def _on_value(self, value: float) -> None:
        if self.auto.isChecked():
            self.auto.setChecked(False)  # whoever moves the slider chooses
        self.player.want(value=value)

    def _on_resized(self) -> None:
        self.player.want(long_side=self.view.long_side)

    # what happens

    def _on_news(self) -> None:
        picture = self.player.take()
        if picture is not None:
            self.view.show_picture(picture)
            self._follow(picture.time, picture.value)
        for kind, text in self.player.notes():
            if kind == "saved":
                self._say(f"Saved as {text}", _MESSAGE_SECONDS)
            elif kind == "ended":
                self._ended = True
                self._say(_ENDED)
            elif kind == "notice":
                self._say(_sentence(text), _MESSAGE_SECONDS)
            else:
                self._ended = True
                self._say(_sentence(text))
            self._show_playing()

    def _follow(self, seconds: float, value: float) -> None:
        """Let seek bar, clock and slider show what is seen."""
        duration = self.player.duration
        if duration:
            if not self.seek_bar.isSliderDown():
                with QSignalBlocker(self.seek_bar):
                    self.seek_bar.setValue(round(_TICKS * seconds / duration))
            self.clock.setText(f"{_clock(seconds)} / {_clock(duration)}")
        if self.auto.isChecked():
            with QSignalBlocker(self.value):
                self.value.setValue(value)

    def _show_playing(self) -> None:
        playing = self.player.wish.playing and not self._ended
        self.play.setText("Pause" if playing else "Play")

    def _say(self, text: str, seconds: float = math.inf) -> None:
        self._message_until = time.monotonic() + seconds
        self.view.print_path(text)

    def _count(self) -> None:
        """Count the frames that were seen in the last seconds."""
        now = time.monotonic()
        self._seen.append((now, self.view.painted))
        while now - self._seen[0][0] > _COUNTED:
            self._seen.popleft()
        (first, before), (last, after) = self._seen[0], self._seen[-1]
        if self.player.wish.playing and not self._ended and last > first:
            of = "" if self.player.source.live else f" of {self._named_rate:.4g}"
            self.rate.setText(f"{(after - before) / (last - first):.1f}{of} fps")
        else:
            self.rate.setText("")
        if now > self._message_until:
            self._say("")

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Stop everything."""
        self.hide()
        self._counter.stop()
        self.player.close()
        super().closeEvent(event)


def _button(text: str, tip: str, checked: bool = False, checkable: bool = True) -> QPushButton:
    button = QPushButton(text)
    button.setCheckable(checkable)
    button.setChecked(checked)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{int(rest):02d}" if hours else f"{minutes}:{rest:04.1f}"
