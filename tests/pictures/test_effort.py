import numpy as np
import pytest

from clode_core.pictures.files import read_picture, write_picture
from clode_core.pictures.files.effort import encoder_effort


@pytest.fixture
def picture(random):
    y, x = np.mgrid[:120, :160]
    light = np.stack([90 + x / 4, 60 + y / 3, 80 + 20 * np.sin(x / 12)], -1)
    noisy = np.clip(light + random.normal(0, 1.5, light.shape), 0, 255).astype(np.uint8)
    return np.tile(noisy[:40, :40], (3, 4, 1))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jxl"])
def test_more_effort_makes_smaller_files_of_the_same_pixels(tmp_path, picture, suffix):
    quick = write_picture(tmp_path / f"quick{suffix}", picture)
    with encoder_effort(9):
        small = write_picture(tmp_path / f"small{suffix}", picture)
    after = write_picture(tmp_path / f"after{suffix}", picture)
    assert small.stat().st_size < quick.stat().st_size
    assert after.read_bytes() == quick.read_bytes()
    for path in (quick, small):
        assert np.array_equal(read_picture(path).pixels, picture)


@pytest.mark.parametrize("effort", [0, 10, 2.5, True])
def test_an_effort_out_of_range_is_refused(effort):
    with pytest.raises(ValueError, match="from 1 \\(fast\\) to 9"), encoder_effort(effort):
        pass


def test_more_effort_makes_other_avif_files_that_look_the_same(tmp_path, picture):
    quick = write_picture(tmp_path / "quick.avif", picture)
    with encoder_effort(9):
        small = write_picture(tmp_path / "small.avif", picture)
    assert quick.read_bytes() != small.read_bytes()
    pixels = [read_picture(path).pixels.astype(int) for path in (quick, small)]
    assert np.abs(pixels[0] - pixels[1]).mean() < 2
