import os
import signal
import subprocess
import time

import numpy as np
import psutil
import pytest
from batch import recorded, results
from PIL import Image

from clode_core.batch.record import NAME
from clode_core.batch.work import Settings, Work
from clode_core.cli import batch as running


def sentence(result):
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    (line,) = [line for line in result.stderr.splitlines() if line]
    assert line.startswith("clode: ")
    return line


def printed(result):
    return result.stdout.splitlines()


@pytest.mark.parametrize("options", [(), ("--method", "zero-dce"), ("--method", "zero-dce++")])
def test_several_processes_give_the_same_bytes_as_one(clode, tree, tmp_path, options):
    assert clode(tree, "-o", tmp_path / "one", *options).exit_code == 0
    many = clode(tree, "-o", tmp_path / "many", "--jobs", "2", *options)
    assert many.exit_code == 0, many.stderr
    assert results(tmp_path / "one") == results(tmp_path / "many")
    assert sorted(results(tmp_path / "one")) == ["a.png", "b.jpg", "sub/c.png", "sub/deep/d.tif"]
    assert len(printed(many)) == 4


def test_results_do_not_depend_on_the_number_of_threads(tree, tmp_path):
    import torch

    from clode_core.batch.finding import find_tasks

    threads = torch.get_num_threads()
    try:
        for method in ("clode", "zero-dce++"):
            work = Work(Settings(method=method))
            for count in (1, 2, 3):
                torch.set_num_threads(count)
                for task in find_tasks([tree], tmp_path / f"{method} {count}")[0]:
                    assert not work(task).error
                assert torch.get_num_threads() == count
                assert results(tmp_path / f"{method} 1") == results(tmp_path / f"{method} {count}")
    finally:
        torch.set_num_threads(threads)


def test_a_resumed_run_makes_what_is_missing_or_changed_and_nothing_else(clode, tree, tmp_path):
    out = tmp_path / "out"
    assert clode(tree, "-o", out, "--resume").exit_code == 0
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    (out / "b.jpg").unlink()
    Image.fromarray(np.full((30, 30), 9, np.uint8)).save(tree / "sub/c.png")
    again = clode(tree, "-o", out, "--resume")
    assert printed(again) == [str(out / "b.jpg"), str(out / "sub/c.png")]
    assert "2 pictures were done already, 2 were made now" in again.stderr
    assert (out / "a.png").stat().st_mtime_ns == before[out / "a.png"]
    assert printed(clode(tree, "-o", out, "--resume")) == []


@pytest.mark.parametrize("options", [("--time", "2"), ("--no-denoise",), ("--method", "zero-dce++")])
def test_a_resumed_run_with_other_settings_makes_all_anew(clode, tree, tmp_path, options):
    assert clode(tree, "-o", tmp_path / "out", "--resume").exit_code == 0
    assert len(printed(clode(tree, "-o", tmp_path / "out", "--resume", *options))) == 4


def test_without_resume_all_is_made_again(clode, tree, tmp_path):
    for _ in range(2):
        assert len(printed(clode(tree, "-o", tmp_path / "out"))) == 4


def test_a_plain_run_leaves_its_record_only_where_something_is_left_to_do(clode, tree, tmp_path):
    assert clode(tree, "-o", tmp_path / "whole").exit_code == 0
    assert not (tmp_path / "whole" / NAME).exists()
    (tree / "broken.png").write_bytes(b"")
    assert clode(tree, "-o", tmp_path / "part").exit_code == 1
    assert len(recorded(tmp_path / "part")) == 4
    assert len(printed(clode(tree, "-o", tmp_path / "part", "--resume"))) == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_broken_pictures_are_listed_at_the_end_with_reasons(clode, tree, tmp_path, jobs):
    whole = (tree / "a.png").read_bytes()
    (tree / "cut.png").write_bytes(whole[:-40])
    (tree / "empty.jpg").write_bytes(b"")
    (tree / "text.tif").write_text("hello")
    (tree / "gone.png").symlink_to("nowhere.png")
    bomb = bytearray(whole)
    bomb[16:24] = (1 << 31).to_bytes(4, "big") * 2
    (tree / "bomb.png").write_bytes(bomb)
    os.mkfifo(tree / "pipe.png")
    result = clode(tree, "-o", tmp_path / "out", "--jobs", jobs)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 7 and "6 of 10 pictures" in lines[-1]
    for name, reason in {
        "cut.png": "cut short",
        "empty.jpg": "is empty",
        "text.tif": "does not hold",
        "gone.png": "does not exist",
        "bomb.png": "GB of pixels",
        "pipe.png": "not a regular file",
    }.items():
        assert sum(name in line and reason in line for line in lines) == 1, name
    assert len(results(tmp_path / "out")) == 4


def test_a_picture_changed_while_it_is_read_is_told(tmp_path, dark, monkeypatch):
    from clode_core.batch.work import Settings, Task, Work
    from clode_core.pictures import files

    whole = files.read_picture
    source = files.write_picture(tmp_path / "a.png", dark)

    def changed_behind(path, **options):
        picture = whole(path, **options)
        files.write_picture(path, dark[::2])
        return picture

    monkeypatch.setattr(files, "read_picture", changed_behind)
    outcome = Work(Settings("gamma"))(Task(source, tmp_path / "out.png"))
    assert "was changed while it was read" in outcome.error
    assert not (tmp_path / "out.png").exists()


def test_a_picture_deleted_while_the_others_are_made_is_told(clode, tree, tmp_path, monkeypatch):
    real = running.find_tasks

    def found(*arguments, **options):
        tasks = real(*arguments, **options)
        (tree / "b.jpg").unlink()
        return tasks

    monkeypatch.setattr(running, "find_tasks", found)
    result = clode(tree, "-o", tmp_path / "out")
    assert "b.jpg does not exist" in result.stderr and len(printed(result)) == 3


def test_names_of_any_bytes_are_enhanced_and_recorded(clode, tmp_path, dark):
    (tmp_path / "in").mkdir()
    names = ["new\nline.png", "-dash.png", os.fsdecode(b"\xff\xfe.png"), "[red].png", " .png"]
    for name in names:
        Image.fromarray(dark[:20, :20]).save(tmp_path / "in" / name)
    for made in (5, 0):
        result = clode(tmp_path / "in", "-o", tmp_path / "out", "--resume", "--jobs", "2")
        assert result.exit_code == 0, result.stderr
        assert bool(printed(result)) == bool(made)
    assert {name for name in os.listdir(tmp_path / "out") if name != NAME} == set(names)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--jobs", "0"], "--jobs takes a whole number, 1 or more"),
        (["--jobs", "-3"], "--jobs takes a whole number, 1 or more"),
        (["--memory", "0"], "--memory takes gigabytes"),
        (["--memory", "nan"], "--memory takes gigabytes"),
        (["--jobs", "2", "--scheduler", "tcp://h:1"], "leave one of them out"),
        (["--scheduler", "nonsense"], "--scheduler takes an address such as tcp://"),
        (["--scheduler", ""], "--scheduler takes an address such as tcp://"),
    ],
)
def test_options_out_of_range_give_one_sentence(clode, tree, tmp_path, options, told):
    assert told in sentence(clode(tree, "-o", tmp_path / "out", *options))


def test_a_thousand_processes_are_as_many_as_there_is_room_for(clode, tree, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "MOST_PER_CORE", 0)
    result = clode(tree, "-o", tmp_path / "out", "--jobs", "1000")
    assert result.exit_code == 0 and "1 processes are used" in result.stderr


def test_a_small_memory_refuses_large_pictures_only(clode, tree, tmp_path):
    result = clode(tree, "-o", tmp_path / "out", "--memory", "0.000001")
    assert result.exit_code == 1 and "--memory" in result.stderr and not printed(result)
    assert clode(tree, "-o", tmp_path / "out", "--memory", "0.1").exit_code == 0


def test_without_dask_the_scheduler_names_what_to_install(clode, tree, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "clode_core.batch.cluster", raising=False)
    told = sentence(clode(tree, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1"))
    assert "pip install 'clode-core[distributed]'" in told


def test_the_base_needs_no_dask(tree, tmp_path, process):
    code = (
        "import sys; sys.modules['dask'] = sys.modules['distributed'] = sys.modules['psutil'] = None\n"
        "from clode_core.cli import app\n"
        f"app(['enhance', {str(tree)!r}, '-o', {str(tmp_path / 'out')!r}])"
    )
    done = subprocess.run([os.sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and len(results(tmp_path / "out")) == 4, done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of 64 KiB, or read-only."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True
    ).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_that_fills_leaves_whole_files_only(clode, tmp_path, small_disk, random):
    (tmp_path / "in").mkdir()
    for n in range(4):
        Image.fromarray(random.integers(0, 256, (110, 110, 3), np.uint8)).save(tmp_path / "in" / f"{n}.png")
    result = clode(tmp_path / "in", "-o", small_disk, "--jobs", "2")
    assert result.exit_code == 1 and "disk is full" in result.stderr
    made = results(small_disk)
    assert 0 < len(made) < 4 and all(name.endswith(".png") for name in made)
    for name in made:
        Image.open(small_disk / name).verify()


def test_a_read_only_folder_is_told(clode, tree, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert "choose another folder with -o" in sentence(clode(tree, "-o", small_disk))


def test_control_c_ends_quickly_and_leaves_whole_files_and_no_process(process, tmp_path, dark):
    (tmp_path / "in").mkdir()
    for n in range(200):
        Image.fromarray(dark).save(tmp_path / "in" / f"{n:03}.png")
    run = process(tmp_path / "in", "-o", tmp_path / "out", "--jobs", "2")
    while len(recorded(tmp_path / "out")) < 3:
        time.sleep(0.05)
    family = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGINT)
    _, told = run.communicate(timeout=60)
    assert run.returncode == 130 and "Traceback" not in told
    assert told.splitlines() == ["clode: interrupted; finished files are complete"]
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive
    for name in results(tmp_path / "out"):
        assert name.endswith(".png")
        Image.open(tmp_path / "out" / name).verify()
