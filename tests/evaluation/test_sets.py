import numpy as np
import pytest
import yaml
from PIL import Image

from clode_core.evaluation.metrics import choose_metrics
from clode_core.evaluation.metrics.tone import burnt_out
from clode_core.evaluation.sets import read_sets
from clode_core.pictures.fusion import fuse


@pytest.fixture
def bright(random):
    return random.integers(60, 230, (40, 48, 3)).astype(np.uint8)


@pytest.fixture
def file(tmp_path, bright):
    """Three sets of every kind, from one bright picture and darker copies of it."""
    for name in ("low", "high", "mixed", "stacks/scene"):
        (tmp_path / name).mkdir(parents=True)

    def save(place, factor):
        Image.fromarray(np.rint(bright * factor).astype(np.uint8)).save(tmp_path / place)

    save("low/a.png", 0.1)
    save("high/a.png", 1)
    for number, factor in enumerate((0.01, 0.1, 0.4, 1)):
        save(f"stacks/scene/{number}.png", factor)
        save(f"mixed/{number + 1}.png", factor)
    (tmp_path / "scenes.txt").write_text("# one scene\n1 2 3 4\n")
    path = tmp_path / "sets.yaml"
    sets = [
        {"name": "pairs", "kind": "pairs", "low": "low", "high": "high"},
        {"name": "stacks", "kind": "stacks", "folder": "stacks"},
        {"name": "brackets", "kind": "brackets", "folder": "mixed", "scenes": "scenes.txt"},
    ]
    path.write_text(yaml.safe_dump({"sets": sets, "jpeg": [50]}))
    return path


def test_sets_of_every_kind_are_read_also_as_jpeg(file, bright):
    sets = {one.name: one.examples for one in read_sets(file)}
    assert list(sets) == [
        "pairs",
        "stacks",
        "brackets",
        *(f"{n}, JPEG 50" for n in ("pairs", "stacks", "brackets")),
    ]
    low, high = sets["pairs"][0].read()
    assert np.array_equal(high, bright) and np.array_equal(low, np.rint(bright * 0.1))
    darkest, fused = sets["stacks"][0].read()
    assert np.array_equal(darkest, low), "the darkest with a mean above 0.02"
    exposures = [np.rint(bright * factor).astype(np.uint8) for factor in (0.01, 0.1, 0.4, 1)]
    assert np.array_equal(fused, np.rint(fuse(exposures) * 255))
    assert [example.name for example in sets["brackets"]] == ["2", "3"]
    saved, same = sets["pairs, JPEG 50"][0].read()
    assert np.array_equal(same, high) and 0 < np.abs(saved.astype(int) - low).mean() < 10


def test_sets_are_shrunk_to_a_long_side_by_area_average(file):
    values = yaml.safe_load(file.read_text())
    whole = read_sets(file)[0]
    file.write_text(yaml.safe_dump(values | {"long_side": 24}))
    small = read_sets(file)
    assert [one.name for one in small][3:] == ["pairs, JPEG 50", "stacks, JPEG 50", "brackets, JPEG 50"]
    low, high = small[0].examples[0].read()
    full, reference = whole.examples[0].read()
    assert low.shape == high.shape == (20, 24, 3)
    for shrunk, original in ((low, full), (high, reference)):
        blocks = original.reshape(20, 2, 24, 2, 3).mean((1, 3))
        assert np.abs(shrunk - blocks).max() <= 1  # Pillow rounds once for each axis
    file.write_text(yaml.safe_dump(values | {"long_side": 0}))
    with pytest.raises(ValueError, match="long_side must be a whole number from 16"):
        read_sets(file)


def test_the_fusion_of_floats_is_that_of_bytes(bright):
    exposures = [bright, bright // 2, bright // 8]
    assert np.abs(fuse(exposures) - fuse([x.astype(np.float32) / 255 for x in exposures])).max() < 1e-5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "movies"}, "kind is one of pairs, stacks, brackets, not 'movies'"),
        ({"hight": "x"}, "hight is not a known field"),
    ],
)
def test_a_set_that_cannot_be_used_is_told_in_a_sentence(file, change, told):
    values = yaml.safe_load(file.read_text())
    values["sets"][0] |= change
    file.write_text(yaml.safe_dump(values))
    with pytest.raises(ValueError, match=told):
        read_sets(file)


def test_what_is_no_list_of_sets_is_told(tmp_path):
    path = tmp_path / "no.yaml"
    path.write_text("- 1\n")
    with pytest.raises(ValueError, match="is no list of sets"):
        read_sets(path)


def test_burnt_out_counts_what_the_reference_still_shows():
    reference = np.full((2, 2, 3), 200, np.uint8)
    reference[0, 0] = 255
    result = np.full((2, 2, 3), 100, np.uint8)
    result[0] = 255
    assert burnt_out(result, reference) == 25
    assert [metric.title for metric in choose_metrics(["burnt"], reference=True)] == ["burnt %"]


def test_the_command_prints_every_set_and_the_mean_over_them(file, tmp_path):
    from command_line import clode, sentence

    out = tmp_path / "out"
    shown = clode("evaluate", "--sets", file, "--methods", "input,gamma", "--metrics", "psnr", "-o", out)
    assert shown.exit_code == 0, shown.stderr
    assert "stacks, JPEG 50: 1 pictures" in shown.stdout and "mean over 6 sets" in shown.stdout
    rows = [line.split(",") for line in (out / "sets.csv").read_text().replace(", ", "; ").splitlines()]
    inputs = [float(row[2]) for row in rows if row[1] == "input"]
    assert inputs[-1] == pytest.approx(np.mean(inputs[:-1]), abs=1e-6)
    assert "name pictures by -i" in sentence(clode("evaluate", "--sets", file, "-i", tmp_path))
