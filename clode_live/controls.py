"""The controls below the picture: slider, seek bar, buttons; what they do is the window's."""

from __future__ import annotations

import math
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
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

from clode_core import MethodInfo
from clode_live.frames import PlaybackSettings

_TICKS = 10_000  # of the seek bar
_DECIMALS = 2  # of the slider, at least


class SeekBar(QSlider):
    """A slider that goes where it is clicked."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(0, _TICKS)
        self.setMinimumWidth(100)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    @property
    def part(self) -> float:
        """Where it stands, from 0 to 1."""
        return self.value() / _TICKS

    def show_part(self, part: float) -> None:
        """Follow the video, unless it is dragged."""
        if not self.isSliderDown():
            with QSignalBlocker(self):
                self.setValue(round(_TICKS * part))

    def mousePressEvent(self, event: Any) -> None:
        """Put the handle under the pointer, so that it can be dragged from there."""
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        part = QStyle.SubControl.SC_SliderHandle
        handle = self.style().subControlRect(QStyle.ComplexControl.CC_Slider, option, part, self)
        if not handle.contains(event.position().toPoint()):
            length = max(1, self.width() - handle.width())
            at = round(event.position().x()) - handle.width() // 2
            self.setValue(QStyle.sliderValueFromPosition(0, _TICKS, at, length))
        super().mousePressEvent(event)


class Controls(QWidget):
    """Everything below the picture.

    Parameters
    ----------
    info : MethodInfo
        What the method can do; what it cannot is hidden or greyed, and says so.
    settings : PlaybackSettings
        What is set first.
    live : bool
        Whether a camera is played.
    duration : float or None
        Seconds that the video takes, where that is known.

    Attributes
    ----------
    value : QLabeledDoubleSlider
        The slider of the method.
    auto, denoise, split, loop : QPushButton
        Switches, named as in `PlaybackSettings`.
    play, full, keep : QPushButton
        Pause or play; full screen; save the frame.
    seek_bar : SeekBar
        The time of the video.
    """

    def __init__(
        self, info: MethodInfo, settings: PlaybackSettings, live: bool, duration: float | None
    ) -> None:
        super().__init__()
        self.info = info
        self._build_slider(settings)
        self._build_switches(settings)
        self._build_playing(settings)
        self.loop.setVisible(not live)
        for control in (self.seek_bar, self.clock):
            control.setVisible(bool(duration))
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 4, 8, 8)
        rows.addLayout(_row(self.label, self.value, self.auto, self.denoise, self.split, wide=self._widest()))
        playing = _row(self.play, self.seek_bar, self.clock, wide=self.seek_bar)
        if not duration:
            playing.addStretch(1)
        for widget in (self.loop, self.full, self.keep, self.rate):
            playing.addWidget(widget)
        rows.addLayout(playing)

    def _build_slider(self, settings: PlaybackSettings) -> None:
        slider = self.info.slider
        self.label = QLabel(slider.label if slider else f"{self.info.title} has no slider")
        self.value = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.value._slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # arrow keys belong to the video
        self.value.setVisible(slider is not None)
        if slider is not None:
            self.value.setRange(slider.first, slider.last)
            self.value.setDecimals(max(_DECIMALS, math.ceil(-math.log10(slider.step))))
            self.value.setSingleStep(slider.step)
            self.value.setPageStep(5 * slider.step)
            self.value.setValue(settings.value)

    def _build_switches(self, settings: PlaybackSettings) -> None:
        slider, title = self.info.slider, self.info.title
        chosen = slider.label.lower() if slider else "value"
        self.auto = _button("Auto", f"Let the {chosen} be chosen, and followed (A)", settings.auto)
        self.auto.setVisible(self.info.automatic)
        if self.info.noise_removal:
            tip = "In every frame; frames are left out to keep time (D)"
            self.denoise = _button("Remove noise", tip, settings.denoise)
        else:
            self.denoise = _button("No noise removal", f"{title} does not remove noise")
            self.denoise.setEnabled(False)
        self.split = _button("Before | after", "With a line that can be dragged (S)", settings.split)

    def _build_playing(self, settings: PlaybackSettings) -> None:
        self.play = _button("Pause", "Pause or go on (space)", checkable=False)
        self.play.setMinimumWidth(self.play.fontMetrics().horizontalAdvance("  Pause  ") + 16)
        self.seek_bar = SeekBar()
        self.clock = QLabel()
        self.loop = _button("Loop", "Begin again at the end (L)", settings.loop)
        self.full = _button("Full screen", "Or a double click; Esc leaves (F)", checkable=False)
        self.keep = _button("Save frame …", "As a picture of its own (Ctrl+S)", checkable=False)
        self.rate = QLabel()
        self.rate.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.rate.setMinimumWidth(self.rate.fontMetrics().horizontalAdvance("29.97 of 29.97 fps"))
        self.rate.setToolTip("Frames per second that are shown")

    def _widest(self) -> QWidget:
        return self.value if self.info.slider else self.label

    def move_slider(self, steps: int) -> None:
        """Move the slider by steps of the method."""
        if self.info.slider is not None:
            self.value.setValue(self.value.value() + steps * self.info.slider.step)

    def show_value(self, value: float) -> None:
        """Let the slider follow what the method has chosen."""
        with QSignalBlocker(self.value):
            self.value.setValue(value)

    def show_time(self, seconds: float, duration: float) -> None:
        """Let seek bar and clock show what is seen."""
        self.seek_bar.show_part(seconds / duration)
        self.clock.setText(f"{_time(seconds)} / {_time(duration)}")

    def show_playing(self, playing: bool) -> None:
        """Name the button by what it does."""
        self.play.setText("Pause" if playing else "Play")


def _row(*widgets: QWidget, wide: QWidget) -> QHBoxLayout:
    """Widgets beside each other, of which one takes the space that is left."""
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget, int(widget is wide))
    return row


def _button(text: str, tip: str, checked: bool = False, checkable: bool = True) -> QPushButton:
    button = QPushButton(text)
    button.setCheckable(checkable)
    button.setChecked(checked)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


def _time(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{int(rest):02d}" if hours else f"{minutes}:{rest:04.1f}"
