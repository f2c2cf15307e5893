import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from clode_core import cli
from clode_core.pictures.files import read_picture

runner = CliRunner()


def clode(*arguments):
    return runner.invoke(cli.app, [str(a) for a in arguments])


def sentence(result):
    """The one line that a failed command prints."""
    assert result.exit_code != 0
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("clode: ")
    assert "Traceback" not in result.output
    return lines[0]


@pytest.fixture
def photo(tmp_path, dark):
    path = tmp_path / "photo.png"
    Image.fromarray(dark).save(path)
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_a_picture_becomes_brighter_and_the_original_stays(photo, out):
    before = photo.read_bytes()
    result = clode("enhance", photo, "-o", out)
    assert result.exit_code == 0
    assert result.stdout.strip() == str(out / "photo.png")
    assert read_picture(out / "photo.png").pixels.mean() > 2 * read_picture(photo).pixels.mean()
    assert photo.read_bytes() == before


def test_a_folder_stands_for_the_pictures_in_it(photo, out, dark):
    Image.fromarray(dark).save(photo.with_name("second.jpg"))
    photo.with_name("notes.txt").write_text("not a picture")
    assert clode("enhance", photo.parent, "-o", out).exit_code == 0
    assert sorted(p.name for p in out.iterdir()) == ["photo.png", "second.jpg"]


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".png", np.uint16), (".tif", np.uint16), (".tif", np.float32), (".webp", np.uint8), (".jpg", np.uint8)],
)
def test_formats_and_depths_survive(tmp_path, out, dark, suffix, dtype):
    from clode_core.pictures.files import write_picture

    pixels = dark.astype(np.float32) / 255
    pixels = pixels.astype(dtype) if dtype == np.float32 else (pixels * np.iinfo(dtype).max).astype(dtype)
    write_picture(tmp_path / f"p{suffix}", pixels)
    assert clode("enhance", tmp_path / f"p{suffix}", "-o", out, "--time", "auto").exit_code == 0
    done = read_picture(out / f"p{suffix}")
    assert done.pixels.dtype == dtype and done.pixels.shape == dark.shape


def test_orientation_profile_and_alpha_survive(tmp_path, out, dark):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "A camera"
    Image.fromarray(dark).save(tmp_path / "turned.jpg", exif=exif, icc_profile=b"a profile" * 20)
    alpha = np.dstack([dark, np.full(dark.shape[:2], 77, np.uint8)])
    Image.fromarray(alpha).save(tmp_path / "alpha.png")
    assert clode("enhance", tmp_path / "turned.jpg", tmp_path / "alpha.png", "-o", out).exit_code == 0
    with Image.open(out / "turned.jpg") as done:
        assert done.size == (60, 90)
        assert done.getexif().get(0x0112, 1) == 1
        assert done.getexif()[0x010F] == "A camera"
    assert (read_picture(out / "alpha.png").pixels[..., 3] == 77).all()


def test_one_broken_file_does_not_stop_the_others(photo, out):
    broken = photo.with_name("broken.jpg")
    broken.write_bytes(b"\xff\xd8\xff\xe0 cut off")
    text = photo.with_name("text.png")
    text.write_text("hello")
    result = clode("enhance", broken, text, photo, "-o", out)
    assert result.exit_code == 1
    assert [p.name for p in out.iterdir()] == ["photo.png"]
    messages = [line for line in result.stderr.splitlines() if line]
    assert len(messages) == 3
    assert "broken.jpg" in messages[0] and "text.png" in messages[1]
    assert "2 of 3 pictures" in messages[2]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--time", "nan"], "or 'auto', not"),
        (["--time", "inf"], "or 'auto', not"),
        (["--time", "soon"], "or 'auto', not"),
        (["--time", "99"], "from -20 to 20"),
        (["--tolerance", "0"], "tolerance must be a number from"),
        (["--step", "-1"], "step must be a number from"),
        (["--step", "1e30"], "step must be a number from"),
        (["--solver", "guess"], "unknown solver 'guess'"),
        (["--device", "abacus"], "'abacus' is not available"),
        (["--weights", "nowhere.safetensors"], "no weights at"),
        (["--levels", "dark"], "BLACK,WHITE"),
    ],
)
def test_a_wrong_option_gives_one_sentence(photo, out, arguments, part):
    assert part in sentence(clode("enhance", photo, "-o", out, *arguments))
    assert not out.exists() or not list(out.iterdir())


def test_levels_out_of_order_are_told_with_the_file(photo, out):
    result = clode("enhance", photo, "-o", out, "--levels", "9,3")
    assert result.exit_code == 1 and "black below white" in result.stderr


def test_a_pickle_named_safetensors_is_refused(photo, out, tmp_path):
    import pickle

    weights = tmp_path / "w.safetensors"
    weights.write_bytes(pickle.dumps({"a": 1}))
    assert "never loaded" in sentence(clode("enhance", photo, "-o", out, "--weights", weights))


def test_the_original_is_never_overwritten(photo):
    assert "would be overwritten" in sentence(clode("enhance", photo, "-o", photo.parent))
    assert "would be overwritten" in sentence(clode("ladder", photo, "-o", photo))


def test_two_pictures_of_one_name_are_refused_before_any_work(photo, out, dark):
    other = photo.parent / "sub"
    other.mkdir()
    Image.fromarray(dark).save(other / "photo.png")
    assert "would both become" in sentence(clode("enhance", photo, other / "photo.png", "-o", out))


def test_an_empty_folder_is_told(tmp_path, out):
    (tmp_path / "empty").mkdir()
    assert "holds no pictures" in sentence(clode("enhance", tmp_path / "empty", "-o", out))


def test_an_output_that_is_a_file_is_told(photo, tmp_path):
    (tmp_path / "taken").write_text("")
    assert "choose another with -o" in sentence(clode("enhance", photo, "-o", tmp_path / "taken"))


def test_a_folder_that_cannot_be_read_is_told(photo, out, monkeypatch):
    def closed(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(photo), "iterdir", closed)
    assert "Permission denied" in sentence(clode("enhance", photo.parent, "-o", out))


def test_a_loop_of_links_is_told(tmp_path, out):
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    result = clode("enhance", tmp_path / "a.png", "-o", out)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)


def test_a_name_that_no_file_can_have_does_not_stop_the_others(photo, out):
    result = clode("enhance", "n" * 300 + ".png", photo, "-o", out)
    assert result.exit_code == 1 and (out / "photo.png").exists()


def test_names_that_differ_only_in_case_are_refused(photo, out, dark):
    other = photo.parent / "sub"
    other.mkdir()
    Image.fromarray(dark).save(other / "PHOTO.PNG")
    assert "would both become" in sentence(clode("enhance", photo, other / "PHOTO.PNG", "-o", out))


def test_twelve_bit_files_are_enhanced_within_twelve_bits(tmp_path, out, dark):
    import tifffile

    tifffile.imwrite(tmp_path / "p.tif", dark.astype(np.uint16) * 4, bitspersample=12, photometric="rgb")
    assert clode("enhance", tmp_path / "p.tif", "-o", out).exit_code == 0
    done = read_picture(out / "p.tif").pixels
    assert done.max() <= 4095 and done.mean() > 2 * dark.mean() * 4


def test_the_sheet_of_a_tall_picture_stays_small(tmp_path):
    Image.fromarray(np.full((3000, 4), 20, np.uint8)).save(tmp_path / "tall.png")
    assert clode("ladder", tmp_path / "tall.png", "--width", "64", "--times", "3").exit_code == 0
    assert read_picture(tmp_path / "tall-ladder.png").pixels.shape[0] < 400


def test_a_full_disk_leaves_no_file(photo, out, monkeypatch):
    import errno

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = clode("enhance", photo, "-o", out)
    assert result.exit_code == 1 and "disk is full" in result.stderr
    assert list(out.iterdir()) == []


def test_a_kill_while_writing_leaves_the_old_file(photo, out):
    assert clode("enhance", photo, "-o", out, "--time", "1").exit_code == 0
    old = (out / "photo.png").read_bytes()
    code = (
        "import os, sys, time\n"
        "real = os.fsync\n"
        "def slow(d):\n"
        "    real(d); print('writing', flush=True); time.sleep(60)\n"
        "os.fsync = slow\n"
        "from clode_core.cli import app\n"
        f"app(['enhance', {str(photo)!r}, '-o', {str(out)!r}, '--time', '4'])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline().strip() == "writing"
        process.send_signal(signal.SIGKILL)
    time.sleep(0.1)
    assert (out / "photo.png").read_bytes() == old
    assert [p for p in out.iterdir() if p.suffix == ".png"] == [out / "photo.png"]


def test_the_ladder_shows_every_time_and_the_automatic_one(photo, tmp_path):
    sheet = tmp_path / "sheet.png"
    assert clode("ladder", photo, "-o", sheet, "--times", "0,2,4", "--width", "100").exit_code == 0
    pixels = read_picture(sheet).pixels
    cells = [pixels[40:90, 10 + 106 * k : 100 + 106 * k].mean() for k in range(4)]
    assert cells[0] < cells[1] < cells[2]
    assert cells[0] < cells[3]


def test_the_ladder_names_a_wrong_time(photo):
    assert "separated by commas" in sentence(clode("ladder", photo, "--times", "1,a"))
    assert "from -20 to 20" in sentence(clode("ladder", photo, "--times", "1,nan"))


def test_info_shows_version_device_weights_and_card():
    result = clode("info", "--device", "cpu")
    assert result.exit_code == 0
    for part in ("clode-core", "cpu", "clode.safetensors", "cascade"):
        assert part in result.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no folder in use")
def test_a_folder_that_was_deleted_under_the_command_is_told(photo, out, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    leave = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})"
    code = f"{leave}; from clode_core.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "enhance", photo, "-o", out], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "was deleted" in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_command_works_as_a_process(photo, out):
    done = subprocess.run(
        [sys.executable, "-m", "clode_core.cli", "enhance", photo, "-o", out],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0 and (out / "photo.png").exists()
