import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from clode_core import cli
from clode_core.evaluation.pairs import match, read_rgb
from clode_core.evaluation.published import published_table, published_tables
from clode_core.pictures.files import read_picture

runner = CliRunner()


def clode(*arguments):
    return runner.invoke(cli.app, [str(a) for a in arguments])


def sentence(result):
    assert result.exit_code == 1
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1 and lines[0].startswith("clode: "), lines
    return lines[0]


@pytest.fixture
def folders(tmp_path, dark):
    """Three dark pictures and their references, brightened by a gamma."""
    low, high = tmp_path / "low", tmp_path / "high"
    low.mkdir()
    high.mkdir()
    for k in range(3):
        picture = np.roll(dark, 7 * k, 1)
        Image.fromarray(picture).save(low / f"{k + 8}.png")
        bright = np.rint(255 * (picture / 255) ** (0.4 + 0.1 * k)).astype(np.uint8)
        Image.fromarray(bright).save(high / f"{k + 8}.webp", lossless=True)
    return low, high


@pytest.fixture
def weights(untrained, tmp_path):
    return untrained.save(tmp_path / "w.safetensors")


def rows(file):
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_evaluate_prints_a_table_and_writes_means_and_pictures(folders, weights, tmp_path):
    low, high = folders
    out = tmp_path / "out"
    options = ["--methods", "input,clode,clode@best,gamma@best", "--metrics", "psnr,ssim,loe"]
    result = clode("evaluate", "-i", low, "-r", high, *options, "--weights", weights, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert "3 pictures, means" in result.stdout and "CLODE, best T" in result.stdout
    means, each = rows(out / "table.csv"), rows(out / "pictures.csv")
    assert [row["method"] for row in means] == ["input", "clode", "clode@best", "gamma@best"]
    assert len(each) == 12
    for mean in means:
        values = [float(row["psnr"]) for row in each if row["method"] == mean["method"]]
        assert float(mean["psnr"]) == pytest.approx(np.mean(values), abs=1e-5)
    best, trained = (float(means[k]["psnr"]) for k in (2, 1))
    assert best >= trained
    assert float(means[3]["psnr"]) > 45 and means[0]["parameter"] == ""
    stored = json.loads((out / "table.json").read_text())
    assert stored["metrics"]["psnr"]["better"] == "higher"
    assert stored["measured"][2]["uses_reference"] is True


def test_two_evaluations_write_the_same_bytes(folders, weights, tmp_path):
    low, high = folders
    for name in ("one", "two"):
        options = ["--methods", "clode,control@auto,lime", "--weights", weights, "-o", tmp_path / name]
        assert clode("evaluate", "-i", low, "-r", high, *options).exit_code == 0
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["pictures.csv", "table.csv", "table.json"]
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert "seconds" not in (tmp_path / "one" / "table.csv").read_text()


def test_seconds_are_written_when_they_are_asked_for(folders, tmp_path):
    options = ["--methods", "clahe", "--metrics", "entropy", "--seconds", "-o", tmp_path / "o"]
    assert clode("evaluate", "-i", folders[0], *options).exit_code == 0
    assert float(rows(tmp_path / "o" / "pictures.csv")[0]["seconds"]) > 0


def test_what_does_not_match_is_reported(folders, tmp_path):
    low, high = folders
    (high / "9.webp").rename(high / "nine.webp")
    result = clode("evaluate", "-i", low, "-r", high, "--methods", "input", "--metrics", "psnr")
    assert result.exit_code == 0
    assert "2 pictures" in result.stdout
    assert str(low / "9.png") in result.stderr and str(high / "nine.webp") in result.stderr


def test_a_broken_picture_is_named_and_the_others_are_measured(folders, tmp_path):
    low, high = folders
    (low / "8.png").write_bytes((low / "8.png").read_bytes()[:200])
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(high / "9.webp")
    out = tmp_path / "out"
    result = clode("evaluate", "-i", low, "-r", high, "--methods", "input", "--metrics", "psnr", "-o", out)
    assert result.exit_code == 1
    assert "8.png is damaged" in result.stderr and "differ in size" in result.stderr
    assert "2 pictures or values could not be measured" in result.stderr
    assert "Traceback" not in result.output
    assert [row["picture"] for row in rows(out / "pictures.csv")] == ["10"]
    assert len(json.loads((out / "table.json").read_text())["failures"]) == 2


def test_results_can_be_kept(folders, tmp_path):
    out = tmp_path / "out"
    options = ["--methods", "input,clahe", "--save-pictures", "--limit", "1"]
    assert clode("evaluate", "-i", folders[0], *options, "-o", out).exit_code == 0
    kept = read_picture(out / "pictures" / "input" / "8.png").pixels
    np.testing.assert_array_equal(kept, read_picture(folders[0] / "8.png").pixels)
    assert "-o" in sentence(clode("evaluate", "-i", folders[0], *options))


def test_published_values_stand_apart_from_measured_ones(folders, tmp_path):
    out = tmp_path / "out"
    result = clode("evaluate", "-i", folders[0], "--methods", "input", "--published", "lol,niqe", "-o", out)
    assert "PUBLISHED, not measured here" in result.stdout
    assert "Zero-DCE" in result.stdout and "16.49" in result.stdout and "NIQE DICM" in result.stdout
    stored = json.loads((out / "table.json").read_text())
    assert stored["published"]["lol"]["rows"][0]["source"]
    assert [row["method"] for row in stored["measured"]] == ["input"]
    wrong = clode("evaluate", "-i", folders[0], "--methods", "input", "--published", "mars")
    assert "no published table 'mars'" in sentence(wrong)


def test_every_published_row_has_a_source_and_a_value_in_each_column():
    for table in published_tables().values():
        assert len({row.method for row in table.rows}) == len(table.rows)
        for row in table.rows:
            assert row.source and set(row.values) == set(table.columns)


@pytest.mark.parametrize(
    ("table", "method", "values"),
    [
        ("lol", "CLODE", {"psnr": 19.61, "ssim": 0.718, "psnr-gt-mean": 23.16, "ssim-gt-mean": 0.752}),
        ("lol", "CLODE† (best T)", {"psnr": 23.58, "ssim": 0.754}),
        ("lsrw", "CLODE", {"psnr": 17.28, "ssim": 0.533, "psnr-gt-mean": 20.60}),
        ("lol-collected", "Zero-DCE", {"psnr": 14.86}),
        ("sice", "CLODE† (best T)", {"psnr": 16.18, "lpips": 0.200, "entropy": 7.045, "ssim-gt-mean": 0.813}),
        ("lol-colour", "CLODE", {"niqe": 4.52, "colour-matching": 0.4381, "delta-e-ab": 15.71}),
        ("sice-colour", "Zero-DCE", {"delta-e-2000": 21.26}),
        ("lol-steps", "discrete, 1 step", {"psnr": 9.236}),
        ("lsrw-steps", "ODE, at most 30 adaptive steps", {"psnr": 17.28, "brisque": 18.426}),
        ("niqe", "EnlightenGAN", {"niqe-dicm": 3.570, "niqe-all": 3.385}),
        ("lfpv-smid", "Retinexformer + LFPV", {"psnr": 30.07, "ssim": 0.826}),
        ("lfpv-lol-real", "SNR + LFPV", {"psnr": 24.38}),
    ],
)
def test_published_tables_hold_what_the_papers_print(table, method, values):
    (row,) = [row for row in published_table(table).rows if row.method == method]
    assert values.items() <= row.values.items()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--methods", "magic"], "unknown method 'magic'"),
        (["--metrics", "psnr"], "give its folder by --reference"),
        (["--methods", "clode@best"], "give its folder by --reference"),
        (["--metrics", "niqe"], "NIQE needs niqe_pris_params.npz: download basicsr-1.4.2.tar.gz"),
        (["--metrics", "pi"], "--ma-scores"),
        (["--metrics", "sharpness"], "unknown metric"),
        (["--weights", "none.safetensors"], "no weights at"),
    ],
)
def test_what_a_user_can_get_wrong_is_said_in_one_sentence(folders, monkeypatch, options, complaint):
    monkeypatch.delenv("CLODE_METRIC_MODELS", raising=False)
    assert complaint in sentence(clode("evaluate", "-i", folders[0], *options))


def test_folders_without_a_common_name_are_refused(folders, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    assert "holds no pictures" in sentence(clode("evaluate", "-i", folders[0], "-r", other))
    Image.new("RGB", (4, 4)).save(other / "else.png")
    assert "no picture in" in sentence(clode("evaluate", "-i", folders[0], "-r", other))
    assert "does not exist" in sentence(clode("evaluate", "-i", tmp_path / "nowhere"))
    Image.new("RGB", (4, 4)).save(other / "else.jpg")
    assert "have one name" in sentence(clode("evaluate", "-i", other))


def test_folders_are_matched_by_stem_in_natural_order(folders):
    matched = match(*folders)
    assert [(low.name, high.name) for low, high in matched.pairs] == [
        ("8.png", "8.webp"),
        ("9.png", "9.webp"),
        ("10.png", "10.webp"),
    ]
    assert match(folders[0], None, 2).pairs[1][0].name == "9.png"


def test_grey_sixteen_bit_and_transparent_pictures_become_eight_bit_rgb(tmp_path, dark):
    Image.fromarray(dark[..., 0]).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "grey.png"), np.stack([dark[..., 0]] * 3, -1))
    Image.fromarray(dark[..., 0].astype(np.uint16) * 257).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "deep.png")[..., 1], dark[..., 0])
    Image.fromarray(np.dstack([dark, dark[..., 0]])).save(tmp_path / "alpha.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "alpha.png"), dark)


def test_ablate_prints_and_writes_its_table(folders, weights, tmp_path):
    low, high = folders
    arguments = ["--input", low, "--reference", high, "--steps", "1,4", "--weights", weights, "--limit", 1]
    result = clode("ablate", *arguments, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "1 pairs at 48 pixels" in result.stdout
    stored = rows(tmp_path / "out" / "ablation.csv")
    assert [float(row["evaluations"]) for row in stored[:4]] == [1, 4, 1, 4]
    assert "seconds" not in stored[0]
    assert "--steps takes whole numbers" in sentence(clode("ablate", *arguments[:4], "--steps", "1,x"))


@pytest.mark.parametrize("kind", ["trajectories", "times", "brightness", "solvers", "scatter"])
def test_a_figure_is_drawn_with_labels_and_the_same_each_time(folders, weights, tmp_path, kind):
    low, high = folders
    arguments = ["-i", low, "-r", high, "--weights", weights, "--limit", 1]
    for name in ("a.svg", "b.svg", "c.png"):
        result = clode("plot", kind, *arguments, "-o", tmp_path / name)
        assert result.exit_code == 0, result.stderr
    drawn = (tmp_path / "a.svg").read_bytes()
    assert drawn == (tmp_path / "b.svg").read_bytes()
    assert drawn.count(b"<!-- ") > 5  # matplotlib names each text it draws
    pixels = read_picture(tmp_path / "c.png").pixels
    assert pixels.shape[0] > 500 and len(np.unique(pixels[..., :3].reshape(-1, 3), axis=0)) > 50


def test_the_scatter_takes_what_was_measured_here(folders, weights, tmp_path):
    low, high = folders
    options = ["--methods", "clode,clahe", "--metrics", "psnr", "--weights", weights, "-o", tmp_path]
    assert clode("evaluate", "-i", low, "-r", high, *options).exit_code == 0
    out = tmp_path / "s.svg"
    made = clode("plot", "scatter", "--measured", tmp_path / "table.json", "--weights", weights, "-o", out)
    assert made.exit_code == 0
    assert b"measured here" in out.read_bytes() and b"CLODE, T=3" in out.read_bytes()
    wrong = clode("plot", "scatter", "--measured", weights, "-o", out)
    assert "is no table.json" in sentence(wrong)


def test_a_figure_without_what_it_needs_is_refused(folders, tmp_path):
    assert "by --input" in sentence(clode("plot", "brightness"))
    assert "by --reference" in sentence(clode("plot", "times", "-i", folders[0]))
    assert ".svg file" in sentence(clode("plot", "scatter", "-o", tmp_path / "figure.gif"))


def test_help_and_import_stay_light():
    code = (
        "import sys; from clode_core import cli\n"
        "heavy = {'torch', 'skimage', 'scipy', 'matplotlib', 'yaml', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_line_works_without_the_evaluation(tmp_path):
    code = (
        "import sys; sys.modules['clode_core.evaluation'] = None\n"
        "from clode_core.cli import app\n"
        "names = {c.callback.__name__ for c in app.registered_commands}\n"
        "assert 'enhance' in names and 'evaluate' not in names, names"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
