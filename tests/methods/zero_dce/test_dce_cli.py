import numpy as np
import pytest
from command_line import clode, sentence
from PIL import Image

from clode_core.methods import load_method
from clode_core.pictures.files import read_picture


@pytest.fixture
def photo(tmp_path, dark):
    path = tmp_path / "photo.png"
    Image.fromarray(dark).save(path)
    return path


def test_the_command_gives_what_the_library_gives(photo, tmp_path, dark, variant):
    out = tmp_path / "out"
    result = clode("enhance", photo, "-o", out, "--method", variant, "--iterations", "5")
    assert result.exit_code == 0, result.stderr
    expected = load_method(variant, device="cpu").enhance(dark, 5)
    assert np.array_equal(read_picture(out / "photo.png").pixels, expected)


def test_weights_of_ones_own_are_used(photo, tmp_path, method, variant, dark):
    weights = method.save(tmp_path / "w.safetensors")
    out = tmp_path / "out"
    assert clode("enhance", photo, "-o", out, "--method", variant, "--weights", weights).exit_code == 0
    assert np.array_equal(read_picture(out / "photo.png").pixels, method.enhance(dark))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--iterations", "8"], "clode has no --iterations: leave it out, or use --time"),
        (["--method", "zero-dce", "--time", "3"], "zero-dce has no --time"),
        (["--method", "zero-dce++", "--time", "auto"], "zero-dce++ has no --time"),
        (["--method", "zero-dce", "--solver", "rk4"], "zero-dce has no --solver"),
        (["--method", "zero-dce", "--shared-exposure"], "zero-dce has no --shared-exposure"),
        (["--method", "zero-dce", "--denoise"], "zero-dce has no --denoise"),
        (
            ["--method", "retinex"],
            "--method takes one of clode, clahe, clode-unpaired, control, enlightengan, exposure-fusion, "
            "gain, gamma, histogram-equalisation, lfpv-curve, lfpv-unet, lime, zero-dce, zero-dce++, "
            "not 'retinex'",
        ),
        (
            ["--method", "zero-dce", "--iterations", "-1"],
            "--iterations takes a number from 0 to 100, not '-1'",
        ),
    ],
)
def test_options_of_the_other_method_are_refused_and_nothing_is_written(photo, tmp_path, options, told):
    out = tmp_path / "out"
    assert told in sentence(clode("enhance", photo, "-o", out, *options))
    assert not out.exists()


def test_asking_for_no_noise_removal_agrees_with_a_method_that_has_none(photo, tmp_path):
    result = clode("enhance", photo, "-o", tmp_path / "out", "--method", "zero-dce", "--no-denoise")
    assert result.exit_code == 0, result.stderr


def test_the_list_of_methods_has_both_with_their_parameters():
    shown = clode("methods").stdout
    assert "zero-dce++" in shown and "10,561" in shown and "79,416" in shown
