"""The packaged weights of the baselines on validation pairs, noise and all."""

import baselines
import pytest

from clode_core.methods import load_method
from clode_core.methods.lfpv.training.objective import evaluate
from clode_core.pictures.files import read_picture
from clode_core.training.config import ValidationConfig
from clode_core.training.validation import read_pairs

pytestmark = pytest.mark.data


def pairs_in(data_folder):
    folder = data_folder / "lol_train" / "full"
    return [
        (read_picture(low).pixels, read_picture(folder / "high" / low.name).pixels)
        for low in sorted((folder / "low").iterdir())[::3]
    ]


@pytest.mark.parametrize("name", ["zero-dce", "zero-dce++"])
def test_the_weights_are_in_the_neighbourhood_of_the_published_numbers(name, data_folder):
    table = baselines.rows_of(load_method(name, device="cpu"), pairs_in(data_folder))
    psnr, ssim, _ = table["8"]
    assert psnr > 13.5 and ssim > 0.48  # 14.9 and 0.56 on the LOL test pairs
    assert table["best n"][0] > psnr + 3


def test_enlightengan_is_in_the_neighbourhood_of_its_published_numbers(data_folder):
    method = load_method("enlightengan", device="cpu")
    psnr, ssim, _ = baselines.rows_of(method, pairs_in(data_folder))[""]
    assert psnr > 16.5 and ssim > 0.6  # 17.5 and 0.65 on the LOL test pairs


def test_the_unet_with_learnable_references_is_as_good_as_its_card_says(data_folder):
    folder = data_folder / "lol_train" / "full"
    pairs = read_pairs(ValidationConfig(low=folder / "low", high=folder / "high", limit=60))[::3]
    numbers = evaluate(load_method("lfpv-unet", device="cpu"), [pair.shrunk(300) for pair in pairs])
    assert numbers["psnr"] > 17 and numbers["ssim"] > 0.7  # 17.91 and 0.729 on all pairs
