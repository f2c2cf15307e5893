import warnings

import numpy as np
import pytest
import torch

import clode_core as clode
from clode_core.methods.clode.model import Model, evenly_spread
from clode_core.pictures.arrays import ImageError

DTYPES = [np.uint8, np.uint16, np.int16, np.int32, np.float16, np.float32, np.float64]
SHAPES = [
    (33, 47),
    (33, 47, 1),
    (33, 47, 2),
    (33, 47, 3),
    (33, 47, 4),
    (2, 33, 47),
    (2, 33, 47, 3),
    (2, 2, 33, 47),
]


def picture(random, shape, dtype):
    unit = 0.02 + 0.2 * random.random(shape) ** 2
    if np.dtype(dtype).kind == "f":
        return unit.astype(dtype)
    return (unit * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("denoise", [False, True])
def test_the_result_has_the_dtype_and_is_brighter(model, random, dtype, denoise):
    image = picture(random, (33, 47, 3), dtype)
    before = image.copy()
    out = clode.enhance(image, model=model, denoise=denoise)
    assert out.dtype == image.dtype and out.shape == image.shape
    assert float(out.mean()) > 1.5 * float(image.mean())
    assert np.array_equal(image, before), "the source is never changed"
    assert not np.shares_memory(out, image)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_layout_keeps_its_shape(model, random, shape):
    image = picture(random, shape, np.uint8)
    out = clode.enhance(image, model=model, denoise=False)
    assert out.shape == shape
    if shape[-1] in (2, 4):
        assert np.array_equal(out[..., -1], image[..., -1]), "alpha stays"
        assert not np.array_equal(out[..., 0], image[..., 0])


@pytest.mark.parametrize("order", ["F", "strided", "readonly"])
def test_arrays_in_any_memory_order_are_understood(model, random, order):
    image = picture(random, (40, 60, 3), np.uint8)
    expected = clode.enhance(image, model=model)
    if order == "F":
        other = np.asfortranarray(image)
    elif order == "strided":
        other = np.repeat(image, 2, axis=1)[:, ::2]
    else:
        other = image.copy()
        other.flags.writeable = False
    assert np.array_equal(clode.enhance(other, model=model), expected)


def test_a_picture_in_a_stack_is_enhanced_as_it_is_alone(model, random):
    stack = picture(random, (3, 40, 60, 3), np.uint8)
    stack[1] //= 2
    together = clode.enhance(stack, "auto", model=model)
    for plane, alone in zip(together, stack, strict=True):
        assert np.array_equal(plane, clode.enhance(alone, "auto", model=model))


def test_enhance_gives_what_the_trajectory_gives(model, dark):
    path = model.solve(dark)
    for time in (-1.3, 2.4, 3.0, "auto"):
        for denoise in (False, True):
            expected = path.at(time, denoise=denoise)
            assert np.array_equal(clode.enhance(dark, time, denoise=denoise, model=model), expected)


def test_sixteen_bits_keep_more_than_eight(model, random):
    image = picture(random, (60, 80), np.uint16)
    out = clode.enhance(image, model=model, denoise=False)
    assert len(np.unique(out)) > 1000
    coarse = clode.enhance((image // 257).astype(np.uint8), model=model, denoise=False)
    assert np.abs(out / 257.0 - coarse).mean() < 6


def test_twelve_bit_data_is_brightened_within_its_levels(model, random):
    image = (100 + 300 * random.random((60, 80))).astype(np.uint16)
    out = clode.enhance(image, model=model, levels="auto")
    assert out.max() <= 4095 and out.mean() > 2 * image.mean()


def test_values_beyond_the_levels_pass_through(model, random):
    image = picture(random, (30, 40), np.uint16)
    image[3, 4], image[5, 6] = 50, 60_000
    out = clode.enhance(image, model=model, levels=(100, 50_000), denoise=False)
    assert out[3, 4] == 50 and out[5, 6] == 60_000


@pytest.mark.parametrize("denoise", [False, True])
@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
def test_nan_and_infinity_pass_through_and_never_spread(model, random, shape, denoise):
    image = picture(random, shape, np.float32)
    holes = np.zeros(shape, bool)
    for value, at in ((np.nan, (4, 5)), (np.inf, (10, 20)), (-np.inf, (30, 50))):
        image[at] = value
        holes[at] = True
    if len(shape) == 3:
        image[20, 30, 1] = np.nan
        holes[20, 30, 1] = True
    out = clode.enhance(image, model=model, denoise=denoise)
    assert np.array_equal(out[holes], image[holes], equal_nan=True)
    assert np.isfinite(out[~holes]).all()


def test_an_image_of_nothing_but_nan_comes_back(model):
    image = np.full((20, 30), np.nan)
    assert np.isnan(clode.enhance(image, "auto", model=model)).all()


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 1, 3), (1, 700), (700, 1), (2, 3, 3), (1, 20_000), (3, 5000, 3)]
)
@pytest.mark.parametrize("denoise", [False, True])
def test_tiny_and_long_pictures_are_enhanced(model, shape, denoise):
    out = clode.enhance(np.full(shape, 20, np.uint8), model=model, denoise=denoise)
    assert out.shape == shape
    assert 30 < out.mean() < 250


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("denoise", [False, True])
def test_all_black_and_all_white_stay(model, value, denoise):
    image = np.full((40, 50, 3), value, np.uint8)
    for time in (3.0, "auto", -4.0):
        assert np.abs(clode.enhance(image, time, model=model, denoise=denoise).astype(int) - value).max() <= 5


def test_a_list_is_an_image_too(model):
    assert clode.enhance([[0.1, 0.2], [0.3, 0.4]], model=model, denoise=False).shape == (2, 2)


@pytest.mark.parametrize(
    ("image", "part"),
    [
        (np.zeros((0, 0)), "empty"),
        (np.zeros((4, 4), complex), "complex"),
        (np.array([[object()]]), "object"),
        (np.zeros((40, 50, 5), np.uint8), "5 channels"),
        (np.zeros(4), "two axes"),
    ],
)
def test_what_is_no_image_is_refused(model, image, part):
    with pytest.raises(ImageError, match=part):
        clode.enhance(image, model=model)


@pytest.mark.parametrize("time", [float("nan"), float("inf"), 21, "soon", None, [1.0, 2.0], 10**400])
def test_a_wrong_exposure_time_is_refused(model, time):
    with pytest.raises(ValueError, match="from -20 to 20"):
        clode.enhance(np.zeros((4, 4), np.uint8), time, model=model)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"precision": "int3"}, "precision"),
        ({"precision": ["a"]}, "precision"),
        ({"solver": "rk5"}, "unknown solver"),
        ({"solver": 5}, "a solver is"),
        ({"device": "abacus", "model": None}, "not available"),
    ],
)
def test_other_wrong_arguments_are_refused(model, arguments, part):
    with pytest.raises(ValueError, match=part):
        clode.enhance(np.zeros((4, 4), np.uint8), **{"model": model, **arguments})


def test_bfloat16_is_close_to_float32(model, dark):
    full = clode.enhance(dark, model=model).astype(float)
    half = clode.enhance(dark, model=model, precision="bfloat16").astype(float)
    assert -10 * np.log10(np.mean((full - half) ** 2) / 255**2) > 40


def test_progress_over_a_stack_rises_to_one(model, random):
    told = []
    clode.enhance(picture(random, (3, 20, 30), np.uint8), model=model, progress=told.append)
    assert told[-1] == 1.0 and told == sorted(told)


def test_an_exhausted_accelerator_gives_the_same_result_on_the_cpu(model, dark, monkeypatch):
    expected = clode.enhance(dark, model=model)
    solve = Model.solve_plane

    def exhausted(self, *arguments, **options):
        if not hasattr(self, "is_copy"):
            raise torch.OutOfMemoryError("out of memory")
        return solve(self, *arguments, **options)

    other = Model(model.architecture)
    other.load_state_dict(model.state_dict())
    other.device = torch.device("cuda")
    monkeypatch.setattr(Model, "solve_plane", exhausted)
    monkeypatch.setattr(
        Model,
        "to",
        lambda self, device: (
            setattr(self, "is_copy", True),
            setattr(self, "device", torch.device(device)),
            self,
        )[-1],
    )
    with pytest.warns(UserWarning, match="enhanced on the CPU"):
        assert np.array_equal(clode.enhance(dark, model=other), expected)


def test_no_warning_reaches_the_user(model, dark):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clode.enhance(dark, model=model)


def test_a_hole_of_nan_does_not_change_the_exposure_around_it(model, random):
    whole = (random.random((60, 60)) * 0.1 + 0.05).astype(np.float32)
    padded = np.full((96, 96), np.nan, np.float32)
    padded[18:78, 18:78] = whole
    assert np.nanmean(clode.enhance(padded, model=model)) == pytest.approx(
        clode.enhance(whole, model=model).mean(), rel=0.12
    )


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_black_pixels_lose_their_noise_in_every_dtype(model, random, dtype):
    noisy = np.clip(random.normal(6, 6, (96, 96)), 0, None).astype(np.uint8)
    black = noisy == 0
    expected = clode.enhance(noisy, model=model)[black].mean() / 255
    scale = 1 if dtype == np.float32 else np.iinfo(dtype).max
    other = clode.enhance((noisy / 255 * scale).astype(dtype), model=model)[black].mean() / scale
    assert other == pytest.approx(expected, abs=0.02)


def test_alpha_does_not_set_the_levels(model, dark):
    colour = dark.astype(np.uint16) * 4
    image = np.dstack([colour, np.full(dark.shape[:2], 65535, np.uint16)])
    expected = clode.enhance(colour, model=model, levels="auto")
    assert np.array_equal(clode.enhance(image, model=model, levels="auto")[..., :3], expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.int64, np.float64])
def test_time_zero_is_exact_in_every_dtype(model, random, dtype):
    image = picture(random, (20, 30), dtype)
    out = clode.enhance(image, 0, denoise=False, model=model)
    assert np.array_equal(out, image) and not np.shares_memory(out, image)


def test_too_little_memory_is_told_in_a_sentence(model, dark, monkeypatch):
    def full(self, *arguments, **options):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Model, "solve_plane", full)
    with pytest.raises(MemoryError, match="cut it into parts"):
        clode.enhance(dark, model=model)


def test_a_shared_exposure_gives_every_plane_the_same_curve(model, dark):
    stack = np.stack([dark, dark // 2, np.roll(dark, 30, axis=1)])
    bright = clode.enhance(stack, 2.0, denoise=False, model=model, shared_exposure=True)
    lookup = {}
    for channel in range(3):
        for before, after in zip(stack[..., channel].flat, bright[..., channel].flat, strict=True):
            lookup.setdefault((channel, before), set()).add(int(after))
    assert max(max(values) - min(values) for values in lookup.values()) <= 1  # one step of rounding
    apart = clode.enhance(stack, 2.0, denoise=False, model=model)
    assert not np.array_equal(apart, bright)


def test_a_shared_exposure_does_not_flicker_where_separate_exposures_do(model, random):
    y, x = np.mgrid[:64, :80]
    still = 600 + 400 * np.sin(x / 9) * np.cos(y / 7)
    stack = np.stack([still] * 6).astype(np.uint16)
    stack[::2, 20:40, 20:50] += 9000  # something bright comes and goes
    settings = {"exposure_time": "auto", "denoise": False, "model": model, "levels": (0, 16383)}
    corner = (slice(None), slice(0, 10), slice(60, 80))
    shared = clode.enhance(stack, shared_exposure=True, **settings)[corner].mean((1, 2))
    apart = clode.enhance(stack, **settings)[corner].mean((1, 2))
    assert np.ptp(shared) <= 1 < np.ptp(apart)


def test_a_shared_exposure_is_found_from_planes_all_over_a_long_stack():
    chosen = evenly_spread(300, 16)
    assert chosen[0] == 0 and chosen[-1] == 299 and len(set(chosen)) == 16
    assert evenly_spread(4, 16) == [0, 1, 2, 3]
    assert evenly_spread(1, 16) == [0]


def test_sharing_changes_nothing_for_a_uniform_exponent_at_time_0(model, dark):
    assert np.array_equal(clode.enhance(dark, 0, denoise=False, model=model, shared_exposure=True), dark)


def test_pictures_of_different_channels_cannot_share_an_exposure(model, dark):
    with pytest.raises(clode.ImageError, match="different channels"):
        model.shared_exposure([dark, dark[..., 0]])
    with pytest.raises(clode.ImageError, match="no pictures"):
        model.shared_exposure([])
    with pytest.raises(clode.ImageError, match="3 channels, the picture has 1"):
        model.solve(dark[..., 0], exposure=model.shared_exposure([dark]))


def test_a_black_frame_around_noise_stays_black_and_the_noise_is_removed_as_ever(model):
    framed = np.random.default_rng(5).poisson(9, (96, 120, 3)).astype(np.uint8)
    framed[:, :60] = 0
    clean, grain = (clode.enhance(framed, 3.0, model=model, denoise=on) for on in (True, False))
    assert clean[:, :40].max() <= 1
    assert clean[:, 80:].std() < 0.3 * grain[:, 80:].std()
    assert abs(clean[:, 80:].mean() / grain[:, 80:].mean() - 1) < 0.1


def test_a_part_of_a_picture_with_black_areas_is_that_of_the_whole(model):
    image = np.random.default_rng(6).poisson(4, (90, 150, 3)).astype(np.uint8)
    image[20:70, 30:100] = 0
    whole = model.solve(image).at(3.0, denoise=True).astype(int)
    part = model.solve(image).region((25, 60), (40, 120), 3.0, denoise=True)
    assert np.abs(whole[25:60, 40:120] - part).max() <= 1
