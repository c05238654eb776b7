"""k-fold cross-validation: every row is scored by a model that never saw it, nor a copy of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.errors import BadInput
from core.evaluation.classification import Floats, Ints, classification_scores, decide

_NOT_WORD = re.compile(r"[\W_]+")

FitPredict = Callable[[Ints, Ints], ArrayLike]
"""Trains on the row numbers given first; returns probabilities [rows, classes] of the row numbers given second."""


@dataclass(frozen=True, slots=True)
class FoldScores:
    """``values`` one a fold; ``deviation`` is their sample standard deviation."""

    measure: str
    values: tuple[float, ...]
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """``probabilities`` float64 [rows, classes], each row's from the fold that held it out."""

    probabilities: Floats
    scores: tuple[FoldScores, ...]


def fold_rows(
    classes: Sequence[int], folds: int, *, seed: int = 0, groups: Sequence[int] | None = None
) -> Iterator[tuple[Ints, Ints]]:
    """Row numbers ``(training, held out)`` of each fold, classes in like shares, rows of a group never torn apart.

    Raises BadInput (networks.few_rows) for fewer rows or groups than folds.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    apart = len(classes) if groups is None else len(set(groups))
    if folds < 2 or apart < folds:
        raise BadInput("networks.few_rows", found=apart, least=max(folds, 2))
    gold = np.asarray(classes)
    if np.bincount(gold).max() < folds:  # no class has a row for each fold, so there are no shares to keep
        splitter = KFold if groups is None else GroupKFold
    else:
        splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    splits = splitter(folds, shuffle=True, random_state=seed).split(np.zeros(len(gold)), gold, groups)
    yield from ((np.asarray(left, np.int64), np.asarray(out, np.int64)) for left, out in splits)


def same_text(texts: Sequence[str]) -> list[int]:
    """A group number for each text; texts that differ only in case, width, marks and spaces share one."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(plain(text), len(numbers)) for text in texts]


def plain(text: str) -> str:
    """NFKC, lower case, letters and digits only; the text itself where that leaves nothing."""
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", text).lower()) or text


def cross_validate(
    fit_predict: FitPredict,
    classes: Sequence[int],
    labels: Sequence[str],
    *,
    folds: int = 5,
    seed: int = 0,
    groups: Sequence[int] | None = None,
) -> CrossValidated:
    """Trains ``folds`` times. Raises BadInput for a label with fewer rows than folds and what ``fit_predict`` does."""
    gold = np.asarray(classes, np.int64)
    for number, rows in enumerate(np.bincount(gold, minlength=len(labels))):
        if 0 < rows < folds:
            raise BadInput("networks.rare_label", label=labels[number], found=int(rows), folds=folds)
    chances = np.zeros((len(gold), len(labels)))
    found = []
    for training, held_out in fold_rows(classes, folds, seed=seed, groups=groups):
        chances[held_out] = np.asarray(fit_predict(training, held_out), np.float64)
        predicted = decide(chances[held_out])
        found.append(classification_scores(gold[held_out], predicted, labels, chances[held_out]))
    measures = {name: [getattr(scores, name) for scores in found] for name in ("accuracy", "f1_macro", "auc")}
    kept = {name: [float(v) for v in values] for name, values in measures.items() if None not in values}
    scores = tuple(
        FoldScores(name, tuple(values), float(np.mean(values)), float(np.std(values, ddof=1)))
        for name, values in kept.items()
    )
    return CrossValidated(chances, scores)
