"""FAQ matching: how often the right entry answers (recall) and how often an entry that answers is right (precision).

BANKING77 (English, CC BY 4.0): each of 77 intents is one FAQ entry with 1, 3 or 5 phrasings from train; every test
question is asked, and 1,000 CLINC150 questions of other domains, which no entry may answer. AFQMC (Chinese, research
use, measured only): the first question of a pair is an entry among 1,000, the second is asked; right when the pair is
labelled the same, and only matches with its own entry count. Its negatives are chosen to sound alike. Each with and
without the rules that forbid a match.

    python -m benchmarks.faq [--json FILE]
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.reading import data_folder
from core.assistant import faq
from core.assistant.faq import Encode, FaqIndex, FaqItem


def encoder() -> Encode:
    """The packaged sentence encoder."""
    from core.models.encoder import load_encoder
    from core.settings import load_settings

    model = load_encoder(load_settings())
    return lambda texts: np.asarray(model.encode(list(texts), kind="query"))


def banking(phrasings: int) -> tuple[list[FaqItem], list[tuple[str, int | None]]]:
    """Entries, and questions with the entry that answers them (None: no entry does)."""
    folder = data_folder()
    with (folder / "banking77/train.csv").open(encoding="utf-8", newline="") as file:
        train = list(csv.DictReader(file))
    with (folder / "banking77/test.csv").open(encoding="utf-8", newline="") as file:
        test = list(csv.DictReader(file))
    names = sorted({row["category"] for row in train})
    known = {row["text"].strip() for row in train}
    entries = []
    for i, name in enumerate(names):
        texts = [row["text"].strip() for row in train if row["category"] == name]
        entries.append(FaqItem(i, tuple(texts[:phrasings])))
    asked: list[tuple[str, int | None]] = [
        (row["text"].strip(), names.index(row["category"])) for row in test if row["text"].strip() not in known
    ]
    outside = json.loads((folder / "clinc150/data_full_without_test.json").read_text(encoding="utf-8"))
    domains = json.loads((folder / "clinc150/domains.json").read_text(encoding="utf-8"))
    banks = {intent for name, intents in domains.items() if "bank" in name or "credit" in name for intent in intents}
    others = [text for key in ("val", "oos_val") for text, intent in outside.get(key, []) if intent not in banks]
    return entries, asked + [(text, None) for text in others[:1000]]


def afqmc(count: int = 1000) -> tuple[list[FaqItem], list[tuple[str, int | None]]]:
    """The first ``count`` pairs of either label (the first question of each pair is an entry)."""
    lines = (data_folder() / "afqmc_train/train.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines]
    chosen = [p for p in pairs if p[2] == "1"][: count // 2] + [p for p in pairs if p[2] == "0"][: count // 2]
    entries = [FaqItem(i, (first,)) for i, (first, _, _) in enumerate(chosen)]
    return entries, [(second, i if label == "1" else None) for i, (_, second, label) in enumerate(chosen)]


def measure(
    entries: Sequence[FaqItem], asked: Sequence[tuple[str, int | None]], encode: Encode | None, paired: bool
) -> dict[str, float]:
    """Figures of one setting. ``paired``: question i is labelled against entry i only."""
    index = FaqIndex(entries, encode)
    began = time.perf_counter()
    found = [index.match(question) for question, _ in asked]
    took = time.perf_counter() - began
    fired = sum(one is not None for one in found)
    if paired:
        # Another entry of the set may well be the same question: nobody labelled that pair, so it is not counted.
        found = [one if one is not None and one.id == i else None for i, one in enumerate(found)]
        fired = sum(one is not None for one in found)
    right = sum(one is not None and one.id == wanted for one, (_, wanted) in zip(found, asked, strict=True))
    false = sum(one is not None and wanted is None for one, (_, wanted) in zip(found, asked, strict=True))
    wanted = sum(answer is not None for _, answer in asked)
    return {
        "asked": len(asked),
        "fired": fired,
        "precision": right / fired if fired else 1.0,
        "recall": right / wanted,
        "fired_outside": false / max(1, len(asked) - wanted),
        "ms": 1000 * took / len(asked),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    dense = encoder()
    results = {}
    print(f"{'':44}{'asked':>7}{'fired':>7}{'precision':>11}{'recall':>8}{'outside':>9}{'ms':>7}")
    sets: list[tuple[str, Callable[[], tuple[list[FaqItem], list[tuple[str, int | None]]]], tuple[Encode | None, ...]]]
    sets = [(f"banking77, {n} phrasings", lambda n=n: banking(n), (None, dense)) for n in (1, 3, 5)]  # type: ignore[misc]
    sets.append(("afqmc", afqmc, (None,)))
    rules = faq.conflicts
    for name, make, encoders in sets:
        entries, asked = make()
        for encode in encoders:
            for with_rules in (True, False):
                faq.conflicts = rules if with_rules else (lambda question, phrasing: False)
                label = f"{name}{', encoder' if encode else ', words'}{'' if with_rules else ', no rules'}"
                row = results[label] = measure(entries, asked, encode, name == "afqmc")
                print(
                    f"{label:44}{row['asked']:7}{row['fired']:7}{row['precision']:11.4f}{row['recall']:8.4f}"
                    f"{row['fired_outside']:9.4f}{row['ms']:7.2f}"
                )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
