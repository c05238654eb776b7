"""Makes the report "Did it learn?" from what two models said of the same held-out rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.errors import BadInput
from core.evaluation.calibration import expected_calibration_error, reliability
from core.evaluation.classification import Bools, Floats, Ints, classification_scores, decide
from core.evaluation.fairness import Fairness, fairness
from core.evaluation.intervals import (
    RESAMPLES,
    fixed_and_broken,
    mean_difference,
    paired_differences,
    score_intervals,
    wilson,
)
from core.training.classification.folds import FoldScores
from core.training.reports.report import (
    Cell,
    Comparison,
    Example,
    Forgetting,
    Measure,
    Report,
    SideReport,
    SliceReport,
)
from core.training.reports.slices import slices
from core.training.reports.verdicts import notes, verdict

EXAMPLES = 5  # of each cell of the confusion matrix
LONGEST = 300  # characters of an example


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rows that no model was trained on.

    ``gold``: class numbers [rows], or a 0/1 matrix [rows, classes] for several labels a row. ``inputs``: what a reader
    is shown of each row (personal data already masked); ``texts``: whether these are texts that can be cut into
    slices. ``groups``: columns that name a group of people, for fairness; ``favourable``: the label whose rates are
    compared, the last one when "".
    """

    gold: ArrayLike
    labels: Sequence[str]
    inputs: Sequence[str]
    texts: bool = True
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    favourable: str = ""

    @property
    def multi_label(self) -> bool:
        return np.asarray(self.gold).ndim == 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model said: ``probabilities`` [rows, classes]; ``predicted`` as ``gold`` is given, when the decision is
    other than the likeliest class (several labels a row: those of at least 0.5)."""

    name: str
    probabilities: ArrayLike
    predicted: ArrayLike | None = None


@dataclass(frozen=True, slots=True)
class General:
    """A skill that was not trained, on a small general set: a score for each row before and after training."""

    name: str
    before: ArrayLike
    after: ArrayLike
    lower_is_better: bool = False
    share: bool = True


def most_frequent(training: Sequence[int], classes: int, rows: int, name: str = "most_frequent") -> Outcome:
    """The model that learnt nothing: every row gets the shares of the classes in training. The "before" of a network
    that starts from random weights."""
    shares = np.bincount(np.asarray(training), minlength=classes) / max(len(training), 1)
    return Outcome(name, np.tile(shares, (rows, 1)))


def make_report(
    held_out: HeldOut,
    before: Outcome,
    after: Outcome,
    *,
    name: str,
    others: Sequence[Outcome] = (),
    general: Sequence[General] = (),
    folds: Sequence[FoldScores] = (),
    primary: Measure = "f1_macro",
    data: Mapping[str, Any] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Report:
    """``others`` are models to stand beside (a simple one, the version in use); ``primary`` is the measure that the
    verdict goes by. Raises BadInput when the parts are not of the same rows."""
    sides = [_Side(held_out, outcome) for outcome in (before, after, *others)]
    first, trained, *beside = [side.report(resamples, seed) for side in sides]
    measure: Measure = primary if primary in trained.intervals else "f1_macro"
    comparisons = tuple(_compared(sides[1], other, resamples, seed) for other in (sides[0], *sides[2:]))
    parts: dict[str, Any] = {
        "before": first,
        "after": trained,
        "others": tuple(beside),
        "comparisons": comparisons,
        "slices": tuple(_slices(held_out, sides[0], sides[1], resamples, seed)),
        "forgetting": tuple(_forgetting(one, resamples, seed) for one in general),
        "folds": tuple(folds),
        "fairness": tuple(_fairness(held_out, sides[1])),
    }
    return Report(
        name=name,
        labels=tuple(held_out.labels),
        rows=len(sides[0].right),
        multi_label=held_out.multi_label,
        primary=measure,
        verdict=verdict(trained, comparisons[0], measure),
        notes=tuple(notes(measure=measure, **parts)),
        cells=tuple(_cells(held_out, sides[1])),
        data=dict(data or {}),
        **parts,
    )


class _Side:
    """One model's answers in the shapes that everything else asks for."""

    def __init__(self, held_out: HeldOut, outcome: Outcome) -> None:
        self.gold = np.asarray(held_out.gold, np.int64)
        self.labels, self.name = tuple(held_out.labels), outcome.name
        self.chances = np.asarray(outcome.probabilities, np.float64)
        self.predicted = self._decided(outcome, held_out.multi_label)
        for what, rows in ((outcome.name, self.chances), (outcome.name, self.predicted), ("inputs", held_out.inputs)):
            if len(rows) != len(self.gold):
                raise BadInput("networks.report_rows", expected=len(self.gold), found=len(rows), what=what)
        if not len(self.gold):
            raise BadInput("networks.no_rows")
        same = self.gold == self.predicted
        self.right: Bools = np.asarray(same.all(axis=1) if same.ndim == 2 else same, bool)

    def _decided(self, outcome: Outcome, multi_label: bool) -> Ints:
        if outcome.predicted is not None:
            return np.asarray(outcome.predicted, np.int64)
        return np.asarray(self.chances >= 0.5, np.int64) if multi_label else decide(self.chances)

    @property
    def sureness(self) -> tuple[Bools, Floats]:
        """Events and their probabilities: the given class was right; with several labels, each label of each row."""
        if self.gold.ndim == 2:
            return self.gold.astype(bool).ravel(), self.chances.ravel()
        return self.right, self.given

    @property
    def given(self) -> Floats:
        """Probability [rows] of the class that each row was given."""
        return np.asarray(self.chances[np.arange(len(self.gold)), self.predicted], np.float64)

    def report(self, resamples: int, seed: int) -> SideReport:
        curve = reliability(*self.sureness)
        return SideReport(
            name=self.name,
            scores=classification_scores(self.gold, self.predicted, self.labels, self.chances),
            intervals=score_intervals(
                self.gold, self.predicted, len(self.labels), self.chances, resamples=resamples, seed=seed
            ),
            calibration_error=expected_calibration_error(curve),
            curve=curve,
        )


def _compared(after: _Side, other: _Side, resamples: int, seed: int) -> Comparison:
    differences = paired_differences(
        after.gold, other.predicted, after.predicted, len(after.labels), (other.chances, after.chances),
        resamples=resamples, seed=seed,
    )  # fmt: skip
    return Comparison(other.name, differences, *fixed_and_broken(after.gold, other.predicted, after.predicted))


def _cells(held_out: HeldOut, after: _Side) -> Iterator[Cell]:
    if held_out.multi_label:
        return
    sureness = after.given
    for gold in range(len(after.labels)):
        for predicted in range(len(after.labels)):
            rows = np.flatnonzero((after.gold == gold) & (after.predicted == predicted))
            surest = rows[np.argsort(-sureness[rows], kind="stable")][:EXAMPLES]
            if len(rows):
                examples = [Example(int(r), _shortened(held_out.inputs[r]), float(sureness[r])) for r in surest]
                yield Cell(gold, predicted, len(rows), tuple(examples))


def _shortened(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= LONGEST else one_line[: LONGEST - 1] + "…"


def _slices(held_out: HeldOut, before: _Side, after: _Side, resamples: int, seed: int) -> Iterator[SliceReport]:
    if not held_out.texts:
        return
    for family, name, rows in slices(held_out.inputs):
        count = int(rows.sum())
        yield SliceReport(
            family=family,
            name=name,
            rows=count,
            before=wilson(int(before.right[rows].sum()), count),
            after=wilson(int(after.right[rows].sum()), count),
            change=mean_difference(before.right[rows], after.right[rows], resamples=resamples, seed=seed),
        )


def _forgetting(general: General, resamples: int, seed: int) -> Forgetting:
    before, after = np.asarray(general.before, np.float64), np.asarray(general.after, np.float64)
    if len(before) != len(after) or not len(before):
        raise BadInput("networks.report_rows", expected=len(before), found=len(after), what=general.name)
    return Forgetting(
        name=general.name,
        rows=len(before),
        before=float(before.mean()),
        after=float(after.mean()),
        change=mean_difference(before, after, resamples=resamples, seed=seed),
        lower_is_better=general.lower_is_better,
        share=general.share,
    )


def _fairness(held_out: HeldOut, after: _Side) -> Iterator[Fairness]:
    label = held_out.favourable or after.labels[-1]
    if label not in after.labels:
        raise BadInput("networks.unknown_label", label=label, known=", ".join(after.labels))
    number = after.labels.index(label)
    gold, predicted = after.gold, after.predicted
    if held_out.multi_label:
        gold, predicted, number = gold[:, number], predicted[:, number], 1
    for column, members in held_out.groups.items():
        if len(members) != len(after.gold):
            raise BadInput("networks.report_rows", expected=len(after.gold), found=len(members), what=column)
        yield fairness(gold, predicted, [str(one) for one in members], column=column, label=label, number=number)
