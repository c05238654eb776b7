"""Whether a probability can be believed, and the small fits on validation rows that make it more so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.classification import Floats, Ints
from core.evaluation.intervals import Interval, wilson

BINS = 10
Method = Literal["none", "temperature", "platt"]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Rows whose probability lies in (``low``, ``high``]: what was promised on average and how often it came true."""

    low: float
    high: float
    rows: int
    promised: float
    happened: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of logits [rows, classes]: ``scale * logits + offsets``, then softmax.

    ``temperature`` (Guo et al. 2017) fits ``scale`` alone; ``platt`` (Platt 1999, two classes) fits the log-odds of
    class 1 by scale and offset.
    """

    method: Method = "none"
    scale: float = 1.0
    offsets: tuple[float, ...] = ()

    def probabilities(self, logits: ArrayLike) -> Floats:
        """Float64 [rows, classes], each row summing to 1."""
        values = np.asarray(logits, np.float64) * self.scale
        return softmax(values + np.asarray(self.offsets) if self.offsets else values)


def softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float64)


def reliability(event: ArrayLike, probability: ArrayLike, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """The reliability curve over bins of equal width, those without rows left out.

    For a classifier as a whole, ``event`` is "the top class was right" and ``probability`` its probability.
    """
    happened, chance = np.asarray(event, bool), np.asarray(probability, np.float64)
    place = np.clip(np.ceil(chance * bins).astype(int) - 1, 0, bins - 1)
    curve = []
    for number in range(bins):
        chosen = place == number
        rows = int(chosen.sum())
        if rows:
            share = wilson(int(happened[chosen].sum()), rows)
            curve.append(ReliabilityBin(number / bins, (number + 1) / bins, rows, float(chance[chosen].mean()), share))
    return tuple(curve)


def expected_calibration_error(curve: tuple[ReliabilityBin, ...]) -> float:
    """Mean distance of promise and outcome, weighted by rows (Naeini et al. 2015). 0 without rows."""
    rows = sum(one.rows for one in curve)
    return sum(one.rows * abs(one.promised - one.happened.value) for one in curve) / rows if rows else 0.0


def fit_calibration(logits: ArrayLike, gold: ArrayLike, method: Method) -> Calibration:
    """Fitted on validation rows: ``logits`` float [rows, classes], ``gold`` class numbers [rows].

    Raises ValueError for platt with other than two classes. One class only in ``gold`` fits nothing.
    """
    values, truth = np.asarray(logits, np.float64), np.asarray(gold, np.int64)
    if method == "platt" and values.shape[1] != 2:
        raise ValueError(f"platt is for two classes, found {values.shape[1]}")
    if method == "none" or len(np.unique(truth)) < 2:
        return Calibration()
    return _platt(values, truth) if method == "platt" else _temperature(values, truth)


def _temperature(logits: Floats, gold: Ints) -> Calibration:
    from scipy.optimize import minimize_scalar

    def loss(log_scale: float) -> float:
        scaled = logits * np.exp(log_scale)
        top = scaled.max(axis=1, keepdims=True)
        total = top[:, 0] + np.log(np.exp(scaled - top).sum(axis=1))
        return float((total - scaled[np.arange(len(gold)), gold]).mean())

    best = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded", options={"xatol": 1e-6})
    return Calibration("temperature", float(np.exp(best.x)))


def _platt(logits: Floats, gold: Ints) -> Calibration:
    from scipy.optimize import minimize

    odds = logits[:, 1] - logits[:, 0]
    positive, negative = int(gold.sum()), int(len(gold) - gold.sum())
    # Platt's own targets: as if one more row of each class had been seen, so that separable rows stay finite.
    target = np.where(gold == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(found: Floats) -> tuple[float, Floats]:
        z = found[0] * odds + found[1]
        error = 1 / (1 + np.exp(-z)) - target
        return float((np.logaddexp(0, z) - target * z).mean()), np.array([(error * odds).mean(), error.mean()])

    best = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS")
    scale, offset = float(best.x[0]), float(best.x[1])
    return Calibration("platt", scale, (0.0, offset))
