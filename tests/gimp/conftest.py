import json

import numpy as np
import pytest
from gimp_root import CHECKOUT, FOLDER, dark_picture, find_room

from clode_core.gimp.install import install

INSIDE = CHECKOUT / "tests" / "gimp" / "inside"


@pytest.fixture(scope="session")
def gimp_root():
    gimp_root = find_room()
    if gimp_root is None:
        pytest.skip(f"no GIMP 3 here: install it, or run tests/gimp/make_root.sh (looked in {FOLDER})")
    yield gimp_root
    gimp_root.close()
    assert not gimp_root.left_behind()


@pytest.fixture(scope="session")
def make_profile(gimp_root):
    """Make a profile with the plug-in in it, connected with this Python."""

    def make(name, interpreter=None):
        profile = gimp_root.base / name
        profile.mkdir()
        install(profile, interpreter or gimp_root.interpreter)
        return profile

    return make


@pytest.fixture(scope="session")
def profile(make_profile):
    return make_profile("profile")


class Batch:
    """Runs a script of `inside` in GIMP without windows, and reads what it wrote."""

    def __init__(self, gimp_root, profile):
        self.gimp_root = gimp_root
        self.profile = profile
        self.folder = gimp_root.base / f"batch-{profile.name}"
        self.folder.mkdir(exist_ok=True)

    def give(self, name, picture):
        """Write a float32 RGBA picture for the scripts."""
        (self.folder / f"{name}.json").write_text(json.dumps(picture.shape[:2]))
        (self.folder / f"{name}.f32").write_bytes(picture.astype("<f4").tobytes())

    @property
    def environment(self):
        inside = self.gimp_root.inside
        return {
            "GIMP3_DIRECTORY": inside(self.profile),
            "CLODE_TEST_FOLDER": inside(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def words(self, script):
        program = (
            f"import sys; sys.path.insert(0, {str(INSIDE)!r}); exec(open({str(INSIDE / script)!r}).read())"
        )
        interpreter = ["--batch-interpreter", "python-fu-eval", "-b", program]
        return ["gimp-console-3", "-d", "--quit", *interpreter]

    def run(self, script, timeout=300, check=True):
        return self.gimp_root.run(self.words(script), timeout, check, env=self.environment)

    def start(self, script):
        return self.gimp_root.start(self.words(script), env=self.environment)

    def results(self, name):
        return Results(self.folder / name)


class Results:
    def __init__(self, folder):
        self.folder = folder
        self.notes = json.loads((folder / "results.json").read_text())

    def pixels(self, name, height, width):
        return np.fromfile(self.folder / f"{name}.f32", "<f4").reshape(height, width, -1)


@pytest.fixture(scope="session")
def make_batch(gimp_root):
    return lambda profile: Batch(gimp_root, profile)


@pytest.fixture(scope="session")
def batch(make_batch, profile):
    batch = make_batch(profile)
    batch.give("dark", dark_picture(64, 96))
    return batch
