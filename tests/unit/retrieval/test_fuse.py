"""Fusion stays between its halves, and a learnt weight is never worse than the better one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.retrieval.fuse import (
    FusionCase,
    FusionWeights,
    fuse,
    learn_weight,
    learn_weights,
    normalised,
    quality,
)

SCORES = st.lists(st.floats(-1, 30, width=32), min_size=1, max_size=12).map(lambda v: np.asarray(v, np.float32))


@given(SCORES, st.floats(-0.5, 0.8))
def test_normalised_scores_lie_between_0_and_1_and_keep_their_order(scores: np.ndarray, floor: float) -> None:
    result = normalised(scores, floor)
    assert ((result >= 0) & (result <= 1)).all()
    order = np.argsort(scores, kind="stable")
    assert (np.diff(result[order]) >= -1e-6).all()


@given(SCORES, st.floats(0, 1))
def test_fused_scores_lie_between_those_of_the_halves(scores: np.ndarray, weight: float) -> None:
    dense = np.roll(scores, 1) / 31
    fused = fuse(scores, dense, weight, 0.0)
    halves = np.stack([fuse(scores, dense, 0.0, 0.0), fuse(scores, dense, 1.0, 0.0)])
    assert (fused >= halves.min(axis=0) - 1e-5).all()
    assert (fused <= halves.max(axis=0) + 1e-5).all()


def test_a_passage_without_a_vector_counts_by_its_words() -> None:
    fused = fuse(np.asarray([10.0, 5.0], np.float32), np.asarray([np.nan, 0.5], np.float32), 0.5, 0.0)
    assert fused == pytest.approx([0.5, 0.75])


def test_a_language_the_encoder_does_not_know_weighs_nothing() -> None:
    assert FusionWeights(zh=0.9).weight("zh", ("en",)) == 0.0
    assert FusionWeights(zh=0.9).weight("zh", ("en", "zh")) == 0.9
    assert FusionWeights.from_dict({"en": 0.25}) == FusionWeights(en=0.25)
    assert FusionWeights.from_dict(FusionWeights(0.1, 0.2).as_dict()) == FusionWeights(0.1, 0.2)
    with pytest.raises(ValueError, match="between 0 and 1"):
        FusionWeights(en=1.2)


def cases(count: int, lexical_helps: float, dense_helps: float, seed: int = 0) -> list[FusionCase]:
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        right = np.zeros(20, bool)
        right[random.integers(20)] = True
        lexical = random.uniform(0, 10, 20) + lexical_helps * 10 * right
        dense = random.uniform(0, 0.6, 20) + dense_helps * 0.6 * right
        made.append(FusionCase("en", lexical.astype(np.float32), dense.astype(np.float32), right))
    return made


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 1000), st.integers(20, 60))
def test_never_worse_than_the_better_half(lexical: float, dense: float, seed: int, count: int) -> None:
    golden = cases(count, lexical, dense, seed)
    weight = learn_weight(golden, 0.0)
    assert weight is not None
    learnt = quality(golden, weight, 0.0)
    assert learnt >= max(quality(golden, half, 0.0) for half in (0.0, 1.0)) - 1e-9


def test_the_weight_follows_the_half_that_knows() -> None:
    only_words, only_meaning = learn_weight(cases(80, 1.0, 0.0), 0.0), learn_weight(cases(80, 0.0, 1.0), 0.0)
    assert only_words is not None
    assert only_meaning is not None
    assert only_words < 0.3 < 0.7 < only_meaning


def test_few_questions_teach_nothing() -> None:
    golden = cases(19, 1.0, 0.0)
    assert learn_weight(golden, 0.0) is None
    before = FusionWeights(en=0.35, zh=0.1)
    questions = [(f"question {i}", frozenset({i})) for i in range(19)]
    assert learn_weights(questions, lambda q, d: golden[min(d)], 0.0, before=before) == before
    many = cases(40, 1.0, 0.0)
    questions = [(f"question {i}", frozenset({i})) for i in range(40)]
    learnt = learn_weights(questions, lambda q, d: many[min(d)], 0.0, before=before)
    assert learnt.en == learn_weight(many, 0.0) != before.en
    assert learnt.zh == before.zh
