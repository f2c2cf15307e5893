"""Other methods than CLODE in a real napari: Advanced > Method, the slider it brings, the results."""

import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from types import ModuleType

import numpy as np
import pytest

import clode_core as clode
from clode_core import methods
from clode_core.methods import MethodInfo, Slider
from clode_core.methods.method import WholeMethod

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

from napari.layers import Image

from napari_clode import _results
from napari_clode._methods import shown_digits, usable_methods

FADE = MethodInfo(
    "fade",
    "Fade",
    "Every value to a power.",
    "a_package_with_a_method:Fade",
    needs_weights=False,
    slider=Slider("power", "Power", first=0.25, last=2.0, default=0.5, step=0.25, help="Power of values."),
)


class Fade(WholeMethod):
    """A gamma curve, as another package would bring it."""

    def enhance_plane(self, array, alpha, levels, progress, **settings):
        unit = (array.astype(np.float64) - levels.black) / (levels.white - levels.black)
        bright = levels.black + (levels.white - levels.black) * unit.clip(0, 1) ** settings["power"]
        return np.round(bright).astype(array.dtype)


@pytest.fixture
def installed(monkeypatch):
    """A package with two methods, of which one has no weights here."""
    package = ModuleType("a_package_with_a_method")
    absent = replace(FADE, name="absent", title="Absent", needs_weights=True)
    package.Fade, package.METHODS = Fade, (FADE, absent)
    monkeypatch.setitem(sys.modules, package.__name__, package)
    entry = EntryPoint("fade", f"{package.__name__}:METHODS", methods.GROUP)
    monkeypatch.setattr(methods, "entry_points", lambda group: (entry,))
    methods.available_methods.cache_clear()
    yield
    methods.available_methods.cache_clear()


def result_of(viewer, layer):
    return _results.preview_of(viewer, layer)


def choose(widget, name):
    box = widget.controls.advanced.method
    assert box.findData(name) >= 0
    box.setCurrentIndex(box.findData(name))


def test_a_method_of_another_package_is_chosen_and_follows_its_slider(viewer, opened, rest, installed, dark):
    layer = Image(dark, rgb=True, name="night")
    widget = opened(layer)
    controls = widget.controls
    assert controls.advanced.method.findText("Absent") < 0
    choose(widget, "fade")
    assert controls.slider_box.label.text() == "Power"
    assert (controls.slider.minimum(), controls.slider.maximum()) == (0.25, 2.0)
    assert controls.slider.singleStep() == 0.25 and controls.slider.value() == 0.5
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, layer)
    for power in (0.5, 1.5, 0.75):
        controls.slider.setValue(power)
        rest(widget)
        assert np.array_equal(result.data, clode.load_method("fade").enhance(dark, power))
    assert result.name == "night [Fade]" and result.metadata["clode"]["power"] == 0.75
    values, means = controls.plot.curve
    assert values[0] == 0.25 and (np.diff(means) < 0).all()
    widget.buttons.keep.click()
    assert result.name == "night [Fade, power 0.75]"


def test_what_a_method_cannot_do_is_disabled_and_says_why(viewer, opened, installed, stack):
    widget = opened(Image(stack))
    controls = widget.controls
    refusing = (controls.auto, controls.denoise, controls.shared, controls.advanced.weights)
    assert all(control.isEnabled() for control in refusing)
    controls.denoise.setChecked(True)
    controls.shared.setChecked(True)
    choose(widget, "fade")
    assert not any(control.isEnabled() for control in refusing)
    assert all("Fade" in control.toolTip() for control in refusing)
    assert not controls.settings.shared and not controls.removes_noise
    choose(widget, "clode")
    assert all(control.isEnabled() and "Fade" not in control.toolTip() for control in refusing)
    assert controls.settings.shared and controls.removes_noise


def test_every_usable_method_shows_a_preview_and_all_planes(viewer, opened, rest, stack):
    layer = Image(stack[:2, :32, :40], name="cells")
    widget = opened(layer)
    controls = widget.controls
    names = list(usable_methods())
    assert [controls.advanced.method.itemData(i) for i in range(len(names))] == names
    levels = clode.resolve_levels(layer.data, "auto")
    for name in names:
        choose(widget, name)
        info = clode.method_info(name)
        assert controls.slider_box.isHidden() == (info.slider is None)
        widget.buttons.enhance.click()
        rest(widget)
        widget.buttons.apply.click()
        rest(widget)
        assert "2 planes of cells are enhanced." in widget.buttons.status.text(), name
        value = (controls.value,) if info.slider else ()
        options = {"denoise": False} if info.noise_removal else {}
        method = clode.load_method(name, device="cpu")
        expected = method.enhance(
            layer.data, *value, levels=(levels.black, levels.white), rgb=False, **options
        )
        at = f", {info.slider.symbol} {controls.value:.{shown_digits(info)}f}" if info.slider else ""
        whole = viewer.layers[f"cells [{info.title}{at}, all planes]"]
        assert np.array_equal(whole.data, expected), name
        preview = result_of(viewer, layer)
        assert preview.name == f"cells [{info.title}]" and preview.metadata["clode"]["method"] == name
        assert np.array_equal(preview.data[0], expected[widget.previews.plane.shown.index[0]]), name


def test_a_layer_chosen_again_brings_its_method_and_value_back(viewer, opened, rest, installed, dark):
    one, two = Image(dark, rgb=True, name="one"), Image(dark // 2, rgb=True, name="two")
    widget = opened(one, two)
    controls = widget.controls
    controls.layer_box.value = one
    choose(widget, "fade")
    controls.slider.setValue(0.75)
    rest(widget)
    controls.layer_box.value = two
    choose(widget, "clode")
    assert controls.slider.value() == 3.0
    controls.layer_box.value = one
    assert controls.advanced.info.name == "fade" and controls.slider.value() == 0.75
    rest(widget)


def test_a_video_goes_frame_by_frame_where_a_method_has_no_tables(viewer, opened, rest, installed, tmp_path):
    pytest.importorskip("av")
    from video_making import write_video

    (layer,) = viewer.open(write_video(tmp_path / "night.mp4", frames=6), plugin="clode-core")
    widget = opened()
    assert not widget.buttons.apply.isVisibleTo(widget)
    choose(widget, "fade")
    widget.buttons.enhance.click()
    for number in (0, 4):
        viewer.dims.set_current_step(0, number)
        rest(widget)
        frame = layer.data.cleaned(number).pixels(np.uint8)
        assert np.array_equal(result_of(viewer, layer).data[0], clode.load_method("fade").enhance(frame))
    assert widget.buttons.apply.isVisibleTo(widget)
    widget.buttons.apply.click()
    rest(widget)
    (whole,) = (found for found in viewer.layers if found.name.endswith("all planes]"))
    frame = layer.data.cleaned(2).pixels(np.uint8)
    assert np.array_equal(whole.data[2], clode.load_method("fade").enhance(frame))
