"""Rows to train, validation and test: classes in like shares, rows that belong together never torn apart, seeded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import BadInput

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOptions:
    """Shares of rows. ``near``: rows that say nearly the same stay on one side. ``in_order``: the first rows train, the
    last test, for texts whose order is their sense; None means "for plain text of a language model".
    """

    validation: float = 0.1
    test: float = 0.1
    seed: int = 0
    near: bool = True
    in_order: bool | None = None

    def __post_init__(self) -> None:
        for name in ("validation", "test"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise BadInput("data.option", name=name, value=value, expected="0 <= x < 1")
        if self.validation == 0:
            raise BadInput("data.option", name="validation", value=0, expected="> 0")
        if self.validation + self.test > 0.9:
            raise BadInput(
                "data.option", name="validation + test", value=self.validation + self.test, expected="<= 0.9"
            )

    @property
    def shares(self) -> tuple[float, float, float]:
        return 1.0 - self.validation - self.test, self.validation, self.test


def join_groups(*groupings: ArrayLike) -> Ints:
    """One grouping of rows from several: rows that share a number in any of them share it in the result.

    Each grouping is int [rows]; -1 stands for "alone". Numbers of the result count from 0 in order of first rows.
    """
    arrays = [np.asarray(grouping, np.int64) for grouping in groupings]
    count = len(arrays[0])
    parent = np.arange(count, dtype=np.int64)

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = int(parent[row])
        return row

    for array in arrays:
        order = np.argsort(array, kind="stable")
        same = (array[order][1:] == array[order][:-1]) & (array[order][1:] >= 0)
        for place in np.flatnonzero(same):
            low, high = sorted((root(int(order[place])), root(int(order[place + 1]))))
            parent[high] = low
    roots = np.array([root(row) for row in range(count)], np.int64)
    return np.unique(roots, return_inverse=True)[1].reshape(count).astype(np.int64)


def split_rows(classes: ArrayLike, groups: ArrayLike, options: SplitOptions) -> NDArray[np.int8]:
    """0, 1 or 2 (train, validation, test) for each row.

    ``classes`` int [rows] are kept in like shares; ``groups`` int [rows] are never torn apart. Groups of more than one
    row come first, the largest ahead, each to the split that lacks most of its classes (after Sechidis et al. 2011 and
    scikit-learn's StratifiedGroupKFold); single rows then fill each class up. A class with at least three groups of
    its own is in all splits, one with two in train and test (validation where there is no test), one with one in train.
    The same rows and seed give the same split. Raises BadInput (data.too_few_rows).
    """
    gold, unit = np.asarray(classes, np.int64), np.asarray(groups, np.int64)
    wanted = 3 if options.test else 2
    if len(np.unique(unit)) < wanted:
        raise BadInput("data.too_few_rows", found=len(np.unique(unit)), least=wanted)
    generator = np.random.default_rng(options.seed)
    split = np.full(len(gold), -1, np.int8)
    sizes = np.bincount(unit)
    totals = np.bincount(gold)
    lacking: NDArray[np.float64] = np.outer(options.shares, totals)
    _place_groups(gold, unit, sizes, lacking, generator, split)
    single = sizes[unit] == 1
    for number in np.flatnonzero(totals):
        rows = np.flatnonzero(single & (gold == number))
        counts = _filled(len(rows), lacking[:, number])
        split[generator.permutation(rows)] = np.repeat(np.arange(3, dtype=np.int8), counts)
    _spread(gold, unit, sizes, split, options, generator)
    return split


def _place_groups(
    gold: Ints, unit: Ints, sizes: Ints, lacking: NDArray[np.float64], generator: np.random.Generator,
    split: NDArray[np.int8],
) -> None:  # fmt: skip
    """Places groups of several rows and takes them off ``lacking`` [3, classes]: what the splits still want."""
    order = np.argsort(unit, kind="stable")
    starts = np.r_[0, np.cumsum(sizes)]
    several = np.flatnonzero(sizes > 1)
    shuffled = several[generator.permutation(len(several))]
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        rows = order[starts[group] : starts[group + 1]]
        numbers, counts = np.unique(gold[rows], return_counts=True)
        need = lacking[:, numbers]
        # Least squared miss after the group has been placed; ties go to train.
        change = ((need - counts) ** 2 - need**2) / np.maximum(1.0, lacking[:, numbers].sum(axis=0))
        room = ((lacking.sum(axis=1) - counts.sum()) ** 2 - lacking.sum(axis=1) ** 2) / max(1.0, lacking.sum())
        best = int(np.argmin(change.sum(axis=1) + room))
        split[rows] = best
        lacking[best, numbers] -= counts


def _filled(count: int, lacking: NDArray[np.float64]) -> Ints:
    """How many of ``count`` rows go to each of the three splits, in proportion to what they lack."""
    need = np.maximum(lacking, 0.0)
    if need.sum() == 0:
        need = np.array([1.0, 0.0, 0.0])
    exact = need / need.sum() * count
    counts: Ints = np.floor(exact + 1e-9).astype(np.int64)
    for place in np.argsort(-(exact - counts), kind="stable")[: count - int(counts.sum())]:
        counts[place] += 1
    return counts


def _spread(
    gold: Ints, unit: Ints, sizes: Ints, split: NDArray[np.int8], options: SplitOptions, generator: np.random.Generator
) -> None:
    """Moves groups so that no split is empty and each class is where it has to be, in train above all."""
    splits = (TRAIN, VALIDATION, TEST) if options.test else (TRAIN, VALIDATION)
    for number in np.unique(gold):
        holders = [np.unique(unit[(gold == number) & (split == place)]) for place in range(3)]
        count = sum(map(len, holders))
        wanted = splits if count >= len(splits) else (TRAIN, splits[-1])[:count]
        for target in wanted:
            if len(holders[target]):
                continue
            donor = max(splits, key=lambda place: len(holders[place]) - (place in wanted))
            moved = _smallest(holders[donor], sizes, generator)
            split[unit == moved] = target
            holders[donor] = holders[donor][holders[donor] != moved]
            holders[target] = np.array([moved])
    for target in splits:
        if not (split == target).any():
            largest = int(np.bincount(split, minlength=3).argmax())
            split[unit == _smallest(np.unique(unit[split == largest]), sizes, generator)] = target

    for number in np.setdiff1d(gold, gold[split == TRAIN]):
        split[unit == _smallest(np.unique(unit[gold == number]), sizes, generator)] = TRAIN


def _smallest(groups: Ints, sizes: Ints, generator: np.random.Generator) -> int:
    shuffled = generator.permutation(groups)
    return int(shuffled[np.argmin(sizes[shuffled])])
