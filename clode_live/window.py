"""The window: it turns keys, buttons and sliders into requests to the player, and shows what comes back."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QCloseEvent, QKeyEvent
from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from clode_live.channel import Message
from clode_live.controls import Controls
from clode_live.frames import PlaybackSettings
from clode_live.methods import LiveMethod
from clode_live.player import Player
from clode_live.sources import Source
from clode_live.view import View

JUMP = 5.0
"""Seconds that an arrow key goes."""
_COUNTED = 2.0  # seconds over which shown frames are counted
_COUNT_EVERY = 500  # milliseconds
_MESSAGE_SECONDS = 5.0
_ENDED = "The video has ended: press space to see it again."


class LiveWindow(QWidget):
    """Running video and the slider that acts on it.

    Parameters
    ----------
    source : Source
        What is played.
    method : LiveMethod
        How its frames are enhanced.
    settings : PlaybackSettings
        What is set first.
    """

    _updated = Signal()

    def __init__(self, source: Source, method: LiveMethod, settings: PlaybackSettings) -> None:
        super().__init__()
        self.info = method.info
        self.name = source.reader.name
        self._named_rate = float(source.reader.frame_rate)
        self._painted: deque[tuple[float, int]] = deque()
        self._message_until = math.inf
        self._ended = False
        self._updated.connect(self._on_update, Qt.ConnectionType.QueuedConnection)
        self.player = Player(source, method, settings, self._updated.emit)
        self.setWindowTitle(f"{Path(self.name).name} - CLODE")
        self.view = View()
        self.controls = Controls(self.info, settings, source.live, self.player.duration)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.controls)
        self._connect()
        self._keys = self._key_bindings()
        self.view.setFocus()
        self._counter = QTimer(self)
        self._counter.setInterval(_COUNT_EVERY)
        self._counter.timeout.connect(self._count)
        self._counter.start()
        self.player.start()

    def _connect(self) -> None:
        controls, change = self.controls, self.player.change
        self.view.resized.connect(lambda: change(long_side=self.view.long_side))
        self.view.double_clicked.connect(self.toggle_full_screen)
        controls.value.valueChanged.connect(self._on_value)
        controls.value.editingFinished.connect(self.view.setFocus)
        controls.seek_bar.valueChanged.connect(self._on_seek)
        controls.auto.toggled.connect(lambda on: change(auto=on))
        controls.denoise.toggled.connect(lambda on: change(denoise=on))
        controls.split.toggled.connect(lambda on: change(split=on))
        controls.loop.toggled.connect(lambda on: change(loop=on))
        controls.play.clicked.connect(self.toggle_playing)
        controls.full.clicked.connect(self.toggle_full_screen)
        controls.keep.clicked.connect(self.save)

    def _key_bindings(self) -> dict[tuple[Any, Any], Callable[[], object]]:
        key, plain, controls = Qt.Key, Qt.KeyboardModifier.NoModifier, self.controls
        shift, control = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
        return {
            (key.Key_Space, plain): self.toggle_playing,
            (key.Key_Left, plain): lambda: self._arrow(-1),
            (key.Key_Right, plain): lambda: self._arrow(1),
            (key.Key_Left, shift): lambda: self.jump(-JUMP),
            (key.Key_Right, shift): lambda: self.jump(JUMP),
            (key.Key_Comma, plain): lambda: self._step(-1),
            (key.Key_Period, plain): lambda: self._step(1),
            (key.Key_Home, plain): lambda: self._go(0.0),
            (key.Key_Up, plain): lambda: controls.move_slider(1),
            (key.Key_Down, plain): lambda: controls.move_slider(-1),
            (key.Key_A, plain): self.toggle_auto,
            (key.Key_D, plain): self.toggle_denoise,
            (key.Key_S, plain): controls.split.toggle,
            (key.Key_L, plain): controls.loop.toggle,
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
            self._show_message("")
            if not self.player.source.live:
                self.player.seek(0.0)
            self.player.change(playing=True)
        else:
            self.player.change(playing=not self.player.settings.playing)
        self._show_playing()

    def toggle_auto(self) -> None:
        """Let the method choose the value of its slider, where it can."""
        if self.info.automatic:
            self.controls.auto.toggle()

    def toggle_denoise(self) -> None:
        """Remove noise or not, where the method can."""
        if self.info.noise_removal:
            self.controls.denoise.toggle()
        else:
            self._show_message(f"{self.info.title} does not remove noise.", _MESSAGE_SECONDS)

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
        playing = self.player.settings.playing
        self.player.change(playing=False)
        path = self._ask_name(picture.time)
        if path is not None:
            self.player.save(path)
        self.player.change(playing=playing)

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
        if self.player.settings.playing and not self._ended:
            self.jump(direction * JUMP)
        else:
            self._step(direction)

    def _step(self, frames: int) -> None:
        if not self.player.source.live:
            if frames < 0:
                self._ended = False
                self._show_message("")
            self.player.step(frames)
            self._show_playing()

    def _go(self, seconds: float) -> None:
        if not self.player.source.live:
            self._ended = False
            self._show_message("")
            self.player.seek(max(0.0, seconds))
            self._show_playing()

    def _on_seek(self, _: int) -> None:
        if self.player.duration:
            self._go(self.controls.seek_bar.part * self.player.duration)

    def _on_value(self, value: float) -> None:
        if self.controls.auto.isChecked():
            self.controls.auto.setChecked(False)  # whoever moves the slider chooses
        self.player.change(value=value)

    # what happens

    def _on_update(self) -> None:
        """Show the newest frame and the newest messages."""
        picture = self.player.take_frame()
        if picture is not None:
            self.view.show_picture(picture)
            if self.player.duration:
                self.controls.show_time(picture.time, self.player.duration)
            if self.controls.auto.isChecked():
                self.controls.show_value(picture.value)
        for message in self.player.take_messages():
            self._on_message(message)

    def _on_message(self, message: Message) -> None:
        if message.kind == "saved":
            self._show_message(f"Saved as {message.text}", _MESSAGE_SECONDS)
        elif message.kind == "warning":
            self._show_message(_sentence(message.text), _MESSAGE_SECONDS)
        else:
            self._ended = True
            self._show_message(_ENDED if message.kind == "ended" else _sentence(message.text))
        self._show_playing()

    def _show_playing(self) -> None:
        self.controls.show_playing(self.player.settings.playing and not self._ended)

    def _show_message(self, text: str, seconds: float = math.inf) -> None:
        self._message_until = time.monotonic() + seconds
        self.view.show_message(text)

    def _count(self) -> None:
        """Count the frames that were seen in the last seconds."""
        now, rate = time.monotonic(), ""
        self._painted.append((now, self.view.painted))
        while now - self._painted[0][0] > _COUNTED:
            self._painted.popleft()
        (first, before), (last, after) = self._painted[0], self._painted[-1]
        if self.player.settings.playing and not self._ended and last > first:
            of = "" if self.player.source.live else f" of {self._named_rate:.4g}"
            rate = f"{(after - before) / (last - first):.1f}{of} fps"
        self.controls.rate.setText(rate)
        if now > self._message_until:
            self._show_message("")

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Stop everything."""
        self.hide()
        self._counter.stop()
        self.player.close()
        super().closeEvent(event)


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
