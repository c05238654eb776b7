"""Fits against scikit-learn's, curves and rates against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from core.evaluation.calibration import Calibration, expected_calibration_error, fit_calibration, reliability
from core.evaluation.fairness import LEAST_ROWS, fairness


def overconfident(count: int, classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits three times too loud, and the classes drawn from the quiet ones."""
    generator = np.random.default_rng(seed)
    quiet = generator.normal(size=(count, classes)) * 1.5
    chances = np.exp(quiet) / np.exp(quiet).sum(axis=1, keepdims=True)
    gold = np.array([generator.choice(classes, p=row) for row in chances])
    return quiet * 3, gold


def test_reliability_counts_rows_of_each_bin() -> None:
    curve = reliability([True, False, True, True], [0.05, 0.1, 0.95, 1.0])
    assert [(one.low, one.high, one.rows) for one in curve] == [(0.0, 0.1, 2), (0.9, 1.0, 2)]
    assert curve[0].happened.value == 0.5
    assert curve[0].promised == pytest.approx(0.075)
    assert expected_calibration_error(curve) == pytest.approx((2 * 0.425 + 2 * 0.025) / 4)
    assert expected_calibration_error(()) == 0


def test_temperature_finds_how_loud_the_logits_were() -> None:
    logits, gold = overconfident(4000, classes=3)
    fitted = fit_calibration(logits, gold, "temperature")
    assert fitted.scale == pytest.approx(1 / 3, rel=0.1)

    def error(calibration: Calibration) -> float:
        chances = calibration.probabilities(logits)
        return expected_calibration_error(reliability(chances.argmax(axis=1) == gold, chances.max(axis=1)))

    assert error(fitted) < 0.03 < error(Calibration())


@pytest.mark.parametrize(("method", "theirs"), [("platt", "sigmoid"), ("temperature", "temperature")])
def test_fits_are_those_of_scikit_learn(method: str, theirs: str) -> None:
    generator = np.random.default_rng(1)
    gold = generator.integers(0, 2, 600)
    features = gold[:, None] * 0.8 + generator.normal(size=(600, 3))
    model = LogisticRegression(C=100).fit(features[:100], gold[:100])
    expected = CalibratedClassifierCV(FrozenEstimator(model), method=theirs).fit(features[100:], gold[100:])
    odds = model.decision_function(features[100:])
    logits = np.stack([np.zeros_like(odds), odds], axis=1)
    ours = fit_calibration(logits, gold[100:], method)  # type: ignore[arg-type]
    assert ours.probabilities(logits) == pytest.approx(expected.predict_proba(features[100:]), abs=2e-3)


def test_platt_stays_finite_where_the_rows_are_separable() -> None:
    logits = np.array([[5.0, 0], [4, 0], [0, 4], [0, 5]])
    fitted = fit_calibration(logits, [0, 0, 1, 1], "platt")
    assert np.isfinite(fitted.scale)
    assert 0.5 < fitted.probabilities(logits)[3, 1] < 0.95


def test_one_class_only_fits_nothing_and_three_are_too_many_for_platt() -> None:
    assert fit_calibration(np.ones((3, 2)), [1, 1, 1], "temperature") == Calibration()
    with pytest.raises(ValueError):
        fit_calibration(np.ones((3, 3)), [0, 1, 2], "platt")


def test_rates_of_groups_are_counted() -> None:
    gold = np.array([1] * 10 + [0] * 30 + [1] * 10 + [0] * 30)
    given = np.array([1] * 8 + [0] * 2 + [1] * 3 + [0] * 27 + [1] * 4 + [0] * 6 + [1] * 15 + [0] * 15)
    groups = ["men"] * 40 + ["women"] * 40
    found = fairness(gold, given, groups, column="sex", label="bad", number=1)
    men, women = found.groups
    assert men.true_positive is not None
    assert women.false_positive is not None
    assert (men.selected.value, men.true_positive.value, women.false_positive.value) == (11 / 40, 0.8, 0.5)
    assert women.accuracy.value == 19 / 40
    gaps = {gap.rate: gap for gap in found.gaps}
    assert gaps["true_positive"].difference.value == pytest.approx(0.4)
    assert (gaps["true_positive"].highest, gaps["true_positive"].lowest) == ("men", "women")
    assert gaps["false_positive"].sure
    assert not gaps["true_positive"].sure
    assert found.selection_ratio == pytest.approx(11 / 19)


def test_a_tiny_group_is_shown_but_draws_no_gap() -> None:
    gold = [0, 1] * LEAST_ROWS
    groups = ["a"] * (2 * LEAST_ROWS - 1) + ["b"]
    found = fairness(gold, gold, groups, column="c", label="x", number=1)
    assert [one.rows for one in found.groups] == [2 * LEAST_ROWS - 1, 1]
    assert found.groups[1].false_positive is None
    assert found.gaps == ()
    assert found.selection_ratio is None
