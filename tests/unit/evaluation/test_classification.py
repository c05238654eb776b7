"""Counts against scikit-learn and brute force, intervals against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, precision_score, roc_auc_score

from core.evaluation.classification import area_under_curve, classification_scores, decide
from core.evaluation.intervals import (
    Interval,
    _weighted_auc,
    fixed_and_broken,
    mean_difference,
    newcombe,
    paired_differences,
    score_intervals,
    wilson,
)

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


def rows(count: int, classes: int, right: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, classes, count)
    other = generator.integers(0, classes, count)
    return gold, np.where(generator.random(count) < right, gold, other)


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_counts_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = np.array(pairs).T
    scores = classification_scores(gold, predicted, ["a", "b", "c", "d"])
    present = sorted(set(gold.tolist()))
    assert scores.accuracy == pytest.approx(accuracy_score(gold, predicted))
    assert scores.f1_macro == pytest.approx(f1_score(gold, predicted, labels=present, average="macro", zero_division=0))
    assert scores.precision_macro == pytest.approx(
        precision_score(gold, predicted, labels=present, average="macro", zero_division=0)
    )
    assert scores.f1_micro == pytest.approx(scores.accuracy)
    assert scores.confusion == tuple(map(tuple, confusion_matrix(gold, predicted, labels=range(4)).tolist()))


def test_probabilities_give_auc_loss_and_brier() -> None:
    gold, _ = rows(200, 2, 0.5)
    chance = np.clip(gold * 0.3 + np.random.default_rng(1).random(200) * 0.7, 0.01, 0.99).round(2)
    both = np.stack([1 - chance, chance], axis=1)
    scores = classification_scores(gold, decide(both), ["no", "yes"], both)
    assert scores.auc == pytest.approx(roc_auc_score(gold, chance))
    assert scores.log_loss == pytest.approx(log_loss(gold, both), abs=1e-6)
    assert scores.brier == pytest.approx(2 * np.mean((chance - gold) ** 2))


def test_auc_of_many_classes_skips_those_never_seen() -> None:
    gold = np.array([0, 1, 0, 1])
    chances = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.4, 0.4, 0.2], [0.1, 0.1, 0.8]])
    scores = classification_scores(gold, decide(chances), ["a", "b", "c"], chances)
    assert scores.classes[2].auc is None
    assert scores.auc == pytest.approx(
        (roc_auc_score(gold == 0, chances[:, 0]) + roc_auc_score(gold == 1, chances[:, 1])) / 2
    )
    assert area_under_curve([1, 1], [0.1, 0.2]) is None


def test_several_labels_a_row() -> None:
    gold = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0]])
    predicted = np.array([[1, 0, 1], [0, 1, 1], [1, 0, 0], [0, 0, 0]])
    scores = classification_scores(gold, predicted, ["a", "b", "c"])
    assert scores.accuracy == 0.5
    assert scores.f1_macro == pytest.approx(f1_score(gold, predicted, average="macro"))
    assert scores.f1_micro == pytest.approx(f1_score(gold, predicted, average="micro"))
    assert scores.confusion is None


def test_weights_move_the_decision_to_what_costs_least() -> None:
    chances = [[0.8, 0.2], [0.6, 0.4]]
    assert decide(chances).tolist() == [0, 0]
    assert decide(chances, [1, 3]).tolist() == [0, 1]


@pytest.mark.parametrize("bad", [([0, 3], [0, 1]), ([0], [0, 1]), ([], [])])
def test_what_cannot_be_counted_is_refused(bad: tuple[list[int], list[int]]) -> None:
    with pytest.raises(ValueError):
        classification_scores(*bad, ["a", "b"])


@pytest.mark.parametrize(("hits", "count"), [(0, 7), (7, 7), (3, 11), (480, 500)])
def test_wilson_is_scipys(hits: int, count: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(hits, count).proportion_ci(method="wilson")
    found = wilson(hits, count)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_newcombe_gives_the_figures_of_the_paper() -> None:
    found = newcombe(wilson(56, 70), wilson(48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_bootstrap_is_that_over_drawn_rows() -> None:
    """Cells drawn at once are rows drawn one by one: the same spread as the plain loop has."""
    gold, predicted = rows(150, 3, 0.7)
    generator = np.random.default_rng(5)
    loop = []
    for _ in range(2000):
        drawn = generator.integers(0, 150, 150)
        loop.append(f1_score(gold[drawn], predicted[drawn], average="macro", zero_division=0))
    found = score_intervals(gold, predicted, 3)["f1_macro"]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(loop, [0.025, 0.975])), abs=0.012)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = 0
    for seed in range(120):
        gold, predicted = rows(200, 2, 0.6, seed)
        interval = score_intervals(gold, predicted, 2, resamples=400, seed=seed)["accuracy"]
        held += interval.low <= 0.8 <= interval.high
    assert 0.88 <= held / 120 <= 1


def test_the_same_seed_gives_the_same_interval() -> None:
    gold, predicted = rows(80, 2, 0.5)
    assert score_intervals(gold, predicted, 2, seed=3) == score_intervals(gold, predicted, 2, seed=3)


def test_weighted_auc_is_that_of_repeated_rows() -> None:
    generator = np.random.default_rng(2)
    event, score = generator.random(60) < 0.4, generator.random(60).round(1)
    weights = generator.integers(0, 3, (5, 60)).astype(float)
    expected = [roc_auc_score(np.repeat(event, w.astype(int)), np.repeat(score, w.astype(int))) for w in weights]
    assert _weighted_auc(event, score, weights) == pytest.approx(expected)


def test_pairing_narrows_the_interval_of_a_difference() -> None:
    gold, before = rows(300, 2, 0.4)
    after = before.copy()
    wrong = np.flatnonzero(gold != before)[:12]
    after[wrong] = gold[wrong]
    paired = paired_differences(gold, before, after, 2)["accuracy"]
    assert paired.value == pytest.approx(12 / 300)
    assert paired.above_zero
    alone = score_intervals(gold, after, 2)["accuracy"]
    assert paired.high - paired.low < (alone.high - alone.low) / 2


def test_a_difference_of_nothing_is_nothing() -> None:
    gold, same = rows(100, 3, 0.5)
    found = paired_differences(gold, same, same, 3)
    assert found["accuracy"] == found["f1_macro"] == Interval(0, 0, 0)
    assert fixed_and_broken(gold, same, same) == (0, 0, 1.0)


def test_auc_differences_are_paired_too() -> None:
    generator = np.random.default_rng(0)
    gold = (generator.random(400) < 0.3).astype(int)
    weak = gold * 0.2 + generator.random(400)
    strong = weak + gold * 0.5
    sides = [np.stack([1 - s, s], axis=1) for s in (weak, strong)]
    found = paired_differences(gold, [0] * 400, [0] * 400, 2, (sides[0], sides[1]), resamples=300)["auc"]
    assert found.value == pytest.approx(roc_auc_score(gold, strong) - roc_auc_score(gold, weak))
    assert found.above_zero


def test_fixed_and_broken_rows() -> None:
    gold, before, after = np.zeros(12, int), np.array([1] * 10 + [0] * 2), np.array([0] * 10 + [1, 0])
    fixed, broken, chance = fixed_and_broken(gold, before, after)
    assert (fixed, broken) == (10, 1)
    assert chance == pytest.approx(2 * (1 + 11) / 2**11)


def test_mean_difference_of_rows() -> None:
    found = mean_difference(np.full(50, 0.5), np.r_[np.full(25, 0.5), np.full(25, 0.9)])
    assert found.value == pytest.approx(0.2)
    assert found.low < 0.2 < found.high
    assert found.above_zero
