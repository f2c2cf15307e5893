import json
import os

import pytest

from clode_core.batch.record import NAME, Record, only_run
from clode_core.batch.work import Outcome, Task, file_state
from clode_core.errors import UserError


@pytest.fixture
def task(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "a.png").write_bytes(b"picture")
    (tmp_path / "out/a.png").write_bytes(b"result")
    return Task(tmp_path / "a.png", tmp_path / "out/a.png")


def outcome(task):
    return Outcome(task, "", file_state(task.source), file_state(task.target))


@pytest.fixture
def kept(task):
    record = Record(task.target.parent, "settings")
    record.add(outcome(task))
    record.close()
    return task


def holds(task, settings="settings"):
    return Record(task.target.parent, settings).holds(task)


def test_a_result_is_done_if_nothing_has_changed(kept):
    assert holds(kept)


@pytest.mark.parametrize("which", ["source", "target"])
@pytest.mark.parametrize("change", ["content", "time", "gone"])
def test_a_changed_picture_or_result_is_not_done(kept, which, change):
    path = getattr(kept, which)
    if change == "content":
        path.write_bytes(b"something else")
    elif change == "time":
        os.utime(path, ns=(0, 0))
    else:
        path.unlink()
    assert not holds(kept)


def test_other_settings_or_another_picture_of_that_name_are_not_done(kept, tmp_path):
    assert not holds(kept, "others")
    other = tmp_path / "b" / "a.png"
    other.parent.mkdir()
    os.link(kept.source, other)
    assert not holds(Task(other, kept.target))


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_was_cut_short_is_no_line_and_the_next_one_is_whole(kept, cut):
    path = kept.target.parent / NAME
    path.write_bytes(path.read_bytes()[:-cut])
    if cut > 1:
        assert not holds(kept)
    record = Record(kept.target.parent, "settings")
    record.add(outcome(kept))
    record.close()
    assert holds(kept)


@pytest.mark.parametrize(
    "noise", [b"\xff\xfe\n", b"[]\n", b"3\n", b'{"target": 3}\n', b"[" * 100_000 + b"\n"]
)
def test_foreign_lines_are_passed_over(kept, noise):
    with (kept.target.parent / NAME).open("ab") as file:
        file.write(noise)
    assert holds(kept)


def test_a_record_that_grows_is_tidied(kept):
    path = kept.target.parent / NAME
    path.write_bytes(path.read_bytes() * 500)
    assert holds(kept)
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["target"] == "a.png"


def test_a_full_disk_is_remembered_and_does_not_stop_the_run(kept, monkeypatch):
    record = Record(kept.target.parent, "settings")

    def full(descriptor, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        record.add(outcome(kept))
    assert "No space" in record.failed


def test_a_second_run_into_the_folder_is_refused(tmp_path):
    with (
        only_run(tmp_path),
        pytest.raises(UserError, match="another run is writing"),
        only_run(tmp_path),
    ):
        pass
    with only_run(tmp_path):
        pass


def test_a_record_that_is_a_folder_is_told(tmp_path):
    (tmp_path / NAME).mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        Record(tmp_path, "settings")
