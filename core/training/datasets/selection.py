"""Which rows of a data set stay, and in which split: copies, near copies, groups and given splits taken together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.training.datasets.cleaning import CleanOptions
from core.training.datasets.mapping import TEXT_FIELDS, ColumnMapping
from core.training.datasets.near_duplicates import NearTexts
from core.training.datasets.splitting import SPLITS, TEST, TRAIN, VALIDATION, SplitOptions, join_groups, split_rows
from core.training.datasets.spool import Spool, Tally, resolve_copies
from core.training.watch import Watch

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

TELLING = 40  # characters from which on two equal lines of running text are no coincidence


class _Rows:
    """The rows that are still in, and their texts."""

    def __init__(self, spool: Spool, fields: Sequence[str], tally: Tally, files: Sequence[str]) -> None:
        self.alive: Mask = np.ones(len(spool), np.bool_)
        self._spool, self._fields, self._tally, self._files = spool, fields, tally, files

    def text(self, row: int) -> str:
        record = self._spool.record(row)
        return "\n".join(record[name] for name in self._fields)

    def drop(self, row: int, reason: str) -> None:
        if self.alive[row]:
            self.alive[row] = False
            file, line = self._spool.place(row)
            self._tally.add(reason, self._files[file], line)


def assign_splits(
    spool: Spool, mapping: ColumnMapping, clean: CleanOptions, options: SplitOptions, plain: bool, tally: Tally,
    files: Sequence[str], watch: Watch,
) -> tuple[list[int], list[int], list[int]]:  # fmt: skip
    """Rows of train, validation and test, each in the order of the files. ``plain``: the rows are lines of plain text.

    No two rows in different splits share a key, a near-duplicate cluster or a ``together`` value. In running text that
    is split in order only lines of at least ``TELLING`` characters count as copies. Raises BadInput:
    data.no_validation, data.too_few_rows.
    """
    rows = _Rows(spool, TEXT_FIELDS[mapping.task], tally, files)
    running = mapping.task == "language_model"
    in_order = options.in_order if options.in_order is not None else running and plain
    split = spool.splits
    if in_order and not (split >= 0).any():
        split = _in_order(len(spool), options)
    given = bool((split >= 0).any())
    ranks = np.maximum(split, 0)
    if clean.duplicates if clean.duplicates is not None else not running:
        for row, reason in sorted(resolve_copies(spool.keys, spool.labels, ranks).items()):
            rows.drop(row, reason)
    # Short lines of a play or a song repeat without being copies of one another.
    telling = spool.sizes >= (TELLING if running else 0)
    if given:
        _part(rows, spool.keys, telling, ranks, "leak")
        _part(rows, spool.groups, spool.groups >= 0, ranks, "group_leak")
    clusters = _near(rows, telling, ranks, given, clean, options, spool.labels, watch)
    if given:
        split = _with_validation(rows, split, spool, mapping, clusters, options)
    else:
        split = _split(rows.alive, spool, mapping, clusters, options)
    chosen = [[int(row) for row in np.flatnonzero(rows.alive & (split == place))] for place in range(3)]
    if not chosen[VALIDATION] or not chosen[TRAIN]:
        empty = VALIDATION if chosen[TRAIN] else TRAIN
        raise BadInput("data.no_validation", split=SPLITS[empty], kept=int(rows.alive.sum()))
    return chosen[TRAIN], chosen[VALIDATION], chosen[TEST]


def stratum(spool: Spool, mapping: ColumnMapping) -> Ints:
    """The class that each row counts as [rows]; of several labels the rarest, after Sechidis et al. 2011."""
    if not mapping.multi_label:
        return spool.labels
    names = [name.split("\x1f") if name else [] for name in spool.label_numbers]
    counts: Counter[str] = Counter()
    for number, copies in enumerate(np.bincount(spool.labels, minlength=len(names))):
        for label in names[number]:
            counts[label] += int(copies)
    order = {label: place for place, label in enumerate(sorted(counts))}
    rarest = [
        order[min(labels, key=lambda label: (counts[label], label))] if labels else len(order) for labels in names
    ]
    return np.array(rarest, np.int64)[spool.labels]


def _in_order(count: int, options: SplitOptions) -> Ints:
    """The first rows train, the next validate, the last test."""
    ends = np.round(np.cumsum(options.shares) * count).astype(np.int64)
    return np.searchsorted(ends, np.arange(count), side="right").clip(0, TEST).astype(np.int64)


def _near(
    rows: _Rows, telling: Mask, ranks: Ints, given: bool, clean: CleanOptions, options: SplitOptions, labels: Ints,
    watch: Watch,
) -> Ints:  # fmt: skip
    """Drops what has to go for being nearly the same; returns clusters [rows], -1 for rows that are near to none."""
    clusters = np.full(len(labels), -1, np.int64)
    if not rows._fields or not (options.near or clean.near_duplicates):
        return clusters
    members = np.flatnonzero(rows.alive & telling)
    near = NearTexts((rows.text(int(row)) for row in members), watch)

    def text_of(place: int) -> str:
        return rows.text(int(members[place]))

    carved = not (rows.alive & (ranks == VALIDATION)).any()
    if clean.near_duplicates or not given or carved:
        clusters[members] = members[near.clusters(text_of, watch)]
    if clean.near_duplicates:
        for row, reason in sorted(_near_copies(clusters, labels, ranks).items()):
            rows.drop(row, reason)
    if given and options.near:
        for place in (VALIDATION, TEST):
            left, right = ranks[members] < place, ranks[members] == place
            alive = rows.alive[members]
            for low in sorted(near.matches(left & alive, right & alive, text_of, watch)):
                rows.drop(int(members[low]), "near_leak")
    return clusters


def _near_copies(clusters: Ints, labels: Ints, ranks: Ints) -> dict[int, str]:
    """Of near rows with one label the first of the highest rank stays; those with another label stay for a person."""
    inside = np.flatnonzero(clusters >= 0)
    pairs = np.unique(np.stack([clusters[inside], labels[inside]]), axis=1, return_inverse=True)[1].reshape(-1)
    dropped = resolve_copies(pairs.astype(np.int64), np.zeros(len(inside), np.int64), ranks[inside])
    return {int(inside[place]): "near_duplicate" for place in dropped}


def _part(rows: _Rows, numbers: Ints, counted: Mask, ranks: Ints, reason: str) -> None:
    """Drops rows of a lower split that share a number with a row of a higher one."""
    for place in (VALIDATION, TEST):
        held_out = np.unique(numbers[rows.alive & counted & (ranks == place)])
        for row in np.flatnonzero(rows.alive & counted & (ranks < place) & np.isin(numbers, held_out)):
            rows.drop(int(row), reason)


def _with_validation(
    rows: _Rows, split: Ints, spool: Spool, mapping: ColumnMapping, clusters: Ints, options: SplitOptions
) -> Ints:
    """The given splits; where validation is missing, train gives up its share of rows."""
    split = np.maximum(split, TRAIN)
    if (rows.alive & (split == VALIDATION)).any():
        return split
    training = rows.alive & (split == TRAIN)
    if training.sum() < 2:
        return split
    part = SplitOptions(validation=options.validation, test=0.0, seed=options.seed, near=options.near)
    found = _split(training, spool, mapping, clusters, part)
    return np.where(training, found, split)


def _split(alive: Mask, spool: Spool, mapping: ColumnMapping, clusters: Ints, options: SplitOptions) -> Ints:
    """Splits [rows] of the rows that are alive, -1 for the others."""
    inside = np.flatnonzero(alive)
    groups = join_groups(spool.groups[inside], spool.keys[inside], clusters[inside])
    classes = np.unique(stratum(spool, mapping)[inside], return_inverse=True)[1].reshape(-1)
    split = np.full(len(alive), -1, np.int64)
    split[inside] = split_rows(classes, groups, options)
    return split
