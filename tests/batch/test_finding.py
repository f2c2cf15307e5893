import os

import pytest

from clode_core.batch.finding import find_tasks, remove_left_over
from clode_core.errors import UserError


@pytest.fixture
def make(tmp_path):
    def touch(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return touch


def found(paths, output):
    tasks, closed = find_tasks(paths, output)
    assert not closed
    return [task.target.relative_to(output).as_posix() for task in tasks]


def test_the_tree_of_a_folder_is_kept(make, tmp_path):
    top = make("in/b.png", "in/sub/deep/a.TIF", "in/sub/c.jpg", "in/notes.txt", "in/d.png.bak") / "in"
    assert found([top], tmp_path / "out") == ["b.png", "sub/c.jpg", "sub/deep/a.TIF"]


def test_pictures_named_one_by_one_lie_directly_in_the_folder(make, tmp_path):
    top = make("in/sub/a.png", "in/b.png") / "in"
    assert found([top / "sub/a.png", top / "b.png"], tmp_path / "out") == ["a.png", "b.png"]


def test_results_inside_the_folder_are_not_read_again(make, tmp_path):
    top = make("in/a.png", "in/out/a.png", "in/out/sub/b.png", "in/other/out/c.png") / "in"
    assert found([top], top / "out") == ["a.png", "other/out/c.png"]


def test_the_folder_itself_is_refused_as_its_own_output(make):
    top = make("in/a.png") / "in"
    with pytest.raises(UserError, match="would be overwritten"):
        find_tasks([top], top)


def test_no_result_overwrites_another_picture_of_the_run(make, tmp_path):
    top = make("data/in/in/a.png", "data/in/a.png") / "data"
    with pytest.raises(UserError, match="would be overwritten"):
        find_tasks([top / "in"], top)


def test_links_that_loop_end_and_every_folder_is_read_once(make, tmp_path):
    top = make("in/real/a.png") / "in"
    (top / "again").symlink_to(top / "real")
    (top / "real" / "up").symlink_to(top)
    (top / "real" / "self").symlink_to("self")
    assert found([top], tmp_path / "out") == ["real/a.png"]


def test_a_link_to_a_folder_elsewhere_is_followed(make, tmp_path):
    make("in/a.png", "elsewhere/b.png")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    assert found([tmp_path / "in"], tmp_path / "out") == ["a.png", "linked/b.png"]


def test_twenty_folders_that_all_link_to_each_other_are_read_in_no_time(make, tmp_path):
    make(*(f"in/{n}/a.png" for n in range(20)))
    for n in range(20):
        for m in range(20):
            (tmp_path / "in" / str(n) / f"to {m}").symlink_to(tmp_path / "in" / str(m))
    assert len(found([tmp_path / "in"], tmp_path / "out")) == 20


def test_a_link_into_nothing_is_a_picture_that_will_be_told(make, tmp_path):
    top = make("in/a.png") / "in"
    (top / "gone.jpg").symlink_to("nowhere.jpg")
    (top / "loop.png").symlink_to("loop.png")
    assert found([top], tmp_path / "out") == ["a.png", "gone.jpg", "loop.png"]


@pytest.mark.parametrize(
    "names", [("x/a.png", "y/a.png"), ("x/a.png", "y/A.PNG"), ("x/\u00e9.png", "y/e\u0301.png")]
)
def test_results_of_one_name_are_refused(make, tmp_path, names):
    top = make(*names)
    with pytest.raises(UserError, match="would both become"):
        find_tasks([top / "x", top / "y"], tmp_path / "out")


def test_equal_stems_with_other_suffixes_live_side_by_side(make, tmp_path):
    assert found([make("in/a.png", "in/a.jpg") / "in"], tmp_path / "out") == ["a.jpg", "a.png"]


def test_a_picture_named_twice_is_done_once(make, tmp_path):
    top = make("in/a.png") / "in"
    assert found([top, top / "a.png", top], tmp_path / "out") == ["a.png"]


def test_a_folder_inside_that_cannot_be_read_is_told_and_the_others_are_found(make, tmp_path, monkeypatch):
    top = make("in/a.png", "in/closed/b.png") / "in"
    real = type(top).iterdir

    def closed(self):
        if self.name == "closed":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self)

    monkeypatch.setattr(type(top), "iterdir", closed)
    tasks, failed = find_tasks([top], tmp_path / "out")
    assert [task.source.name for task in tasks] == ["a.png"]
    assert "Permission denied" in failed[0].error


def test_only_what_killed_writers_left_is_removed(make, tmp_path):
    left = f".clode-{'a1' * 16}.partial"
    keep = ["out/.clode-notes.partial", "out/a.partial", f"out/x{left}", "out/a.png"]
    make(f"out/{left}", f"out/sub/{left}", *keep)
    remove_left_over(tmp_path / "out")
    assert (tmp_path / "out/sub" / left).exists() and not (tmp_path / "out" / left).exists()
    remove_left_over(tmp_path / "out", below=True)
    assert not (tmp_path / "out/sub" / left).exists()
    assert all((tmp_path / name).exists() for name in keep)


def test_names_of_any_bytes_are_found(make, tmp_path):
    names = [b"new\nline.png", b"-dash.png", b"\xff\xfe.png", b"[red].png", b" .png"]
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / os.fsdecode(name)).touch()
    tasks, _ = find_tasks([tmp_path / "in"], tmp_path / "out")
    assert {os.fsencode(task.target.name) for task in tasks} == set(names)
