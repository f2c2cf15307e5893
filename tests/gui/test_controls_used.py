"""The controls under keys, wheel and mouse; their words and their colours."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

from napari.layers import Image
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QProgressBar,
    QTextBrowser,
)
from superqt import QDoubleSlider

from napari_clode import _results
from napari_clode._layer_choices import channel_choices

Key = Qt.Key


@pytest.mark.parametrize("where", ["slider", "groove"])
def test_keys_move_the_slider(viewer, opened, rest, dark, qtbot, where):
    widget = opened(Image(dark, rgb=True))
    slider = widget.controls.slider
    target = slider if where == "slider" else slider.findChild(QDoubleSlider)
    for key, value in (
        (Key.Key_Right, 3.1),
        (Key.Key_Left, 3.0),
        (Key.Key_Up, 3.1),
        (Key.Key_Down, 3.0),
        (Key.Key_PageUp, 3.5),
        (Key.Key_PageDown, 3.0),
        (Key.Key_Home, -5.0),
        (Key.Key_End, 5.0),
    ):
        qtbot.keyClick(target, key)
        assert widget.controls.value == value
    rest(widget)
    result = _results.preview_of(viewer, viewer.layers[0])
    assert result.metadata["clode"]["exposure_time"] == 5.0


def test_the_wheel_moves_the_slider_by_steps(viewer, opened, rest, dark):
    widget = opened(Image(dark, rgb=True))
    groove = widget.controls.slider.findChild(QDoubleSlider)
    for turn, value in ((120, 3.3), (-120, 3.0)):  # three steps a notch, as everywhere in Qt
        middle = QPointF(groove.rect().center())
        event = QWheelEvent(
            middle,
            groove.mapToGlobal(middle),
            QPoint(),
            QPoint(0, turn),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(groove, event)
        assert widget.controls.value == pytest.approx(value)
    rest(widget)


def test_back_and_ctrl_z_return_to_where_the_slider_rested(viewer, opened, rest, dark, qtbot):
    widget = opened(Image(dark, rgb=True))
    for value in (2.0, 1.0, -1.0):
        widget.controls.slider.setValue(value + 0.3)  # passed on the way
        widget.controls.slider.setValue(value)
        rest(widget)
        widget.history.visit()
    widget.buttons.back.click()
    assert widget.controls.value == 1.0
    widget.controls.slider.setFocus()
    qtbot.keyClick(widget.controls.slider, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert widget.controls.value == 2.0
    rest(widget)


def test_reset_brings_the_very_picture_back_and_back_the_setting(viewer, opened, rest, dark):
    layer = Image(dark, rgb=True)
    widget = opened(layer)
    widget.controls.denoise.setChecked(True)
    widget.controls.slider.setValue(2.0)
    rest(widget)
    widget.controls.reset.click()
    rest(widget)
    assert np.array_equal(_results.preview_of(viewer, layer).data, dark)
    widget.buttons.back.click()
    assert widget.controls.value == 2.0 and widget.controls.denoise.isChecked()
    rest(widget)


def test_a_right_click_on_the_plot_does_nothing(viewer, opened, rest, dark, qtbot):
    widget = opened(Image(dark, rgb=True))
    widget.buttons.enhance.click()
    rest(widget)
    plot = widget.controls.plot
    qtbot.mouseClick(plot, Qt.MouseButton.RightButton, pos=QPoint(60, 40))
    assert widget.controls.value == 3.0
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(60, 40))
    assert widget.controls.value != 3.0
    rest(widget)


def test_every_control_has_a_tooltip(viewer, opened, stack):
    widget = opened(Image(stack))
    kinds = (QAbstractButton, QComboBox, QLineEdit, QProgressBar)
    silent = [
        (type(found).__name__, getattr(found, "text", str)())
        for kind in kinds
        for found in widget.findChildren(kind)
        if not found.toolTip()
        and found.parent() not in (widget.controls.slider, widget.controls.advanced)
        and found.objectName() != "qt_spinbox_lineedit"
    ]
    assert not silent


def test_axes_have_plain_names(stack):
    texts = [text for text, _ in channel_choices(Image(np.stack([stack[:3]] * 3)))]
    assert texts == [
        "No channels",
        "First axis: 3 separate pictures",
        "First axis: red, green, blue",
        "Second axis: 3 separate pictures",
        "Second axis: red, green, blue",
    ]
    named = channel_choices(Image(stack, axis_labels=("c", "y", "x")))
    assert named[1][0] == "Axis c: 5 separate pictures"


def test_levels_that_were_found_are_shown(viewer, opened, rest, stack):
    widget = opened(Image(stack))
    assert widget.controls.levels.kind.itemText(0) == "0 to 65535, all of the type"
    widget.buttons.enhance.click()
    rest(widget)
    black, white = _results.preview_of(viewer, viewer.layers[0]).metadata["clode"]["levels"]
    assert widget.controls.levels.found.text() == f"black {black:g}, white {white:g}"
    assert widget.controls.levels.found.isVisibleTo(widget)


def test_messages_and_progress_move_nothing(viewer, opened, dark):
    widget = opened(Image(dark, rgb=True))
    places = []
    for text, fraction in (("", None), ("A message of such a length that it takes two lines or more", 0.5)):
        widget.messages.say(text)
        widget.buttons.show_progress(fraction, "12 s left")
        QApplication.processEvents()
        places.append([widget.controls.advanced.y(), widget.buttons.apply.y(), widget.controls.sizeHint()])
    assert places[0] == places[1]


def contrast(one, other):
    def light(colour):
        parts = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05

    bright, dim = sorted((light(one), light(other)), reverse=True)
    return bright / dim


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_an_error_can_be_read_in_both_themes(viewer, opened, theme):
    from napari.utils.theme import get_theme
    from qtpy.QtGui import QColor

    widget = opened()
    viewer.theme = theme
    widget.start()
    colour = QColor(widget.buttons.status.styleSheet().removeprefix("color: "))
    background = get_theme(theme).background.as_rgb_tuple()[:3]
    assert contrast(colour.getRgbF()[:3], [value / 255 for value in background]) > 4.5


def test_both_samples_open_together_without_a_warning(viewer):
    viewer.open_sample("clode-core", "dark_photograph")
    viewer.open_sample("clode-core", "dark_cells")
    viewer.dims.set_current_step(0, 3)
    assert len(viewer.layers) == 2


def test_in_a_low_window_the_controls_scroll_and_do_not_make_it_higher(viewer, opened, stack):
    widget = opened(Image(stack))
    widget.controls.advanced.expand(animate=False)
    assert widget.minimumSizeHint().height() < 300 < widget.controls.minimumSizeHint().height()


def test_help_opens_on_one_page(viewer, opened, qtbot):
    widget = opened()
    widget.controls.help.click()
    (window,) = widget.findChildren(QDialog)
    assert "Apply to all planes" in window.findChild(QTextBrowser).toPlainText()
    window.close()
