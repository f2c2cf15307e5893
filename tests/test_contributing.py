"""What CONTRIBUTING says is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TREE = TEXT.partition("## The house")[2].partition("Data flows")[0]


def named():
    """Every folder and file of the tree, as a path."""
    folders: list[tuple[int, Path]] = [(-1, ROOT)]
    for line in TREE.splitlines():
        match = re.match(r"( +)([\w./]+)(?: {2,}|$)", line)
        if match:
            depth = len(match[1])
            while folders[-1][0] >= depth:
                folders.pop()
            path = folders[-1][1] / match[2]
            yield path
            if match[2].endswith("/"):
                folders.append((depth, path))


def test_every_folder_and_module_in_the_tree_exists():
    paths = list(named())
    assert len(paths) > 20
    assert not [str(path.relative_to(ROOT)) for path in paths if not path.exists()]


def test_every_package_of_the_core_is_in_the_tree():
    former = ROOT / "clode_core/baselines"
    packages = {path.parent for path in (ROOT / "clode_core").glob("*/__init__.py")} - {former}
    methods = {path.parent for path in (ROOT / "clode_core/methods").glob("*/__init__.py")}
    assert packages | methods <= {Path(str(path).rstrip("/")) for path in named()}


def test_the_example_of_a_method_works(tmp_path, monkeypatch, dark):
    import numpy as np

    from clode_core.methods import available_methods, load_method

    example = TEXT.partition("# mymethod.py")[2].partition("\n")[2].partition("\nA method with networks")[0]
    (tmp_path / "mymethod.py").write_text("\n".join(line[4:] for line in example.splitlines()))
    info = tmp_path / "mymethod-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mymethod\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[clode.methods]\ngamma22 = mymethod:INFO\n")
    monkeypatch.syspath_prepend(tmp_path)
    available_methods.cache_clear()
    try:
        method = load_method("gamma22")
        expected = np.rint(255 * (dark / 255) ** 0.5)
        assert np.abs(method.enhance(dark, 0.5).astype(float) - expected).max() <= 1
    finally:
        available_methods.cache_clear()
