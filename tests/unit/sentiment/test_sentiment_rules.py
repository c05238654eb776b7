"""The rules of sentiment: labels read as polarities, clauses and aspects, mood, tallies, agreement. No model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.errors import Unavailable
from core.sentiment.agreement import cohens_kappa
from core.sentiment.aspects import AspectCount, Mention, aspects_in, clauses, mentions
from core.sentiment.mood import Heat, heat_of, rolling
from core.sentiment.polarity import Judgement, columns_of, judge
from core.sentiment.tally import MOST_GROUPS, OTHERS, Tally, day_of


@dataclass
class Said:
    labels: Sequence[str]
    probabilities: NDArray[np.float64]


class ByWords:
    """A classifier by four words: what is tested here is what is made of its answers."""

    labels = ("good", "bad")

    def predict(self, texts: Sequence[str]) -> Said:
        good = [any(word in text for word in ("great", "很好")) for text in texts]
        bad = [any(word in text for word in ("late", "太慢")) for text in texts]
        chance = [0.5 + 0.45 * (g - b) for g, b in zip(good, bad, strict=True)]
        return Said(self.labels, np.array([[value, 1 - value] for value in chance]))


def test_labels_of_a_trained_model_are_read_as_polarities() -> None:
    assert columns_of(("好评", "差评")) == (1, None, 0)
    assert columns_of(("NEUTRAL", "Positive", "neg")) == (2, 0, 1)
    for wrong in (("refund", "delivery"), ("positive", "pos", "negative"), ("positive", "neutral")):
        with pytest.raises(Unavailable) as refused:
            columns_of(wrong)
        assert refused.value.code == "sentiment.labels"


def test_what_is_not_sure_is_uncertain() -> None:
    great, plain = judge(ByWords(), ["great lamp", "a lamp"], confident=0.6)
    assert (great.label, round(great.confidence, 2), great.language) == ("positive", 0.95, "en")
    assert (plain.label, plain.confidence) == ("uncertain", 0.5)
    assert judge(ByWords(), ["a lamp"], confident=0.5)[0].label != "uncertain"


@given(st.text(max_size=300))
def test_clauses_lie_in_the_text_in_order_and_do_not_overlap(text: str) -> None:
    end = 0
    for start, stop in clauses(text):
        assert end <= start < stop <= len(text)
        end = stop


def test_one_sentence_may_praise_and_blame() -> None:
    texts = ["The screen is great, but the delivery was late.", "屏幕很好，但是快递太慢了。", "Great weather."]
    found = mentions(ByWords(), texts)
    expected = [("performance", "positive"), ("delivery", "negative")]
    assert [(one.aspect, one.polarity) for one in found[0]] == expected
    assert [(one.aspect, one.polarity) for one in found[1]] == expected
    assert found[2] == []
    for text, about in zip(texts, found, strict=True):
        assert all(text[one.start : one.end] == one.clause for one in about)


def test_things_without_a_word_of_their_own_are_found_in_the_text() -> None:
    assert aspects_in("the hinge was loose") == {"hinge": False}
    assert aspects_in("快遞太慢") == {"delivery": True}, "Traditional characters are folded"
    counted = AspectCount()
    counted.add([Mention("hinge", False, "negative", 0.9, "the hinge was loose", 0, 19)], "4")
    assert counted.rows() == [], "named once, a thing is no aspect yet"
    counted.add([Mention("hinge", False, "negative", 0.8, "my hinge broke", 0, 14)], "9")
    row = counted.rows()[0]
    assert (row["aspect"], row["praised"], row["blamed"]) == ("hinge", 0, 2)
    assert row["blame"] == [[0.9, "the hinge was loose", "4"], [0.8, "my hinge broke", "9"]]


def judged(negative: float) -> Judgement:
    rest = (1 - negative) / 2
    return Judgement("negative", "negative", negative, (negative, rest, rest), "en")


def test_anger_needs_a_negative_text_and_words_raise_it() -> None:
    calm, cross = heat_of("It does not work.", judged(0.9)), heat_of("RIDICULOUS!! I want a lawyer", judged(0.9))
    assert calm.anger < cross.anger <= 0.9
    assert cross.cues[:2] == ("ridiculous", "lawyer")
    assert heat_of("No complaint at all, thank you", judged(0.02)).anger < 0.05
    misread = Judgement("uncertain", "neutral", 0.5, (0.2, 0.5, 0.3), "en")
    assert heat_of("unacceptable, a scam, I am furious", misread).anger > 0.5, "three words of anger outweigh a doubt"
    urgent = heat_of("马上给我退款", judged(0.1))
    assert urgent.urgency > 0
    assert urgent.level < 0.35, "urgency alone makes no customer angry"


@given(st.lists(st.floats(0, 1), max_size=30))
def test_the_rolling_score_stays_between_calm_and_the_hottest(levels: list[float]) -> None:
    assert 0 <= rolling(levels) <= max(levels, default=0.0) + 1e-9


def test_a_customer_who_calms_down_is_seen_to() -> None:
    assert rolling([0.9]) < 0.6, "one outburst does not decide"
    assert rolling([0.9, 0.9]) > 0.75
    assert rolling([0.9, 0.9, 0.1]) < 0.5
    assert Heat(0.0, 1.0, ()).level < 0.4


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-03-01 10:00", "2026-03-01"),
        ("2026年3月1日", "2026-03-01"),
        ("20260301", "2026-03-01"),
        ("31.12.2025", "2025-12-31"),
        ("12/31/2025", "2025-12-31"),
        ("2026-13-01", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_days_are_read_as_people_write_them(cell: str, day: str) -> None:
    assert day_of(cell) == day


def test_a_tally_comes_back_from_a_checkpoint_and_its_groups_are_bounded() -> None:
    tally = Tally()
    for number in range(MOST_GROUPS + 50):
        tally.add(judged(0.9), f"2026-01-{number % 28 + 1:02d}", f"shop {number}")
    tally.fail("sentiment.empty_row")
    assert len(tally.groups) == MOST_GROUPS + 1
    assert tally.groups[OTHERS]["negative"] == 50
    again = Tally.from_json(tally.as_json())
    assert again.as_json() == tally.as_json()
    assert (again.rows, again.failed, again.labels["negative"]) == (MOST_GROUPS + 51, 1, MOST_GROUPS + 50)


def test_kappa_is_one_for_agreement_and_none_where_chance_is_sure() -> None:
    assert cohens_kappa(["p", "n", "p"], ["p", "n", "p"]) == pytest.approx(1.0)
    # Cohen's own way of counting, by hand: observed 0.7, expected 0.5.
    first = ["y"] * 25 + ["n"] * 25
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert cohens_kappa(first, second) == pytest.approx((0.7 - 0.5) / 0.5)
    assert cohens_kappa(["p", "p"], ["p", "p"]) is None
    assert cohens_kappa([], []) is None
