import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from clode_core.video.frames import WHITE, Canvas, Frame, read_planes, to_stored

MATRICES = {1: (0.2126, 0.0722), 5: (0.299, 0.114)}


def stored_frame(colour, pixel_format, matrix, bits, full=False):
    """A frame of one colour, its codes computed by the definition of the matrix."""
    kr, kb = MATRICES[matrix]
    red, _, blue = colour
    luma = kr * colour[0] + (1 - kr - kb) * colour[1] + kb * colour[2]
    u, v = (blue - luma) / 2 / (1 - kb), (red - luma) / 2 / (1 - kr)
    scale = 2 ** (bits - 8)
    codes = (
        [255 * luma, 128 + 255 * u, 128 + 255 * v]
        if full
        else [16 + 219 * luma, 128 + 224 * u, 128 + 224 * v]
    )
    frame = av.VideoFrame(64, 64, pixel_format)
    for plane, code in zip(frame.planes, codes, strict=True):
        dtype = np.uint8 if bits == 8 else np.uint16
        plane.update(np.full(plane.buffer_size // np.dtype(dtype).itemsize, round(code * scale), dtype))
    frame.colorspace, frame.color_range = matrix, 2 if full else 1
    return frame


@pytest.mark.parametrize("matrix", [1, 5])
@pytest.mark.parametrize(("pixel_format", "bits"), [("yuv420p", 8), ("yuv420p10le", 10), ("yuv444p12le", 12)])
@pytest.mark.parametrize("colour", [(0, 0, 0), (1, 1, 1), (0.02, 0.01, 0.015), (0.5, 0.2, 0.7)])
def test_stored_colours_are_read_to_within_the_step_of_their_codes(pixel_format, bits, matrix, colour):
    planes = read_planes(stored_frame(colour, pixel_format, matrix, bits), VideoReformatter())
    read = [int(plane[30, 30]) / WHITE for plane in planes]
    step = 2.2 / 219 / 2 ** (bits - 8)  # a chroma code moves blue by more than a luma code
    np.testing.assert_allclose(read, colour, atol=step)


def test_black_is_exactly_zero_and_white_is_white():
    for colour, value in (((0, 0, 0), 0), ((1, 1, 1), WHITE)):
        planes = read_planes(stored_frame(colour, "yuv420p", 1, 8), VideoReformatter())
        for plane in planes:
            assert abs(int(plane[10, 10]) - value) <= 4


def test_full_range_is_told_from_limited_range():
    frame = stored_frame((0.5, 0.5, 0.5), "yuv420p", 5, 8, full=True)
    assert abs(int(read_planes(frame, VideoReformatter())[0][5, 5]) / WHITE - 0.5) < 0.004
    old_name = av.VideoFrame(64, 64, "yuvj420p")
    for plane, code in zip(old_name.planes, (255, 128, 128), strict=True):
        plane.update(np.full(plane.buffer_size, code, np.uint8))
    assert int(read_planes(old_name, VideoReformatter())[1][5, 5]) == WHITE


@pytest.mark.parametrize(("pixel_format", "bits"), [("yuv420p", 8), ("yuv444p10le", 10)])
def test_a_frame_read_and_stored_again_has_the_same_codes(pixel_format, bits, random):
    frame = stored_frame((0.3, 0.2, 0.25), pixel_format, 1, bits)
    dtype = np.uint8 if bits == 8 else np.uint16
    luma = frame.planes[0]
    codes = random.integers(40, 200, luma.buffer_size // np.dtype(dtype).itemsize) * 2 ** (bits - 8)
    luma.update(codes.astype(dtype))
    planes = read_planes(frame, VideoReformatter())
    canvas = Canvas((64, 64), bits)
    canvas.fill(Frame(planes, 0.0).stacked)
    again = to_stored(canvas.frame, pixel_format, frame, VideoReformatter())
    for one, other in zip(frame.planes, again.planes, strict=True):
        first = np.frombuffer(one, dtype).reshape(one.height, -1)[:, : one.width].astype(int)
        second = np.frombuffer(other, dtype).reshape(other.height, -1)[:, : other.width].astype(int)
        assert np.abs(first - second).max() <= 1
    assert (int(again.colorspace), int(again.color_range)) == (1, 1)


def test_pixels_use_the_full_range_of_their_type():
    ramp = np.linspace(0, WHITE, 256).astype(np.uint16)[None].repeat(4, 0)
    frame = Frame((ramp, ramp, ramp), 0.0)
    assert frame.pixels(np.uint8).shape == (4, 256, 3)
    np.testing.assert_array_equal(frame.pixels(np.uint8)[0, :, 1], np.arange(256))
    assert frame.pixels(np.uint16).max() == 65535
    assert frame.stacked.shape == (4, 256, 3)
