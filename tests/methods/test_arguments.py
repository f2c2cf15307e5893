"""Arguments of a wrong type are refused, rather than taken for something else."""

import numpy as np
import pytest

import clode_core as clode

PICTURE = np.full((40, 50, 3), 30, np.uint8)


@pytest.fixture(scope="module")
def solved():
    return clode.load_model().solve(PICTURE)


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda path: path.at(1.0, denoise="no"), "denoise takes True or False"),
        (lambda path: path.at(1.0, progress=3), "progress takes a callable"),
        (lambda path: path.region("ab", (0, 9)), "rows takes a whole number"),
        (lambda path: path.region((0, 9), 5), "columns takes two whole numbers"),
        (lambda path: path.region((0.5, 9), (0, 9)), "rows takes a whole number"),
        (lambda path: path.reduced("9"), "long_side takes a whole number"),
        (lambda path: path.reduced(True), "long_side takes a whole number"),
        (lambda path: path.brightness(1.0), "exposure_times takes several numbers"),
        (lambda path: clode.enhance(PICTURE, denoise="no"), "denoise takes True or False"),
        (lambda path: clode.enhance(PICTURE, progress="yes"), "progress takes a callable"),
    ],
)
def test_a_wrong_type_is_refused_by_name(solved, call, part):
    with pytest.raises(TypeError, match=part):
        call(solved)


def test_a_caller_who_wants_every_floating_point_error_gets_none():
    with np.errstate(all="raise"):
        assert clode.enhance(PICTURE).mean() > PICTURE.mean()
        assert clode.enhance(PICTURE.astype(np.float32) / 255).mean() > 0.12
