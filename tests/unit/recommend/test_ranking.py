"""Measures of lists equal those of a second implementation, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.evaluation.ranking import ndcg_of_ranks, ranks_of, recall_of_ranks, reciprocal_of_ranks, top

PEOPLE, ITEMS = 60, 40


@pytest.mark.slow  # ranx compiles itself before it measures
@pytest.mark.parametrize("levels", [3, 10_000], ids=["many ties", "few ties"])
def test_measures_equal_those_of_ranx(levels: int) -> None:
    """ranx ranks what it is given and keeps the order of equals, so it is given items in the order of the catalogue."""
    from ranx import Qrels, Run, evaluate

    generator = np.random.default_rng(levels)
    scores = (generator.integers(0, levels, (PEOPLE, ITEMS)) / levels).astype(np.float32)
    relevant, runs, found = {}, {}, []
    for person in range(PEOPLE):
        shuffled = generator.permutation(ITEMS)
        wanted, seen = np.sort(shuffled[: generator.integers(1, 9)]), shuffled[20 : 20 + generator.integers(0, 10)]
        places = ranks_of(scores[person], wanted, seen)
        found.append([ndcg_of_ranks(places, 10), recall_of_ranks(places, 10), reciprocal_of_ranks(places, 10)])
        relevant[str(person)] = {str(item): 1 for item in wanted}
        candidates = np.setdiff1d(np.arange(ITEMS), seen)
        # Equal scores become the order that the protocol states: the smaller number first.
        order = candidates[np.lexsort((candidates, -scores[person, candidates]))]
        runs[str(person)] = {str(item): float(len(order) - place) for place, item in enumerate(order)}
    theirs = evaluate(Qrels(relevant), Run(runs), ["ndcg@10", "recall@10", "mrr@10"])
    means = np.mean(found, axis=0)
    assert means.tolist() == pytest.approx([theirs["ndcg@10"], theirs["recall@10"], theirs["mrr@10"]], abs=1e-9)


def test_equal_scores_stand_in_the_order_of_the_catalogue() -> None:
    scores = np.array([1, 2, 2, 0, 2], np.float32)
    assert ranks_of(scores, np.array([1, 2, 4, 0, 3]), np.array([], int)).tolist() == [1, 2, 3, 4, 5]
    assert ranks_of(scores, np.array([4]), np.array([1])).tolist() == [2]
    assert ranks_of(scores, np.array([1]), np.array([1])).tolist() == [6], "what was seen is never found"


@given(
    arrays.arrays(np.float32, (4, 9), elements=st.sampled_from([0.0, 0.5, 1.0, -2.0])),
    st.lists(st.sets(st.integers(0, 8)), min_size=4, max_size=4),
    st.integers(1, 12),
)
@settings(max_examples=200, deadline=None)
def test_top_is_a_whole_sort(scores: np.ndarray, seen: list[set[int]], k: int) -> None:
    gone = [np.array(sorted(one), np.int64) for one in seen]
    found = top(scores, k, gone)
    assert found.shape == (4, k)
    for row in range(4):
        order = [n for n in np.argsort(-scores[row], kind="stable") if n not in seen[row]][:k]
        assert found[row].tolist() == order + [-1] * (k - len(order))
        for place, item in enumerate(order, start=1):
            assert ranks_of(scores[row], np.array([item]), gone[row])[0] == place


def test_nothing_to_rank() -> None:
    none = np.array([], np.int64)
    assert (ndcg_of_ranks(none, 10), recall_of_ranks(none, 10), reciprocal_of_ranks(none, 10)) == (0.0, 0.0, 0.0)
    assert top(np.zeros((2, 0), np.float32), 3).tolist() == [[-1] * 3] * 2
