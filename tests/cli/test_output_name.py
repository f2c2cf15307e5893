"""What stands after -o: a folder, or for one picture the name of its result."""

import pytest
from command_line import clode, sentence
from PIL import Image

from clode_core.pictures.files import read_picture

PLAIN = ("--method", "gamma")


@pytest.fixture
def photo(tmp_path, dark):
    path = tmp_path / "dark.png"
    Image.fromarray(dark).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "kind"), [("bright.png", "png"), ("bright.JPG", "jpeg"), ("new/below/bright.tif", "tiff")]
)
def test_a_name_after_o_is_that_of_the_result_and_its_ending_chooses_the_format(photo, tmp_path, name, kind):
    result = clode("enhance", photo, "-o", tmp_path / name, *PLAIN)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == str(tmp_path / name)
    assert (tmp_path / name).is_file() and read_picture(tmp_path / name).format == kind
    assert not list(tmp_path.rglob(".clode*"))


def test_a_name_without_a_folder_means_the_one_we_are_in(photo, monkeypatch):
    monkeypatch.chdir(photo.parent)
    assert clode("enhance", "dark.png", "-o", "bright.png", *PLAIN).exit_code == 0
    assert read_picture("bright.png").pixels.mean() > read_picture("dark.png").pixels.mean()


def test_a_folder_whose_name_ends_like_a_picture_stays_a_folder(photo, tmp_path):
    (tmp_path / "there.png").mkdir()
    for folder in (f"{tmp_path}/there.png", f"{tmp_path}/made.png/"):
        assert clode("enhance", photo, "-o", folder, *PLAIN).exit_code == 0
    assert (tmp_path / "there.png" / "dark.png").is_file()
    assert (tmp_path / "made.png" / "dark.png").is_file()


def test_an_ending_that_is_no_picture_format_is_a_folder(photo, tmp_path):
    assert clode("enhance", photo, "-o", tmp_path / "run.v2", *PLAIN).exit_code == 0
    assert (tmp_path / "run.v2" / "dark.png").is_file()


def test_a_name_for_several_pictures_or_a_folder_is_refused(photo, tmp_path):
    for inputs in ([photo, photo], [photo.parent]):
        said = sentence(clode("enhance", *inputs, "-o", tmp_path / "bright.png", *PLAIN))
        assert "bright.png is the name of one picture" in said and "the name of a folder" in said
    assert not (tmp_path / "bright.png").exists()


def test_a_name_that_clashes_with_the_format_is_refused(photo, tmp_path):
    order = ("enhance", photo, "-o", tmp_path / "bright.jpeg", *PLAIN, "--format")
    assert "two formats" in sentence(clode(*order, "png"))
    assert not (tmp_path / "bright.jpeg").exists()
    assert clode(*order, "jpg").exit_code == 0 and (tmp_path / "bright.jpeg").is_file()


def test_a_name_of_a_format_that_is_only_read_is_refused(photo, tmp_path):
    assert "cannot be written (camera raw)" in sentence(clode("enhance", photo, "-o", tmp_path / "a.nef"))


def test_a_missing_picture_with_a_name_for_its_result_is_told(tmp_path):
    result = clode("enhance", tmp_path / "no.png", "-o", tmp_path / "bright.png", *PLAIN)
    assert result.exit_code == 1 and "no.png does not exist" in result.stderr
    assert not (tmp_path / "bright.png").exists()


def test_a_picture_is_not_written_over_itself(photo):
    before = photo.read_bytes()
    assert "would be overwritten" in sentence(clode("enhance", photo, "-o", photo, *PLAIN))
    assert photo.read_bytes() == before


def test_a_named_result_is_resumed(photo, tmp_path):
    order = ("enhance", photo, "-o", tmp_path / "out" / "bright.png", "--resume", *PLAIN)
    assert clode(*order).stdout
    again = clode(*order)
    assert again.exit_code == 0 and not again.stdout and "1 pictures were done already" in again.stderr


def test_a_ladder_goes_into_a_folder_that_is_there_under_its_usual_name(photo, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    order = ("ladder", photo, *PLAIN, "--values", "0.5", "--width", "64", "-o")
    assert clode(*order, out).stdout.strip() == str(out / "dark-ladder.png")
    assert clode(*order, tmp_path / "new" / "sheet.jpg").exit_code == 0
    assert read_picture(tmp_path / "new" / "sheet.jpg").format == "jpeg"


@pytest.mark.parametrize("name", ["sheet", "sheet.nef", "sheet.txt"])
def test_a_name_that_no_ladder_can_have_is_refused_before_the_picture_is_read(tmp_path, name):
    said = sentence(clode("ladder", tmp_path / "missing.png", *PLAIN, "-o", tmp_path / name))
    assert "end it in one of .png" in said


def test_an_empty_name_for_a_ladder_is_refused(photo):
    assert "a name is empty" in sentence(clode("ladder", photo, *PLAIN, "-o", ""))
