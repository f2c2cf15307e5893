import os
import threading

import numpy as np
import pytest

from clode_core.batch.memory import MemoryBudget, Size, available, refusal, size_of
from clode_core.pictures.files import Picture, read_picture, write_picture


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("shape", [(30, 70, 3), (70, 30)])
def test_the_header_tells_the_size(tmp_path, suffix, shape):
    path = write_picture(tmp_path / f"p{suffix}", np.full(shape, 9, np.uint8))
    size = size_of(path)
    assert size.pixels == 2100
    assert size.decoded >= np.prod(shape)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".avif", ".jxl", ".jp2", ".heic", ".exr", ".hdr", ".bmp", ".gif"])
def test_the_header_of_newer_formats_tells_the_size_too(tmp_path, suffix, depth):
    pytest.importorskip({".heic": "pillow_heif", ".exr": "OpenEXR"}.get(suffix, "numpy"))
    like = Picture(np.full((70, 130, 3), 9, depth), "png", 3, 8 * np.dtype(depth).itemsize)
    size = size_of(write_picture(tmp_path / f"p{suffix}", like.pixels, like, say=lambda _: None))
    assert size.pixels == 70 * 130
    assert size.decoded >= read_picture(tmp_path / f"p{suffix}").pixels.nbytes


def test_every_page_of_a_stack_counts(tmp_path):
    path = write_picture(tmp_path / "p.tif", np.ones((8, 50, 60), np.uint16))
    assert size_of(path).pixels == 3000
    assert size_of(path).decoded >= 8 * 50 * 60 * 2


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0\xff\xff\xff\xff"]
)
def test_what_cannot_be_understood_needs_next_to_nothing(tmp_path, content):
    path = tmp_path / "p.png"
    path.write_bytes(content)
    assert size_of(path).decoded == 0
    assert size_of(tmp_path / "nowhere.png").decoded == 0


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.png")
    assert size_of(tmp_path / "p.png") == Size(0, 0, 0)


def test_a_bomb_is_refused_and_a_large_picture_is_not(tmp_path):
    assert "cut it into parts" in refusal(tmp_path, Size(10**9, 3, 3 * 10**9), 10**9)
    assert not refusal(tmp_path, Size(24_000_000, 3, 72_000_000), 10**9)


def test_a_large_picture_waits_for_room_and_runs_alone_if_it_must():
    budget = MemoryBudget(100)
    order = []
    entered, leave = threading.Event(), threading.Event()

    def small():
        with budget.taken(60):
            entered.set()
            leave.wait()
            order.append("small")

    def large():
        with budget.taken(500):
            order.append("large")

    threads = [threading.Thread(target=small)]
    threads[0].start()
    entered.wait()
    assert budget.fits(40) and not budget.fits(41)
    threads.append(threading.Thread(target=large))
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join()
    assert order == ["small", "large"]


def test_there_is_memory():
    assert 10**7 < available() < 10**14
