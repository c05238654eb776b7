"""A fine-tuned MiniLM classifier and its smaller variants: size, speed and accuracy, on the same texts in one run.

SST-2: trained on a sample of train.tsv, chosen and calibrated on another, measured on test.tsv (872). Speeds are texts
a second of processor time on one thread. Needs ../shared/data (PILOTLIGHT_SHARED_DATA).

    python -m benchmarks.compression [--rows 4000] [--folder DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.beir import print_table, write_json
from core.training.classification.args import ClassifierArgs
from core.training.classification.train import train_classifier
from core.training.compression.args import KNOWN, CompressArgs, Compression
from core.training.compression.train import compress_classifier
from core.training.watch import Quiet

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("PILOTLIGHT_SHARED_DATA", ROOT.parent / "shared" / "data")) / "sst2_sentences"
LEAST_SPEED, MOST_LOST = 1.7, 0.005
Rows = tuple[list[str], list[str]]


def read(name: str) -> Rows:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    return [text for text, _ in rows], ["positive" if label == "1" else "negative" for _, label in rows]


def sample(rows: Rows, counts: tuple[int, int], seed: int) -> tuple[Rows, Rows]:
    """Two samples without a common row."""
    order = random.Random(seed).sample(range(len(rows[0])), sum(counts))
    first, second = order[: counts[0]], order[counts[0] :]
    return tuple(([rows[0][i] for i in part], [rows[1][i] for i in part]) for part in (first, second))  # type: ignore[return-value]


def measure(folder: Path, count: int, epochs: int) -> Compression:
    training, validation = sample(read("train.tsv"), (count, 1000), seed=0)
    held_out = read("test.tsv")
    args = ClassifierArgs(mode="full", epochs=2, learning_rate=1e-4, max_tokens=64, export=False)
    train_classifier(*training, validation, args, folder / "model", Quiet(), name="sst2")
    settings = CompressArgs(variants=KNOWN, epochs=epochs, recovery_epochs=1)
    return compress_classifier(folder / "model", folder / "small", training, validation, held_out, settings, Quiet())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4000, help="training rows")
    parser.add_argument("--epochs", type=int, default=3, help="of distillation")
    parser.add_argument("--folder", type=Path, help="keeps the models there, and goes on with what is there")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"{DATA} is missing; set PILOTLIGHT_SHARED_DATA")
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(arguments.folder or Path(scratch), arguments.rows, arguments.epochs)
    first = found.variants[0]
    rows: list[list[Any]] = [
        [
            variant.name, variant.runs, f"{variant.size_bytes / 2**20:.1f}", f"{variant.texts_per_second:.1f}",
            f"{variant.texts_per_second / first.texts_per_second:.2f}", f"{variant.accuracy:.4f}",
            f"{variant.lost:+.4f}", f"{variant.agreement:.4f}", "yes" if variant.passed else "no",
        ]
        for variant in found.variants
    ]  # fmt: skip
    head = ["variant", "runs on", "MiB", "texts/s", "speed", "accuracy", "lost", "agrees", "passes"]
    print(
        f"SST-2 test, {found.rows} rows; {arguments.rows} training rows; gate: at most {found.allowed_loss:.3f} lost\n"
    )
    print_table(head, rows)
    int8 = next(variant for variant in found.variants if variant.name == "onnx-int8")
    good = int8.texts_per_second >= LEAST_SPEED * first.texts_per_second and int8.lost <= MOST_LOST
    target = f"onnx-int8 at least {LEAST_SPEED} times the speed, at most {MOST_LOST} lost"
    print(f"\ntarget: {target}: {'met' if good else 'NOT met'}")
    write_json(arguments.json, asdict(found))


if __name__ == "__main__":
    main()
