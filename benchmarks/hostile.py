"""A thousand hostile picture files: what becomes of each.

    python benchmarks/hostile.py [--files N] [--seed S] [--folder DIR] [--limit SECONDS] [--lenient]

Damages small pictures of every format (cut, sectors zeroed or filled with noise, half a file with an end put
on, false sizes, absurd claims, bits flipped in the header, rubbish behind the end) and reads each in a
process of its own, which may take `--limit` seconds and 3 GB. Prints how many were

right            read, with the pixels of the undamaged file (or all that JPEG's rounding allows)
refused          with one sentence that names the file
traceback        any other error, or a crash
hang             over the time or the memory
silently wrong   read without a word, with other pixels

and names what was silently wrong. Damage that no reader can know of is not made: uncompressed pixels that are
other pixels. Bits flipped in a header can be such damage (a JPEG's tables have no checksum), and are counted.
"""

import argparse
import io
import multiprocessing
import random
import struct
import sys
import tempfile
import time
import warnings
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

OUTCOMES = ("right", "refused", "traceback", "hang", "silently wrong")
MEMORY = 3 * 1024**3


def scene(height=192, width=256):
    """A picture with structure and grain, so that no codec makes it tiny."""
    grain = np.random.default_rng(0).integers(0, 12, (height, width, 3))
    y, x = np.mgrid[:height, :width]
    waves = [60 + 50 * np.sin(x / (7 + c)) * np.cos(y / (11 - c)) for c in range(3)]
    return (np.dstack(waves) + grain).clip(0, 255).astype(np.uint8)


def bases():
    """Undamaged files: name, suffix and content."""
    import imagecodecs
    import tifffile
    from PIL import Image

    pixels = scene()
    deep = pixels.astype(np.uint16) * 257

    def pillow(image, kind, **options):
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    def tiff(array, **options):
        file = io.BytesIO()
        tifffile.imwrite(file, array, metadata=None, **options)
        return file.getvalue()

    image = Image.fromarray(pixels)
    yield "jpeg", ".jpg", pillow(image, "JPEG", quality=90)
    yield "jpeg progressive", ".jpg", pillow(image, "JPEG", quality=90, progressive=True)
    yield "jpeg restarts", ".jpg", pillow(image, "JPEG", quality=90, restart_marker_rows=2)
    yield "jpeg grey", ".jpeg", pillow(image.convert("L"), "JPEG", quality=80)
    yield "png", ".png", pillow(image, "PNG")
    yield "png 16 bits", ".png", bytes(imagecodecs.png_encode(deep))
    yield "png palette", ".png", pillow(image.quantize(64), "PNG")
    yield "tiff", ".tif", tiff(pixels, photometric="rgb")
    for codec in ("lzw", "zlib", "zstd", "packbits", "lzma"):
        yield f"tiff {codec}", ".tif", tiff(pixels, photometric="rgb", compression=codec, rowsperstrip=64)
    yield "tiff jpeg", ".tif", tiff(pixels, photometric="ycbcr", compression="jpeg", rowsperstrip=64)
    yield "tiff group 4", ".tif", pillow(image.convert("1"), "TIFF", compression="group4")
    yield "webp", ".webp", pillow(image, "WEBP", quality=90)
    yield "webp lossless", ".webp", pillow(image, "WEBP", lossless=True)
    yield "bmp", ".bmp", pillow(image, "BMP")
    yield "gif", ".gif", pillow(image.quantize(64), "GIF")
    yield "jpeg 2000", ".jp2", bytes(imagecodecs.jpeg2k_encode(pixels, level=0))
    yield "jpeg xl", ".jxl", bytes(imagecodecs.jpegxl_encode(pixels, lossless=True))
    yield "avif", ".avif", bytes(imagecodecs.avif_encode(pixels, level=90))
    yield "radiance", ".hdr", bytes(imagecodecs.rgbe_encode(pixels.astype(np.float32) / 255, header=True))
    try:
        import pillow_heif
    except ImportError:
        return
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=90)
    yield "heic", ".heic", file.getvalue()


def cut(data, rng, _):
    return data[: rng.randrange(len(data) // 50, len(data) - 2)]


def _sector(data, rng, fill):
    start = rng.randrange(len(data) * 3 // 10, max(len(data) * 9 // 10 - 512, len(data) * 3 // 10 + 1))
    end = min(start + 512, len(data))
    return data[:start] + fill(end - start) + data[end:]


def zeroed(data, rng, kind):
    return None if kind in ("tiff", "bmp", "radiance") else _sector(data, rng, bytes)


def noise(data, rng, kind):
    return None if kind in ("tiff", "bmp", "radiance") else _sector(data, rng, rng.randbytes)


def half(data, rng, kind):
    """Half a file with an end put on, or with the rest of it zero, as an interrupted copy leaves it."""
    if kind in ("tiff", "bmp"):
        return None
    start = rng.randrange(len(data) * 3 // 10, len(data) * 8 // 10)
    if kind.startswith("jpeg") and data[:2] == b"\xff\xd8":
        return data[:start] + b"\xff\xd9"
    return data[:start] + bytes(len(data) - start)


def _size_places(data):
    """Where width and height are, and how they are packed; PNG's checksum is made right by the caller."""
    if data[:2] == b"\xff\xd8":
        at = next(i for i in range(2, len(data)) if data[i] == 0xFF and data[i + 1] in (0xC0, 0xC2))
        return at + 7, at + 5, ">H"
    if data[:4] == b"\x89PNG":
        return 16, 20, ">I"
    if data[:2] in (b"II", b"MM"):
        order = "<" if data[:2] == b"II" else ">"
        (first,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, first)
        places = {}
        for at in range(first + 2, first + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(order + "HH", data, at)
            places[tag] = at + 8, order + ("H" if kind == 3 else "I")
        return places[256][0], places[257][0], places[256][1]
    if data[:2] == b"BM":
        return 18, 22, "<i"
    if data[:3] == b"GIF":
        return 6, 8, "<H"
    if (at := data.find(b"ihdr")) > 0:
        return at + 8, at + 4, ">I"
    if (at := data.find(b"ispe")) > 0:
        return at + 8, at + 12, ">I"
    return None


def _with_size(data, change):
    places = _size_places(data)
    if places is None:
        return None
    across, down, code = places
    size = struct.unpack_from(code, data, across)[0], struct.unpack_from(code, data, down)[0]
    most = 2 ** (8 * struct.calcsize(code)) // 2 - 1
    out = bytearray(data)
    for place, value in zip((across, down), change(*size), strict=True):
        struct.pack_into(code, out, place, min(value, most))
    if data[:4] == b"\x89PNG":
        struct.pack_into(">I", out, 29, zlib.crc32(bytes(out[12:29])))
    return bytes(out)


def tall(data, rng, _):
    return _with_size(data, lambda w, h: (w, h + rng.randrange(20, 400)))


def short(data, rng, kind):
    if kind in ("tiff", "bmp"):
        return None
    return _with_size(data, lambda w, h: (w, h - rng.randrange(20, 100)))


def wide(data, rng, _):
    return _with_size(data, lambda w, h: (w + rng.randrange(20, 400), h))


def claim(data, rng, _):
    return _with_size(data, lambda w, h: (rng.randrange(18000, 22360), rng.randrange(18000, 22360)))


def flipped(data, rng, _):
    out = bytearray(data)
    for _time in range(3):
        out[rng.randrange(4, min(400, len(data)))] ^= 1 << rng.randrange(8)
    return bytes(out)


def tail(data, rng, _):
    return data + rng.choice([bytes(700), b"\r\n", b"left over" * 50])


DAMAGES = (cut, zeroed, noise, half, tall, short, wide, claim, flipped, tail)


def hostile(files, seed):
    """Name, suffix and content of each file, with that of the undamaged one."""
    whole = list(bases())
    rng = random.Random(seed)
    made = 0
    while made < files:
        for kind, suffix, data in whole:
            for damage in DAMAGES:
                content = damage(data, rng, kind)
                if content is not None and content != data and made < files:
                    made += 1
                    yield kind, damage.__name__, suffix, content, data


def read(path, truth, lenient, answer):
    """Read one file in this process, and say what became of it."""
    import resource

    from clode_core.pictures.files import PictureError

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY + _used(), MEMORY + _used()))
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            picture = read_one(path, lenient)
    except Exception as error:
        sentence = str(error)
        clear = isinstance(error, PictureError) and str(path) in sentence and "\n" not in sentence
        memory = "memory" in sentence and "needs more" in sentence
        answer.send(("hang" if memory else "refused" if clear else "traceback", repr(error)))
        return
    same = truth is not None and picture.shape == truth.shape
    if same:
        same = bool(np.abs(picture.astype(np.float64) - truth).max() <= 3e-2 * max(1.0, float(truth.max())))
    spoken = any("damaged" in str(warning.message) for warning in told)
    answer.send(("right" if same or spoken else "silently wrong", "" if same else f"{picture.shape}"))


def read_one(path, lenient):
    from clode_core.pictures.files import read_picture

    return (read_picture(path, lenient=True) if lenient else read_picture(path)).pixels


def _used():
    return int(Path("/proc/self/statm").read_text().split()[0]) * 4096


def outcome(path, truth, lenient, limit):
    """What becomes of a file, within the time."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=read, args=(path, truth, lenient, theirs))
    process.start()
    theirs.close()
    try:
        if ours.poll(limit):
            return ours.recv()
        return "hang", f"over {limit} s"
    except EOFError:
        process.join(5)
        return "traceback", f"the process ended with {process.exitcode}"
    finally:
        if process.is_alive():
            process.join(0.2)
        if process.is_alive():
            process.kill()
        process.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=18)
    parser.add_argument("--limit", type=float, default=20.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--lenient", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="clode-hostile-"))
    folder.mkdir(parents=True, exist_ok=True)
    import imagecodecs  # noqa: F401  # here, so that each process has it already
    import PIL.Image  # noqa: F401
    import tifffile  # noqa: F401

    by_kind, by_damage, bad, truths = {}, {}, [], {}
    slowest = (0.0, "")
    for number, (kind, damage, suffix, content, data) in enumerate(hostile(arguments.files, arguments.seed)):
        if kind not in truths:
            whole = folder / f"whole {kind}{suffix}"
            whole.write_bytes(data)
            try:
                truths[kind] = read_one(whole, False)
            except Exception:
                truths[kind] = None
        path = folder / f"{number:04} {kind} {damage}{suffix}"
        path.write_bytes(content)
        begun = time.perf_counter()
        result, detail = outcome(path, truths[kind], arguments.lenient, arguments.limit)
        slowest = max(slowest, (time.perf_counter() - begun, path.name))
        by_kind.setdefault(kind, Counter())[result] += 1
        by_damage.setdefault(damage, Counter())[result] += 1
        if result not in ("right", "refused"):
            bad.append((result, path.name, detail))
    for title, counts in (("format", by_kind), ("damage", by_damage)):
        print(f"\n| {title} | tried | {' | '.join(OUTCOMES)} |\n|---|---|{'---|' * len(OUTCOMES)}")
        for name, counter in counts.items():
            print(f"| {name} | {counter.total()} | {' | '.join(str(counter[o]) for o in OUTCOMES)} |")
        total = sum(counts.values(), Counter())
        print(f"| **all** | {total.total()} | {' | '.join(str(total[o]) for o in OUTCOMES)} |")
    print(f"\nSlowest: {slowest[0]:.1f} s, {slowest[1]}. Files in {folder}.")
    unread = [kind for kind, truth in truths.items() if truth is None]
    if unread:
        print(f"Not read undamaged either: {', '.join(unread)}.")
    for result, name, detail in bad:
        print(f"{result}: {name}: {detail}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
