"""What holds for every method, those of other packages too."""

import numpy as np
import pytest
import torch

from clode_core.methods import available_methods, load_method
from clode_core.pictures.arrays import ImageError

USABLE = [name for name, info in available_methods().items() if not info.missing()]


@pytest.fixture(scope="module", params=USABLE)
def any_method(request):
    return load_method(request.param, device="cpu")


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.uint16, np.int16, np.uint32, np.float16, np.float32, np.float64]
)
@pytest.mark.parametrize("shape", [(24, 30), (24, 30, 2), (24, 30, 3), (24, 30, 4)])
def test_shape_dtype_and_alpha_are_kept(any_method, random, dtype, shape):
    unit = random.random(shape) * 0.6
    integer = np.issubdtype(dtype, np.integer)
    picture = (unit * np.iinfo(dtype).max).astype(dtype) if integer else unit.astype(dtype)
    result = any_method.enhance(picture)
    assert result.shape == picture.shape and result.dtype == picture.dtype
    has_alpha = len(shape) == 3 and shape[-1] in (2, 4)
    colour = np.s_[..., :-1] if has_alpha else np.s_[...]
    assert not np.array_equal(result[colour], picture[colour])
    if has_alpha:
        assert np.array_equal(result[..., -1], picture[..., -1])


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40), (70, 3, 3), (5, 4)])
def test_the_smallest_pictures_are_enhanced(any_method, random, shape):
    picture = random.integers(0, 200, shape, np.uint8)
    assert any_method.enhance(picture).shape == shape


def test_equal_pictures_at_other_levels_give_equal_results(any_method, random):
    camera = np.rint(100 + random.random((24, 30, 3)) * 3995).astype(np.uint16)
    expected = any_method.enhance((camera - 100) / 3995)
    result = any_method.enhance(camera, levels=(100, 4095))
    assert np.abs((result - 100.0) / 3995 - expected).max() < 1.1 / 3995


def test_nan_and_infinity_stay_and_do_not_spread(any_method, random):
    broken = random.random((40, 50, 3)).astype(np.float32) * 0.5
    broken[20, 20] = np.nan
    broken[5, 5, 0] = np.inf
    result = any_method.enhance(broken)
    assert np.isnan(result[20, 20]).all() and np.isposinf(result[5, 5, 0])
    assert np.isfinite(result).sum() == np.isfinite(broken).sum()


def test_each_plane_of_a_stack_is_enhanced_as_if_alone_and_progress_is_told(any_method, random):
    stack = random.integers(0, 90, (2, 3, 24, 30), np.uint8)
    fractions = []
    result = any_method.enhance(stack, progress=fractions.append)
    assert np.array_equal(result[1, 2], any_method.enhance(stack[1, 2]))
    assert fractions == sorted(fractions) and fractions[-1] == 1


def test_what_progress_raises_stops_the_work(any_method, dark):
    def stop(fraction):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        any_method.enhance(dark, progress=stop)


def test_what_is_no_picture_is_refused(any_method, random):
    with pytest.raises(ImageError):
        any_method.enhance(np.zeros((0, 4)))
    with pytest.raises(ImageError, match="takes one picture, not a stack"):
        any_method.solve(random.random((5, 24, 30)))


def test_an_unknown_setting_or_a_value_without_a_slider_is_refused(any_method, dark):
    with pytest.raises(TypeError, match="knows no setting 'sharpness'"):
        any_method.enhance(dark, sharpness=1)
    if any_method.info.slider is None:
        with pytest.raises(TypeError, match="has no slider"):
            any_method.enhance(dark, 2.0)


def test_a_solved_picture_is_shown_at_any_value_as_one_call_gives_it(any_method, dark):
    slider = any_method.info.slider
    values = [] if slider is None else [slider.default, slider.first + 0.7 * (slider.last - slider.first)]
    path = any_method.solve_for(dark, values)
    for value in values:
        assert np.array_equal(path.at(value), any_method.enhance(dark, value))
        assert np.array_equal(path.at(value), any_method.enhance(dark, **{slider.keyword: value}))
    if slider is None:
        assert np.array_equal(path.at(), any_method.enhance(dark))


def test_a_method_chooses_a_value_only_if_it_says_so(any_method, dark):
    slider = any_method.info.slider
    if any_method.info.automatic:
        chosen = any_method.solve_for(dark, ["auto"]).auto()
        assert slider.first <= chosen <= slider.last
        assert np.array_equal(any_method.enhance(dark, "auto"), any_method.enhance(dark, chosen))
    elif slider is not None:
        with pytest.raises((TypeError, ValueError)):
            any_method.enhance(dark, "auto")


def test_an_accelerator_out_of_memory_hands_the_work_to_the_cpu(any_method, dark, monkeypatch):
    kind, expected = type(any_method), any_method.enhance(dark)
    work = kind.enhance_plane

    def small_memory(self, *arguments, **options):
        if self.device.type != "cpu":
            raise torch.OutOfMemoryError
        return work(self, *arguments, **options)

    monkeypatch.setattr(kind, "enhance_plane", small_memory)
    monkeypatch.setattr(any_method, "device", torch.device("cuda"))  # its networks stay where they are
    with pytest.warns(UserWarning, match="cuda ran out of memory"):
        assert np.array_equal(any_method.enhance(dark), expected)
    assert any_method.device.type == "cuda"


def test_a_steady_method_gives_the_same_bytes_with_any_number_of_threads(any_method, random):
    picture = random.integers(0, 90, (60, 90, 3), np.uint8)
    steady, threads = any_method.steady(), torch.get_num_threads()
    try:
        results = []
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append(steady.enhance(picture))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(*results)
