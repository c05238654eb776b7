"""A logistic head on fixed sentence vectors: convex, so it has one best answer and needs no learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.evaluation.classification import Floats
from core.training.classification.args import ClassifierArgs
from core.training.classification.rows import LabelledTexts, live_scores
from core.training.watch import Watch

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # inverse regularisation of scikit-learn's logistic regression
WITHOUT_VALIDATION = 10.0
_Vectors = Any  # NDArray[np.float32] or a sparse matrix of them


def fit_head(
    vectors: _Vectors, rows: LabelledTexts, validation_vectors: _Vectors, validation: LabelledTexts,
    args: ClassifierArgs, watch: Watch,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Weight float64 [labels, width] and bias [labels], with the regularisation that validation likes best.

    ``vectors`` float32 [rows, width] of length 1. Without validation rows a fixed regularisation is taken.
    """
    if not len(validation):
        return fitted(vectors, rows, WITHOUT_VALIDATION, args)
    best: tuple[tuple[float, float], tuple[Floats, Floats]] | None = None
    for number, strength in enumerate(STRENGTHS, 1):
        watch.check()
        weight, bias = fitted(vectors, rows, strength, args)
        found = live_scores(validation_vectors @ weight.T + bias, validation)
        watch.point(number, strength=strength, **{f"validation_{name}": value for name, value in found.items()})
        value = -found["loss"] if args.metric == "loss" else found[args.metric]
        if best is None or (value, -found["loss"]) > best[0]:
            best = (value, -found["loss"]), (weight, bias)
    if best is None:
        raise BadInput("training.no_validation", rows=len(rows))
    return best[1]


def fitted(vectors: _Vectors, rows: LabelledTexts, strength: float, args: ClassifierArgs) -> tuple[Floats, Floats]:
    """Weight float64 [labels, width] and bias [labels] of one logistic regression; every label has a row."""
    if rows.task == "multi":
        one_by_one = [_binary(vectors, column, strength, args) for column in rows.targets.T]
        return np.stack([weight for weight, _ in one_by_one]), np.array([bias for _, bias in one_by_one])
    weight, bias = _regression(vectors, rows.targets, strength, args)
    if len(rows.labels) == 2:  # scikit-learn keeps only the log-odds of the second class
        return np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias


def _binary(
    vectors: _Vectors, having: NDArray[np.int64], strength: float, args: ClassifierArgs
) -> tuple[Floats, float]:
    """One label of several. Of a label that all or none of the rows have, only how frequent it is can be learnt."""
    if having.all() or not having.any():
        return np.zeros(vectors.shape[1]), float(np.log((having.sum() + 0.5) / (len(having) - having.sum() + 0.5)))
    weight, bias = _regression(vectors, having, strength, args)
    return weight[0], float(bias[0])


def _regression(
    vectors: _Vectors, targets: NDArray[np.int64], strength: float, args: ClassifierArgs
) -> tuple[Floats, Floats]:
    from sklearn.linear_model import LogisticRegression

    balanced = "balanced" if args.class_weights == "balanced" else None
    model = LogisticRegression(C=strength, max_iter=1000, class_weight=balanced)
    # Sparse vectors (of n-grams) stay sparse.
    model.fit(vectors.astype(np.float64), targets)
    return np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64)
