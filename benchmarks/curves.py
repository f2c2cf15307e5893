"""Curves of a training: python benchmarks/curves.py OUTPUT_FOLDER -o curves.png (needs matplotlib)."""

import argparse
import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def columns(folder):
    """Steps and values of every column of all metrics files of a stage."""
    table = {}
    for file in sorted(folder.glob("log/version_*/metrics.csv")):
        with file.open(newline="") as rows:
            for row in csv.DictReader(rows):
                for name, value in row.items():
                    if value and name not in ("epoch", "step"):
                        table.setdefault(name, []).append((int(row["step"]), float(value)))
    return table


def draw(axis, table, names, title):
    for name in names:
        axis.plot(*zip(*table[name], strict=True), label=name.split("/", 1)[1], linewidth=1)
    axis.set_title(title, fontsize=9)
    axis.set_xlabel("step", fontsize=8)
    if names:
        axis.legend(fontsize=7)
    axis.tick_params(labelsize=7)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("curves.png"))
    arguments = parser.parse_args()
    stages = sorted(p for p in arguments.folder.iterdir() if (p / "log").is_dir())
    figure, axes = plt.subplots(len(stages), 3, figsize=(11, 2.6 * len(stages)), squeeze=False)
    for row, stage in zip(axes, stages, strict=True):
        table = columns(stage)
        train = [n for n in table if n.startswith("train/") and n != "train/learning_rate"]
        draw(row[0], table, train, f"{stage.name}: training loss")
        for axis, metric in zip(row[1:], ("psnr", "ssim"), strict=True):
            draw(axis, table, [n for n in table if n.startswith(f"val/{metric}")], f"{stage.name}: {metric}")
    figure.tight_layout()
    figure.savefig(arguments.output, dpi=110)


if __name__ == "__main__":
    main()
