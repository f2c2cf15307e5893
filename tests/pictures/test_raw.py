"""Camera raw files: developed upright with the camera's white balance, and solved on the curve of sRGB."""

import hostile
import numpy as np
import pytest
import tifffile

from clode_core.pictures.files import PictureError, read_picture, write_picture
from clode_core.pictures.files.linear_light import to_curve, to_light

rawpy = pytest.importorskip("rawpy")
WHITE_BALANCE = np.array([2.0, 1.0, 1.5])
TO_SRGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.969266, 1.8760108, 0.041556],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)
BLACK, WHITE = 256, 4095


def write_dng(path, light, orientation=1):
    """A raw file of a camera whose colours are those of sRGB, seen with less red and blue."""
    seen = light / WHITE_BALANCE
    mosaic = seen[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = seen[::2, ::2, 0], seen[1::2, 1::2, 2]
    data = np.rint(mosaic * (WHITE - BLACK) + BLACK).clip(0, WHITE).astype(np.uint16)

    def ratios(values):
        return [part for value in np.ravel(values) for part in (round(float(value) * 10000), 10000)]

    tags = [
        (271, 2, 0, "Lantern", True),
        (272, 2, 0, "Model 1", True),
        (274, 3, 1, orientation, True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, (0, 1, 1, 2), True),
        (50706, 1, 4, (1, 4, 0, 0), True),
        (50708, 2, 0, "Lantern Model 1", True),
        (50714, 3, 1, BLACK, True),
        (50717, 3, 1, WHITE, True),
        (50721, 10, 9, ratios(TO_SRGB / WHITE_BALANCE[:, None]), True),
        (50728, 5, 3, ratios(1 / WHITE_BALANCE), True),
        (50778, 3, 1, 21, True),
    ]
    tifffile.imwrite(path, data, photometric=32803, metadata=None, extratags=tags, software="Lantern 1.0")


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
