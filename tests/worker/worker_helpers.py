import time

import numpy as np


def wait(look, what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if look():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def picture_of(shape, seed=0):
    random = np.random.default_rng(seed)
    return (0.25 * random.random(shape)).astype(np.float32)


SAMPLES = {np.dtype(np.uint8): "u8", np.dtype(np.uint16): "u16", np.dtype(np.float32): "f32"}


def upload(link, number, picture, band=16):
    height = len(picture)
    bands = [(y, min(band, height - y), picture[y : y + band].tobytes()) for y in range(0, height, band)]
    link.upload(number, picture.shape, bands, SAMPLES[picture.dtype])


def render(
    link,
    number,
    shape,
    time=2.5,
    denoise=False,
    region=None,
    progress=lambda fraction: True,
    dtype=np.float32,
):
    height, width, channels = shape
    x, y, width, height = region or (0, 0, width, height)
    result = np.full((height, width, channels), 77, dtype)

    def store(first, count, data):
        result[first : first + count] = np.frombuffer(data, dtype).reshape(count, width, channels)

    used = link.render(number, time, denoise, (x, y, width, height), store, progress)
    return used, result
