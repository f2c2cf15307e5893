"""What ``clode enhance`` says of the files it is given."""

import random

import hostile
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from clode_core import cli
from clode_core.batch.finding import counted, find_tasks
from clode_core.cli.terminal import print_error, print_path
from clode_core.pictures.files import read_picture

runner = CliRunner()
DARK = hostile.scene(60, 80) // 3


def clode(*arguments):
    return runner.invoke(cli.app, [str(a) for a in arguments])


@pytest.mark.parametrize("arguments", [["", "-o", "out"], ["a.png", "-o", ""]])
def test_empty_names_are_refused(arguments):
    result = clode("enhance", *arguments)
    assert result.exit_code == 1 and result.stderr.startswith("clode: a name is empty")


def test_a_damaged_picture_fails_and_lenient_accepts_it_with_a_word(tmp_path):
    whole = {kind: data for kind, _, data in hostile.bases()}["jpeg"]
    (tmp_path / "a.jpg").write_bytes(hostile.zeroed(whole, random.Random(1), "jpeg"))
    order = ["enhance", tmp_path / "a.jpg", "-o", tmp_path / "out", "--method", "gamma"]
    refused = clode(*order)
    assert refused.exit_code == 1 and "a.jpg is damaged" in refused.stderr
    accepted = clode(*order, "--lenient")
    assert accepted.exit_code == 0 and "a.jpg is damaged" in accepted.stderr
    assert (tmp_path / "out" / "a.jpg").exists()


def test_what_is_skipped_in_a_folder_is_counted_and_named(tmp_path):
    Image.fromarray(DARK).save(tmp_path / "a.bmp")
    (tmp_path / "notes.txt").touch()
    (tmp_path / "clip.mov").touch()
    result = clode("enhance", tmp_path, "-o", tmp_path / "out", "--method", "gamma")
    assert result.exit_code == 0
    assert "2 files are no picture that can be read" in result.stderr
    assert "notes.txt" in result.stderr and "clip.mov" in result.stderr
    assert read_picture(tmp_path / "out" / "a.bmp").pixels.mean() > DARK.mean()


def test_many_skipped_files_are_counted_by_suffix(tmp_path):
    assert counted([tmp_path / f"{n}.mov" for n in range(9)]).endswith("(9 .mov)")


def test_raw_files_become_tiff_and_a_format_can_be_asked_for(tmp_path):
    for name in ("a.CR2", "b.jpeg", "c.png"):
        (tmp_path / name).touch()
    out = tmp_path / "out"
    tasks, _ = find_tasks([tmp_path], out)
    assert sorted(task.target.name for task in tasks) == ["a.tif", "b.jpeg", "c.png"]
    tasks, _ = find_tasks([tmp_path], out, suffix=".jpg")
    assert sorted(task.target.name for task in tasks) == ["a.jpg", "b.jpeg", "c.jpg"]
    assert "--format takes one of png" in clode("enhance", tmp_path, "--format", "cr2").stderr


def test_the_result_has_the_format_that_was_asked_for(tmp_path):
    Image.fromarray(DARK).save(tmp_path / "a.png")
    result = clode(
        "enhance", tmp_path / "a.png", "-o", tmp_path / "out", "--format", "avif", "--method", "gamma"
    )
    assert result.exit_code == 0, result.stderr
    assert read_picture(tmp_path / "out" / "a.avif").format == "avif"


def test_one_loss_of_many_pictures_is_said_once(tmp_path):
    for number in range(3):
        Image.fromarray(DARK).quantize(8).save(tmp_path / f"{number}.png")
    result = clode("enhance", tmp_path, "-o", tmp_path / "out", "--method", "gamma")
    assert result.stderr.count("has a palette") == 1 and "and 2 more alike" in result.stderr


def test_names_with_control_characters_are_printed_safely(tmp_path, capsys):
    print_path(tmp_path / "a\x1b[31m\nb\\.png")
    print_path(tmp_path / "plain.png")
    print_error("a\x1b[2J.png is damaged")
    out, err = capsys.readouterr()
    assert out == f"$'{tmp_path}/a\\x1b[31m\\x0ab\\\\.png'\n{tmp_path}/plain.png\n"
    assert err == "clode: a\\x1b[2J.png is damaged\n"


def test_a_scheduler_that_is_no_address_gives_one_sentence(tmp_path):
    pytest.importorskip("distributed")
    Image.fromarray(DARK).save(tmp_path / "a.png")
    result = clode(
        "enhance", tmp_path / "a.png", "-o", tmp_path / "out", "--method", "gamma", "--scheduler", "foo"
    )
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1 and "not 'foo'" in result.stderr


def test_floats_of_linear_light_are_enhanced_between_black_and_white(tmp_path):
    import imagecodecs

    light = (np.random.default_rng(0).random((40, 50, 3)) * 0.02).astype(np.float32)
    light[0, 0] = 9
    (tmp_path / "a.hdr").write_bytes(imagecodecs.rgbe_encode(light, header=True))
    result = clode("enhance", tmp_path / "a.hdr", "-o", tmp_path / "out", "--method", "gamma")
    assert result.exit_code == 0, result.stderr
    before, after = read_picture(tmp_path / "a.hdr"), read_picture(tmp_path / "out" / "a.hdr")
    assert after.pixels[1:].mean() > before.pixels[1:].mean()
