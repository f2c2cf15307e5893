"""The controls of the widget; what they mean is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from magicgui.widgets import ComboBox
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_clode._actions_box import ActionsBox
from napari_clode._advanced import AdvancedBox
from napari_clode._engine import Settings
from napari_clode._form import allow, choice_box, row
from napari_clode._help import help_button
from napari_clode._layer_choices import channel_choices, likely_channels
from napari_clode._levels_box import LevelsBox
from napari_clode._methods import Local
from napari_clode._planes import Channels
from napari_clode._slider_box import SliderBox
from napari_clode._video import is_video
from napari_clode._where_box import WhereBox

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_clode._where_planes import Chosen

_WIDTH, _PIN_WIDTH = 300, 44  # pixels
_DENOISE_TIP = "Remove the noise that shows when a dark picture is made bright"
_SHARED_TIP = (
    "Every plane gets the same curve: differences between planes stay as they were, and nothing changes "
    "when something bright comes or goes. Without it every plane is made equally bright"
)


class Choices(NamedTuple):
    """What has been chosen for one layer."""

    method: str
    value: float
    denoise: bool
    shared: bool
    channels: int
    levels: tuple[int, str, str]
    local: Local
    where: Chosen
    settings: Settings


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
        self.layer_box.native.setToolTip("The layer that is enhanced: the active one, or one chosen here")
        self.layer_box.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.layer_box.changed.connect(self._on_layer)
        self.pin = QPushButton("Pin")
        self.pin.setFixedWidth(_PIN_WIDTH)
        self.pin.setCheckable(True)
        self.pin.setToolTip("Stay with this layer when another one becomes active")
        self.channels = choice_box("Whether an axis of the stack is colours or channels")
        self.channels.currentIndexChanged.connect(self._on_settings)
        self.levels = LevelsBox()
        self.levels.changed.connect(self.settings_changed)
        self._build_method()
        self.actions_box = ActionsBox(self.reset)
        self.help = help_button(self)
        self._arrange()
        self.setMinimumWidth(_WIDTH)
        self._selected = 1
        self._fit_to_method()

    def _build_method(self) -> None:
        self.advanced = AdvancedBox()
        self.advanced.method_changed.connect(self._on_method)
        self.advanced.settings_changed.connect(self._on_settings)
        self.slider_box = SliderBox(self.advanced.info)
        self.slider_box.value_changed.connect(self.value_changed)
        self.slider, self.plot = self.slider_box.slider, self.slider_box.plot
        self.auto, self.reset = self.slider_box.auto, self.slider_box.reset
        self.where = WhereBox(lambda: self.slider_box.value)
        self.denoise = QCheckBox("Remove noise")
        self.denoise.setChecked(True)
        self.denoise.toggled.connect(self.denoise_changed)
        self.shared = QCheckBox("One exposure for all planes")
        self.shared.toggled.connect(self._on_settings)

    def _arrange(self) -> None:
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.form.addRow("Image", row(self.layer_box.native, self.pin))
        self.form.addRow("Channels", self.channels)
        self.form.addRow("Levels", self.levels)
        everything = QVBoxLayout(self)
        everything.setContentsMargins(0, 0, 0, 0)
        everything.setSpacing(4)
        everything.addLayout(self.form)
        everything.addWidget(self.slider_box)
        everything.addWidget(self.where)
        everything.addWidget(self.denoise)
        everything.addWidget(self.shared)
        everything.addWidget(self.actions_box)
        everything.addWidget(self.advanced)
        everything.addWidget(self.help)
        everything.addStretch(1)

    @property
    def layer(self) -> Image | None:
        """The chosen layer."""
        chosen: Image | None = self.layer_box.value
        return chosen

    @property
    def settings(self) -> Settings:
        """Everything but the slider and noise removal."""
        return Settings(
            channels=self.channels.currentData() or Channels(),
            levels=self.levels.levels,
            shared=self.shared.isChecked() and self.shared.isEnabled() and not self.shared.isHidden(),
            device=self.advanced.device.currentText(),
            weights=self.advanced.weights.text().strip(),
            method=self.advanced.info.name,
        )

    def local_of(self, layer: Image) -> Local:
        """How the exposure time of a layer differs from place to place."""
        return self.advanced.local_box.local._replace(where=self.where.regions_over(layer))

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
            self.levels.choice,
            self.advanced.local_box.local,
            self.where.chosen,
            self.settings,
        )

    @choices.setter
    def choices(self, choices: Choices) -> None:
        blockers = [QSignalBlocker(control) for control in (self.denoise, self.shared, self.channels)]
        self.advanced.show_method(choices.method)
        self._fit_to_method()
        self.slider_box.show_value(choices.value)
        self.denoise.setChecked(choices.denoise)
        self.shared.setChecked(choices.shared)
        self.channels.setCurrentIndex(min(choices.channels, self.channels.count() - 1))
        self.levels.choice = choices.levels
        self.advanced.local_box.show_local(choices.local)
        self.where.show_chosen(choices.where)
        del blockers

    def offer_layers(self, chosen: Image | None) -> None:
        """Offer the layers there are now; `chosen` stays chosen where it still is there."""
        with self.layer_box.changed.blocked():
            self.layer_box.reset_choices()
            if chosen is not None and any(choice is chosen for choice in self.layer_box.choices):
                self.layer_box.value = chosen

    def fit_to(self, layer: Image | None) -> None:
        """Offer what makes sense for a layer."""
        video = is_video(layer)
        with QSignalBlocker(self.channels):
            self.channels.clear()
            for text, channels in channel_choices(layer):
                self.channels.addItem(text, channels)
            self.channels.setCurrentIndex(likely_channels(layer, self.channels.count()))
        if layer is not None:
            self.levels.fit_to(layer, video=video)
        self.form.setRowVisible(self.channels, self.channels.count() > 1)
        self.form.setRowVisible(self.levels, not video)
        self.shared.setVisible(layer is not None and layer.ndim > 2 and not video)
        buttons = self.actions_box
        for control in (buttons.enhance, buttons.keep, buttons.compare, buttons.back):
            control.setEnabled(layer is not None)
        self._fit_to_method()

    def offer_apply(self, count: int) -> None:
        """Offer to enhance so many selected layers at once."""
        self._selected = count
        self._offer_apply()

    def _fit_to_method(self) -> None:
        """Offer what the chosen method can do."""
        info, layer = self.advanced.info, self.layer
        self.slider_box.fit_to(info)
        self.slider_box.allow_auto(layer is not None)
        self.where.fit_to(info, video=is_video(layer))
        allow(self.denoise, info.noise_removal, _DENOISE_TIP, f"{info.title} does not remove noise")
        allow(self.shared, info.video_tables, _SHARED_TIP, f"{info.title} enhances every plane by itself")
        self._offer_apply()

    def _offer_apply(self) -> None:
        info, layer = self.advanced.info, self.layer
        whole = is_video(layer) and info.video_tables  # its result has all its planes
        stack = layer is not None and layer.ndim > 2 and not whole
        self.actions_box.show_apply(self._selected, stack or (self._selected > 1 and not whole))

    def _on_layer(self, _: object = None) -> None:
        self.layer_chosen.emit()

    def _on_settings(self, _: object = None) -> None:
        self.settings_changed.emit()

    def _on_method(self) -> None:
        self._fit_to_method()
        self.settings_changed.emit()
