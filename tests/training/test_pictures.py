import numpy as np
import pytest
import torch
from training_making import EXPOSURES, scene

from clode_core.methods.clode.curve import curve
from clode_core.pictures.files import PictureError, write_picture
from clode_core.training import TrainingError
from clode_core.training.pictures import (
    find_brackets,
    list_pictures,
    rank_profile,
    read_rgb,
    read_tensor,
    square,
)


@pytest.fixture
def shot():
    return torch.stack([curve(scene(k), torch.tensor(e)) for k in range(4) for e in EXPOSURES])


def test_brackets_are_found_in_a_series_of_exposures(shot):
    brackets = find_brackets(shot)
    size = len(EXPOSURES)
    assert brackets.scenes == [list(range(k * size, (k + 1) * size)) for k in range(4)]


def test_the_target_of_a_bracket_is_its_best_exposure_and_only_darker_pictures_lead_to_it(shot):
    size, best = len(EXPOSURES), EXPOSURES.index(0.0)
    for dark, target in find_brackets(shot).pairs.tolist():
        assert target % size == best
        assert dark // size == target // size and dark % size < best


def test_well_exposed_pictures_are_normal_and_dark_ones_are_not(shot):
    normal = find_brackets(shot).normal.tolist()
    assert {k for k in range(len(shot)) if EXPOSURES[k % len(EXPOSURES)] == 0} <= set(normal)
    assert all(EXPOSURES[k % len(EXPOSURES)] > -2 for k in normal)


def test_pictures_of_different_scenes_are_no_bracket():
    brackets = find_brackets(torch.stack([scene(k) for k in range(12)]))
    assert brackets.scenes == [] and brackets.pairs.shape == (0, 2)


def test_flat_pictures_are_like_no_other():
    assert not rank_profile(np.full((8, 8), 0.5, np.float32)).any()
    assert find_brackets(torch.full((6, 3, 16, 16), 0.5)).scenes == []


def test_ranks_do_not_change_with_exposure():
    grey = scene(3).mean(0).numpy().astype(np.float32) * 255
    darker = (255 * (grey / 255) ** 2).astype(np.float32)
    one, other = rank_profile(grey), rank_profile(darker)
    assert float((one * other).mean()) > 0.999


def test_pictures_are_listed_in_order_of_shooting_and_without_excluded_names(tmp_path):
    for name in ("10.png", "2.png", "1.png", "7.png"):
        write_picture(tmp_path / name, np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "7.jpg").touch()
    listed = list_pictures([tmp_path], [tmp_path / "held"])
    assert [path.name for path in listed] == ["1.png", "2.png", "10.png"]


def test_a_missing_or_empty_folder_is_named(tmp_path):
    with pytest.raises(TrainingError, match=r"nowhere does not exist\.$"):
        list_pictures([tmp_path / "nowhere"])
    with pytest.raises(TrainingError, match=r"holds no picture to train on\.$"):
        list_pictures([tmp_path])
    with pytest.raises(TrainingError, match=r"data\.exclude: the folder .*gone does not exist\.$"):
        list_pictures([tmp_path], [tmp_path / "gone"])


def test_a_broken_picture_is_named(tmp_path):
    path = tmp_path / "broken.png"
    write_picture(path, np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(PictureError, match=r"broken\.png"):
        read_rgb(path)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((9, 7), np.uint8), ((9, 7, 3), np.uint16), ((9, 7, 4), np.uint8), ((9, 7), np.uint16)],
)
def test_every_kind_of_picture_is_read_as_8_bit_rgb(tmp_path, shape, dtype):
    pixels = np.full(shape, np.iinfo(dtype).max // 2, dtype)
    write_picture(tmp_path / "x.png", pixels)
    read = read_rgb(tmp_path / "x.png")
    assert read.shape == (9, 7, 3) and read.dtype == np.uint8 and read.flags.writeable
    assert (abs(read.astype(int) - 127) <= 1).all()


def test_a_large_picture_is_shrunk_and_squares_keep_levels_between_two_of_8_bit(tmp_path):
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[::2] = 1
    write_picture(tmp_path / "x.png", pixels)
    assert read_tensor(tmp_path / "x.png", 40).shape == (3, 20, 40)
    small = square(read_tensor(tmp_path / "x.png", 1000), 10)
    assert small.shape == (3, 10, 10)
    assert torch.allclose(small.float() * 255, torch.tensor(0.5), atol=1e-3)
