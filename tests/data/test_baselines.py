"""The packaged weights of Zero-DCE and Zero-DCE++ on validation pairs, noise and all."""

import baselines
import pytest

from clode_core.baselines import ITERATED, load_baseline
from clode_core.files import read_picture

pytestmark = pytest.mark.data


@pytest.mark.parametrize("name", ITERATED)
def test_the_weights_are_in_the_neighbourhood_of_the_published_numbers(name, data_folder):
    folder = data_folder / "lol_train" / "full"
    pairs = [
        (read_picture(low).pixels, read_picture(folder / "high" / low.name).pixels)
        for low in sorted((folder / "low").iterdir())[::3]
    ]
    table = baselines.rows_of(load_baseline(name, device="cpu"), pairs)
    psnr, ssim, _ = table["8"]
    assert psnr > 13.5 and ssim > 0.48  # 14.9 and 0.56 on the LOL test pairs
    assert table["best n"][0] > psnr + 3
