"""How good a classifier is on held-out rows: counting, no model and no training.

Single-label gold and predictions are class numbers [rows]; multi-label ones are 0/1 matrices [rows, classes].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class against all others. ``rows`` have it as gold, ``predicted`` were given it; ``auc`` is None without
    probabilities, or when all or none of the rows have it."""

    label: str
    precision: float
    recall: float
    f1: float
    rows: int
    predicted: int
    auc: float | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """One model on held-out rows, all shares in 0..1.

    Macro averages run over the classes that occur in the gold, so that two models on the same rows are averaged over
    the same classes. ``accuracy`` of multi-label rows asks for all labels of a row. ``confusion[gold][predicted]``
    counts rows; None for multi-label. ``auc`` is that of class 1 for two classes, else the mean over classes (one
    against the rest). ``log_loss`` is in nats a row (multi-label: the sum over its labels), ``brier`` the mean squared
    distance of a row's probabilities from its gold.
    """

    rows: int
    accuracy: float
    precision_macro: float
    recall_macro: float
    f1_macro: float
    f1_micro: float
    classes: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    auc: float | None = None
    log_loss: float | None = None
    brier: float | None = None


def indicator(values: ArrayLike, classes: int) -> Bools:
    """Class numbers [rows] or a 0/1 matrix [rows, classes] as bool [rows, classes]."""
    array = np.asarray(values)
    if array.ndim == 2:
        return array.astype(bool)
    if array.size and (array.min() < 0 or array.max() >= classes):
        raise ValueError(f"class numbers must lie in 0..{classes - 1}, found {array.min()}..{array.max()}")
    return np.asarray(np.arange(classes) == array.astype(np.int64)[:, None], bool)


def classification_scores(
    gold: ArrayLike, predicted: ArrayLike, labels: Sequence[str], probabilities: ArrayLike | None = None
) -> Scores:
    """Scores of ``predicted`` against ``gold``; ``probabilities`` float [rows, classes] add AUC, log loss and Brier.

    Raises ValueError without rows or when the shapes disagree.
    """
    count = len(labels)
    truth, given = indicator(gold, count), indicator(predicted, count)
    if truth.shape != given.shape or not len(truth) or truth.shape[1] != count:
        raise ValueError(f"gold {truth.shape} and predicted {given.shape} must be the same rows of {count} classes")
    chances = None if probabilities is None else np.asarray(probabilities, np.float64)
    if chances is not None and chances.shape != truth.shape:
        raise ValueError(f"probabilities {chances.shape} must have the shape {truth.shape}")
    single = np.asarray(gold).ndim == 1
    classes = _per_class(truth, given, labels, chances)
    occurring = [scores for scores in classes if scores.rows]
    hits, wanted, claimed = int((truth & given).sum()), int(truth.sum()), int(given.sum())
    return Scores(
        rows=len(truth),
        accuracy=float((truth == given).all(axis=1).mean()),
        precision_macro=_mean([scores.precision for scores in occurring]),
        recall_macro=_mean([scores.recall for scores in occurring]),
        f1_macro=_mean([scores.f1 for scores in occurring]),
        f1_micro=2 * hits / (wanted + claimed) if wanted + claimed else 0.0,
        classes=classes,
        confusion=_confusion(truth, given) if single else None,
        auc=_overall_auc(classes, binary=single and count == 2),
        log_loss=None if chances is None else _log_loss(truth, chances, single=single),
        brier=None if chances is None else float(((chances - truth) ** 2).sum(axis=1).mean()),
    )


def _per_class(truth: Bools, given: Bools, labels: Sequence[str], chances: Floats | None) -> tuple[ClassScores, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, support = precision_recall_fscore_support(
        truth.astype(int), given.astype(int), average=None, zero_division=0.0
    )
    return tuple(
        ClassScores(
            label=label,
            precision=float(precision[number]),
            recall=float(recall[number]),
            f1=float(f1[number]),
            rows=int(support[number]),
            predicted=int(given[:, number].sum()),
            auc=None if chances is None else area_under_curve(truth[:, number], chances[:, number]),
        )
        for number, label in enumerate(labels)
    )


def area_under_curve(event: ArrayLike, score: ArrayLike) -> float | None:
    """Area under the ROC curve, ties counting half; None when the event happens in all rows or in none."""
    from sklearn.metrics import roc_auc_score

    happened = np.asarray(event, bool)
    if happened.all() or not happened.any():
        return None
    return float(roc_auc_score(happened, np.asarray(score, np.float64)))


def decide(probabilities: ArrayLike, weights: ArrayLike | None = None) -> Ints:
    """The class [rows] with the greatest ``weights[class] * probability``: with the costs of a miss as weights, this is
    the decision of least expected cost (for two classes: a threshold). The first of equals wins."""
    chances = np.asarray(probabilities, np.float64)
    return np.asarray((chances if weights is None else chances * np.asarray(weights)).argmax(axis=1), np.int64)


def _overall_auc(classes: Sequence[ClassScores], *, binary: bool) -> float | None:
    if binary:
        return classes[1].auc
    found = [scores.auc for scores in classes if scores.auc is not None]
    return _mean(found) if found else None


def _confusion(truth: Bools, given: Bools) -> tuple[tuple[int, ...], ...]:
    counts: Any = truth.astype(np.int64).T @ given.astype(np.int64)
    return tuple(tuple(int(cell) for cell in row) for row in counts)


def _log_loss(truth: Bools, chances: Floats, *, single: bool) -> float:
    smallest = np.finfo(np.float32).eps
    sure = np.clip(chances, smallest, 1 - smallest)
    loss = -np.where(truth, np.log(sure), 0.0 if single else np.log1p(-sure))
    return float(loss.sum(axis=1).mean())


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
