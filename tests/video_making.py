"""Small videos that tests make."""

from fractions import Fraction

import numpy as np

CUT = 30
RATE = 30


def scene(number, height=72, width=96, frames=60):
    """A dark frame (Y, X, 3) uint8: a disc that moves; another, brighter scene from the middle on."""
    y, x = np.mgrid[:height, :width]
    half = max(1, frames // 2)
    second = number >= half
    base = np.stack([12 + x * 0.2, 10 + y * 0.3, np.full(x.shape, 16.0)], -1)
    if second:
        base = base[:, ::-1] * 3 + 25
    across = width * (0.2 + 0.6 * (number % half) / half)
    disc = np.hypot(x - across, y - height / 2) < height / 5
    base[disc] = (40, 70, 30) if not second else (150, 90, 110)
    return base.clip(0, 255).astype(np.uint8)


def write_video(
    path,
    frames=60,
    shape=(72, 96),
    stamps=None,
    codec="libx264",
    pixel_format="yuv420p",
    picture=scene,
    rotation=0,
    gop=15,
    options=None,
):
    """Write a video; `stamps` are times of the frames in milliseconds, by default evenly at 30 a second."""
    import av

    options = {"crf": "4", "g": str(gop)} if options is None else options
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = shape[1], shape[0], pixel_format
        stream.codec_context.time_base = Fraction(1, 3000)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, *shape, frames), format="rgb24")
            seconds = number / RATE if stamps is None else stamps[number] / 1000
            frame.pts, frame.time_base = round(seconds * 3000), Fraction(1, 3000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if rotation:
        _rotate(path, rotation)
    return path


def _rotate(path, degrees):
    """Say in the header of an MP4 file that it is to be turned, as telephones do."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes of other fields
    one = 1 << 16
    turns = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}
    a, b, c, d = turns[degrees]
    for place, value in ((0, a), (4, b), (12, c), (16, d)):
        data[at + place : at + place + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(data)
