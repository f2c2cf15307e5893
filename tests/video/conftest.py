from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("av", reason="videos need PyAV")

import av

RATE = 25


def street(number, shape=(96, 128), level=0.05, seed=0):
    """A dark street as floats (Y, X, 3): a still scene with noise, and a light that moves through it."""
    scene = np.random.default_rng(seed)
    coarse = scene.random((6, 8, 3)) * level * 2
    y, x = np.mgrid[: shape[0], : shape[1]]
    picture = coarse[y * 6 // shape[0], x * 8 // shape[1]]
    light = np.exp(-((y - shape[0] / 2) ** 2 + (x - 4 * number % shape[1]) ** 2) / 30)[..., None]
    grain = np.random.default_rng(number).normal(0, 0.004, (*shape, 3))
    return np.clip(picture + 0.5 * light + grain, 0, 1)


class VideoFactory:
    """Writes small videos with the properties that a test needs."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(
        self,
        name="dark.mp4",
        frames=30,
        picture=street,
        codec="libx264",
        pixel_format="yuv420p",
        times=None,
        sound=True,
        rotation=0,
        colours=(1, 1),
        options=None,
        metadata=None,
        sound_codec="aac",
    ):
        path = self.folder / name
        first = picture(0)
        with av.open(str(path), "w") as out:
            out.metadata.update(metadata or {})
            stream = out.add_stream(codec, rate=RATE, options=options or {"crf": "12", "preset": "ultrafast"})
            stream.height, stream.width = first.shape[:2]
            stream.pix_fmt = pixel_format
            stream.codec_context.time_base = Fraction(1, 1000)
            stream.codec_context.colorspace, stream.codec_context.color_range = colours
            if rotation:
                stream.set_display_rotation(rotation)
            audio = out.add_stream(sound_codec, rate=44100) if sound else None
            for number in range(frames):
                deep = pixel_format.endswith("le")
                pixels = picture(number) * (65280 if deep else 255)
                frame = av.VideoFrame.from_ndarray(
                    np.ascontiguousarray(np.rint(pixels).astype(np.uint16 if deep else np.uint8)),
                    "gbrp16le" if deep else "gbrp",
                )
                stored = frame.reformat(
                    format=pixel_format,
                    src_colorspace=colours[0],
                    dst_colorspace=colours[0],
                    src_color_range=2,
                    dst_color_range=colours[1],
                )
                stored.colorspace, stored.color_range = colours
                stored.pts = times[number] if times else number * 1000 // RATE
                stored.time_base = Fraction(1, 1000)
                out.mux(stream.encode(stored))
            out.mux(stream.encode(None))
            if audio:
                self._tone(out, audio, frames / RATE)
        return path

    def _tone(self, out, stream, seconds):
        samples = (3000 * np.sin(np.arange(int(44100 * seconds)) / 20)).astype(np.int16)
        layout = stream.codec_context.layout.name or "mono"
        channels = len(stream.codec_context.layout.channels) or 1
        resampler = av.AudioResampler(stream.codec_context.format.name, layout, 44100)
        for start in range(0, len(samples), 1024):
            part = samples[start : start + 1024]
            frame = av.AudioFrame.from_ndarray(np.repeat(part, channels)[None], "s16", layout)
            frame.sample_rate = 44100
            frame.pts = start
            frame.time_base = Fraction(1, 44100)
            for ready in resampler.resample(frame):
                out.mux(stream.encode(ready))
        out.mux(stream.encode(None))


@pytest.fixture
def video(tmp_path):
    return VideoFactory(tmp_path)


@pytest.fixture
def flat():
    """A picture of one colour, whatever its number."""

    def flat(value, shape=(64, 64)):
        return lambda number: np.broadcast_to(np.asarray(value, float), (*shape, 3))

    return flat
