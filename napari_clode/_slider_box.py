"""The slider of the chosen method, with the plot of what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget
from superqt import QDoubleSlider, QLabeledDoubleSlider

from napari_clode._form import allow, row
from napari_clode._methods import shown_digits
from napari_clode._plot import BrightnessPlot

if TYPE_CHECKING:
    from clode_core import MethodInfo

STEPS_PER_PAGE = 5
_Key = Qt.Key


class KeySlider(QLabeledDoubleSlider):
    """A slider of numbers that also moves by keys, which that of superqt does not."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._groove = self.findChild(QDoubleSlider)
        self._groove.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take keys that reach the groove, where a click has put the focus."""
        if watched is self._groove and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._moved_by(event.key())
        return bool(super().eventFilter(watched, event))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move by a step, a page or to an end."""
        if event is None or not self._moved_by(event.key()):
            super().keyPressEvent(event)

    def _moved_by(self, key: int) -> bool:
        places = {
            _Key.Key_Home: self.minimum(),
            _Key.Key_End: self.maximum(),
            _Key.Key_PageUp: self.value() + self.pageStep(),
            _Key.Key_PageDown: self.value() - self.pageStep(),
            **dict.fromkeys((_Key.Key_Right, _Key.Key_Up), self.value() + self.singleStep()),
            **dict.fromkeys((_Key.Key_Left, _Key.Key_Down), self.value() - self.singleStep()),
        }
        if key not in places:
            return False
        self.setValue(places[_Key(key)])
        return True


class SliderBox(QWidget):
    """The slider, Auto and the plot; hidden for a method without a slider.

    Signals
    -------
    value_changed : float
        The slider was moved.
    """

    value_changed = Signal(float)

    def __init__(self, info: MethodInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._info = info
        self._values: dict[str, float] = {}  # last value of each method
        self.label = QLabel()
        self.slider = KeySlider()
        self.slider.valueChanged.connect(self._on_value)
        self.auto = QPushButton("Auto")
        self.plot = BrightnessPlot()
        self.plot.picked.connect(self.slider.setValue)
        self.reset = QPushButton("Reset")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.label)
        layout.addWidget(row(self.slider, self.auto))
        layout.addWidget(self.plot)
        self.fit_to(info)

    @property
    def value(self) -> float:
        """Of the slider; 0 where the method has none."""
        return self._rounded(self.slider.value()) if self._info.slider else 0.0

    @property
    def has_neutral(self) -> bool:
        """Whether the slider has a place, 0, at which the picture stays as it is."""
        slider = self._info.slider
        return slider is not None and slider.first < 0 < slider.last

    @property
    def neutral(self) -> float:
        """Where Reset puts the slider: 0 if it can brighten and darken, else where it stands first."""
        slider = self._info.slider
        return 0.0 if slider is None or self.has_neutral else slider.default

    def show_value(self, value: float) -> None:
        """Move the slider without telling anybody."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(value)
        self._keep(self._rounded(self.slider.value()))

    def fit_to(self, info: MethodInfo) -> None:
        """Take name, range and step of a method's slider, and the value it last had."""
        self._info = info
        slider = info.slider
        self.setVisible(slider is not None)
        allow(self.reset, slider is not None, "", f"{info.title} has no slider")
        self.plot.clear()
        if slider is None:
            return
        name = slider.label.lower()
        both_ways = self.has_neutral
        self.label.setText(slider.label)
        with QSignalBlocker(self.slider):
            self.slider.setRange(slider.first, slider.last)
            self.slider.setDecimals(shown_digits(info))
            self.slider.setSingleStep(slider.step)
            self.slider.setPageStep(STEPS_PER_PAGE * slider.step)
        self.slider.setToolTip(
            f"0 leaves the picture as it is, {slider.default:g} is a normal exposure, negative darkens"
            if both_ways
            else slider.help
        )
        self.reset.setToolTip(
            f"The picture as it is: {name} 0, and its noise left"
            if both_ways
            else f"Show the picture as it is, and go back to {name} {slider.default:g}"
        )
        self.plot.set_axis((slider.first, slider.last), name)
        self.show_value(self._values.get(info.name, slider.default))

    def allow_auto(self, there_is_a_layer: bool) -> None:
        """Offer Auto where the method can choose."""
        info = self._info
        name = info.slider.label.lower() if info.slider else ""
        article = "an" if name[:1] in "aeiou" else "a"
        tip = f"Move the slider to {article} {name} chosen for this plane"
        allow(self.auto, info.automatic, tip, f"{info.title} does not choose {article} {name} by itself")
        self.auto.setEnabled(info.automatic and there_is_a_layer)

    def _rounded(self, value: float) -> float:
        """A value as it is shown: what is read off the slider is what is done."""
        return float(round(value, shown_digits(self._info)))

    def _on_value(self, value: float) -> None:
        self._keep(self._rounded(value))
        self.value_changed.emit(self._rounded(value))

    def _keep(self, value: float) -> None:
        self._values[self._info.name] = value
        self.plot.set_value(value)
