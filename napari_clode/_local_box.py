"""Where the exposure time is another: in the shadows and in the highlights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QFormLayout, QLineEdit, QWidget

from napari_clode._form import allow
from napari_clode._methods import EVEN, Local, bends
from napari_clode._slider_box import KeySlider

if TYPE_CHECKING:
    from clode_core import MethodInfo

_STEP, _PAGE, _DIGITS = 0.1, 0.5, 2
_TIPS = {
    "shadows": "Added to the exposure time where the scene is dark; below 0 the shadows stay dark",
    "highlights": "Added to the exposure time where the scene is bright; below 0 the lights are kept",
}


class LocalBox(QWidget):
    """Two sliders, for methods whose exposure time may differ from place to place.

    Signals
    -------
    changed
        One of them was moved.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shadows, self.highlights = KeySlider(), KeySlider()
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Shadows", self.shadows)
        form.addRow("Highlights", self.highlights)
        for slider in self._sliders.values():
            slider.setDecimals(_DIGITS)
            slider.setSingleStep(_STEP)
            slider.setPageStep(_PAGE)
            slider.valueChanged.connect(lambda _: self.changed.emit())

    @property
    def _sliders(self) -> dict[str, KeySlider]:
        return {"shadows": self.shadows, "highlights": self.highlights}

    @property
    def local(self) -> Local:
        """What is added in the shadows and in the highlights; nothing where the method cannot."""
        if not self.isEnabled():
            return EVEN
        return Local(*(round(slider.value(), _DIGITS) for slider in self._sliders.values()))

    def set_local(self, local: Local) -> None:
        """Move both sliders, and tell it once if that is a change."""
        before = self.local
        self.show_local(local)
        if self.local != before:
            self.changed.emit()

    def show_local(self, local: Local) -> None:
        """Move both sliders without telling anybody."""
        for slider, value in zip(self._sliders.values(), (local.shadows, local.highlights), strict=True):
            with QSignalBlocker(slider):
                slider.setValue(value)

    def fit_to(self, info: MethodInfo) -> None:
        """Offer what a method can do."""
        limits = bends(info)
        self.setEnabled(limits is not None)
        reason = (
            f"{info.title} has one {info.slider.label.lower() if info.slider else 'strength'} for all places"
        )
        for name, slider in self._sliders.items():
            allow(slider, limits is not None, _TIPS[name], reason)
            for number in slider.findChildren(QLineEdit):
                number.setToolTip(slider.toolTip())
            if limits is not None:
                with QSignalBlocker(slider):
                    slider.setRange(*limits)
