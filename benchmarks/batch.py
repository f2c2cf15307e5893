"""Many small pictures, undisturbed and killed: speed, memory, and whether the results are the same bytes.

    python benchmarks/batch.py [--pictures N] [--folder DIR]

Makes a tree of PNG, JPEG and TIFF pictures of 64 x 48 pixels, one in a hundred of them broken, and enhances
it with one process, with two and on a `LocalCluster` of two. With two processes and on the cluster it does so
once more, with the whole process group killed (SIGKILL) twice at random moments and resumed, and on the
cluster one worker as well. All trees of results must be the same bytes, and every picture be counted once.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

RECORD = ".clode-record.jsonl"
SUFFIXES = (".png", ".jpg", ".tif")


def make_tree(folder, pictures, broken_every=100):
    """Pictures in a nested tree; gives the names of those that cannot be read."""
    from clode_core.pictures.files import write_picture

    broken = []
    y, x = np.mgrid[:48, :64]
    for number in range(pictures):
        place = folder / f"day {number % 7}" / f"{number % 5}"
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"picture {number:05}{SUFFIXES[number % 3]}"
        light = 20 + 15 * np.sin((x + number) / 9) + 10 * np.cos(y / (3 + number % 11))
        depth = np.uint16 if number % 6 in (0, 2) else np.uint8
        picture = np.dstack([light, light * 0.8, light * 0.6]) * (257 if depth == np.uint16 else 1)
        write_picture(path, picture.clip(0).astype(np.uint8 if path.suffix == ".jpg" else depth))
        if number % broken_every == broken_every // 2:
            break_one(path, len(broken) % 4)
            broken.append(path)
    return broken


def break_one(path, way):
    content = path.read_bytes()
    path.unlink()
    if way == 0:
        path.write_bytes(content[: len(content) // 2])
    elif way == 1:
        path.write_text("this is no picture")
    elif way == 2:
        path.write_bytes(b"")
    else:
        path.symlink_to("nowhere" + path.suffix)


def results(folder):
    """Every file of a tree of results but the record, with its content."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != RECORD)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def recorded(folder):
    """Names in the record, as often as they are there."""
    path = folder / RECORD
    lines = path.read_bytes().splitlines() if path.exists() else []
    names = []
    for line in lines:
        try:
            names.append(json.loads(line)["target"])
        except ValueError:
            names.append(None)
    return names


class Run:
    """`clode enhance` in a process group of its own."""

    def __init__(self, source, output, *options):
        command = [sys.executable, "-m", "clode_core.cli", "enhance", str(source), "-o", str(output)]
        self.output = output
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [*command, "--resume", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait(self):
        """Give seconds, peak megabytes of all processes together, the lines told and the paths printed."""
        peak, parent = 0, psutil.Process(self.process.pid)
        told = []
        with tempfile.TemporaryFile("w+") as printed:
            readers = [
                threading.Thread(target=lambda: told.extend(self.process.stderr)),
                threading.Thread(target=lambda: printed.writelines(self.process.stdout)),
            ]
            for reader in readers:
                reader.start()
            while self.process.poll() is None:
                peak = max(peak, resident([parent]))
                time.sleep(0.1)
            for reader in readers:
                reader.join()
            self.process.stdout.close()
            self.process.stderr.close()
            seconds = time.perf_counter() - self.began
            printed.seek(0)
            return seconds, peak / 2**20, told, printed.read().splitlines()

    def kill_after(self, count, also=lambda: None):
        """Kill all of it once so many more pictures are recorded."""
        aim = len(recorded(self.output)) + count
        while len(recorded(self.output)) < aim and self.process.poll() is None:
            time.sleep(0.02)
        also()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


def resident(processes):
    """Bytes of processes and their children."""
    total = 0
    for process in processes:
        try:
            family = [process, *process.children(recursive=True)]
        except psutil.Error:
            continue
        for member in family:
            with suppress(psutil.Error):
                total += member.memory_info().rss
    return total


def counts(told):
    """Failed and all pictures, from the last line on the error output."""
    found = re.search(r"(\d+) of (\d+) pictures", told[-1]) if told else None
    return (int(found[1]), int(found[2])) if found else (0, 0)


def disturbed(source, output, pictures, options, randomness, also=lambda: None):
    """A run that is killed twice and resumed; gives the last run's lines."""
    for _ in range(2):
        Run(source, output, *options).kill_after(randomness.randint(1, pictures // 3), also)
    return Run(source, output, *options).wait()[2:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        compare(Path(folder), arguments.pictures)


def compare(folder, pictures):
    import dask
    from distributed import LocalCluster

    dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"})  # restarts can be slow

    source = folder / "in"
    broken = make_tree(source, pictures)
    print(f"{pictures} pictures of 64 x 48 pixels, {len(broken)} of them broken\n")
    print(f"{'':24}{'pictures/s':>11}{'done':>7}{'broken':>8}{'peak MB':>9}   results", flush=True)
    randomness = random.Random(0)
    first = None

    def row(name, rate, told, peak, output):
        nonlocal first
        failed, total = counts(told)
        made = results(output)
        first = made if first is None else first
        once = total == pictures and len(made) == pictures - len(broken) == len(
            set(recorded(output)) - {None}
        )
        verdict = "the same bytes" if made == first else "DIFFERENT"
        verdict += "" if once else ", NOT COUNTED ONCE"
        print(
            f"{name:24}{f'{rate:.1f}' if rate else '':>11}{total - failed:7}{failed:8}"
            f"{f'{peak:.0f}' if peak else '':>9}   {verdict}",
            flush=True,
        )

    for jobs in ("1", "2"):
        output = folder / f"jobs {jobs}"
        seconds, peak, told, _ = Run(source, output, "--jobs", jobs).wait()
        row(f"--jobs {jobs}", pictures / seconds, told, peak, output)
    output = folder / "killed"
    told, _ = disturbed(source, output, pictures, ["--jobs", "2"], randomness)
    row("--jobs 2, killed twice", None, told, None, output)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:

        def workers():
            return [psutil.Process(nanny.pid) for nanny in cluster.workers.values() if nanny.pid]

        def kill_worker():
            os.kill(workers()[0].pid, signal.SIGKILL)

        options = ["--scheduler", cluster.scheduler_address]
        output = folder / "cluster"
        seconds, peak, told, _ = Run(source, output, *options).wait()
        row("cluster of 2", pictures / seconds, told, peak + resident(workers()) / 2**20, output)
        output = folder / "cluster killed"
        told, _ = disturbed(source, output, pictures, options, randomness, kill_worker)
        row("cluster, killed twice", None, told, None, output)


if __name__ == "__main__":
    main()
