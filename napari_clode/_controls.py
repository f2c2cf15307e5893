"""The controls of the widget; what they mean is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from magicgui.widgets import ComboBox
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_clode._advanced import AdvancedBox
from napari_clode._engine import Settings
from napari_clode._form import allow, choice_box, row, typed_number
from napari_clode._layer_choices import channel_choices, likely_channels, needs_levels
from napari_clode._planes import Channels
from napari_clode._slider_box import SliderBox
from napari_clode._video import is_video

if TYPE_CHECKING:
    from napari.layers import Image

_WIDTH = 300  # pixels
_LEVELS = {"Full range of the type": "dtype", "From the data": "auto", "Typed": "typed"}


class Choices(NamedTuple):
    """What has been chosen for one layer."""

    method: str
    value: float
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
    layer_chosen, settings_changed, value_changed, denoise_changed
        What a user, or the program, has changed.
    """

    layer_chosen = Signal()
    settings_changed = Signal()
    value_changed = Signal(float)
    denoise_changed = Signal(bool)

    def __init__(
        self, sources: Callable[[Any], list[tuple[str, Image]]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.layer_box = ComboBox(label="Image", choices=sources, nullable=False)
        self.layer_box.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.layer_box.changed.connect(self._on_layer)
        self.channels = choice_box("How an axis of the stack is to be understood")
        self.channels.currentIndexChanged.connect(self._on_settings)
        self._build_method()
        self._build_levels()
        self._build_actions()
        self._arrange()
        self.setMinimumWidth(_WIDTH)
        self._fit_to_method()
        self._show_typed()

    def _build_method(self) -> None:
        self.advanced = AdvancedBox()
        self.advanced.method_changed.connect(self._on_method)
        self.advanced.settings_changed.connect(self._on_settings)
        self.slider_box = SliderBox(self.advanced.info)
        self.slider_box.value_changed.connect(self.value_changed)
        self.slider, self.plot = self.slider_box.slider, self.slider_box.plot
        self.auto, self.reset = self.slider_box.auto, self.slider_box.reset
        self.denoise = QCheckBox("Remove noise")
        self.denoise.setChecked(True)
        self.denoise.toggled.connect(self.denoise_changed)
        self.shared = QCheckBox("One exposure for all planes")
        self.shared.toggled.connect(self._on_settings)

    def _build_levels(self) -> None:
        self.levels = choice_box("Which values are black and white", *_LEVELS)
        self.levels.currentIndexChanged.connect(self._on_levels)
        self.black, self.white = QLineEdit("0"), QLineEdit("255")
        for box in (self.black, self.white):
            box.setToolTip("In the units of the layer's values")
            box.editingFinished.connect(self._on_settings)
        self.typed = row(QLabel("black"), self.black, QLabel("white"), self.white)

    def _build_actions(self) -> None:
        self.enhance = QPushButton("Enhance")
        self.enhance.setToolTip("Show the result as a new layer that follows the slider")
        self.keep = QPushButton("Keep")
        self.keep.setToolTip("Make the result independent of this widget")
        self.apply = QPushButton("Apply to all planes")
        self.cancel = QPushButton("Cancel")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.status = QLabel()
        self.shows_error = False  # whether the sentence under the buttons tells of something wrong
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.show_progress(None)

    def _arrange(self) -> None:
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.form.addRow("Image", self.layer_box.native)
        self.form.addRow("Channels", self.channels)
        self.form.addRow("Levels", self.levels)
        self.form.addRow("", self.typed)
        everything = QVBoxLayout(self)
        everything.setContentsMargins(0, 0, 0, 0)
        everything.addLayout(self.form)
        everything.addWidget(self.slider_box)
        everything.addWidget(self.denoise)
        everything.addWidget(self.shared)
        everything.addWidget(row(self.enhance, self.reset, self.keep))
        everything.addWidget(self.apply)
        everything.addWidget(row(self.progress, self.cancel))
        everything.addWidget(self.status)
        everything.addWidget(self.advanced)
        everything.addStretch(1)

    @property
    def layer(self) -> Image | None:
        """The chosen layer."""
        chosen: Image | None = self.layer_box.value
        return chosen

    @property
    def settings(self) -> Settings:
        """Everything but the slider and noise removal."""
        kind = _LEVELS[self.levels.currentText()]
        typed = (typed_number(self.black.text()), typed_number(self.white.text()))
        return Settings(
            channels=self.channels.currentData() or Channels(),
            levels=typed if kind == "typed" else "auto" if kind == "auto" else "dtype",
            shared=self.shared.isChecked() and self.shared.isEnabled() and not self.shared.isHidden(),
            device=self.advanced.device.currentText(),
            weights=self.advanced.weights.text().strip(),
            method=self.advanced.info.name,
        )

    @property
    def value(self) -> float:
        """Of the slider."""
        return self.slider_box.value

    @property
    def removes_noise(self) -> bool:
        """Whether noise is to be removed, by a method that can."""
        return self.denoise.isChecked() and self.advanced.info.noise_removal

    @property
    def choices(self) -> Choices:
        """What has been chosen for a layer."""
        return Choices(
            self.advanced.info.name,
            self.value,
            self.denoise.isChecked(),
            self.shared.isChecked(),
            self.channels.currentIndex(),
            self.levels.currentIndex(),
            self.black.text(),
            self.white.text(),
        )

    @choices.setter
    def choices(self, choices: Choices) -> None:
        touched = (self.denoise, self.shared, self.channels, self.levels)
        blockers = [QSignalBlocker(control) for control in touched]
        self.advanced.show_method(choices.method)
        self._fit_to_method()
        self.slider_box.show_value(choices.value)
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
        video = is_video(layer)
        with QSignalBlocker(self.channels), QSignalBlocker(self.levels):
            self.channels.clear()
            for text, channels in channel_choices(layer):
                self.channels.addItem(text, channels)
            self.channels.setCurrentIndex(likely_channels(layer, self.channels.count()))
            if layer is not None:
                self.levels.setCurrentIndex(1 if needs_levels(layer) and not video else 0)
                self.black.setText("0")
                self.white.setText(f"{float(layer.contrast_limits_range[1]):g}")
        self.form.setRowVisible(self.channels, self.channels.count() > 1)
        self.form.setRowVisible(self.levels, not video)
        self.shared.setVisible(layer is not None and layer.ndim > 2 and not video)
        for control in (self.enhance, self.apply, self.keep):
            control.setEnabled(layer is not None)
        self.apply.setEnabled(layer is not None and not busy)
        self._fit_to_method()
        self._show_typed()

    def _fit_to_method(self) -> None:
        """Offer what the chosen method can do."""
        info, layer = self.advanced.info, self.layer
        self.slider_box.fit_to(info)
        self.slider_box.allow_auto(layer is not None)
        allow(self.denoise, info.noise_removal, "", f"{info.title} does not remove noise")
        allow(
            self.shared,
            info.video_tables,
            "Every plane gets the same curve, so that a time series does not flicker",
            f"{info.title} enhances every plane by itself",
        )
        whole = is_video(layer) and info.video_tables  # its result has all its planes
        self.apply.setVisible(layer is not None and layer.ndim > 2 and not whole)

    def show_status(self, text: str, *, error: bool = False) -> None:
        """One sentence under the buttons."""
        self.shows_error = error
        self.status.setText(text)
        self.status.setStyleSheet("color: #ff8a65" if error else "")

    def show_progress(self, fraction: float | None) -> None:
        """Show the fraction done, or nothing for None."""
        self.progress.setVisible(fraction is not None)
        self.cancel.setVisible(fraction is not None)
        self.progress.setValue(round(1000 * (fraction or 0)))

    def _on_layer(self, _: object = None) -> None:
        self.layer_chosen.emit()

    def _on_settings(self, _: object = None) -> None:
        self.settings_changed.emit()

    def _on_method(self) -> None:
        self._fit_to_method()
        self.settings_changed.emit()

    def _on_levels(self, _: object = None) -> None:
        self._show_typed()
        self.settings_changed.emit()

    def _show_typed(self) -> None:
        self.form.setRowVisible(self.typed, _LEVELS[self.levels.currentText()] == "typed")
