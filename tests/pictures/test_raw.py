"""Camera raw files: developed upright with the camera's white balance, and solved on the curve of sRGB."""

import hostile
import numpy as np
import pytest
from raw_files import TO_SRGB, bayer, save_dng

from clode_core.pictures.files import PictureError, read_picture, write_picture
from clode_core.pictures.files.linear_light import to_curve, to_light

rawpy = pytest.importorskip("rawpy")
WHITE_BALANCE = np.array([2.0, 1.0, 1.5])


def write_dng(path, light, orientation=1):
    """A raw file of a camera whose colours are those of sRGB, seen with less red and blue."""
    to_camera = TO_SRGB / WHITE_BALANCE[:, None]
    save_dng(path, bayer(light / WHITE_BALANCE), (256, 4095), WHITE_BALANCE, to_camera, orientation)


@pytest.fixture
def light():
    y, x = np.mgrid[:96, :128] / 128
    smooth = np.dstack([0.2 + 0.5 * x, 0.3 + 0.4 * y, 0.5 - 0.3 * x])
    return to_light(smooth)


def test_a_raw_file_is_developed_on_the_curve_with_the_white_balance_of_the_camera(tmp_path, light):
    write_dng(tmp_path / "a.dng", light)
    picture = read_picture(tmp_path / "a.dng")
    assert (picture.format, picture.pixels.dtype, picture.channels) == ("raw", np.uint16, 3)
    assert np.abs(picture.pixels / 65535 - to_curve(light)).mean() < 0.01
    assert picture.icc_profile is not None


def test_a_raw_file_is_turned_and_keeps_its_camera(tmp_path, light):
    write_dng(tmp_path / "a.dng", light, orientation=6)
    picture = read_picture(tmp_path / "a.dng")
    assert picture.pixels.shape == (128, 96, 3)
    for suffix in (".tif", ".png", ".jpg", ".avif"):
        said = []
        written = read_picture(
            write_picture(tmp_path / f"a{suffix}", picture.pixels, picture, say=said.append)
        )
        assert written.pixels.shape == (128, 96, 3)
        assert b"Lantern\0" in written.exif and written.icc_profile == picture.icc_profile
        assert len(said) == (suffix == ".avif")


def test_raw_files_cannot_be_written_and_what_is_none_is_refused(tmp_path, light):
    with pytest.raises(PictureError, match="suffix that is not known"):
        write_picture(tmp_path / "a.dng", (light * 255).astype(np.uint8))
    (tmp_path / "a.nef").write_bytes(b"II*\0" + bytes(500))
    with pytest.raises(PictureError, match=r"a\.nef"):
        read_picture(tmp_path / "a.nef")


def test_a_raw_file_of_a_machine_without_rawpy_says_what_to_install(tmp_path, light, monkeypatch):
    import sys

    write_dng(tmp_path / "a.dng", light)
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(PictureError, match=r"pip install 'clode-core\[raw\]'"):
        read_picture(tmp_path / "a.dng")


def test_solving_on_the_curve_is_nearer_to_the_scene_than_solving_in_linear_light(tmp_path):
    import clode_core as clode

    bright = np.clip(hostile.scene() / 160, 0, 1)
    write_dng(tmp_path / "a.dng", to_light(bright) / 16)
    curved = read_picture(tmp_path / "a.dng").pixels
    model = clode.load_model()
    ours = model.solve(curved).at(3.0) / 65535
    linear = model.solve(to_light(curved / np.float32(65535))).at(3.0)
    errors = [float(np.mean((shown - bright) ** 2)) for shown in (ours, to_curve(linear.clip(0, 1)))]
    assert errors[0] < errors[1]
