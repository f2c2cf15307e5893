"""Where a batch spends its processor time: reading, enhancing and writing one picture of each format.

    python benchmarks/batch_parts.py [--width W] [--height H] [--pictures N] [--no-denoise]

Prints milliseconds of processor time for a picture, and the share of reading and writing, which is the most
that doing them beside the enhancement could save.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from format_memory import picture

SUFFIXES = ("jpg", "png", "tif", "webp", "avif", "jxl")


class Clock:
    """Processor time spent in functions, by name."""

    def __init__(self):
        self.spent = {}

    def timed(self, name, function):
        """The function, with its time counted."""

        def call(*arguments, **options):
            began = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                self.spent[name] = self.spent.get(name, 0.0) + time.process_time() - began

        return call


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=600)
    parser.add_argument("--height", type=int, default=400)
    parser.add_argument("--pictures", type=int, default=10)
    parser.add_argument("--no-denoise", action="store_true")
    arguments = parser.parse_args()
    from clode_core.batch.work import Settings, Task, Work
    from clode_core.pictures import files

    work = Work(Settings(options={"denoise": False} if arguments.no_denoise else {}))
    enhance, read, write = work.load(), files.read_picture, files.write_picture
    print("| format | read ms | enhance ms | write ms | read and write % |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for suffix in SUFFIXES:
            path = write(Path(folder, f"a.{suffix}"), picture(arguments.height, arguments.width))
            task = Task(path, Path(folder, f"out.{suffix}"))
            work(task)
            clock = Clock()
            work._enhance = clock.timed("enhance", enhance)
            files.read_picture, files.write_picture = clock.timed("read", read), clock.timed("write", write)
            for _ in range(arguments.pictures):
                outcome = work(task)
                assert not outcome.error, outcome.error
            files.read_picture, files.write_picture, work._enhance = read, write, enhance
            parts = [1000 * clock.spent[part] / arguments.pictures for part in ("read", "enhance", "write")]
            share = 100 * (parts[0] + parts[2]) / sum(parts)
            print(f"| {suffix} | {' | '.join(f'{part:.1f}' for part in parts)} | {share:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
