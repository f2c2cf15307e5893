"""Whatever breaks between GIMP and the network: a sentence in GIMP, and the picture as it was."""

import shutil
import time

import pytest
from gimp_root import CHECKOUT, dark_picture
from window import wait

LARGE = (3600, 5400)


def workers(gimp_root):
    return {pid for pid, line in gimp_root.processes().items() if "-m clode_core.worker" in line}


@pytest.fixture
def faulty(gimp_root, make_profile, make_batch, tmp_path):
    """A batch whose plug-in was told a Python that a test makes."""

    def make(lines=None, interpreter=None, size=(64, 96)):
        name = f"fault-{tmp_path.name}"
        if lines is not None:
            script = gimp_root.base / f"python-{name}"
            script.write_text(f"#!/bin/sh\n{lines}\n")
            script.chmod(0o755)
            interpreter = gimp_root.inside(script)
        batch = make_batch(make_profile(name, interpreter))
        batch.give("dark", dark_picture(*size))
        return batch

    return make


def outcome(batch):
    fault = batch.results("fault").notes["fault"]
    assert fault["same"], "the picture changed all the same"
    return fault["said"]


def test_a_wrong_interpreter_is_named(faulty):
    batch = faulty(interpreter="/nowhere/python3")
    batch.run("fault.py")
    said = outcome(batch)
    assert "/nowhere/python3" in said and "run 'clode gimp install' again" in said


def test_a_python_without_clode_core_is_named(faulty, gimp_root):
    batch = faulty(f'exec "{gimp_root.interpreter}" -I -S "$@"')
    batch.run("fault.py")
    assert "has no clode-core any more" in outcome(batch)


def test_missing_weights_are_named(faulty, gimp_root):
    package = gimp_root.base / "package"
    ignored = shutil.ignore_patterns("*.safetensors", "__pycache__")
    shutil.copytree(CHECKOUT / "clode_core", package / "clode_core", ignore=ignored)
    batch = faulty(f'PYTHONPATH="{gimp_root.inside(package)}" exec "{gimp_root.interpreter}" "$@"')
    batch.run("fault.py")
    said = outcome(batch)
    assert "cannot load its model: no weights at" in said and "clode.safetensors" in said


def test_words_that_are_no_protocol_are_not_taken_for_pixels(faulty, gimp_root):
    batch = faulty(f'exec "{gimp_root.interpreter}" "{CHECKOUT}/tests/gimp/false_worker.py" "$@"')
    batch.run("fault.py")
    assert "do not understand each other" in outcome(batch)


def test_a_plug_in_without_its_record_says_what_to_do(faulty):
    batch = faulty()
    (batch.profile / "plug-ins/clode/installed.json").unlink()
    batch.run("fault.py")
    assert "run 'clode gimp install'" in outcome(batch)


def test_a_plug_in_with_a_missing_file_is_in_the_menu_and_says_what_to_do(faulty):
    batch = faulty()
    shutil.rmtree(batch.profile / "plug-ins/clode/link")
    batch.run("fault.py")
    assert "not complete" in outcome(batch)


def in_mid_computation(gimp_root, batch, others):
    """Wait until a worker that was warm works on the large picture; return its number."""
    wait(lambda: (batch.folder / "calling").exists(), "the call", 90)
    time.sleep(2.5)
    (worker,) = workers(gimp_root) - others
    return worker


def test_a_worker_killed_in_mid_computation_is_missed_in_words(faulty, gimp_root):
    others = workers(gimp_root)
    batch = faulty(size=LARGE)
    batch.give("warm", dark_picture(32, 48))
    gimp = batch.start("fault.py")
    gimp_root.run(["kill", "-9", in_mid_computation(gimp_root, batch, others)])
    gimp.communicate(timeout=60)
    assert batch.results("fault").notes["warm"]["said"] == "ok"
    assert "CLODE's worker stopped" in outcome(batch)


def test_a_plug_in_killed_in_mid_computation_leaves_the_picture_as_it_was(faulty, gimp_root):
    """GIMP's own Cancel kills a plug-in."""
    others = workers(gimp_root)
    batch = faulty(size=LARGE)
    batch.give("warm", dark_picture(32, 48))
    gimp = batch.start("fault.py")
    worker = in_mid_computation(gimp_root, batch, others)
    plug_ins = [pid for pid, line in gimp_root.processes().items() if "plug-ins/clode/clode.py" in line]
    gimp_root.run(["kill", "-9", *plug_ins])
    wait(lambda: (batch.folder / "fault/results.json").exists(), "the end of the call", 30)
    gimp.communicate(timeout=60)
    assert outcome(batch) != "ok"
    wait(lambda: worker not in workers(gimp_root), "the end of the worker", 5)


def test_a_killed_gimp_takes_its_worker_along_within_five_seconds(faulty, gimp_root):
    others = workers(gimp_root)
    batch = faulty(size=LARGE)
    batch.give("warm", dark_picture(32, 48))
    gimp = batch.start("fault.py")
    worker = in_mid_computation(gimp_root, batch, others)
    running = gimp_root.processes().items()
    (number,) = [pid for pid, line in running if line.startswith("gimp-console-3") and "fault.py" in line]
    gimp_root.run(["kill", "-9", number])
    wait(lambda: worker not in workers(gimp_root), "the end of the worker", 5)
    gimp.communicate(timeout=60)
    left = [line for line in gimp_root.processes().values() if "plug-ins/clode/clode.py" in line]
    assert not left, "the plug-in outlived GIMP"


def test_two_gimps_at_once_have_a_worker_each(faulty, make_profile, make_batch, gimp_root):
    others = workers(gimp_root)
    batches = [faulty(), make_batch(make_profile("second-gimp"))]
    batches[1].give("dark", dark_picture(64, 96))
    for batch in batches:
        batch.give("warm", dark_picture(700, 900))
    gimps = [batch.start("fault.py") for batch in batches]
    wait(lambda: len(workers(gimp_root) - others) == 2, "the second worker", 60)
    for gimp, batch in zip(gimps, batches, strict=True):
        printed, _ = gimp.communicate(timeout=120)
        assert gimp.returncode == 0, printed
        notes = batch.results("fault").notes
        assert notes["warm"]["said"] == notes["fault"]["said"] == "ok"
        assert not notes["fault"]["same"]
