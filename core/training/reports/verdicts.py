"""What the figures of a report mean, as sentences of the catalogues: one verdict and the notes beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.evaluation.fairness import LEAST_ROWS, Fairness
from core.training.classification.folds import FoldScores
from core.training.reports.report import Comparison, Forgetting, Measure, SideReport, SliceReport, Statement

FEW_ROWS = 30  # held out: below it no verdict is given
SOME_ROWS = 200  # below it the reader is told that bounds are wide
LITTLE = 0.02  # of the primary measure: a sure gain below it is called a little
NOTHING = 0.01  # bounds this near to 0 on both sides mean "the same", wider ones "cannot tell"
OUT_OF_TRUE = 0.05  # calibration error that is worth a sentence
WEAK = 0.5  # recall of a class
_NAMED = 3  # classes named in one sentence


def verdict(after: SideReport, comparison: Comparison, measure: Measure) -> Statement:
    """Whether training made the model better, by the paired interval of ``measure``."""
    change, rows = comparison.differences[measure], after.scores.rows
    values = {
        "before": after.intervals[measure].value - change.value,
        "after": after.intervals[measure].value,
        "change": change.value,
        "low": change.low,
        "high": change.high,
    }
    return Statement(
        f"verdict.{_outcome(after, comparison, measure, rows)}",
        {**values, "rows": rows, "measure": measure, "least": FEW_ROWS},
        shares=("before", "after"),
        changes=("change", "low", "high"),
    )


def _outcome(after: SideReport, comparison: Comparison, measure: Measure, rows: int) -> str:
    change = comparison.differences[measure]
    if rows < FEW_ROWS:
        return "too_few"
    if change.below_zero:
        return "worse"
    if not change.above_zero:
        return "same" if max(abs(change.low), abs(change.high)) <= NOTHING else "unsure"
    if after.intervals[measure].low <= without_looking(after, measure):
        return "no_better_than_guessing"
    return "learned_little" if change.value < LITTLE else "learned"


def without_looking(after: SideReport, measure: Measure) -> float:
    """What can be scored without looking at a row: by always saying the most frequent class or, for macro F1, by saying
    each class as often as it occurs."""
    counts = [scores.rows for scores in after.scores.classes]
    most, rows = max(counts), after.scores.rows
    if measure == "auc":
        return 0.5
    if after.scores.confusion is None:
        return 0.0  # with several labels a row there is no such class
    if measure == "accuracy":
        return most / rows
    occurring = sum(count > 0 for count in counts)
    return max(2 * most / (rows + most), 1.0) / occurring


def notes(
    *,
    measure: Measure,
    before: SideReport,
    after: SideReport,
    others: Sequence[SideReport],
    comparisons: Sequence[Comparison],
    slices: Sequence[SliceReport],
    forgetting: Sequence[Forgetting],
    folds: Sequence[FoldScores],
    fairness: Sequence[Fairness],
) -> Iterator[Statement]:
    """The notes, those that may change a decision first."""
    first = comparisons[0]
    yield from _beside(measure, others, comparisons[1:])
    yield from _weak_classes(after)
    yield from _slices(after, slices)
    yield from _forgotten(forgetting)
    yield from _unfair(fairness)
    yield from _calibration(after)
    yield Statement("note.changed", {"fixed": first.fixed, "broken": first.broken, "rows": after.scores.rows})
    yield from _spread(measure, folds)
    if after.scores.rows < SOME_ROWS:
        yield Statement("note.few_rows", {"rows": after.scores.rows})


def _beside(measure: Measure, others: Sequence[SideReport], comparisons: Sequence[Comparison]) -> Iterator[Statement]:
    for other, comparison in zip(others, comparisons, strict=True):
        change = comparison.differences[measure]
        kind = "better" if change.above_zero else "worse" if change.below_zero else "alike"
        yield Statement(
            f"note.beside_{kind}",
            {
                "other": other.name,
                "measure": measure,
                "value": other.intervals[measure].value,
                "low": change.low,
                "high": change.high,
            },
            shares=("value",),
            changes=("low", "high"),
        )


def _weak_classes(after: SideReport) -> Iterator[Statement]:
    weak = sorted(
        (one for one in after.scores.classes if one.rows >= LEAST_ROWS and one.recall < WEAK), key=lambda s: s.recall
    )
    if weak:
        named = ", ".join(one.label for one in weak[:_NAMED])
        values: dict[str, str | int | float] = {"labels": named, "count": len(weak), "lowest": weak[0].recall}
        yield Statement("note.weak_classes", values, shares=("lowest",))
    rare = [one.label for one in after.scores.classes if 0 < one.rows < LEAST_ROWS]
    if rare:
        yield Statement("note.rare_classes", {"count": len(rare), "labels": ", ".join(rare[:_NAMED])})


def _slices(after: SideReport, slices: Sequence[SliceReport]) -> Iterator[Statement]:
    for one in slices:
        if one.rows < LEAST_ROWS:
            continue
        values: dict[str, str | int | float] = {"slice": f"slice.{one.family}.{one.name}", "rows": one.rows}
        if one.change.below_zero:
            values |= {"before": one.before.value, "after": one.after.value}
            yield Statement("note.slice_worse", values, shares=("before", "after"))
        elif one.after.high < after.scores.accuracy:
            values |= {"after": one.after.value, "overall": after.scores.accuracy}
            yield Statement("note.slice_weak", values, shares=("after", "overall"))


def _forgotten(forgetting: Sequence[Forgetting]) -> Iterator[Statement]:
    for one in forgetting:
        shares = ("before", "after") if one.share else ()
        kind = "forgot" if one.worse else "kept"
        yield Statement(
            f"note.{kind}", {"name": one.name, "before": one.before, "after": one.after, "rows": one.rows}, shares
        )


def _unfair(fairness: Sequence[Fairness]) -> Iterator[Statement]:
    for one in fairness:
        sure = [gap for gap in one.gaps if gap.sure and gap.rate != "accuracy"]
        if not sure:
            yield Statement("note.no_sure_gap", {"column": one.column, "label": one.label})
        for gap in sure:
            yield Statement(
                f"note.gap_{gap.rate}",
                {
                    "column": one.column,
                    "label": one.label,
                    "highest": gap.highest,
                    "lowest": gap.lowest,
                    "gap": gap.difference.value,
                },
                changes=("gap",),
            )


def _calibration(after: SideReport) -> Iterator[Statement]:
    if after.calibration_error <= OUT_OF_TRUE:
        return
    rows = [one.rows for one in after.curve]
    promised = float(np.average([one.promised for one in after.curve], weights=rows))
    happened = float(np.average([one.happened.value for one in after.curve], weights=rows))
    if abs(promised - happened) < after.calibration_error / 2:
        kind = "uneven"  # too sure in one place and too modest in another
    else:
        kind = "overconfident" if promised > happened else "underconfident"
    values = {"promised": promised, "happened": happened, "error": after.calibration_error}
    yield Statement(f"note.{kind}", values, shares=("promised", "happened", "error"))


def _spread(measure: Measure, folds: Sequence[FoldScores]) -> Iterator[Statement]:
    for one in folds:
        if one.measure == measure:
            values = {"folds": len(one.values), "measure": measure, "mean": one.mean, "deviation": one.deviation}
            yield Statement("note.folds", values, shares=("mean", "deviation"))
