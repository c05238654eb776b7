"""Confidence and the threshold that keeps "at most N % wrong"."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.assistant.answer import select
from core.assistant.confidence import (
    EVIDENCE,
    calibrate,
    clopper_pearson,
    confidence,
    default_threshold,
    fit,
    refit,
    shipped,
)
from core.assistant.refuse import nearest, refusal_for
from core.types import Found, Refusal, RefusalReason
from tests.unit.assistant.passages import found

REFUND = "You can ask for a refund within 30 days of purchase. The money arrives after five business days."


def sure(question: str, items: list[Found]) -> float:
    return confidence(select(question, items), items)


def test_a_question_the_passage_answers_is_surer_than_one_it_does_not() -> None:
    items = found(REFUND)
    assert sure("Within how many days of purchase can I ask for a refund?", items) > 0.8
    assert sure("Which airports have a lounge with showers?", items) < 0.2


def test_confidence_falls_with_a_number_that_is_not_there() -> None:
    items = found("2019年公司在杭州成立，员工只有5人。")
    assert sure("2019年公司在哪里成立？", items) > sure("2031年公司在哪里成立？", items)


def test_nothing_found_is_no_confidence() -> None:
    assert sure("Anything?", []) == 0.0


def test_the_threshold_lets_through_what_keeps_the_promise() -> None:
    scores = [i / 100 for i in range(100)]
    right = [score >= 0.3 for score in scores]
    threshold = calibrate(scores, right, 0.05)
    # 70 right; with w wrong ones below them, (w + 1) / (71 + w) <= 0.05 allows two.
    assert threshold.value == pytest.approx(0.28)
    assert (threshold.answered, threshold.n) == (72, 100)
    assert threshold.wrong == pytest.approx(2 / 72)
    assert threshold.coverage == pytest.approx(1.0)
    assert threshold.lower < threshold.wrong < threshold.upper


def test_too_few_golden_questions_promise_nothing() -> None:
    threshold = calibrate([0.9] * 10, [True] * 10, 0.05)
    assert math.isinf(threshold.value)
    assert (threshold.answered, threshold.coverage) == (0, 0.0)


def test_equal_scores_are_answered_or_refused_together() -> None:
    threshold = calibrate([0.9] * 40 + [0.5] * 10, [True] * 40 + [True] * 5 + [False] * 5, 0.05)
    assert threshold.value == 0.9


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=120),
    st.sampled_from([0.02, 0.05, 0.1, 0.3]),
)
def test_the_promise_holds_on_the_calibration_questions(rows: list[tuple[float, bool]], most: float) -> None:
    threshold = calibrate([s for s, _ in rows], [r for _, r in rows], most)
    given_answers = [r for s, r in rows if s >= threshold.value]
    assert len(given_answers) == threshold.answered
    if given_answers:
        assert (given_answers.count(False) + 1) / (len(given_answers) + 1) <= most


@pytest.mark.parametrize("most", [0.0, 1.0, 5.0])
def test_a_share_outside_zero_and_one_is_refused(most: float) -> None:
    with pytest.raises(ValueError, match="share"):
        calibrate([0.5], [True], most)


def test_clopper_pearson_against_known_values() -> None:
    low, high = clopper_pearson(5, 100)
    assert (low, high) == (pytest.approx(0.0164, abs=1e-4), pytest.approx(0.1128, abs=1e-4))
    assert clopper_pearson(0, 10)[0] == 0.0


def test_a_knowledge_base_with_few_golden_questions_keeps_the_shipped_model() -> None:
    rows = np.random.default_rng(0).normal(size=(20, len(EVIDENCE)))
    assert refit(rows, [True, False] * 10, prior=shipped("confidence")) is None
    assert refit(np.vstack([rows, rows]), [True] * 38 + [False] * 2, prior=shipped("confidence")) is None


def test_refitting_learns_what_separates_and_calibrates_on_unseen_questions() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(120, len(EVIDENCE)))
    right = (rows[:, 0] + 0.3 * rng.normal(size=120) > 0).tolist()
    learnt = refit(rows, right, prior=shipped("confidence"))
    assert learnt is not None
    model, unseen = learnt
    assert model.coefficients[0] > 1.0
    assert np.mean((unseen > 0.5) == np.array(right)) > 0.7


def test_fitting_needs_right_and_wrong_answers() -> None:
    with pytest.raises(ValueError, match="right and wrong"):
        fit(np.zeros((3, len(EVIDENCE))), [True, True, True])


# --- refusals ---


def refuse(question: str, items: list[Found], held: list[Found] | None = None, passages: int = 5) -> Refusal | None:
    draft = select(question, items)
    return refusal_for(
        question,
        draft,
        items,
        certain=confidence(draft, items),
        threshold=default_threshold(),
        passages=passages,
        held=held or [],
    )


ASKED = "Within how many days of purchase can I ask for a refund?"


def test_a_sure_answer_is_not_refused() -> None:
    assert refuse(ASKED, found(REFUND)) is None


def test_nothing_indexed() -> None:
    refusal = refuse("Anything?", [], passages=0)
    assert refusal is not None
    assert refusal.reason is RefusalReason.NOTHING_INDEXED


def test_too_weak_shows_the_best_three_passages() -> None:
    items = found("Lounge access costs extra.", "The airport has a gate.", "Showers exist at home.", "Planes fly.")
    refusal = refuse("Which airports offer a lounge with showers in Peru?", items)
    assert refusal is not None
    assert refusal.reason is RefusalReason.TOO_WEAK
    assert len(refusal.best) == 3
    assert len({c.passage_id for c in refusal.best}) == 3
    assert refusal.best == nearest(select("Which airports offer a lounge with showers in Peru?", items).ranked, items)


@pytest.mark.parametrize("passages", [0, 5])
def test_a_document_in_review_that_would_answer_is_named_but_not_quoted(passages: int) -> None:
    items = found("Lounge access costs extra.") if passages else []
    refusal = refuse(ASKED, items, held=found(REFUND), passages=passages)
    assert refusal is not None
    assert refusal.reason is RefusalReason.IN_REVIEW
    assert refusal.best == ()
    assert refusal.detail["documents"] == ["document-1.md"]


def test_a_held_document_about_something_else_is_not_the_reason() -> None:
    refusal = refuse("Which airports offer showers?", found("Lounge access costs extra."), held=found(REFUND))
    assert refusal is not None
    assert refusal.reason is RefusalReason.TOO_WEAK


def test_contradicting_sources_are_both_quoted_with_their_dates() -> None:
    items = found(
        "You can ask for a refund within 30 days of purchase.", "You can ask for a refund within 60 days of purchase."
    )
    refusal = refuse(ASKED, items)
    assert refusal is not None
    assert refusal.reason is RefusalReason.CONTRADICTION
    assert [c.document_date for c in refusal.best] == ["2026-01-01", "2026-02-01"]
    assert sorted(refusal.detail["values"]) == ["30 days", "60 days"]
