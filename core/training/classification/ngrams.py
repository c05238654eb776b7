"""Fits the linear model on n-grams beside a trained encoder, and how much each of the two is listened to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.classification import Floats
from core.models.classifiers.ngrams import Beside, NgramModel, held
from core.training.classification.args import ClassifierArgs
from core.training.classification.head import fitted
from core.training.classification.rows import LabelledTexts, live_scores
from core.training.watch import Watch

STRENGTH = 10.0  # inverse regularisation; 3 to 100 differ by less than half a point on Chinese reviews
LEAST_ROWS = 2  # training texts that must hold an n-gram
MOST_FEATURES = 200_000  # those that the most texts hold
_MOST_WEIGHTS = 20_000_000  # features x labels: 80 MB of file


def fit_beside(
    training: LabelledTexts, validation: LabelledTexts, encoder: ArrayLike, args: ClassifierArgs, watch: Watch
) -> Beside | None:
    """N-grams beside an encoder whose logits [validation rows, labels] are ``encoder``; None, with a line for the log,
    where they add nothing."""
    if not len(validation):
        watch.say("no validation rows to weigh the n-grams on: the encoder speaks alone")
        return None
    watch.check()
    model = fit_ngrams(training, args)
    if model is None:
        watch.say("no run of words stands in two texts: the encoder speaks alone")
        return None
    wide = model.logits(validation.texts)
    voices = fit_voices(encoder, wide, validation)
    before, after = (
        live_scores(logits, validation)["accuracy"]
        for logits in (encoder, np.asarray(encoder) * voices[0] + wide * voices[1])
    )
    watch.say(
        f"{len(model.buckets)} n-grams beside the encoder, factors {voices[0]:.2f} and {voices[1]:.2f}: "
        f"validation accuracy {before:.4f} -> {after:.4f}"
    )
    return Beside(model, voices) if voices[1] > 0 else None


def fit_ngrams(rows: LabelledTexts, args: ClassifierArgs) -> NgramModel | None:
    """Learnt from the training rows; None where no n-gram stands in two of them."""
    counted = held(rows.texts)
    often = np.asarray(counted.sum(axis=0)).ravel()
    most = min(MOST_FEATURES, max(1, _MOST_WEIGHTS // len(rows.labels)))
    buckets = np.flatnonzero(often >= LEAST_ROWS)
    if not len(buckets):
        return None
    if len(buckets) > most:
        buckets = np.sort(buckets[np.argsort(-often[buckets], kind="stable")[:most]])
    scales = unevenness(counted[:, buckets], rows)
    width, labels = len(buckets), len(rows.labels)
    model = NgramModel(
        buckets.astype(np.int64), scales, np.zeros((width, labels), np.float32), np.zeros(labels, np.float32)
    )
    weight, bias = fitted(model.vectors(counted), rows, STRENGTH, args)
    return NgramModel(model.buckets, scales, weight.T.astype(np.float32), bias.astype(np.float32))


def unevenness(counted: Any, rows: LabelledTexts) -> NDArray[np.float32]:
    """Float32 [features]: the largest log-count ratio, in size, of a label against the other rows (Wang and Manning
    2012, with their smoothing by 1)."""
    targets = rows.targets if rows.task == "multi" else np.eye(len(rows.labels), dtype=np.int64)[rows.targets]
    total = np.asarray(counted.sum(axis=0)).ravel()
    found = np.zeros(counted.shape[1])
    for column in targets.T:
        having = np.asarray(counted[np.flatnonzero(column)].sum(axis=0)).ravel() + 1
        others = total - having + 2
        found = np.maximum(found, np.abs(np.log((having / having.sum()) / (others / others.sum()))))
    return found.astype(np.float32)


def fit_voices(encoder: ArrayLike, ngrams: ArrayLike, rows: LabelledTexts) -> tuple[float, float]:
    """The factors of both logits [rows, labels] that make the summed ones likeliest on validation ``rows``; neither
    is below 0. (1, 0), the encoder alone, where there is nothing to fit them on."""
    from scipy.optimize import minimize

    deep, wide = (np.asarray(values, np.float64) for values in (encoder, ngrams))
    truth = rows.targets if rows.task == "multi" else np.eye(len(rows.labels))[rows.targets]
    if not len(rows) or len(np.unique(rows.targets)) < 2:
        return 1.0, 0.0

    def loss(factors: Floats) -> tuple[float, Floats]:
        logits = factors[0] * deep + factors[1] * wide
        if rows.task == "multi":
            cost = np.logaddexp(0, logits) - truth * logits
            error = 1 / (1 + np.exp(-np.clip(logits, -500, 500))) - truth
        else:
            top = logits.max(axis=1, keepdims=True)
            total = top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
            cost, error = truth * (total - logits), np.exp(logits - total) - truth
        return float(cost.sum() / len(rows)), np.array([(error * deep).sum(), (error * wide).sum()]) / len(rows)

    best = minimize(loss, np.array([1.0, 1.0]), jac=True, method="L-BFGS-B", bounds=[(0.0, None), (0.0, None)])
    return float(best.x[0]), float(best.x[1])
