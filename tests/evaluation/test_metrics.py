import hashlib
import io
import math
import tarfile
from itertools import chain

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage import data

from clode_core.evaluation.metrics import METRICS, Resources, Sample, choose_metrics
from clode_core.evaluation.metrics import lpips as lpips_module
from clode_core.evaluation.metrics import scene_statistics as statistics
from clode_core.evaluation.metrics.colour import colour_matching_loss, delta_e_2000, delta_e_ab
from clode_core.evaluation.metrics.fidelity import gt_mean, psnr, ssim
from clode_core.evaluation.metrics.ma import MaScores, perceptual_index
from clode_core.evaluation.metrics.tone import entropy, lightness_order_error
from clode_core.model_files import FOLDER_VARIABLE, ModelFile, ModelFileError


@pytest.fixture
def pair(dark, random):
    return dark, np.clip(dark.astype(int) + random.integers(-9, 10, dark.shape), 0, 255).astype(np.uint8)


def flat(*colour, size=(40, 40)):
    return np.broadcast_to(np.array(colour, np.uint8), (*size, 3)).copy()


def test_psnr_of_a_constant_error_of_one_is_48_13_decibels():
    assert psnr(flat(100, 100, 100), flat(101, 101, 101)) == pytest.approx(20 * math.log10(255))
    assert psnr(flat(1, 2, 3), flat(1, 2, 3)) == 100


def test_ssim_equals_its_formula_written_out(pair):
    a, b = (x.astype(float) for x in pair)

    def smooth(x):
        return gaussian_filter(x, 1.5, radius=5, axes=(0, 1))

    mean_a, mean_b = smooth(a), smooth(b)
    var_a, var_b = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2
    both = smooth(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    index = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    index /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    assert ssim(*pair) == pytest.approx(index[5:-5, 5:-5].mean(), abs=1e-9)


def test_ssim_refuses_a_picture_smaller_than_its_window():
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(flat(1, 1, 1, size=(10, 50)), flat(1, 1, 1, size=(10, 50)))


def test_gt_mean_undoes_a_gain():
    reference = data.astronaut()[:64, :64] // 2
    assert psnr(gt_mean(reference * 0.25, reference), reference) == 100
    assert not gt_mean(np.zeros((4, 4, 3)), reference[:4, :4]).any()


def test_colour_differences_meet_known_values():
    white, black = flat(255, 255, 255), flat(0, 0, 0)
    assert delta_e_ab(white, black) == pytest.approx(100, abs=0.01)
    # sRGB primaries have L* a* b* (53.24, 80.09, 67.20) and (87.73, -86.18, 83.18).
    assert delta_e_ab(flat(255, 0, 0), flat(0, 255, 0)) == pytest.approx(170.56, abs=0.1)
    assert delta_e_2000(white, black) == pytest.approx(100, abs=0.01)
    assert delta_e_2000(flat(255, 0, 0), flat(0, 255, 0)) == pytest.approx(86.61, abs=0.05)


@pytest.mark.parametrize(
    ("one", "other", "published"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_delta_e_2000_meets_the_pairs_of_sharma_wu_and_dalal(monkeypatch, one, other, published):
    from clode_core.evaluation.metrics import colour

    monkeypatch.setattr(colour, "_lab", lambda lab: np.asarray(lab, float).reshape(1, 1, 3))
    assert colour.delta_e_2000(other, one) == pytest.approx(published, abs=5e-5)


def test_the_colour_matching_loss_equals_its_definition_pixel_by_pixel(pair):
    a, b = (x[:6, :5] for x in pair)

    def histogram(picture):
        found = np.zeros((3, 64, 64))
        bins = np.linspace(-3, 3, 64)
        for pixel in picture.reshape(-1, 3) / 255:
            logs = [math.log(value + 1e-6) for value in pixel]
            weight = math.sqrt(sum(value**2 for value in pixel) + 1e-6)
            for c, (p, q) in enumerate([(1, 2), (0, 2), (0, 1)]):
                u = 1 / (1 + ((logs[c] - logs[p] - bins) / 0.02) ** 2)
                v = 1 / (1 + ((logs[c] - logs[q] - bins) / 0.02) ** 2)
                found[c] += weight * np.outer(u, v)
        return found / found.sum()

    expected = np.sqrt(((np.sqrt(histogram(a)) - np.sqrt(histogram(b))) ** 2).sum() / 2)
    assert colour_matching_loss(a, b) == pytest.approx(expected, abs=1e-5)
    assert colour_matching_loss(a, a) == 0
    assert 0.9 < colour_matching_loss(flat(255, 20, 20), flat(20, 20, 255)) <= 1


def test_entropy_counts_bits():
    four = np.repeat(np.array([0, 64, 128, 255], np.uint8), 16).reshape(8, 8)
    assert entropy(np.stack([four] * 3, -1)) == pytest.approx(2)
    assert entropy(flat(7, 7, 7)) == 0


def test_the_lightness_order_error_counts_changed_pairs(random):
    source, result = (random.integers(0, 9, (7, 6, 3), np.uint8) for _ in range(2))
    before, after = source.max(2).ravel(), result.max(2).ravel()
    changed = sum((b >= before) != (a >= after) for b, a in zip(before, after, strict=True))
    assert lightness_order_error(result, source) == pytest.approx(changed.sum() / 42)


def test_an_order_preserving_curve_has_no_lightness_order_error():
    source = data.astronaut()
    curve = np.rint(255 * (np.arange(256) / 255) ** 0.5).astype(np.uint8)
    coarse = (np.arange(256) // 64 * 64).astype(np.uint8)
    assert lightness_order_error(np.arange(256, dtype=np.uint8)[source], source) == 0
    assert lightness_order_error(curve[source], source) < lightness_order_error(coarse[source], source)
    assert lightness_order_error(255 - source, source) > 1000


def test_halving_is_matlabs_antialiased_cubic():
    # A cubic kernel keeps straight lines; away from the border the middle of two pixels is their mean.
    ramp = np.add.outer(np.arange(24.0), 2 * np.arange(20.0))
    half = statistics.halved(ramp)
    assert half.shape == (12, 10)
    np.testing.assert_allclose(half[3:-3, 3:-3], ramp[:-1:2, :-1:2][3:-3, 3:-3] + 1.5)
    assert statistics.halved(np.full((7, 9), 3.0)).shape == (4, 5)
    np.testing.assert_allclose(statistics.halved(np.full((7, 9), 3.0)), 3)


@pytest.mark.parametrize(("shape", "left", "right"), [(0.8, 1.0, 1.0), (2.0, 1.0, 2.0), (1.4, 3.0, 0.5)])
def test_the_asymmetric_fit_finds_what_samples_were_drawn_from(random, shape, left, right):
    from scipy.special import gamma

    size = np.abs(random.gamma(1 / shape, size=400_000)) ** (1 / shape)
    deviation = np.sqrt(gamma(3 / shape) / gamma(1 / shape))  # of a generalised Gaussian of scale 1
    on_the_left = random.random(400_000) < left / (left + right)
    values = np.where(on_the_left, -left, right) * size / deviation
    found = statistics.fit_asymmetric(values)
    assert found == pytest.approx((shape, left, right), rel=0.03)
    if left == right:
        assert statistics.fit_symmetric(values) == pytest.approx((shape, left**2), rel=0.03)


def test_niqe_agrees_with_the_original_function_for_made_up_constants():
    # 3.926367 is what basicsr 1.4.2's niqe gives for this picture with mean 0 and covariance 1.
    found = statistics.niqe_of_plane(data.camera().astype(float), np.zeros(36), np.eye(36))
    assert found == pytest.approx(3.926367, abs=2e-4)


def test_niqe_refuses_a_picture_without_two_blocks():
    with pytest.raises(ValueError, match="two blocks"):
        statistics.niqe_of_plane(np.zeros((100, 180)), np.zeros(36), np.eye(36))


def test_brisque_features_agree_with_those_of_the_original_function():
    # From natural_scene_statistics and scale_features of pyiqa 0.1.16, the first of each scale.
    features = statistics.brisque_features(statistics.grey(data.astronaut()))
    np.testing.assert_allclose(features[:3], [-0.769613, -0.536681, -0.504979], atol=2e-3)
    np.testing.assert_allclose(features[18:21], [-0.235947, -0.476638, -0.113527], atol=2e-3)
    assert features.shape == (36,)


def test_a_support_vector_machine_is_read_from_its_text(monkeypatch):
    monkeypatch.setattr(statistics, "brisque_features", lambda plane: np.eye(36)[0])
    text = b"svm_type epsilon_svr\nkernel_type rbf\ngamma 0.05\nrho -2\nSV\n3 1:1 \n-1 2:1 36:2 \n"
    score = statistics.load_brisque(text)(flat(1, 2, 3))
    assert score == pytest.approx(3 - math.exp(-0.05 * (1 + 1 + 4)) + 2)


def checkpoint(weights):
    """A pickled checkpoint as the package of the weights stores it."""
    import pickle

    arrays = []
    for kernel, bias in zip(weights.kernels, weights.biases, strict=True):
        arrays += [kernel.permute(2, 3, 1, 0).contiguous().numpy(), bias.numpy()]
    arrays += [channel.numpy() for channel in weights.channels]
    return pickle.dumps([array.tobytes() for array in arrays], protocol=3)


@pytest.fixture(scope="module")
def alexnet():
    torch.manual_seed(0)
    layers = lpips_module.ALEXNET
    return lpips_module.Weights(
        [torch.randn(n.outputs, n.inputs, n.side, n.side) / (n.side * n.inputs**0.5) for n in layers],
        [torch.randn(n.outputs) / 4 for n in layers],
        [torch.rand(n.outputs) for n in layers],
    )


def test_lpips_weights_are_read_without_running_the_pickle(alexnet):
    read = lpips_module.read_weights(checkpoint(alexnet))
    for given, wanted in zip(chain(*read), chain(*alexnet), strict=True):
        assert torch.equal(given, wanted)


def test_a_pickle_that_would_run_something_runs_nothing(tmp_path):
    import pickle

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    with pytest.raises(ModelFileError, match="does not hold AlexNet"):
        lpips_module.read_weights(pickle.dumps(Trap(), protocol=3))
    assert not (tmp_path / "ran").exists()


def test_lpips_equals_its_formula_on_an_alexnet_of_modules(alexnet):
    from torch import nn

    a, b = data.astronaut()[:64, :96], data.astronaut()[60:124, 50:146]
    layers = lpips_module.ALEXNET
    convolutions = [nn.Conv2d(n.inputs, n.outputs, n.side, n.stride, n.padding) for n in layers]
    for module, kernel, bias in zip(convolutions, alexnet.kernels, alexnet.biases, strict=True):
        module.weight.data, module.bias.data = kernel, bias
    pool = nn.MaxPool2d(3, 2)
    stack = [
        nn.Sequential(*([pool] if k in (1, 2) else []), c, nn.ReLU()) for k, c in enumerate(convolutions)
    ]

    def activations(picture):
        mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        # The network sees ImageNet's normalisation, rounded as LPIPS rounds it on the scale from -1 to 1.
        x = torch.from_numpy(((picture / 255 - mean) / std).transpose(2, 0, 1)[None]).float()
        seen = []
        for part in stack:
            x = part(x)
            seen.append((x / (x.norm(dim=1, keepdim=True) + 1e-10)).detach().numpy()[0])
        return seen

    expected = 0.0
    for one, other, w in zip(activations(a), activations(b), alexnet.channels, strict=True):
        expected += (w.numpy()[:, None, None] * (one - other) ** 2).sum(0).mean()
    measure = lpips_module.load_lpips(checkpoint(alexnet))
    assert measure(a, b) == pytest.approx(expected, rel=5e-3)
    assert measure(a, a) == 0


@pytest.mark.models
def test_lpips_agrees_with_the_package_lpips():
    # lpips 0.1.4 with the same AlexNet gives 0.644543 and 0.085581.
    picture = data.astronaut()[:256, :256]
    measure = METRICS["lpips"].prepare(Resources())
    for result, published in ((picture[::-1], 0.644543), ((picture * 0.6).astype(np.uint8), 0.085581)):
        assert measure(Sample("", "", result, picture, picture)) == pytest.approx(published, abs=2e-6)


@pytest.mark.models
@pytest.mark.parametrize(
    ("metric", "name", "original", "tolerance"),
    [
        ("niqe", "camera", 3.09622, 2e-3),  # basicsr 1.4.2; pyiqa 0.1.16 gives 3.09594
        ("niqe", "coffee", 4.05615, 2e-3),
        ("niqe", "cat", 2.57208, 2e-3),
        ("brisque", "coffee", 30.0595, 0.1),  # pyiqa 0.1.16, with single precision
        ("brisque", "cat", 2.5723, 0.1),
        ("brisque", "astronaut", 2.8756, 0.1),
    ],
)
def test_no_reference_metrics_agree_with_the_originals(metric, name, original, tolerance):
    picture = getattr(data, name)()
    picture = np.stack([picture] * 3, -1) if picture.ndim == 2 else picture
    measure = METRICS[metric].prepare(Resources())
    assert measure(Sample("", "", picture, picture)) == pytest.approx(original, abs=tolerance)


def test_the_perceptual_index_joins_ma_and_niqe(tmp_path):
    assert perceptual_index(8.0, 4.0) == 3.0
    file = tmp_path / "ma.csv"
    file.write_text("method,picture,ma\nclode,1,8.5\n")
    assert MaScores.read(file).of("clode", "1") == 8.5
    with pytest.raises(ValueError, match="no Ma score of 2 by clode"):
        MaScores.read(file).of("clode", "2")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("method,picture\nclode,1\n", "columns method, picture and ma"),
        ("method,picture,ma\nclode,1,many\n", "columns method, picture and ma"),
        ("method,picture,ma\nclode,1,11\n", "not from 0 to 10"),
    ],
)
def test_a_wrong_file_of_ma_scores_is_refused(tmp_path, text, complaint):
    file = tmp_path / "ma.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        MaScores.read(file)


def test_without_ma_scores_pi_says_where_they_come_from():
    with pytest.raises(ValueError, match="--ma-scores"):
        METRICS["pi"].prepare(Resources())


@pytest.fixture
def stored():
    content = b"constants"
    return content, ModelFile(
        "NIQE", "model.bin", hashlib.sha256(content).hexdigest(), "some_pack-1.0.tar.gz"
    )


def test_a_model_file_is_read_from_a_folder_or_from_its_archive(tmp_path, monkeypatch, stored):
    content, model = stored
    with tarfile.open(tmp_path / "some_pack-1.0.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("some_pack-1.0/inside/model.bin")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    assert model.read(tmp_path) == content
    (tmp_path / "model.bin").write_bytes(content)
    (tmp_path / "some_pack-1.0.tar.gz").unlink()
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert model.read() == content


def test_a_missing_wrong_or_damaged_model_file_is_refused_with_where_to_get_it(tmp_path, monkeypatch, stored):
    _, model = stored
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with pytest.raises(ModelFileError, match=r"NIQE needs model\.bin: download some_pack-1\.0\.tar\.gz"):
        model.read()
    with pytest.raises(ModelFileError, match="which is not in"):
        model.read(tmp_path)
    (tmp_path / "some_pack-1.0.tar.gz").write_bytes(b"no archive")
    with pytest.raises(ModelFileError, match="cannot be read"):
        model.read(tmp_path)
    (tmp_path / "model.bin").write_bytes(b"other constants")
    with pytest.raises(ModelFileError, match="SHA-256"):
        model.read(tmp_path)


def test_metrics_are_chosen_by_name():
    assert [m.name for m in choose_metrics([" psnr", "loe", "psnr"], reference=True)] == ["psnr", "loe"]
    with pytest.raises(ValueError, match="unknown metric 'sharpness'"):
        choose_metrics(["psnr", "sharpness"], reference=True)
    with pytest.raises(ValueError, match="psnr, lpips compare with a reference"):
        choose_metrics(["psnr", "lpips", "loe"], reference=False)
    with pytest.raises(ValueError, match="choose among"):
        choose_metrics([""], reference=False)


def test_every_metric_names_its_implementation():
    for metric in METRICS.values():
        assert "own code" in metric.source or "scikit-image" in metric.source
