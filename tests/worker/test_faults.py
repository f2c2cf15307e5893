"""A worker ends when nobody needs it, and says in words what keeps it from serving."""

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import pytest
from worker_helpers import picture_of, render, upload, wait

from clode_core.worker.link import Cancelled, Frozen, Launcher, Link, WorkerError
from clode_core.worker.link.client import Lost
from clode_core.worker.link.frames import LARGEST_FRAME, Message, encode
from clode_core.worker.link.owner import alive, started, stopped
from clode_core.worker.link.place import PlaceError, place_for, private, read_endpoint


def test_a_worker_ends_with_its_owner_within_five_seconds(link, owner):
    assert alive(link.process)
    owner.send_signal(signal.SIGKILL)  # and nobody notices: it stays behind as a zombie
    wait(lambda: not alive(link.process), "the end of the worker", 5)


def test_a_worker_ends_with_its_owner_in_mid_computation(link, owner):
    picture = picture_of((3000, 2000, 3))
    upload(link, 1, picture, 600)

    def strike(fraction):
        owner.send_signal(signal.SIGKILL)
        return True

    with pytest.raises(Lost):
        render(link, 1, picture.shape, denoise=True, progress=strike)
    wait(lambda: not alive(link.process), "the end of the worker", 5)


def test_a_worker_without_callers_ends(owner):
    launcher = Launcher(sys.executable, owner.pid, "test", idle=1)
    link = launcher.connect()
    time.sleep(2.5)
    assert link.request("status").kind == "status", "it left while somebody was connected"
    link.close()
    wait(lambda: not alive(link.process), "the end of the worker", 10)
    assert sorted(os.listdir(launcher.folder)) == ["lock", "worker.log"]


def test_after_a_worker_ended_the_next_call_starts_another(launcher):
    first = launcher.connect()
    first.close()
    os.kill(first.process, signal.SIGKILL)
    wait(lambda: not alive(first.process), "the end of the worker")
    second = launcher.connect()
    assert second.process != first.process
    second.close()


def test_a_worker_killed_in_mid_computation_is_missed_in_words(link):
    picture = picture_of((1500, 1500, 3))
    upload(link, 1, picture, 500)

    def strike(fraction):
        os.kill(link.process, signal.SIGKILL)
        return True

    with pytest.raises(WorkerError, match="CLODE's worker stopped"):
        render(link, 1, picture.shape, denoise=True, progress=strike)


def test_one_folder_has_one_worker(launcher, link):
    command = [sys.executable, "-P", "-m", "clode_core.worker", "--folder", launcher.folder]
    second = subprocess.run([*command, "--owner", str(os.getpid())], timeout=60, check=False)
    assert second.returncode == 0
    assert link.request("status").kind == "status"


def test_callers_that_come_at_once_find_the_same_worker(owner):
    launchers = [Launcher(sys.executable, owner.pid, f"test {k}") for k in range(4)]
    found = []
    threads = [threading.Thread(target=lambda one=one: found.append(one.connect())) for one in launchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({link.process for link in found}) == 1
    for link in found:
        link.close()


def test_the_python_that_is_not_there_is_named(owner):
    with pytest.raises(WorkerError, match=r"/nowhere/python.*run 'clode gimp install' again"):
        Launcher("/nowhere/python", owner.pid, "test").connect()


def test_a_python_without_clode_core_is_named(owner, wrapped):
    interpreter = wrapped("", "-I -S")
    with pytest.raises(WorkerError, match="has no clode-core any more"):
        Launcher(interpreter, owner.pid, "test").connect()


def test_what_broke_the_start_is_told_with_the_last_words(owner, wrapped):
    interpreter = wrapped("echo the disk has a hole >&2; exit 3")
    with pytest.raises(WorkerError, match="the disk has a hole"):
        Launcher(interpreter, owner.pid, "test").connect()


def test_missing_weights_are_named_and_the_worker_ends(owner, wrapped, package_without_weights):
    interpreter = wrapped(f'export PYTHONPATH="{package_without_weights}"')
    launcher = Launcher(interpreter, owner.pid, "test")
    link = launcher.connect()
    with pytest.raises(WorkerError, match=r"cannot load its model: no weights at .*clode\.safetensors"):
        link.request("status")
    upload(link, 1, picture_of((20, 20, 3)))
    with pytest.raises(WorkerError, match="cannot load its model"):
        link.request("solve", picture=1)
    link.close()
    wait(lambda: not alive(link.process), "the end of the worker", 10)


def test_a_start_can_be_called_off(owner, wrapped):
    launcher = Launcher(wrapped("sleep 30"), owner.pid, "test")
    began = time.monotonic()
    with pytest.raises(WorkerError, match="stopped while"):
        launcher.connect(going=lambda: time.monotonic() < began + 0.5)


def test_a_start_that_takes_too_long_is_given_up(owner, wrapped):
    launcher = Launcher(wrapped("exec sleep 30"), owner.pid, "test")
    with pytest.raises(WorkerError, match="did not start within 1 seconds"):
        launcher.connect(patience=1)


def test_settings_of_the_front_end_s_python_stay_outside(owner, wrapped, monkeypatch, tmp_path):
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "GI_TYPELIB_PATH"):
        monkeypatch.setenv(name, str(tmp_path))
    link = Launcher(sys.executable, owner.pid, "test").connect()
    assert link.request("status").kind == "status"
    link.close()


# ---- the other side cannot be trusted ----


def connected(launcher):
    """A bare connection, authenticated, that has not said hello."""
    address, key = read_endpoint(launcher.folder)
    return Client(address, authkey=key)


HELLO = encode(Message("hello", {"id": 1, "protocol": 3, "client": "test"}))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0" * 100,
        b"CLOD\x02\x00\xff\xff\xff\xff",
        encode(Message("dance", {"id": 2})),
        encode(Message("rows", {"picture": 7, "first": 0, "count": 1}, b"1234")),
        encode(Message("solve", {"id": -1, "picture": 1})),
        encode(Message("solve", {"id": 2, "picture": 1}, b"payload")),
    ],
)
def test_a_corrupt_frame_ends_its_connection_in_words_and_no_other(launcher, link, frame):
    bad = connected(launcher)
    bad.send_bytes(HELLO)
    assert b'"hello"' in bad.recv_bytes()
    bad.send_bytes(frame)
    assert b'"error"' in bad.recv_bytes()
    with pytest.raises(EOFError):
        bad.recv_bytes()
    bad.close()
    assert link.request("status").kind == "status"


def test_a_frame_that_claims_to_be_huge_is_not_read(launcher, link):
    bad = connected(launcher)
    bad.send_bytes(HELLO)
    bad.recv_bytes()
    with socket.socket(fileno=os.dup(bad.fileno())) as raw:
        raw.sendall((LARGEST_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises((EOFError, ConnectionResetError)):
        bad.recv_bytes()
    bad.close()
    assert link.request("status").kind == "status"


@pytest.mark.parametrize("first", [0, 5, 25])
def test_rows_that_do_not_fit_end_the_connection(launcher, link, first):
    other = launcher.connect()
    other.request("open", picture=1, height=30, width=4, channels=1, samples="f32")
    other.send_rows(1, first, 10, bytes(4 * 4 * 10 - (4 if first == 0 else 0)))
    with pytest.raises(WorkerError, match="rows"):
        other.request("solve", picture=1)
    other.close()
    assert link.request("status").kind == "status"


def test_who_does_not_say_hello_is_refused(launcher, link):
    bad = connected(launcher)
    bad.send_bytes(encode(Message("status", {"id": 1})))
    assert b"begins with hello" in bad.recv_bytes()
    bad.close()


def test_another_protocol_is_refused_in_words(launcher, link):
    bad = connected(launcher)
    bad.send_bytes(encode(Message("hello", {"id": 1, "protocol": 1, "client": "test"})))
    assert b"protocol 3 is spoken here, not 1" in bad.recv_bytes()
    bad.close()


def test_who_does_not_know_the_key_is_not_let_in(launcher, link):
    address, _ = read_endpoint(launcher.folder)
    with pytest.raises(AuthenticationError):
        Client(address, authkey=b"guess")
    with pytest.raises(AuthenticationError):
        Link(address, b"guess", "test")
    assert link.request("status").kind == "status"


def test_a_caller_that_says_nothing_keeps_nobody_out(launcher, link):
    address, _ = read_endpoint(launcher.folder)
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(address)
    other = launcher.connect()
    assert other.request("status").kind == "status"
    other.close()
    silent.close()


def test_a_pickle_is_never_opened(launcher, link):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (launcher.folder + "/caught",)

    bad = connected(launcher)
    bad.send_bytes(HELLO)
    bad.recv_bytes()
    bad.send(Trap())
    assert b'"error"' in bad.recv_bytes()
    bad.close()
    assert not os.path.exists(launcher.folder + "/caught")


# ---- the folder ----


def test_address_and_key_are_for_this_user_alone(launcher, link):
    assert stat.S_IMODE(os.stat(launcher.folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(launcher.folder + "/endpoint.json").st_mode) == 0o600
    key = read_endpoint(launcher.folder)[1]
    command = Path(f"/proc/{link.process}/cmdline").read_bytes()
    assert len(key) == 32 and key.hex().encode() not in command


def test_a_folder_that_others_can_open_is_refused(tmp_path):
    tmp_path.chmod(0o755)
    with pytest.raises(PlaceError, match="only you can open"):
        private(str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(PlaceError, match="only you can open"):
        private(str(tmp_path / "link"))
    worker = [
        sys.executable,
        "-m",
        "clode_core.worker",
        "--folder",
        str(tmp_path),
        "--owner",
        str(os.getpid()),
    ]
    refused = subprocess.run(worker, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1 and "only you can open" in refused.stderr


def test_on_windows_no_call_is_made_that_it_lacks(monkeypatch, tmp_path):
    from clode_core.worker.link import owner

    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        for name in ("getuid", "kill", "lstat", "fork", "setsid"):
            windows.delattr(os, name)
        windows.delattr(signal, "SIGKILL")
        windows.setenv("LOCALAPPDATA", str(tmp_path))
        windows.setattr(owner, "_alive_on_windows", lambda process: True)
        folder = place_for(1234, r"C:\Program Files\Python\python.exe")
        frozen = stopped(1234)
    assert Path(folder).parent == tmp_path / "clode-worker" and Path(folder).is_dir()
    assert not frozen


def test_what_dead_workers_left_is_swept_away(private_place, owner):
    stale = place_for(owner.pid, sys.executable)
    assert os.path.isdir(stale)
    owner.kill()
    owner.wait()
    place_for(os.getpid(), sys.executable)
    assert not os.path.exists(stale)


def test_a_process_is_told_from_a_later_one_with_its_number(owner):
    since = started(owner.pid)
    assert alive(owner.pid, since) and alive(owner.pid)
    assert not alive(owner.pid, str(int(since) + 1))
    owner.kill()  # not waited for: a zombie
    wait(lambda: not alive(owner.pid), "the end of the owner")


def test_a_device_that_runs_out_of_memory_is_left_for_the_cpu(monkeypatch):
    import torch

    from clode_core.worker.model_host import ModelHost, Picture

    model_host = ModelHost("cpu")
    model_host.start()
    model = model_host.model()
    picture = Picture(20, 30, 3)
    picture.fill(0, 20, picture_of((20, 30, 3)).tobytes())
    calls = []

    def compute(used):
        calls.append(used)
        if used is model:
            raise torch.OutOfMemoryError("full")
        return picture.path(used).at(1.0)

    monkeypatch.setattr(model, "device", torch.device("meta"))  # anything but the CPU
    result = model_host.work(compute)
    assert np.isfinite(result).all() and len(calls) == 2
    assert model_host.model() is calls[1] and calls[1].device.type == "cpu"


# ---- what other programs do to it ----


def test_a_caller_that_hangs_up_while_it_is_answered_is_not_complained_about(launcher, link):
    """Those words were shown to the person at the next fault, which had another cause."""
    picture = picture_of((2500, 900, 3))
    other = launcher.connect()
    upload(other, 1, picture, 500)

    def hang_up(fraction):
        if fraction > 0:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        render(other, 1, picture.shape, denoise=True, progress=hang_up)
    other.close()
    upload(link, 1, picture_of((20, 20, 3)))
    assert link.request("solve", picture=1).kind == "solved"  # the other's work has ended
    assert "Error" not in Path(launcher.folder, "worker.log").read_text()


def test_an_answer_that_nobody_waits_for_any_more_is_no_error(monkeypatch, capfd):
    from clode_core.worker.session import Session

    class Broken:
        def recv_bytes(self, _):
            time.sleep(0.3)
            raise EOFError

        def send_bytes(self, _):
            raise BrokenPipeError

    session = Session(Broken(), None)
    session._tasks.put(Message("close", {"id": 1, "picture": 1}))
    monkeypatch.setitem(Session._ANSWERS, "close", _stopped)
    session.run()
    assert capfd.readouterr().err == ""


def _stopped(session, message):
    from clode_core.worker.session import _Stopped

    raise _Stopped


def stop(process):
    os.kill(process, signal.SIGSTOP)
    wait(lambda: stopped(process), "the stop")


@pytest.mark.parametrize("when", ["waiting", "sending"])
def test_a_stopped_worker_is_given_up_within_five_seconds_and_replaced(launcher, link, when):
    link.request("status")
    picture = picture_of((2000, 2000, 3))
    stop(link.process)
    began = time.monotonic()
    with pytest.raises(Frozen, match="was stopped by something else"):
        if when == "waiting":
            link.request("status")
        else:
            for first in range(0, 2000, 200):
                link.send_rows(1, first, 200, picture[first : first + 200].tobytes())
    assert time.monotonic() - began < 5
    another = launcher.connect()
    assert another.process != link.process and another.request("status").kind == "status"
    another.close()


def test_a_worker_that_was_stopped_before_the_call_is_replaced(launcher, link):
    stop(link.process)
    link.close()  # before it is given up
    another = launcher.connect(patience=20)
    assert another.process != link.process
    another.close()


def test_what_a_person_wants_meanwhile_ends_the_waiting(link):
    picture = picture_of((2500, 900, 3))
    upload(link, 1, picture, 500)
    looks = []

    def look():
        looks.append(time.monotonic())
        if len(looks) == 3:
            raise Cancelled("enough")

    link.meanwhile = look
    with pytest.raises(Cancelled, match="enough"):
        render(link, 1, picture.shape, denoise=True)
    assert looks[2] - looks[0] < 0.3


def test_a_folder_that_was_tidied_away_is_made_again(launcher, link):
    shutil.rmtree(launcher.folder)
    another = launcher.connect()
    assert another.process != link.process and another.request("status").kind == "status"
    assert link.request("status").kind == "status", "the old one left in mid-work"
    link.close()
    wait(lambda: not alive(link.process), "the end of the worker that nobody finds", 10)
    assert another.request("status").kind == "status"
    assert read_endpoint(launcher.folder), "the old one took the new one's address along"
    another.close()


@pytest.fixture
def full(private_place):
    """A private place on a disk of its own with no room left."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(private_place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can make a small disk")
    filler = private_place / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    yield private_place
    subprocess.run(["umount", "-l", str(private_place)], check=True)


def test_where_the_runtime_folder_is_full_the_temporary_one_serves(
    full, owner, monkeypatch, tmp_path_factory
):
    elsewhere = Path("/tmp") / f"clode-test-{os.getpid()}"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    try:
        assert place_for(owner.pid, sys.executable).startswith(str(elsewhere))
    finally:
        shutil.rmtree(elsewhere)


def test_where_every_folder_is_full_the_sentence_names_one(full, owner, monkeypatch):
    (full / "a").mkdir(mode=0o700)
    monkeypatch.setattr("clode_core.worker.link.place._bases", lambda: iter([str(full / "a")]))
    with pytest.raises(
        WorkerError, match=r"finds no place .*/a cannot be written \(No space left on device\)"
    ):
        Launcher(sys.executable, owner.pid, "test")


def test_damaged_weights_are_named_with_the_remedy(owner, wrapped, package_without_weights):
    methods = package_without_weights / "clode_core/methods/clode/weights"
    (methods / "clode.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{broken}" * 9)
    launcher = Launcher(wrapped(f'export PYTHONPATH="{package_without_weights}"'), owner.pid, "test")
    link = launcher.connect()
    with pytest.raises(WorkerError, match=r"not a readable safetensors file.*pip install --force-reinstall"):
        link.request("status")
    link.close()
