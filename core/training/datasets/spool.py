"""Examples on disk while a data set is built: memory holds a few numbers a row, never the texts."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.training.datasets.mapping import Dropped, Example, Maker
from core.training.watch import Watch

Ints = NDArray[np.int64]

_LISTED = 20  # lines named for each reason
_CHUNK = 4096


@dataclass(slots=True)
class Tally:
    """Rows dropped by reason, with the first ``(file, line)`` of each."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, reason: str, file: str, line: int) -> None:
        self.counts[reason] += 1
        if len(self.lines[reason]) < _LISTED:
            self.lines[reason].append((file, line))


class Spool:
    """Records one after another in a file; beside it arrays of key, label, group, given split, file and line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b")
        self._offsets = array("q")
        self._keys, self._labels, self._groups, self._splits, self._files, self._lines, self._sizes = (
            array(code) for code in "qqqbiii"
        )
        self._key_numbers: dict[bytes, int] = {}
        self._group_numbers: dict[str, int] = {}
        self.label_numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, example: Example, file: int, line: int, split: int) -> None:
        self._offsets.append(self._file.tell())
        self._file.write(json.dumps(example.record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
        self._keys.append(self._key_numbers.setdefault(_digest(example.key), len(self._key_numbers)))
        self._labels.append(self.label_numbers.setdefault(example.label, len(self.label_numbers)))
        group = example.together
        self._groups.append(self._group_numbers.setdefault(group, len(self._group_numbers)) if group else -1)
        self._splits.append(split)
        self._files.append(file)
        self._lines.append(line)
        self._sizes.append(len(example.key))

    def record(self, row: int) -> dict[str, Any]:
        """Record ``row`` as it was added."""
        self._file.seek(self._offsets[row])
        found: dict[str, Any] = json.loads(self._file.readline().decode("utf-8", "surrogatepass"))
        return found

    @property
    def keys(self) -> Ints:
        return np.asarray(self._keys, np.int64)

    @property
    def labels(self) -> Ints:
        return np.asarray(self._labels, np.int64)

    @property
    def groups(self) -> Ints:
        return np.asarray(self._groups, np.int64)

    @property
    def splits(self) -> Ints:
        """The split that the file gives each row, -1 for none."""
        return np.asarray(self._splits, np.int64)

    @property
    def sizes(self) -> Ints:
        """Characters of each row's key."""
        return np.asarray(self._sizes, np.int64)

    def knows(self, key: str) -> bool:
        """Does any row that was added, kept or not, say what ``key`` says?"""
        return _digest(key) in self._key_numbers

    def place(self, row: int) -> tuple[int, int]:
        """Number of the file and line that row came from."""
        return self._files[row], self._lines[row]

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def fill(
    spool: Spool, rows: Iterable[tuple[int, Sequence[str]]], make: Maker, file: tuple[int, str], split: int,
    tally: Tally, watch: Watch, total: int,
) -> Counter[str]:  # fmt: skip
    """Adds the rows of one file (number, name); ``split`` is what it is given as, -1 for "the row says".

    Returns labels that are not among those allowed, counted.
    """
    unknown: Counter[str] = Counter()
    for done, (line, cells) in enumerate(rows):
        if done % _CHUNK == 0:
            watch.check()
            watch.step("clean", done, total)
        example = make(cells)
        if isinstance(example, Dropped):
            tally.add(example.reason, file[1], line)
            if example.reason == "unknown_label":
                unknown[example.found] += 1
        else:
            spool.add(example, file[0], line, split if split >= 0 else example.split)
    return unknown


def resolve_copies(keys: Ints, labels: Ints, ranks: Ints) -> dict[int, str]:
    """Rows to drop among those that share a key, with the reason.

    The label that most copies bear wins; a tie drops them all (conflict). Of the winners the first one of the highest
    rank (held-out before training) stays; others are "duplicate", or "leak" where they stand in a lower rank. Copies
    with another label than the winners' are "conflict". Arrays are int [rows].
    """
    dropped: dict[int, str] = {}
    order = np.lexsort((np.arange(len(keys)), -ranks, keys))
    edges = np.flatnonzero(np.diff(keys[order])) + 1
    starts, ends = np.r_[0, edges], np.r_[edges, len(order)]
    for index in np.flatnonzero(ends - starts > 1):
        copies = order[starts[index] : ends[index]]
        votes = Counter(labels[copies].tolist()).most_common(2)
        tied = len(votes) > 1 and votes[0][1] == votes[1][1]
        kept = -1
        for row in copies.tolist():
            if tied or labels[row] != votes[0][0]:
                dropped[row] = "conflict"
            elif kept < 0:
                kept = row
            else:
                dropped[row] = "leak" if ranks[row] < ranks[kept] else "duplicate"
    return dropped
