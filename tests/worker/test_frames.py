import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clode_core.worker.link import frames
from clode_core.worker.link.frames import FrameError, Message, decode, encode, rows_per_frame

GOOD = encode(Message("view", {"id": 3, "time": 2.5, "denoise": True}, b"12345678"))


def test_a_message_comes_back_as_it_was():
    message = decode(GOOD)
    assert message.kind == "view"
    assert message.fields == {"id": 3, "time": 2.5, "denoise": True}
    assert bytes(message.payload) == b"12345678"


def test_the_bytes_are_those_that_the_description_shows():
    assert encode(Message("a", {}, b"z")) == b'CLOD\x03\x00\x0d\x00\x00\x00{"kind": "a"}z'


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b"", "cut off"),
        (GOOD[:9], "cut off"),
        (b"HTTP" + GOOD[4:], "no frame"),
        (GOOD[:4] + struct.pack("<H", 99) + GOOD[6:], "protocol 99"),
        (GOOD[:6] + struct.pack("<I", 2**32 - 1) + GOOD[10:], "does not fit"),
        (GOOD[:20], "does not fit"),
        (b"CLOD\x03\x00\x04\x00\x00\x00[1]]", "no JSON"),
        (b"CLOD\x03\x00\x04\x00\x00\x00\xff\xfe\xfd\xfc", "no JSON"),
        (b"CLOD\x03\x00\x03\x00\x00\x00[1]", "no JSON object"),
        (b'CLOD\x03\x00\x0a\x00\x00\x00{"kind":1}', "no JSON object"),
        (b'CLOD\x03\x00\x11\x00\x00\x00{"kind":NaN, "a":', "no JSON"),
        (b"CLOD\x03\x00" + struct.pack("<I", 60000) + b"[" * 60000, "no JSON"),
    ],
)
def test_what_is_no_frame_is_refused(frame, words):
    with pytest.raises(FrameError, match=words):
        decode(frame)


@given(st.binary(max_size=200))
def test_no_bytes_can_do_more_than_be_refused(data):
    for frame in (data, GOOD[:10] + data):
        with contextlib.suppress(FrameError):
            decode(frame)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_frame_with_one_wrong_byte_is_a_message_or_refused(place, value):
    frame = bytearray(GOOD)
    frame[place] = value
    with contextlib.suppress(FrameError):
        assert isinstance(decode(bytes(frame)).kind, str)


@pytest.mark.parametrize("value", [None, True, 1.0, "1", -1, 11, 2**70, [1]])
def test_a_whole_number_is_nothing_else(value):
    with pytest.raises(FrameError, match="a: n must be a whole number from 0 to 10"):
        Message("a", {"n": value}).whole("n", 0, 10)
    assert Message("a", {"n": 10}).whole("n", 0, 10) == 10


@pytest.mark.parametrize("value", [None, True, "1", float("nan"), float("inf"), -5.1, [1]])
def test_a_number_is_finite_and_in_range(value):
    with pytest.raises(FrameError, match="must be a number from -5 to 5"):
        Message("a", {"n": value}).number("n", -5, 5)
    assert Message("a", {"n": -5}).number("n", -5, 5) == -5.0


def test_flags_and_texts_are_checked():
    for value in (None, 0, 1, "true"):
        with pytest.raises(FrameError, match="true or false"):
            Message("a", {"f": value}).flag("f")
    for value in (None, 5, "x" * 11):
        with pytest.raises(FrameError, match="at most 10"):
            Message("a", {"t": value}).text("t", 10)


def test_what_is_too_large_is_not_sent():
    with pytest.raises(FrameError, match="too large"):
        encode(Message("rows", {}, bytes(frames.LARGEST_PAYLOAD + 1)))
    with pytest.raises(FrameError, match="too large"):
        encode(Message("x", {"text": "y" * frames.LARGEST_HEADER}))
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(Message("x", {"n": float("nan")}))


@given(st.integers(1, frames.LARGEST_SIDE), st.integers(1, 4), st.sampled_from(["u8", "u16", "f32"]))
def test_a_band_of_rows_always_fits_a_frame(width, channels, samples):
    rows = rows_per_frame(width, channels, samples)
    assert rows >= 1
    assert rows * width * channels * frames.SAMPLE_BYTES[samples] <= frames.LARGEST_PAYLOAD
