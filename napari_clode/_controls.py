"""The controls of the widget; what they mean is decided elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from magicgui.widgets import ComboBox
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible, QLabeledDoubleSlider

from napari_clode._engine import TIMES, Settings
from napari_clode._planes import Channels
from napari_clode._plot import BrightnessPlot
from napari_clode._video import VideoPlanes

if TYPE_CHECKING:
    from napari.layers import Image

_WIDTH = 300  # pixels
_LEVELS = {"Full range of the type": "dtype", "From the data": "auto", "Typed": "typed"}
_DEVICES = ("auto", "cpu", "cuda", "mps")
_CHANNEL_NAMES = {"c", "ch", "channel", "channels"}


class Choices(NamedTuple):
    """What has been chosen for one layer."""

    time: float
    denoise: bool
    shared: bool
    channels: int
    levels: int
    black: str
    white: str


class Controls(QWidget):
    """Everything a user can touch.

    Signals
    -------
    layer_chosen, settings_changed, time_changed, denoise_changed
        What a user, or the program, has changed.
    """

    layer_chosen = Signal()
    settings_changed = Signal()
    time_changed = Signal(float)
    denoise_changed = Signal(bool)

    def __init__(
        self, sources: Callable[[Any], list[tuple[str, Image]]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.layer_box = ComboBox(label="Image", choices=sources, nullable=False)
        self.layer_box.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.layer_box.changed.connect(self._on_layer)
        self.channels = _choice("How an axis of the stack is to be understood")
        self.channels.currentIndexChanged.connect(self._on_settings)
        self._build_exposure()
        self._build_levels()
        self._build_advanced()
        self._build_actions()
        self._arrange()
        self.setMinimumWidth(_WIDTH)
        self._show_typed()

    def _build_exposure(self) -> None:
        self.time = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.time.setRange(*TIMES)
        self.time.setDecimals(2)
        self.time.setSingleStep(0.05)
        self.time.setPageStep(0.5)
        self.time.setValue(3.0)
        self.time.setToolTip("0 leaves the picture as it is, 3 is a normal exposure, negative darkens")
        self.time.valueChanged.connect(self.time_changed)
        self.auto = QPushButton("Auto")
        self.auto.setToolTip("Move the slider to an exposure time chosen for this plane")
        self.plot = BrightnessPlot(TIMES)
        self.plot.set_time(self.time.value())
        self.plot.picked.connect(self.time.setValue)
        self.time.valueChanged.connect(self.plot.set_time)
        self.denoise = QCheckBox("Remove noise")
        self.denoise.setChecked(True)
        self.denoise.toggled.connect(self.denoise_changed)
        self.shared = QCheckBox("One exposure for all planes")
        self.shared.setToolTip("Every plane gets the same curve, so that a time series does not flicker")
        self.shared.toggled.connect(self._on_settings)

    def _build_levels(self) -> None:
        self.levels = _choice("Which values are black and white", *_LEVELS)
        self.levels.currentIndexChanged.connect(self._on_levels)
        self.black, self.white = QLineEdit("0"), QLineEdit("255")
        for box in (self.black, self.white):
            box.setToolTip("In the units of the layer's values")
            box.editingFinished.connect(self._on_settings)
        self.typed = _row(QLabel("black"), self.black, QLabel("white"), self.white)

    def _build_advanced(self) -> None:
        self.device = _choice("Where the networks run; auto takes a GPU where there is one", *_DEVICES)
        self.device.currentIndexChanged.connect(self._on_settings)
        self.weights = QLineEdit()
        self.weights.setPlaceholderText("packaged")
        self.weights.setToolTip("A .safetensors file written by CLODE")
        self.weights.editingFinished.connect(self._on_weights)
        self._used_weights = ""
        self.browse = QToolButton()
        self.browse.setText("…")
        self.browse.clicked.connect(self._on_browse)

    def _build_actions(self) -> None:
        self.enhance = QPushButton("Enhance")
        self.enhance.setToolTip("Show the result as a new layer that follows the slider")
        self.reset = QPushButton("Reset")
        self.reset.setToolTip("Exposure time 0: the picture as it is")
        self.reset.clicked.connect(lambda: self.time.setValue(0.0))
        self.keep = QPushButton("Keep")
        self.keep.setToolTip("Make the result independent of this widget")
        self.apply = QPushButton("Apply to all planes")
        self.cancel = QPushButton("Cancel")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.status = QLabel()
        self.troubled = False  # whether the sentence under the buttons tells of something wrong
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.show_progress(None)

    def _arrange(self) -> None:
        advanced = QCollapsible("Advanced")
        inside = QWidget()
        fields = QFormLayout(inside)
        fields.setContentsMargins(0, 0, 0, 0)
        fields.addRow("Device", self.device)
        fields.addRow("Weights", _row(self.weights, self.browse))
        advanced.addWidget(inside)
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.form.addRow("Image", self.layer_box.native)
        self.form.addRow("Channels", self.channels)
        self.form.addRow("Levels", self.levels)
        self.form.addRow("", self.typed)
        everything = QVBoxLayout(self)
        everything.setContentsMargins(0, 0, 0, 0)
        everything.addLayout(self.form)
        everything.addWidget(QLabel("Exposure time"))
        everything.addWidget(_row(self.time, self.auto))
        everything.addWidget(self.plot)
        everything.addWidget(self.denoise)
        everything.addWidget(self.shared)
        everything.addWidget(_row(self.enhance, self.reset, self.keep))
        everything.addWidget(self.apply)
        everything.addWidget(_row(self.progress, self.cancel))
        everything.addWidget(self.status)
        everything.addWidget(advanced)
        everything.addStretch(1)

    @property
    def layer(self) -> Image | None:
        """The chosen layer."""
        chosen: Image | None = self.layer_box.value
        return chosen

    @property
    def settings(self) -> Settings:
        """Everything but exposure time and noise removal."""
        kind = _LEVELS[self.levels.currentText()]
        typed = (_number(self.black.text()), _number(self.white.text()))
        return Settings(
            channels=self.channels.currentData() or Channels(),
            levels=typed if kind == "typed" else "auto" if kind == "auto" else "dtype",
            shared=self.shared.isChecked() and not self.shared.isHidden(),
            device=self.device.currentText(),
            weights=self.weights.text().strip(),
        )

    @property
    def choices(self) -> Choices:
        """What has been chosen for a layer."""
        return Choices(
            self.time.value(),
            self.denoise.isChecked(),
            self.shared.isChecked(),
            self.channels.currentIndex(),
            self.levels.currentIndex(),
            self.black.text(),
            self.white.text(),
        )

    @choices.setter
    def choices(self, choices: Choices) -> None:
        touched = (self.time, self.denoise, self.shared, self.channels, self.levels)
        blockers = [QSignalBlocker(control) for control in touched]
        self.time.setValue(choices.time)
        self.plot.set_time(choices.time)
        self.denoise.setChecked(choices.denoise)
        self.shared.setChecked(choices.shared)
        self.channels.setCurrentIndex(min(choices.channels, self.channels.count() - 1))
        self.levels.setCurrentIndex(choices.levels)
        self.black.setText(choices.black)
        self.white.setText(choices.white)
        del blockers
        self._show_typed()

    def offer_layers(self, chosen: Image | None) -> None:
        """Offer the layers there are now; `chosen` stays chosen where it still is there."""
        with self.layer_box.changed.blocked():
            self.layer_box.reset_choices()
            if chosen is not None and any(choice is chosen for choice in self.layer_box.choices):
                self.layer_box.value = chosen

    def fit_to(self, layer: Image | None, *, busy: bool = False) -> None:
        """Offer what makes sense for a layer; `busy` while all planes of some layer are being enhanced."""
        film = layer is not None and isinstance(layer.data, VideoPlanes)
        with QSignalBlocker(self.channels), QSignalBlocker(self.levels):
            self.channels.clear()
            for text, channels in _channel_choices(layer):
                self.channels.addItem(text, channels)
            self.channels.setCurrentIndex(_likely_channels(layer, self.channels.count()))
            if layer is not None:
                self.levels.setCurrentIndex(1 if _needs_levels(layer) and not film else 0)
                self.black.setText("0")
                self.white.setText(f"{float(layer.contrast_limits_range[1]):g}")
        stack = layer is not None and layer.ndim > 2 and not film  # a film's result has all its planes
        self.form.setRowVisible(self.channels, self.channels.count() > 1)
        self.form.setRowVisible(self.levels, not film)
        self.shared.setVisible(stack)
        self.apply.setVisible(stack)
        for control in (self.enhance, self.auto, self.apply, self.keep):
            control.setEnabled(layer is not None)
        self.apply.setEnabled(layer is not None and not busy)
        self._show_typed()

    def say(self, text: str, *, trouble: bool = False) -> None:
        """One sentence under the buttons."""
        self.troubled = trouble
        self.status.setText(text)
        self.status.setStyleSheet("color: #ff8a65" if trouble else "")

    def show_progress(self, fraction: float | None) -> None:
        """Show the fraction done, or nothing for None."""
        self.progress.setVisible(fraction is not None)
        self.cancel.setVisible(fraction is not None)
        self.progress.setValue(round(1000 * (fraction or 0)))

    def _on_layer(self, _: object = None) -> None:
        self.layer_chosen.emit()

    def _on_settings(self, _: object = None) -> None:
        self.settings_changed.emit()

    def _on_levels(self, _: object = None) -> None:
        self._show_typed()
        self.settings_changed.emit()

    def _show_typed(self) -> None:
        self.form.setRowVisible(self.typed, _LEVELS[self.levels.currentText()] == "typed")

    def _on_weights(self) -> None:
        if self.weights.text() != self._used_weights:
            self._used_weights = self.weights.text()
            self.settings_changed.emit()

    def _on_browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Weights", "", "CLODE weights (*.safetensors)")
        if path:
            self.weights.setText(path)
            self._on_weights()


def _number(text: str) -> float:
    """A typed number; NaN, which no level can be, for anything else."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan


def _choice(tip: str, *texts: str) -> QComboBox:
    box = QComboBox()
    box.addItems(list(texts))
    box.setToolTip(tip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(6)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return row


def _channel_choices(layer: Image | None) -> list[tuple[str, Channels]]:
    choices = [("None", Channels())]
    if layer is None or layer.rgb:
        return choices
    shape = layer.level_shapes[0] if layer.multiscale else layer.data.shape
    for axis in range(layer.ndim - 2):
        where = f"axis {axis} ({layer.axis_labels[axis]}, {shape[axis]})"
        choices.append((f"{where}: each by itself", Channels("each", axis)))
        if shape[axis] == 3:
            choices.append((f"{where}: red, green, blue", Channels("rgb", axis)))
    return choices


def _likely_channels(layer: Image | None, count: int) -> int:
    """The choice for an axis that calls itself channels; otherwise none."""
    for i, (_, channels) in enumerate(_channel_choices(layer)[:count]):
        if (
            layer is not None
            and channels.kind == "each"
            and _is_channel_name(layer.axis_labels[channels.axis])
        ):
            return i
    return 0


def _is_channel_name(label: str) -> bool:
    return label.strip().lower() in _CHANNEL_NAMES


def _needs_levels(layer: Image) -> bool:
    """Whether the full range of the dtype is unlikely to be the range of the camera."""
    kind = layer.dtype.kind
    return (kind in "ui" and layer.dtype.itemsize > 1) or (
        kind == "f" and layer.contrast_limits_range[1] > 1.5
    )
