"""How sure a measured figure is: bootstrap intervals, paired ones for before against after, those of plain rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.classification import Bools, Floats, Ints, area_under_curve, indicator

RESAMPLES = 2000
_CELLS_AT_ONCE = 2_000_000  # weights held in memory at a time
_ROWS_IN_ALL = 20_000_000  # row weights drawn for an AUC: beyond it fewer resamples are taken
_FEWEST = 200


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the bounds between which it lies with the confidence asked for."""

    value: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        return self.low > 0

    @property
    def below_zero(self) -> bool:
        return self.high < 0


def wilson(hits: int, rows: int, level: float = 0.95) -> Interval:
    """Interval of a share (Wilson 1927): honest for few rows and near 0 and 1. Raises ValueError without rows."""
    if rows <= 0:
        raise ValueError("a share needs rows")
    share, z = hits / rows, _z(level)
    middle = share + z * z / (2 * rows)
    half = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    # A share of 0 or 1 is its own bound; rounding may leave it a hair inside.
    low, high = (middle - half) / scale, (middle + half) / scale
    return Interval(share, min(share, max(0.0, low)), max(share, min(1.0, high)))


def newcombe(first: Interval, second: Interval) -> Interval:
    """Interval of the difference of two independent shares from their Wilson intervals (Newcombe 1998, method 10)."""
    difference = first.value - second.value
    down = math.hypot(first.value - first.low, second.high - second.value)
    up = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(difference, difference - down, difference + up)


def score_intervals(
    gold: ArrayLike,
    predicted: ArrayLike,
    classes: int,
    probabilities: ArrayLike | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Bootstrap percentile intervals (Efron and Tibshirani 1993) of ``accuracy`` and ``f1_macro`` and, for two classes
    with probabilities, ``auc``, over rows drawn with replacement."""
    truth = indicator(gold, classes)
    measure = _Counted(truth, [indicator(predicted, classes)])
    found = _intervals(measure.whole()[0], measure.resampled(resamples, seed)[0], level)
    if probabilities is not None and _binary(gold, classes):
        scores = np.asarray(probabilities, np.float64)[:, 1]
        found |= _auc_intervals(truth[:, 1], [scores], resamples, level, seed, lambda areas: areas[0])
    return found


def paired_differences(
    gold: ArrayLike,
    before: ArrayLike,
    after: ArrayLike,
    classes: int,
    probabilities: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """``after`` minus ``before`` of the same measures, both counted on the same drawn rows each time.

    Pairing takes out what makes rows hard for both models, so the interval is narrower than two separate ones.
    """
    truth = indicator(gold, classes)
    measure = _Counted(truth, [indicator(before, classes), indicator(after, classes)])
    whole, drawn = measure.whole(), measure.resampled(resamples, seed)
    found = _intervals(
        {name: whole[1][name] - whole[0][name] for name in whole[0]},
        {name: drawn[1][name] - drawn[0][name] for name in drawn[0]},
        level,
    )
    if probabilities is not None and _binary(gold, classes):
        scores = [np.asarray(side, np.float64)[:, 1] for side in probabilities]
        found |= _auc_intervals(truth[:, 1], scores, resamples, level, seed, lambda areas: areas[1] - areas[0])
    return found


def mean_difference(
    before: ArrayLike, after: ArrayLike, *, resamples: int = RESAMPLES, level: float = 0.95, seed: int = 0
) -> Interval:
    """Mean of ``after - before`` over paired rows of scores [rows], with its bootstrap interval."""
    change = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    generator = np.random.default_rng(seed)
    means = np.concatenate([w @ change for w in _drawn(generator, len(change), resamples)]) / len(change)
    return _intervals({"change": float(change.mean())}, {"change": means}, level)["change"]


def fixed_and_broken(gold: ArrayLike, before: ArrayLike, after: ArrayLike) -> tuple[int, int, float]:
    """Rows that became right, rows that became wrong, and the exact McNemar p-value of so uneven a split by chance."""
    from scipy.stats import binomtest

    right_before = _right(gold, before)
    right_after = _right(gold, after)
    fixed, broken = int((~right_before & right_after).sum()), int((right_before & ~right_after).sum())
    return fixed, broken, float(binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0


def _right(gold: ArrayLike, predicted: ArrayLike) -> Bools:
    same = np.asarray(gold) == np.asarray(predicted)
    return np.asarray(same.all(axis=1) if same.ndim == 2 else same, bool)


class _Counted:
    """Measures that need only counts. Rows that agree in gold and all predictions are one cell, drawn together."""

    def __init__(self, truth: Bools, sides: list[Bools]) -> None:
        joint = np.packbits(np.concatenate([truth, *sides], axis=1), axis=1)
        _, first, counts = np.unique(joint, axis=0, return_index=True, return_counts=True)
        self._counts = counts
        self._truth = truth[first].astype(np.float64)
        self._sides = [side[first].astype(np.float64) for side in sides]

    def whole(self) -> list[dict[str, float]]:
        values = self._measured(self._counts[None, :].astype(np.float64))
        return [{name: float(value[0]) for name, value in side.items()} for side in values]

    def resampled(self, resamples: int, seed: int) -> list[dict[str, Floats]]:
        generator = np.random.default_rng(seed)
        chunks = [self._measured(w) for w in _drawn(generator, int(self._counts.sum()), resamples, self._counts)]
        return [
            {name: np.concatenate([chunk[side][name] for chunk in chunks]) for name in chunks[0][side]}
            for side in range(len(self._sides))
        ]

    def _measured(self, weights: Floats) -> list[dict[str, Floats]]:
        """``weights`` [resamples, cells] -> each side's measures [resamples]."""
        gold = weights @ self._truth
        occurs = gold > 0
        measured = []
        for side in self._sides:
            hits, given = weights @ (self._truth * side), weights @ side
            f1 = np.divide(2 * hits, gold + given, out=np.zeros_like(hits), where=gold + given > 0)
            measured.append(
                {
                    "accuracy": weights @ (self._truth == side).all(axis=1) / weights.sum(axis=1),
                    "f1_macro": (f1 * occurs).sum(axis=1) / np.maximum(occurs.sum(axis=1), 1),
                }
            )
        return measured


def _drawn(generator: np.random.Generator, rows: int, resamples: int, counts: Ints | None = None) -> Iterator[Floats]:
    """Weights [some resamples, cells]: how often each cell is drawn when ``rows`` are drawn with replacement."""
    shares = np.full(rows, 1 / rows) if counts is None else counts / counts.sum()
    at_once = max(1, _CELLS_AT_ONCE // len(shares))
    for first in range(0, resamples, at_once):
        yield generator.multinomial(rows, shares, size=min(at_once, resamples - first)).astype(np.float64)


def _auc_intervals(
    event: Bools,
    scores: list[Floats],
    resamples: int,
    level: float,
    seed: int,
    combine: Callable[[list[Floats]], Floats],
) -> dict[str, Interval]:
    whole = [area_under_curve(event, score) for score in scores]
    if any(area is None for area in whole):
        return {}
    rows = len(event)
    generator = np.random.default_rng(seed)
    enough = min(resamples, max(_FEWEST, _ROWS_IN_ALL // rows))
    drawn = [combine([_weighted_auc(event, s, w) for s in scores]) for w in _drawn(generator, rows, enough)]
    value = combine([np.array([area], np.float64) for area in whole])
    return _intervals({"auc": float(value[0])}, {"auc": np.concatenate(drawn)}, level)


def _weighted_auc(event: Bools, score: Floats, weights: Floats) -> Floats:
    """AUC [resamples] with row weights [resamples, rows]; NaN where a draw holds one class only."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])  # rows of equal score share a step
    with_event = np.add.reduceat(weights[:, order] * event[order], starts, axis=1)
    without = np.add.reduceat(weights[:, order] * ~event[order], starts, axis=1)
    below = without.cumsum(axis=1) - without / 2
    pairs = with_event.sum(axis=1) * without.sum(axis=1)
    area = (with_event * below).sum(axis=1)
    return np.asarray(np.divide(area, pairs, out=np.full_like(area, np.nan), where=pairs > 0), np.float64)


def _intervals(whole: Mapping[str, float], drawn: Mapping[str, Floats], level: float) -> dict[str, Interval]:
    edges = [(1 - level) / 2, (1 + level) / 2]
    found = {}
    for name, value in whole.items():
        low, high = np.nanquantile(drawn[name], edges)
        found[name] = Interval(value, float(low), float(high))
    return found


def _binary(gold: ArrayLike, classes: int) -> bool:
    return classes == 2 and np.asarray(gold).ndim == 1


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
