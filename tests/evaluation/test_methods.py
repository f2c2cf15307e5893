import numpy as np
import pytest

from clode_core.evaluation.comparison import compare
from clode_core.evaluation.methods import Scene, choose_methods, load_methods
from clode_core.evaluation.metrics import choose_metrics
from clode_core.evaluation.metrics.fidelity import psnr
from clode_core.evaluation.search import best
from clode_core.evaluation.sets import examples_of
from clode_core.methods import load_method, method_info
from clode_core.methods.clode.control import control_of
from clode_core.methods.clode.curve import curve

TIMES, GAMMAS, GAINS = (method_info(name).slider.best for name in ("control", "gamma", "gain"))


@pytest.fixture
def scene(untrained, dark):
    bright = np.rint(255 * (dark / 255) ** 0.4).astype(np.uint8)
    return Scene(dark, bright, {"clode": untrained, "control": control_of(untrained)}, denoise=False)


def apply(name, scene):
    return choose_methods([name], reference=True)[0].apply(scene)


@pytest.mark.parametrize("grid", [TIMES, GAMMAS, GAINS])
@pytest.mark.parametrize("where", [0.0, 0.013, 0.4, 0.77, 1.0])
def test_the_best_of_a_grid_is_found_without_trying_all(grid, where):
    peak = grid[round(where * (len(grid) - 1))]
    tried = []

    def score(value):
        tried.append(value)
        return -abs(value - peak)

    assert best(score, grid) == peak
    assert len(tried) == len(set(tried)) < 0.5 * len(grid)


def test_the_best_time_is_the_best_of_every_time_on_the_grid(scene):
    enhanced = apply("control@best", scene)
    every = [psnr(scene.shown("control", time), scene.reference) for time in TIMES]
    assert enhanced.parameter == TIMES[int(np.argmax(every))]
    assert psnr(enhanced.picture, scene.reference) == max(every)


def test_one_solve_serves_all_exposure_times(scene, monkeypatch):
    solves = []
    model = scene._methods["clode"]
    solve = model.solve
    monkeypatch.setattr(model, "solve", lambda *a, **k: (solves.append(1), solve(*a, **k))[1])
    for name in ("clode", "clode@auto", "clode@best", "clode@2.5"):
        apply(name, scene)
    assert len(solves) == 1


def test_clode_at_a_time_is_what_the_model_gives(scene, untrained, dark):
    for name, time in (("clode", 3.0), ("clode@2.5", 2.5), ("clode@-1", -1.0), ("clode@7", 7.0)):
        enhanced = apply(name, scene)
        assert enhanced.parameter == time
        path = untrained.solve(dark, span=(min(0, time), max(5, time)))
        np.testing.assert_array_equal(enhanced.picture, path.at(time))
    assert apply("clode@auto", scene).parameter == untrained.solve(dark).auto()


def test_the_control_is_the_curve_alone(scene, dark):
    import torch

    exposed = curve(torch.from_numpy(dark).double() / 255, torch.tensor(2.0)) * 255
    assert np.abs(apply("control@2", scene).picture - exposed.numpy()).max() < 1


def test_the_control_keeps_the_noise_removal_of_the_model(model):
    control = control_of(model)
    for name, weight in model.g.state_dict().items():
        assert (control.g.state_dict()[name] == weight).all()


def test_the_best_gamma_and_gain_undo_what_was_done(dark):
    for name, made, value in (
        ("gamma@best", load_method("gamma").enhance(dark, GAMMAS[50]), GAMMAS[50]),
        ("gain@best", load_method("gain").enhance(dark, GAINS[40]), GAINS[40]),
    ):
        kind = name.partition("@")[0]
        enhanced = apply(name, Scene(dark, made, {kind: load_method(kind)}))
        assert enhanced.parameter == value
        np.testing.assert_array_equal(enhanced.picture, made)


@pytest.mark.parametrize("name", ["histogram-equalisation", "clahe", "lime"])
def test_classical_methods_brighten_and_keep_the_order_of_channels(dark, name):
    picture = apply(name, Scene(dark, None, {name: load_method(name)})).picture
    assert picture.shape == dark.shape and picture.dtype == np.uint8
    assert picture.mean() > 1.5 * dark.mean()
    strongest = dark.astype(int).max(2) - dark.astype(int).min(2) > 8
    assert (np.argmax(picture, 2) == np.argmax(dark, 2))[strongest].mean() > 0.99


def test_lime_of_a_flat_picture_is_its_colour_over_its_illumination():
    flat = np.broadcast_to(np.array([64, 32, 16], np.uint8), (12, 12, 3))
    expected = np.rint(255 * np.array([64, 32, 16]) / 255 / (64 / 255) ** 0.8)
    np.testing.assert_allclose(load_method("lime").enhance(flat)[6, 6], expected, atol=1)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("magic", "unknown method 'magic'"),
        ("clode@soon", "after clode@ comes auto, best or a number"),
        ("control@nan", "after control@ comes"),
        ("clode@21", "from -20 to 20"),
        ("zero-dce@101", "a number from 0 to 100"),
        ("zero-dce@x", "a number from 0 to 100"),
        ("clahe@best", "has nothing to choose, name it alone"),
        ("", "no method is given"),
    ],
)
def test_an_unknown_method_is_refused_in_a_sentence(name, complaint):
    with pytest.raises(ValueError, match=complaint):
        choose_methods([name], reference=True)


def test_methods_that_look_at_the_reference_need_one():
    with pytest.raises(ValueError, match=r"clode@best, gain@best look at the reference"):
        choose_methods(["clode", "clode@best", "gain@best"], reference=False)


def test_a_method_with_a_slider_is_measured_at_its_default_and_at_any_value(dark):
    method = load_method("zero-dce++", device="cpu")
    scene = Scene(dark, None, {"zero-dce++": method})
    np.testing.assert_array_equal(apply("zero-dce++@4", scene).picture, method.enhance(dark, 4))
    assert apply("zero-dce++", scene).parameter == 8
    title = {
        entry.name: entry.title for entry in choose_methods(["zero-dce++", "zero-dce++@4"], reference=False)
    }
    assert title == {"zero-dce++": "Zero-DCE++", "zero-dce++@4": "Zero-DCE++, n=4"}


def test_only_the_methods_that_are_asked_for_are_loaded():
    loaded = load_methods(
        choose_methods(["input", "clahe", "clode@auto", "clode"], reference=False), lambda i: i.name
    )
    assert loaded == {"clahe": "clahe", "clode": "clode"}


def test_an_undefined_value_is_named_and_left_out_of_the_mean(tmp_path, dark):
    from PIL import Image

    for name, picture in (("a", dark), ("small", dark[:8, :8])):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    pairs = [(tmp_path / f"{name}.png", tmp_path / f"{name}.png") for name in ("a", "small")]
    entries = choose_methods(["input"], reference=True)
    done = compare(examples_of(pairs), entries, choose_metrics(["ssim"], reference=True), {})
    assert done.pictures == 2
    assert done.failures == ["SSIM of small by input: SSIM needs 11 pixels a side, not 8 x 8"]
    assert done.means()[0][1]["ssim"] == 1
