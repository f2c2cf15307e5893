"""Pictures that napari cannot open, opened by the plug-in."""

from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from clode_core.pictures.files import FORMATS, write_picture
from napari_clode._pictures import read_picture

npe2 = pytest.importorskip("npe2")
OURS = ("raw", "heif", "avif", "jpeg xl", "jpeg 2000", "exr", "radiance")
MANIFEST = Path(__file__).resolve().parents[2] / "napari_clode" / "napari.yaml"


def test_the_manifest_names_every_suffix_of_these_formats():
    readers = npe2.PluginManifest.from_file(MANIFEST).contributions.readers
    (ours,) = [reader for reader in readers if reader.command == "clode-core.read_picture"]
    suffixes = {suffix for kind in OURS for suffix in FORMATS[kind].suffixes}
    assert {pattern[1:] for pattern in ours.filename_patterns} == suffixes
    assert not any(fnmatch("a.png", pattern) for pattern in ours.filename_patterns)


@pytest.mark.parametrize("suffix", [".avif", ".jxl", ".jp2", ".hdr", ".heic", ".exr"])
def test_a_picture_becomes_a_colour_layer(tmp_path, dark, suffix):
    pytest.importorskip({".heic": "pillow_heif", ".exr": "OpenEXR"}.get(suffix, "imagecodecs"))
    file = str(write_picture(tmp_path / f"a{suffix}", dark))
    ((pixels, look, kind),) = read_picture(file)(file)
    assert kind == "image" and look == {"name": "a", "rgb": True} and pixels.shape == dark.shape
    unit = pixels / (1.0 if pixels.dtype.kind == "f" else 255)
    assert np.abs(unit - dark / 255).mean() < 0.03


def test_grey_pictures_have_the_contrast_limits_of_their_depth_and_several_become_several_layers(tmp_path):
    grey = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)
    files = [str(write_picture(tmp_path / f"{n}.jxl", grey)) for n in "ab"]
    layers = read_picture(files)(files)
    assert [look["name"] for _, look, _ in layers] == ["a", "b"]
    for pixels, look, _ in layers:
        assert np.array_equal(pixels, grey) and look["contrast_limits"] == (0.0, 65535.0)
