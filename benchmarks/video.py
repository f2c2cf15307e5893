"""Video: frames per second, memory, steadiness, and what cleaning the dark is worth.

    python benchmarks/video.py                       # two clips made from the bundled picture
    python benchmarks/video.py CLIP.mp4 ...          # clips of your own
    python benchmarks/video.py --pairs LOW HIGH      # pairs of pictures, the dark ones compressed as video
    python benchmarks/video.py --long 100000         # memory over so many small frames

The steady path is `enhance_video`; the reference path solves every frame on its own at its full size. Both
decode, expose to T = 3 without noise removal, and encode with the same settings.

Two kinds of jitter are printed, each the root mean square of ``B[t] - (B[t-1] + B[t+1]) / 2`` in percent of
the mean of ``B``. In the first ``B`` is the mean brightness of the frames, which moves with what is filmed.
In the second it is what the exposure of each frame makes of one fixed dark grey (5 of 255): the flicker that
the enhancement adds.
"""

import argparse
import resource
import tempfile
import time
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import VideoReformatter

from clode_core import Model, SharedExposure, load_model, read_picture
from clode_core.evaluation.pairs import match, read_pair
from clode_core.methods.clode.curve import curve
from clode_core.video import WHITE, Encoding, VideoReader, enhance_video, look_through, look_up, tone_tables
from clode_core.video.darkness import black_level, clean_dark
from clode_core.video.frames import read_planes
from clode_core.video.writing import VideoWriter

TIME = 3.0
ENCODING = Encoding()
REFERENCE_FRAMES = 60
GREY = 5 / 255
LEVELS = (0.0, float(WHITE))


def peak_memory() -> float:
    """Most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make_clip(path: Path, rows: int, columns: int, frames: int) -> Path:
    """Pan over the bundled dark picture."""
    picture = read_picture(Path(__file__).parents[1] / "examples" / "dark_coffee.png").pixels[..., :3]
    scale = -(-max(rows * 1.3 / picture.shape[0], columns * 1.3 / picture.shape[1]) // 1)
    large = picture.repeat(int(scale), 0).repeat(int(scale), 1)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = columns, rows, "yuv420p"
        for number in range(frames):
            y = number * (large.shape[0] - rows) // frames
            x = number * (large.shape[1] - columns) // frames
            part = np.ascontiguousarray(large[y : y + rows, x : x + columns])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(part, "rgb24")))
        out.mux(stream.encode(None))
    return path


def jitter(brightness: list[float]) -> float:
    """Root mean square of what a frame's brightness differs from its neighbours' mean, in percent."""
    b = np.array(brightness)
    return float(np.sqrt(np.mean((b[1:-1] - (b[:-2] + b[2:]) / 2) ** 2)) / b.mean() * 100)


def brightness_of(path: Path) -> list[float]:
    with VideoReader(path, clean=False) as reader:
        return [float(np.mean([p.mean() for p in frame.planes])) for frame in reader]


def reference(source: Path, target: Path, model: Model, limit: int) -> tuple[float, list[float], list[float]]:
    """Solve every frame on its own; frames per second, brightness of the frames, and the fixed grey."""
    brightness, greys, seconds = [], [], 0.0
    with (
        VideoReader(source) as reader,
        target.open("w+b") as handle,
        VideoWriter(handle, target, reader, ENCODING) as writer,
    ):
        started = time.perf_counter()
        for frame in islice(reader.decoded(), limit):
            pixels = reader.upright(frame).stacked
            path = model.solve(pixels, span=(0.0, TIME), levels=LEVELS, rgb=True)
            shown = path.at(TIME)
            canvas = writer.canvas()
            canvas.fill(shown)
            writer.write(canvas, frame)
            seconds = time.perf_counter() - started
            brightness.append(float(shown.mean()))
            greys.append(fixed_grey(path.own_exposure()))
    return len(brightness) / seconds, brightness, greys


def steady_greys(source: Path, model: Model, limit: int) -> list[float]:
    """What the steady exposure makes of the fixed grey, frame by frame."""
    with VideoReader(source) as reader:
        timeline = look_through(reader, model, (0.0, TIME))
        return [fixed_grey(timeline.at(reader.seconds(f))) for f in islice(reader.decoded(), limit)]


def fixed_grey(exposure: SharedExposure) -> float:
    exponent = float(exposure.exponent.at(TIME).mean())
    return float(curve(torch.tensor(GREY), torch.tensor(exponent)))


def measure(source: Path, model: Model, folder: Path, repeats: int, frames: int) -> None:
    target = folder / "out.mp4"
    early: list[float] = []

    def report(what: str, done: int, total: int | None) -> None:
        if what == "enhance" and done == 100:
            early.append(peak_memory())

    rates = []
    for _ in range(repeats):
        summary = enhance_video(source, target, TIME, model=model, encoding=ENCODING, report=report)
        rates.append(summary.frames / summary.seconds)
    late = peak_memory()
    with VideoReader(source) as reader:
        rows, columns = reader.shape
    print(f"\n{source.name}: {columns} x {rows}, {summary.frames} frames, scenes {len(summary.cuts) + 1}")
    print(f"  steady path         {np.median(rates):7.1f} frames/s (median of {repeats}, both readings)")
    speed, single, greys = reference(source, folder / "reference.mp4", model, frames)
    ratio = np.median(rates) / speed
    print(f"  every frame solved  {speed:7.1f} frames/s, on {len(single)} frames: {ratio:.1f}x")
    if early:
        print(f"  peak memory         {early[0]:7.0f} MB after 100 frames, {late:.0f} MB after all")
    before, after = brightness_of(source)[: len(single)], brightness_of(target)[: len(single)]
    print(f"  jitter              input {jitter(before):.3f} %, steady {jitter(after):.3f} %, ", end="")
    print(f"every frame solved {jitter(single):.3f} %")
    steady = steady_greys(source, model, len(single))
    print(f"  jitter, fixed grey  steady {jitter(steady):.4f} %, every frame solved {jitter(greys):.4f} %")


def long(frames: int, model: Model, folder: Path) -> None:
    """Memory over a long video of small frames, which is made in parts."""
    held: dict[int, float] = {}

    def report(what: str, done: int, total: int | None) -> None:
        if what == "enhance" and done % (frames // 10) == 0:
            held[done] = current_memory()

    clip = make_clip(folder / "long.mp4", 48, 64, frames)
    summary = enhance_video(clip, folder / "out.mp4", TIME, model=model, encoding=ENCODING, report=report)
    print(
        f"{summary.frames} frames of 64 x 48 in {summary.seconds:.0f} s; memory in MB after so many frames:"
    )
    print("  " + ", ".join(f"{done}: {memory:.0f}" for done, memory in held.items()))
    print(f"  at most {peak_memory():.0f}, joining the parts included")


def current_memory() -> float:
    """Memory that this process holds now, in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def compressed(pixels: np.ndarray, quality: int) -> av.VideoFrame:
    """A picture as H.264 leaves it."""
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = pixels.shape[1], pixels.shape[0]
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    encoder.options = {"crf": str(quality), "preset": "fast"}
    decoder = av.CodecContext.create("h264", "r")
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoded = [f for packet in packets for f in decoder.decode(packet)] + list(decoder.decode(None))
    return decoded[0]


def best_psnr(planes, exposure, high: np.ndarray) -> float:
    best = 0.0
    for exposure_time in np.arange(1.5, 4.6, 0.1):
        shown = [np.empty(planes[0].shape, np.uint8) for _ in range(3)]
        look_up(tone_tables(exposure, float(exposure_time)), planes, shown)
        error = np.mean((np.stack(shown, -1).astype(float) - high) ** 2)
        best = max(best, 10 * np.log10(255**2 / error))
    return best


def cleaning(low: Path, high: Path, model: Model) -> None:
    pairs = match(low, high).pairs
    print(f"{len(pairs)} pairs as H.264, PSNR at the best exposure time: as decoded / dark cleaned")
    for quality in (18, 23, 28):
        values = []
        for dark, bright in pairs:
            pixels, target = read_pair(dark, bright)
            frame = compressed(pixels, quality)
            planes = read_planes(frame, VideoReformatter())
            exposure = model.solve(np.stack(planes, -1), levels=LEVELS, rgb=True).own_exposure()
            clean = clean_dark(planes, black_level(planes))
            values.append([best_psnr(p, exposure, target) for p in (planes, clean)])
        before, after = np.mean(values, 0)
        better = int(sum(b > a for a, b in values))
        print(f"  crf {quality}: {before:.2f} / {after:.2f} dB, better in {better}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--pairs", nargs=2, type=Path, metavar=("LOW", "HIGH"))
    parser.add_argument("--long", type=int, metavar="FRAMES")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reference-frames", type=int, default=REFERENCE_FRAMES)
    arguments = parser.parse_args()
    model = load_model(device="cpu")
    if arguments.pairs:
        cleaning(*arguments.pairs, model)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.long:
            long(arguments.long, model, folder)
            return
        clips = arguments.clips or [
            make_clip(folder / "pan_360p.mp4", 360, 640, 1000),
            make_clip(folder / "pan_1080p.mp4", 1080, 1920, 1000),
        ]
        for clip in clips:
            measure(clip, model, folder, arguments.repeats, arguments.reference_frames)


if __name__ == "__main__":
    main()
