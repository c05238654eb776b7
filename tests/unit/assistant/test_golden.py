"""Golden questions: judging one answer, comparing two runs, and the gate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.assistant.golden import GoldenExpectation, Verdict, compare, gate, judge
from core.text.catalogue import translate
from core.types import Answer, Citation, Refusal, RefusalReason, Rung

CITED = Citation(1, 1, 1, "Prices.pdf", 2, "", 0, 8, "quote", header="Plan\tPrice")


def said(text: str, rung: Rung = Rung.DOCUMENT) -> Answer:
    return Answer(text, rung, 0.9, (CITED,) if rung is Rung.DOCUMENT else ())


REFUSED = Answer(None, Rung.REFUSAL, 0.1, refusal=Refusal(RefusalReason.TOO_WEAK))


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("30 days", "Within thirty days of purchase."),
        ("三十天", "需在３０天內申請"),
        ("1,200", "It costs 1200 USD."),
        ("$20", "It is ＄20 per seat."),
        ("3.5", "about 3.5 kg"),
        ("E-mail support", "with email support"),
        ("十天|两周", "需要14天，也就是两周"),
        ("台湾", "在臺灣"),
    ],
)
def test_expected_words_however_they_are_written(expected: str, text: str) -> None:
    assert judge(GoldenExpectation(answer=expected), said(text)).passed


@pytest.mark.parametrize(
    ("expected", "text"),
    [("30", "300 days"), ("5", "3.5 kg"), ("3", "3.5 kg"), ("cat", "category"), ("30 days", "60 days")],
)
def test_words_that_only_look_alike(expected: str, text: str) -> None:
    assert judge(GoldenExpectation(answer=expected), said(text)).why == "answer_missing"


@pytest.mark.parametrize(
    ("expected", "answer", "why"),
    [
        (GoldenExpectation(answerable=False), REFUSED, "refused_rightly"),
        (GoldenExpectation(answerable=False), said("Yes."), "answered_unanswerable"),
        (GoldenExpectation(answer="yes"), REFUSED, "refused"),
        (GoldenExpectation("prices.PDF", "yes"), said("Yes."), "right"),
        (GoldenExpectation("Terms.pdf", "yes"), said("Yes."), "wrong_document"),
        (GoldenExpectation("Terms.pdf", "yes"), said("Yes.", Rung.FAQ), "right"),
        (GoldenExpectation("Prices.pdf"), said("Anything."), "right"),
        (GoldenExpectation(answer="hello"), said("hello", Rung.SMALLTALK), "person"),
    ],
)
def test_verdicts(expected: GoldenExpectation, answer: Answer, why: str) -> None:
    verdict = judge(expected, answer)
    assert verdict.why == why
    assert verdict.passed is (why in ("right", "refused_rightly"))
    assert translate("en", f"assistant.verdict.{why}")
    assert translate("zh", f"assistant.verdict.{why}")


RIGHT, WRONG = Verdict(True, "right"), Verdict(False, "refused")


def test_comparing_two_runs() -> None:
    changed = compare({1: RIGHT, 2: WRONG, 3: RIGHT, 4: RIGHT}, {1: WRONG, 2: RIGHT, 3: RIGHT, 5: WRONG})
    assert (changed.newly_failing, changed.newly_passing, changed.unchanged) == ((1,), (2,), (3,))
    assert (changed.added, changed.removed) == ((5,), (4,))


@given(st.dictionaries(st.integers(0, 20), st.booleans()), st.dictionaries(st.integers(0, 20), st.booleans()))
def test_the_gate_blocks_exactly_what_passed_and_now_fails(before: dict[int, bool], now: dict[int, bool]) -> None:
    runs = [{i: RIGHT if passed else WRONG for i, passed in run.items()} for run in (before, now)]
    assert gate(*runs) == sorted(i for i in before if before[i] and now.get(i) is False)
