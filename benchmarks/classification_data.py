"""SST-2, ChnSentiCorp and BANKING77 as the classification benchmarks read them, without the leaks of their sources."""

from __future__ import annotations

import csv
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.beir import shared_data

SENTENCES = 500  # of SST-2, to choose on


@dataclass(frozen=True)
class Split:
    texts: list[str]
    labels: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def some(self, rows: list[int]) -> Split:
        return Split([self.texts[row] for row in rows], [self.labels[row] for row in rows])

    def parts(self, share: float, seed: int) -> tuple[Split, Split]:
        """The rest, and ``share`` of the rows of every label, drawn at random."""
        generator = np.random.default_rng(seed)
        taken: set[int] = set()
        for label in sorted(set(self.labels)):
            rows = [row for row, one in enumerate(self.labels) if one == label]
            taken |= {int(row) for row in generator.permutation(rows)[: max(1, round(len(rows) * share))]}
        others = [row for row in range(len(self)) if row not in taken]
        return self.some(others), self.some(sorted(taken))

    def few(self, count: int, seed: int) -> Split:
        """``count`` rows of every label, drawn at random."""
        generator = np.random.default_rng(seed)
        rows: list[int] = []
        for label in sorted(set(self.labels)):
            rows += generator.permutation([row for row, one in enumerate(self.labels) if one == label])[:count].tolist()
        return self.some(rows)

    def first(self, count: int) -> Split:
        """At most ``count`` rows, drawn with a fixed seed; all of them for 0."""
        if not count or count >= len(self):
            return self
        return self.some(sorted(np.random.default_rng(5).permutation(len(self))[:count].tolist()))


def normalised(text: str) -> str:
    """Punctuation and spaces out, lower case: what two copies of one text share."""
    return "".join(one for one in unicodedata.normalize("NFKC", text).lower() if one.isalnum())


def without_copies(split: Split, *others: Split) -> Split:
    """Each text once, and none that is in ``others``."""
    seen = {normalised(text) for other in others for text in other.texts}
    rows = []
    for row, text in enumerate(split.texts):
        key = normalised(text)
        if key not in seen:
            seen.add(key)
            rows.append(row)
    return split.some(rows)


def sst2(held: int = SENTENCES) -> tuple[Split, Split, Split]:
    """train.tsv and dev.tsv, random parts of the same phrases, together: ``held`` whole sentences are kept for
    choosing, and their phrases and everything in test.tsv leave training. test.tsv (872 sentences, GLUE's dev set) is
    for the score."""
    train, dev, test = (_tsv(shared_data() / "sst2_sentences" / f"{name}.tsv") for name in ("train", "dev", "test"))
    pool = without_copies(Split(train.texts + dev.texts, train.labels + dev.labels), test)
    whole = sentences(pool.texts)
    validation = pool.some(sorted(np.random.default_rng(5).permutation(whole)[:held].tolist()))
    kept = f" {' | '.join(validation.texts)} "
    return pool.some([row for row, text in enumerate(pool.texts) if not _part_of(text, kept)]), validation, test


def sentences(phrases: list[str]) -> list[int]:
    """The rows of the phrases that are in no longer one, four words and more: each is a whole sentence of a review.

    A shorter phrase must not be judged on: the sentence around it, which training holds, tells its label."""
    longest_first = sorted(range(len(phrases)), key=lambda row: (-len(phrases[row].split()), phrases[row]))
    holding: dict[str, set[int]] = defaultdict(set)  # pair of words -> the sentences that it stands in
    found: list[int] = []
    for row in longest_first:
        words = phrases[row].split()
        pairs = [" ".join(pair) for pair in pairwise(words)]
        if len(words) < 4:
            break
        around = set.intersection(*(holding[pair] for pair in pairs))
        if not any(f" {phrases[row]} " in f" {phrases[one]} " for one in around):
            found.append(row)
            for pair in pairs:
                holding[pair].add(row)
    return found


def _part_of(text: str, held: str) -> bool:
    """Whether a phrase of three words or more is written in ``held``; shorter ones are in every text."""
    return len(text.split()) > 2 and f" {text} " in held


def chnsenticorp(seed: int = 3) -> tuple[Split, Split, Split]:
    """Train without copies, a tenth of it for choosing; the 858 rows of dev that are not in train for the score."""
    train, dev = (_tsv(shared_data() / "chnsenticorp" / f"{name}.tsv", header=False) for name in ("train", "dev"))
    trained = {normalised(text) for text in train.texts}
    test = dev.some([row for row, text in enumerate(dev.texts) if normalised(text) not in trained])
    kept, validation = without_copies(train).parts(0.1, seed)
    return kept, validation, test


def banking77() -> tuple[Split, Split]:
    """Train without the 30 rows that are also in test; test as it is."""
    train, test = (_csv(shared_data() / "banking77" / f"{name}.csv") for name in ("train", "test"))
    return without_copies(train, test), test


def _tsv(path: Path, *, header: bool = True) -> Split:
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line][int(header) :]
    rows = [line.rsplit("\t", 1) for line in lines]
    return Split([text.strip() for text, _ in rows], [label.strip() for _, label in rows])


def _csv(path: Path) -> Split:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Split([row["text"] for row in rows], [row["category"] for row in rows])
