import numpy as np
import pytest
from command_line import clode as clode_command

import clode_core as clode
from clode_core.batch.work import Settings, Task, Work
from clode_core.pictures.files import read_picture, write_picture


@pytest.fixture
def files(tmp_path, dark):
    mask = np.zeros(dark.shape[:2], np.uint8)
    mask[:, 45:] = 255
    return write_picture(tmp_path / "dark.png", dark), write_picture(tmp_path / "mask.png", mask)


def test_a_grey_picture_says_the_exposure_time_of_every_pixel(files, tmp_path, dark):
    picture, mask = files
    options = {"time_map": str(mask), "time_range": "-1,4", "denoise": False}
    outcome = Work(Settings(options=options), device="cpu")(Task(picture, tmp_path / "out.png"))
    assert outcome.error == ""
    times = np.where(np.arange(90) < 45, -1.0, 4.0)[None]
    expected = clode.enhance(dark, times, denoise=False, device="cpu")
    assert np.abs(read_picture(tmp_path / "out.png").pixels.astype(int) - expected).max() <= 1


def test_a_map_that_cannot_be_read_or_a_wrong_range_is_refused(files, tmp_path):
    _, mask = files
    with pytest.raises(ValueError, match="FIRST,LAST"):
        Work(Settings(options={"time_map": str(mask), "time_range": "3"}), device="cpu")
    with pytest.raises(ValueError, match="does not exist"):
        Work(Settings(options={"time_map": str(tmp_path / "none.png")}), device="cpu")
    with pytest.raises(ValueError, match="from -20 to 20"):
        Work(Settings(options={"time_map": str(mask), "time_range": "0,50"}), device="cpu")


def test_an_edited_map_is_done_again_and_a_moved_one_is_not(files, tmp_path):
    picture, mask = files
    order = ("enhance", picture, "-o", tmp_path / "out", "--resume", "--no-denoise", "--device", "cpu")
    assert clode_command(*order, "--time-map", mask).stdout
    assert not clode_command(*order, "--time-map", mask).stdout
    first = read_picture(tmp_path / "out" / "dark.png").pixels
    moved = mask.rename(tmp_path / "moved.png")
    assert not clode_command(*order, "--time-map", moved).stdout
    write_picture(moved, 255 - read_picture(moved).pixels)
    again = clode_command(*order, "--time-map", moved)
    assert again.exit_code == 0 and again.stdout
    assert not np.array_equal(read_picture(tmp_path / "out" / "dark.png").pixels, first)
