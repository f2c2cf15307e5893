"""The packaged weights of Zero-DCE and Zero-DCE++ on validation pairs, noise and all."""

import baselines
import pytest

from clode_core.baselines import load_baseline
from clode_core.files import read_picture
from clode_core.training.config import ValidationConfig
from clode_core.training.lfpv import evaluate
from clode_core.training.validation import read_pairs

pytestmark = pytest.mark.data


@pytest.mark.parametrize("name", baselines.BASELINES)
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


def test_the_unet_with_learnable_references_is_as_good_as_its_card_says(data_folder):
    folder = data_folder / "lol_train" / "full"
    pairs = read_pairs(ValidationConfig(low=folder / "low", high=folder / "high", limit=60))[::3]
    numbers = evaluate(load_baseline("lfpv-unet", device="cpu"), [pair.shrunk(300) for pair in pairs])
    assert numbers["psnr"] > 17 and numbers["ssim"] > 0.7  # 17.91 and 0.729 on all pairs
