"""Files written whole or not at all, whatever they hold."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from clode_core.pictures.atomic import TEMPORARY_SUFFIX, WriteError, write_atomically


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"the old file")
    return path


def intact(old: Path) -> bool:
    return old.read_bytes() == b"the old file" and list(old.parent.iterdir()) == [old]


def new_content(handle):
    return handle.write(b"new")


def test_new_file_is_written_and_its_path_returned_as_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert write_atomically(Path("a.bin"), new_content) == Path("a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.bin"]


def test_old_file_is_replaced_only_after_all_is_written_and_on_disk(old, monkeypatch):
    steps, fsync, replace = [], os.fsync, os.replace

    def write(handle):
        assert old.read_bytes() == b"the old file"
        (rest,) = set(old.parent.iterdir()) - {old}
        assert rest.name.startswith(".clode-") and rest.suffix == TEMPORARY_SUFFIX
        handle.write(b"first, ")
        handle.seek(0)
        assert handle.read() == b"first, "
        handle.write(b"then")

    monkeypatch.setattr(os, "fsync", lambda number: (steps.append("fsync"), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda *paths: (steps.append("replace"), replace(*paths)))
    write_atomically(old, write)
    assert steps == ["fsync", "replace"]
    assert old.read_bytes() == b"first, then"
    assert list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize("failure", [RuntimeError, MemoryError, ImportError, KeyboardInterrupt])
def test_failure_that_is_not_the_disks_is_passed_on(old, failure):
    def write(handle):
        handle.write(b"half")
        raise failure("no")

    with pytest.raises(failure, match="no"):
        write_atomically(old, write)
    assert intact(old)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "was not written, since the disk is full"),
        (errno.EDQUOT, "was not written, since the disk is full"),
        (errno.EACCES, "its folder is closed to you"),
        (errno.EROFS, "its folder is closed to you"),
        (errno.EIO, r"was not written \(the reason\); check the disk"),
    ],
)
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_failure_of_the_disk_is_one_sentence(old, monkeypatch, step, number, sentence):
    def fail(*args):
        raise OSError(number, "the reason")

    if step != "write":
        monkeypatch.setattr(os, step, fail)
    with pytest.raises(WriteError, match=rf"weights\.bin .*{sentence}") as caught:
        write_atomically(old, fail if step == "write" else new_content)
    assert isinstance(caught.value.__cause__, OSError)
    assert intact(old)


def test_places_that_cannot_be_written_are_named_before_anything_is(tmp_path):
    def never(handle):
        pytest.fail("nothing should be written")

    for path, sentence in [
        (tmp_path, "is a folder"),
        (tmp_path / "nowhere" / "a.bin", "its folder does not exist"),
        (tmp_path / "a\0b", "is not a possible file name"),
        (tmp_path / ("a" * 300), "was not written"),
    ]:
        with pytest.raises(WriteError, match=sentence):
            write_atomically(path, never)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_permissions_and_links_of_the_old_file_stay(old):
    old.chmod(0o640)
    link = old.parent / "link.bin"
    link.symlink_to(old)
    assert write_atomically(link, new_content) == link
    assert link.is_symlink()
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert old.read_bytes() == b"new"
