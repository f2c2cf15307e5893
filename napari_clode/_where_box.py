"""Where the exposure time holds: in the whole picture, or each region with its own."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import (
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_clode._form import allow, choice_box, row, scrolled
from napari_clode._methods import bends, shown_digits
from napari_clode._planes import LayerError
from napari_clode._slider_box import STEPS_PER_PAGE, KeySlider
from napari_clode._where import Regions, regions_of
from napari_clode._where_planes import EVERYWHERE, Chosen

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Shapes

    from clode_core import MethodInfo

    Layer = Labels | Shapes

MOST_ROWS = 24
"""Sliders of single regions; further regions share one."""
_OTHERS = 0  # key of the row that they share
_WHOLE = "Whole picture"
_SWATCH, _TABLE_HEIGHT, _LARGEST_FEATHER = 12, 132, 999  # pixels
_BUTTON_WIDTH = 52
_DIFFERENCE = 1.0  # between the slider and a region whose time nobody has chosen, so that a stroke is seen
_TIP = (
    "Whole picture: one exposure time everywhere. Or a Labels or Shapes layer: each label or shape has a "
    "time of its own, and the slider above is for everything outside them. A layer with two axes counts for "
    "all planes, one with as many as the picture for each plane by itself"
)
_FEATHER_TIP = "Pixels of the picture over which the edge of a region fades"


class TimesTable(QWidget):
    """A slider for each region.

    Signals
    -------
    moved : (int, float)
        The slider of a region was moved; 0 is all the others.
    """

    moved = Signal(int, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sliders: dict[int, KeySlider] = {}
        self._info: MethodInfo | None = None
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(2)

    def fit_to(self, info: MethodInfo) -> None:
        """Take range and step of a method's slider."""
        self._info = info
        for slider in self.sliders.values():
            with QSignalBlocker(slider):
                self._set_range(slider)

    def fill(self, rows: Iterable[tuple[int, str, Any, float]]) -> None:
        """Show rows: number, name, colour and time of each region."""
        while self._form.rowCount():
            self._form.removeRow(0)
        self.sliders.clear()
        for number, name, colour, time in rows:
            slider = KeySlider()
            self._set_range(slider)
            slider.setValue(time)
            slider.setToolTip(f"Exposure time of {name[0].lower()}{name[1:]}")
            for typed in slider.findChildren(QLineEdit):
                typed.setToolTip(slider.toolTip())
            slider.valueChanged.connect(lambda value, number=number: self.moved.emit(number, value))
            self.sliders[number] = slider
            self._form.addRow(row(_swatch(colour), QLabel(name)), slider)

    def _set_range(self, slider: KeySlider) -> None:
        info = self._info
        if info is None or info.slider is None:
            return
        slider.setRange(info.slider.first, info.slider.last)
        slider.setDecimals(shown_digits(info))
        slider.setSingleStep(info.slider.step)
        slider.setPageStep(STEPS_PER_PAGE * info.slider.step)


class WhereBox(QWidget):
    """A choice of layers, with a table of the exposure times of their regions.

    Parameters
    ----------
    main : callable
        Gives the exposure time outside all regions.

    Signals
    -------
    changed
        A user has chosen something else.
    layer_changed
        Other regions are to be followed from now on.
    vanished
        The chosen layer is no longer there: the whole picture is chosen.
    paint_wanted
        A layer to paint on is asked for.
    """

    changed = Signal()
    layer_changed = Signal()
    vanished = Signal()
    paint_wanted = Signal()

    def __init__(self, main: Callable[[], float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._main = main
        self._info: MethodInfo | None = None
        self._chosen = EVERYWHERE
        self._before: weakref.WeakKeyDictionary[Layer, Chosen] = weakref.WeakKeyDictionary()
        self._offered: list[weakref.ref[Layer]] = []
        self._shown: tuple[int, ...] = ()
        self._refusal = ""
        self.box = choice_box(_TIP, _WHOLE)
        self.box.currentIndexChanged.connect(self._on_index)
        self.paint = QPushButton("Paint")
        self.paint.setFixedWidth(_BUTTON_WIDTH)
        self.paint.clicked.connect(self.paint_wanted)
        self.feather = QSpinBox()
        self.feather.setRange(0, _LARGEST_FEATHER)
        self.feather.setSuffix(" px")
        self.feather.setToolTip(_FEATHER_TIP)
        self.feather.valueChanged.connect(self._on_feather)
        self.table = TimesTable()
        self.table.moved.connect(self._on_time)
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self._area = self._arrange()
        self._show()

    def _arrange(self) -> QScrollArea:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Where", row(self.box, self.paint))
        inside = QWidget()
        both = QVBoxLayout(inside)
        both.setContentsMargins(0, 0, 0, 0)
        both.addWidget(self.table)
        both.addWidget(self.hint)
        both.addStretch(1)
        area = scrolled(inside)
        self._feather_row = row(QLabel("Feather"), self.feather)
        everything = QVBoxLayout(self)
        everything.setContentsMargins(0, 0, 0, 0)
        everything.setSpacing(2)
        everything.addLayout(form)
        everything.addWidget(area)
        everything.addWidget(self._feather_row)
        return area

    @property
    def layer(self) -> Layer | None:
        """The chosen Labels or Shapes layer."""
        return self._chosen.layer() if self._chosen.layer is not None else None

    @property
    def chosen(self) -> Chosen:
        """What is chosen; the whole picture where the method cannot."""
        return self._chosen if self.layer is not None and self.box.isEnabled() else EVERYWHERE

    def regions_over(self, picture: Image) -> Regions | None:
        """The chosen regions, on a picture; None for the whole, also where they do not fit, which is said."""
        chosen, layer = self.chosen, self.layer
        regions, refusal = None, ""
        if chosen.layer is not None and layer is not None:
            try:
                regions = regions_of(layer, chosen).over(picture)
            except LayerError as error:
                refusal = f"{error}. Until then the whole picture counts."
        if refusal != self._refusal:
            self._refusal, self._shown = refusal, ()
            self._show()
        return regions

    def choose(self, layer: Layer | None) -> None:
        """Choose a layer as a user does."""
        self.set_chosen(self._chosen_of(layer))

    def set_chosen(self, chosen: Chosen) -> None:
        """Choose, and tell it if that is a change."""
        before = self.chosen
        self.show_chosen(chosen)
        if self.chosen != before:
            self.changed.emit()

    def show_chosen(self, chosen: Chosen) -> None:
        """Choose without telling anybody that a user did."""
        layer = chosen.layer() if chosen.layer is not None else None
        number = 0 if layer is None else self._number(layer)
        if not number:
            chosen, layer = EVERYWHERE, None
        other = layer is not self.layer
        self._set(chosen)
        with QSignalBlocker(self.box), QSignalBlocker(self.feather):
            self.box.setCurrentIndex(number)
            self.feather.setValue(round(chosen.feather))
        self._shown = () if other else self._shown
        self._show()
        if other:
            self.layer_changed.emit()

    def offer(self, layers: Sequence[Layer]) -> None:
        """Offer the layers there are now; the chosen one stays chosen where it still is there."""
        layer = self.layer
        gone = self._chosen.layer is not None and not any(each is layer for each in layers)
        self._offered = [weakref.ref(each) for each in layers]
        with QSignalBlocker(self.box):
            self.box.clear()
            self.box.addItems([_WHOLE, *(each.name for each in layers)])
            self.box.setCurrentIndex(0 if gone or layer is None else self._number(layer))
        if gone:
            self.show_chosen(EVERYWHERE)
            self.layer_changed.emit()
            self.vanished.emit()

    def fit_to(self, info: MethodInfo, *, video: bool) -> None:
        """Offer what a method can do, for a picture or a video."""
        self._info = info
        name = info.slider.label.lower() if info.slider else "strength"
        reason = "A video has one exposure time for all places" if video else ""
        reason = reason or f"{info.title} has one {name} for all places"
        possible = bends(info) is not None and not video
        allow(self.box, possible, _TIP, reason)
        allow(self.paint, possible, "Paint with napari's brush: adds a Labels layer and chooses it", reason)
        self.table.fit_to(info)
        self._show()

    def show_found(self, numbers: tuple[int, ...], *, all_of_them: bool) -> None:
        """Labels, or shapes, that have been found on the plane; perhaps there are more."""
        if self.layer is None:
            return
        wanted = tuple(sorted(numbers if all_of_them else {*self._shown, *numbers}))
        if wanted != self._shown:
            self._shown = wanted
            self._show()

    def shapes_removed(self, indices: Iterable[int]) -> None:
        """Shapes were removed: the later ones have other numbers now, and keep their times."""
        gone = sorted({index + 1 for index in indices})
        times = {number: time for number, time in self._chosen.times if number not in gone}
        moved = {number - sum(g < number for g in gone): time for number, time in times.items()}
        self._set(self._chosen._replace(times=tuple(sorted(moved.items()))))
        self._shown = ()

    def recolour(self, _: Any = None) -> None:
        """The layer shows its regions in other colours."""
        self._show()

    def _number(self, layer: Layer) -> int:
        """Its place in the box; 0 where it is not offered."""
        return next((n for n, offered in enumerate(self._offered, 1) if offered() is layer), 0)

    def _chosen_of(self, layer: Layer | None) -> Chosen:
        if layer is None:
            return EVERYWHERE
        if layer in self._before:
            return self._before[layer]
        main, slider = self._main(), self._info.slider if self._info is not None else None
        up = slider is None or main + _DIFFERENCE <= slider.last
        return Chosen(weakref.ref(layer), rest=main + (_DIFFERENCE if up else -_DIFFERENCE))

    def _set(self, chosen: Chosen) -> None:
        self._chosen = chosen
        layer = self.layer
        if layer is not None:
            self._before[layer] = chosen

    def _on_index(self, index: int) -> None:
        self.choose(self._offered[index - 1]() if index > 0 else None)

    def _on_feather(self, pixels: int) -> None:
        self._set(self._chosen._replace(feather=float(pixels)))
        self.changed.emit()

    def _on_time(self, number: int, value: float) -> None:
        value = round(value, shown_digits(self._info)) if self._info is not None else value
        if number == _OTHERS:
            self._set(self._chosen._replace(rest=value))
        else:
            times = {**dict(self._chosen.times), number: value}
            self._set(self._chosen._replace(times=tuple(sorted(times.items()))))
        self.changed.emit()

    def _show(self) -> None:
        """Bring the rows up to date."""
        layer = self.layer
        shown = layer is not None and self.box.isEnabled()
        self._area.setVisible(shown)
        self._feather_row.setVisible(shown)
        if layer is None or not shown:
            self.table.fill(())
            return
        kind, given = "Label" if _is_labels(layer) else "Shape", dict(self._chosen.times)
        single = self._shown if len(self._shown) <= MOST_ROWS else self._shown[: MOST_ROWS - 1]
        rows = [(n, f"{kind} {n}", _colour(layer, n), given.get(n, self._chosen.rest)) for n in single]
        if len(single) < len(self._shown):
            others = f"{len(self._shown) - len(single)} others"
            rows.append((_OTHERS, others, None, self._chosen.rest))
        self.table.fill(rows)
        act = "Paint on" if _is_labels(layer) else "Draw closed shapes on"
        self.hint.setText(self._refusal or f"{act} {layer.name}: every {kind.lower()} gets a slider here.")
        self.hint.setVisible(not rows)
        height = max(self.table.sizeHint().height(), self.hint.sizeHint().height())
        self._area.setFixedHeight(min(_TABLE_HEIGHT, height + 4))


def _is_labels(layer: Layer) -> bool:
    from napari.layers import Labels

    return isinstance(layer, Labels)


def _colour(layer: Layer, number: int) -> Any:
    if _is_labels(layer):
        return layer.get_color(number)
    return layer.face_color[number - 1] if number <= len(layer.face_color) else None


def _swatch(colour: Any) -> QLabel:
    """A square in the colour of a region."""
    label = QLabel()
    label.setFixedWidth(_SWATCH)
    if colour is not None:
        pixels = QPixmap(_SWATCH, _SWATCH)
        pixels.fill(QColor.fromRgbF(*(float(part) for part in colour[:3])))
        label.setPixmap(pixels)
    return label
