"""Whether groups of people are treated alike: rates per group and their gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.classification import Bools
from core.evaluation.intervals import Interval, newcombe, wilson

LEAST_ROWS = 20  # a group with fewer is shown but no gap is drawn from it: its rates are noise
RATES = ("selected", "true_positive", "false_positive", "accuracy")


@dataclass(frozen=True, slots=True)
class GroupRates:
    """One group. ``selected``: share given the class in question; ``true_positive``: of those who have it, the share
    given it; ``false_positive``: of those who do not; None where the group holds no such row."""

    group: str
    rows: int
    selected: Interval
    true_positive: Interval | None
    false_positive: Interval | None
    accuracy: Interval


@dataclass(frozen=True, slots=True)
class Gap:
    """The widest difference of one rate between two groups, and its interval; ``sure``: the interval leaves out 0."""

    rate: str
    highest: str
    lowest: str
    difference: Interval
    sure: bool


@dataclass(frozen=True, slots=True)
class Fairness:
    """``label`` is the class whose rates are compared.

    Gaps of ``selected`` are the demographic parity difference, of ``true_positive`` equal opportunity, of
    ``true_positive`` and ``false_positive`` together equalised odds (Hardt et al. 2016). ``selection_ratio`` is the
    lowest over the highest selection rate (below 0.8: the four-fifths rule); None when nobody is selected.
    """

    column: str
    label: str
    groups: tuple[GroupRates, ...]
    gaps: tuple[Gap, ...]
    selection_ratio: float | None


def fairness(
    gold: ArrayLike, predicted: ArrayLike, groups: Sequence[str], *, column: str, label: str, number: int
) -> Fairness:
    """Rates of class ``number`` for each value of ``groups`` [rows] and the gaps between values with enough rows."""
    truth, given, members = np.asarray(gold), np.asarray(predicted), np.asarray(groups, dtype=object)
    rates = []
    for name in sorted({str(group) for group in groups}):
        inside = members == name
        rates.append(_rates(name, truth[inside] == number, given[inside] == number, truth[inside] == given[inside]))
    enough = [one for one in rates if one.rows >= LEAST_ROWS]
    selected = [one.selected.value for one in enough]
    ratio = min(selected) / max(selected) if len(selected) > 1 and max(selected) > 0 else None
    gaps = tuple(gap for gap in (_gap(rate, enough) for rate in RATES) if gap is not None)
    return Fairness(column, label, tuple(rates), gaps, ratio)


def _rates(name: str, has: ArrayLike, given: ArrayLike, right: ArrayLike) -> GroupRates:
    positive, chosen = np.asarray(has, bool), np.asarray(given, bool)
    selected, correct = _share(chosen), _share(np.asarray(right, bool))
    if selected is None or correct is None:
        raise ValueError("a group without rows has no rates")
    return GroupRates(name, len(positive), selected, _share(chosen[positive]), _share(chosen[~positive]), correct)


def _share(chosen: Bools) -> Interval | None:
    return wilson(int(chosen.sum()), len(chosen)) if len(chosen) else None


def _gap(rate: str, groups: Sequence[GroupRates]) -> Gap | None:
    found = [(one.group, interval) for one in groups if (interval := getattr(one, rate)) is not None]
    if len(found) < 2:
        return None
    ordered = sorted(found, key=lambda pair: pair[1].value)
    lowest, highest = ordered[0], ordered[-1]
    difference = newcombe(highest[1], lowest[1])
    return Gap(rate, highest[0], lowest[0], difference, difference.above_zero)
