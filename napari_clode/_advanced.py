"""What few users change: shadows and highlights, method, device and weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QFileDialog, QFormLayout, QLineEdit, QToolButton, QWidget
from superqt import QCollapsible

from napari_clode._form import allow, choice_box, row
from napari_clode._local_box import LocalBox
from napari_clode._methods import usable_methods

if TYPE_CHECKING:
    from clode_core import MethodInfo

_DEVICES = ("auto", "cpu", "cuda", "mps")


class AdvancedBox(QCollapsible):
    """Shadows and highlights, method, device and weights, folded away.

    Signals
    -------
    method_changed
        Another method was chosen; its weights are those last chosen for it.
    settings_changed
        Another device or other weights were chosen.
    local_changed
        Shadows or highlights were changed.
    """

    method_changed = Signal()
    settings_changed = Signal()
    local_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Advanced", parent)
        self._methods = usable_methods()
        self._weights: dict[str, str] = {}  # of each method
        self.method = choice_box("How pictures are enhanced")
        for name, info in self._methods.items():
            self.method.addItem(info.title, name)
        self.method.currentIndexChanged.connect(self._on_method)
        self.device = choice_box("Where the networks run; auto takes a GPU where there is one", *_DEVICES)
        self.device.currentIndexChanged.connect(lambda _: self.settings_changed.emit())
        self.weights = QLineEdit()
        self.weights.setPlaceholderText("packaged")
        self.weights.editingFinished.connect(self._on_weights)
        self.browse = QToolButton()
        self.browse.setText("…")
        self.browse.clicked.connect(self._on_browse)
        self.local_box = LocalBox()
        self.local_box.changed.connect(self.local_changed)
        inside = QWidget()
        fields = QFormLayout(inside)
        fields.setContentsMargins(0, 0, 0, 0)
        fields.addRow(self.local_box)
        fields.addRow("Method", self.method)
        fields.addRow("Device", self.device)
        fields.addRow("Weights", row(self.weights, self.browse))
        self.addWidget(inside)
        self._fit_to_method()

    @property
    def info(self) -> MethodInfo:
        """The chosen method."""
        return self._methods[self.method.currentData()]

    def show_method(self, name: str) -> None:
        """Choose a method without telling anybody."""
        with QSignalBlocker(self.method):
            self.method.setCurrentIndex(max(0, self.method.findData(name)))
        self._fit_to_method()

    def _on_method(self, _: int) -> None:
        self._fit_to_method()
        self.method_changed.emit()

    def _fit_to_method(self) -> None:
        info = self.info
        self.local_box.fit_to(info)
        self.method.setToolTip(info.summary)
        self.weights.setText(self._weights.get(info.name, ""))
        reason = f"{info.title} has no weights"
        allow(self.weights, info.needs_weights, "A .safetensors file written by CLODE", reason)
        allow(self.browse, info.needs_weights, "Look for a file of weights", reason)

    def _on_weights(self) -> None:
        text = self.weights.text()
        if text != self._weights.get(self.info.name, ""):
            self._weights[self.info.name] = text
            self.settings_changed.emit()

    def _on_browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Weights", "", "CLODE weights (*.safetensors)")
        if path:
            self.weights.setText(path)
            self._on_weights()
