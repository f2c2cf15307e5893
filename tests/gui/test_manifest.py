"""What napari learns of the plug-in before it imports any of it; the sample data."""

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest

from napari_clode._samples import dark_cells, dark_photograph

npe2 = pytest.importorskip("npe2")

ROOT = Path(__file__).resolve().parents[2]


def test_the_manifest_is_valid_and_every_command_can_be_imported():
    pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
    manifest = npe2.PluginManifest.from_distribution("clode-core")
    manifest.validate_imports()
    assert manifest.name == distribution("clode-core").name == "clode-core"
    assert all(command.id.startswith("clode-core.") for command in manifest.contributions.commands)


def test_the_manifest_also_lies_at_the_top_of_the_repository():
    assert (ROOT / "napari.yaml").read_text() == (ROOT / "napari_clode" / "napari.yaml").read_text()


def test_importing_the_widget_does_not_import_torch():
    pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
    code = "import sys, napari_clode._widget; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_front_end_uses_only_public_names_of_the_core():
    import ast

    import clode_core
    from clode_core import video

    for source in (ROOT / "napari_clode").glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("clode_core"):
                room = {"clode_core": clode_core, "clode_core.video": video}[node.module]
                assert {n.name for n in node.names} <= set(room.__all__)
            if isinstance(node, ast.Import):
                assert not any(name.name.startswith("clode_core.") for name in node.names)
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "clode_core":
                assert node.attr in clode_core.__all__


def test_the_dark_photograph_is_an_8_bit_colour_picture():
    ((pixels, look, kind),) = dark_photograph()
    assert pixels.dtype == np.uint8 and pixels.shape == (400, 600, 3) and kind == "image"
    assert pixels.mean() < 30 and look["rgb"]


def test_the_dark_cells_are_a_12_bit_series_with_an_offset_and_are_always_the_same():
    ((series, look, kind),) = dark_cells(frames=2)
    assert series.shape == (2, 256, 320) and series.dtype == np.uint16 and kind == "image"
    assert 95 < np.median(series) < 130 and series.max() < 4096
    assert len(look["scale"]) == len(look["units"]) == len(look["axis_labels"]) == 3
    assert np.array_equal(series, dark_cells(frames=2)[0][0])
