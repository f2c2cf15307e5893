"""`enhance_layer` in scripts, and the form of it in napari's menus."""

import numpy as np
import pytest

import clode_core as clode

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

from napari.layers import Image

from napari_clode import enhance_layer


@pytest.mark.parametrize("one_exposure", [False, True])
def test_a_script_enhances_a_layer_without_a_viewer(stack, model, one_exposure):
    layer = Image(stack, name="cells", scale=(5, 0.3, 0.3), colormap="green", blending="additive")
    before = stack.copy()
    result = enhance_layer(layer, 2.5, remove_noise=False, one_exposure=one_exposure, levels=(100, 4095))
    expected = clode.enhance(
        stack, 2.5, denoise=False, model=model, levels=(100, 4095), rgb=False, shared_exposure=one_exposure
    )
    assert np.array_equal(result.data, expected) and np.array_equal(stack, before)
    assert result.name == "cells [CLODE, T 2.50]" and tuple(result.scale) == (5, 0.3, 0.3)
    assert result.colormap.name == "green" and result.blending == "additive"


def test_a_script_gets_the_levels_that_the_widget_suggests(stack, dark):
    found = clode.resolve_levels(stack, "auto")
    levels = enhance_layer(Image(stack), remove_noise=False).metadata["clode"]["levels"]
    assert levels == (found.black, found.white)
    assert enhance_layer(Image(dark, rgb=True), remove_noise=False).metadata["clode"]["levels"] == (0, 255)


def test_a_layer_that_cannot_be_enhanced_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="at least 8 x 8"):
        enhance_layer(Image(np.zeros((4, 100), np.uint8)))


def test_the_form_in_the_menu_adds_the_whole_layer_in_the_background(viewer, menu_entry, qtbot, stack):
    viewer.add_image(stack, name="cells")
    menu_entry("Enhance a whole layer (CLODE)").trigger()
    dock = viewer.window._wrapped_dock_widgets["Enhance a whole layer (CLODE)"]
    form = dock.inner_widget()
    form.remove_noise.value = False
    form.call_button.native.click()
    assert len(viewer.layers) == 1  # napari goes on meanwhile
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=30_000)
    assert viewer.layers[1].name == "cells [CLODE, T 3.00]" and viewer.layers[1].data.shape == stack.shape
