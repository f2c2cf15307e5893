"""The slider of the chosen method, with the plot of what it does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_clode._form import allow, row
from napari_clode._plot import BrightnessPlot

if TYPE_CHECKING:
    from clode_core import MethodInfo

_STEPS_PER_PAGE = 5


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
        self.slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.slider.valueChanged.connect(self._on_value)
        self.auto = QPushButton("Auto")
        self.plot = BrightnessPlot()
        self.plot.picked.connect(self.slider.setValue)
        self.reset = QPushButton("Reset")
        self.reset.clicked.connect(lambda: self.slider.setValue(self.neutral))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.label)
        layout.addWidget(row(self.slider, self.auto))
        layout.addWidget(self.plot)
        self.fit_to(info)

    @property
    def value(self) -> float:
        """Of the slider; 0 where the method has none."""
        return float(self.slider.value()) if self._info.slider else 0.0

    @property
    def neutral(self) -> float:
        """Where Reset puts the slider: 0 if it can brighten and darken, else where it stands first."""
        slider = self._info.slider
        if slider is None or slider.first < 0 < slider.last:
            return 0.0
        return slider.default

    def show_value(self, value: float) -> None:
        """Move the slider without telling anybody."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(value)
        self._keep(self.slider.value())

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
        both_ways = slider.first < 0 < slider.last
        self.label.setText(slider.label)
        with QSignalBlocker(self.slider):
            self.slider.setRange(slider.first, slider.last)
            self.slider.setDecimals(max(0, math.ceil(-math.log10(slider.step))) + 1)
            self.slider.setSingleStep(slider.step)
            self.slider.setPageStep(_STEPS_PER_PAGE * slider.step)
        self.slider.setToolTip(
            f"0 leaves the picture as it is, {slider.default:g} is a normal exposure, negative darkens"
            if both_ways
            else slider.help
        )
        self.reset.setToolTip(
            f"{slider.label} 0: the picture as it is" if both_ways else f"Back to {name} {slider.default:g}"
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

    def _on_value(self, value: float) -> None:
        self._keep(value)
        self.value_changed.emit(value)

    def _keep(self, value: float) -> None:
        self._values[self._info.name] = value
        self.plot.set_value(value)
