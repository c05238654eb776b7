"""Ranking measures against values worked out by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from core.evaluation.retrieval import ndcg, recall, reciprocal_rank


def test_by_hand() -> None:
    relevant = {"a": 2, "b": 1, "c": 0}
    assert ndcg(["a", "b"], relevant) == pytest.approx(1.0)
    assert ndcg(["x", "a"], relevant) == pytest.approx((2 / np.log2(3)) / (2 + 1 / np.log2(3)))
    assert ndcg(["x"], {}) == 0.0
    assert recall(["a", "x"], relevant, 2) == 0.5
    assert recall(["c"], relevant, 1) == 0.0
    assert reciprocal_rank(["c", "x", "b"], relevant) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x"] * 10 + ["a"], relevant) == 0.0


@given(st.lists(st.integers(0, 3), min_size=2, max_size=15), st.randoms())
def test_ndcg_equals_scikit_learns(grades: list[int], random: object) -> None:
    order = list(range(len(grades)))
    random.shuffle(order)  # type: ignore[attr-defined]
    scores = np.zeros(len(grades))
    scores[order] = np.arange(len(grades), 0, -1)
    expected = ndcg_score([grades], [scores], k=10) if any(grades) else 0.0
    assert ndcg(order, dict(enumerate(grades))) == pytest.approx(expected)
