import numpy as np

from clode_core.video.frames import WHITE, Frame
from clode_core.video.scenes import SceneDetector, signature


def frame(picture, time):
    planes = np.rint(np.clip(picture, 0, 1) * WHITE).astype(np.uint16)
    return Frame(tuple(planes[..., c] for c in range(3)), time)


def scene(seed, level=0.1):
    coarse = np.random.default_rng(seed).random((9, 12, 3)) * level
    return coarse.repeat(6, 0).repeat(8, 1)


def cuts(pictures, rate=25):
    detector = SceneDetector()
    numbers = [detector.update(frame(p, i / rate)) for i, p in enumerate(pictures)]
    return detector.cuts, numbers


def test_the_signature_is_the_exposed_mean_of_cells():
    flat = np.full((54, 96, 3), 0.05)
    exposed = 0.05 * np.exp(3) / (1 - 0.05 + 0.05 * np.exp(3))
    assert signature(frame(flat, 0)).shape == (3, 9, 12)
    np.testing.assert_allclose(signature(frame(flat, 0)), exposed, atol=1e-3)


def test_a_cut_is_found_at_its_frame():
    found, numbers = cuts([scene(1)] * 20 + [scene(2)] * 20 + [scene(3, 0.3)] * 20)
    assert found == [20 / 25, 40 / 25]
    assert numbers == [0] * 20 + [1] * 20 + [2] * 20


def test_noise_movement_and_slow_dimming_are_no_cuts(random):
    noisy = [scene(1) + random.normal(0, 0.02, (54, 96, 3)) for _ in range(40)]
    moving = [np.roll(scene(2), 2 * i, 1) for i in range(40)]
    dimming = [scene(3) * (1 - i / 50) for i in range(40)]
    for pictures in (noisy, moving, dimming):
        assert cuts(pictures)[0] == []


def test_a_flash_is_no_cut():
    found, numbers = cuts([scene(1)] * 20 + [scene(1) + 0.5] * 2 + [scene(1)] * 20)
    assert found == []
    assert numbers[-1] == 0


def test_a_short_scene_between_two_others_is_a_scene():
    assert len(cuts([scene(1)] * 20 + [scene(2)] * 5 + [scene(3)] * 20)[0]) == 2


def test_a_light_that_flickers_all_the_time_is_no_cut():
    found, _ = cuts([scene(1) * (0.6 if i % 2 else 1.4) for i in range(40)])
    assert len(found) <= 1
