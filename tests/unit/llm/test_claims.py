"""The claim check against written examples, its rules one by one, and sentences that must always pass."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.assistant.claims import Evidence, check
from core.text.sentences import sentence_spans
from tests.unit.llm.builders import passage

EXAMPLES = Path(__file__).parent / "claims.jsonl"
# Least precision and recall on "supported", per language; precision comes first, so its bar is the higher.
FLOORS = {"tune": (0.98, 0.90), "held": (0.90, 0.90)}


@cache
def examples() -> list[dict[str, Any]]:
    return [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]


def confusion(language: str, split: str) -> tuple[int, int, int, int]:
    """True positives, false positives, false negatives, true negatives."""
    counts = [0, 0, 0, 0]
    for one in examples():
        if (one["language"], one["split"]) == (language, split):
            said = check(one["claim"], [passage(one["source"])]).supported
            counts[(0 if one["supported"] else 1) if said else (2 if one["supported"] else 3)] += 1
    tp, fp, fn, tn = counts
    return tp, fp, fn, tn


@pytest.mark.parametrize("split", ["tune", "held"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_examples(language: str, split: str, record_property: Any) -> None:
    tp, fp, fn, tn = confusion(language, split)
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    record_property(
        "claims", f"{language} {split} precision {precision:.3f} recall {recall:.3f} of {tp + fp + fn + tn}"
    )
    least_precision, least_recall = FLOORS[split]
    print(f"\nclaims {language} {split}: precision {precision:.3f} recall {recall:.3f} {tp=} {fp=} {fn=} {tn=}")  # noqa: T201
    assert precision >= least_precision
    assert recall >= least_recall


def test_examples_are_many_and_in_both_languages() -> None:
    assert len(examples()) >= 120
    assert len({(e["claim"], e["source"]) for e in examples()}) == len(examples())
    for language in ("en", "zh"):
        for split in ("tune", "held"):
            labels = [e["supported"] for e in examples() if (e["language"], e["split"]) == (language, split)]
            assert min(labels.count(True), labels.count(False)) >= 8


@pytest.mark.parametrize(
    ("claim", "source", "why"),
    [
        ("Refunds take 6 days.", "Refunds take 5 days.", "value"),
        ("Refunds do not take 5 days.", "Refunds take 5 days.", "negation"),
        ("The Basic plan costs $49.", "The Pro plan costs $49, the Basic plan costs $9.", "unbound"),
        ("All plans include support.", "Plans include support.", "universal"),
        ("Only owners may delete data.", "Owners may delete data.", "only"),
        ("You must add a phone number.", "You can add a phone number.", "duty"),
        ("Sale items can be returned.", "Sale items can be returned, unless they are final.", "exception"),
        ("You get a refund.", "You get a refund if the box is closed.", "condition"),
        ("The courier pays the sender.", "The sender pays the courier.", "order"),
        ("Do refunds take 5 days?", "Refunds take 5 days.", "question"),
        ("It takes 5 days.", "Refunds take 5 days.", "pronoun"),
        ("Yes!", "Refunds take 5 days.", "words"),
        ("…", "Refunds take 5 days.", "no_words"),
        ("退款需要6天。", "退款需要5天。", "value"),
        ("可以取消订单。", "不可以取消订单。", "negation"),
        ("发货之后可以取消订单。", "发货之前可以取消订单。", "opposite"),
        ("所有商品支持退货。", "商品支持退货。", "universal"),
        ("您必须绑定手机号。", "您可以绑定手机号。", "duty"),
    ],
)
def test_each_rule_names_itself(claim: str, source: str, why: str) -> None:
    verdict = check(claim, [passage(source)])
    assert not verdict.supported
    assert verdict.why == why


def test_table_row_with_its_header() -> None:
    rows = passage("Pro | 49 | 10 seats\nBasic | 9 | 2 seats", header="Plan | Price (USD) | Seats")
    assert check("The price of the Pro plan is $49.", [rows]).supported
    assert not check("The price of the Pro plan is $9.", [rows]).supported
    assert not check("The price of the Basic plan is €9.", [rows]).supported


def test_pronoun_takes_its_noun_from_the_sentence_before() -> None:
    assert check("The warranty lasts two years.", [passage("The warranty is free. It lasts two years.")]).supported
    assert not check(
        "The warranty lasts two years.", [passage("The warranty is free. Delivery lasts two years.")]
    ).supported


def test_the_citation_is_the_supporting_sentence() -> None:
    texts = ["Shops open at 9:00. Parking is free.", "Refunds take 5 days. Support is by email."]
    verdict = check("Refunds take five days.", [passage(t) for t in texts])
    (span,) = verdict.citations
    assert texts[span.passage][span.start : span.end] == "Refunds take 5 days."


def test_similarity_helps_an_unknown_verb_but_never_a_number() -> None:
    def similarity(one: str, other: str) -> float:
        return 0.9 if {one, other} == {"purchas", "acquir"} else 0.0

    source = [passage("You can acquire licenses for 5 users.")]
    assert not check("You can purchase licenses for 5 users.", source).supported
    assert check("You can purchase licenses for 5 users.", source, similarity=similarity).supported
    assert not check("You can purchase licenses for 6 users.", source, similarity=lambda a, b: 1.0).supported


SOURCES = sorted({e["source"] for e in json.loads("[" + ",".join(EXAMPLES.read_text("utf-8").splitlines()) + "]")})


@given(st.sampled_from(SOURCES))
def test_what_is_quoted_always_passes(source: str) -> None:
    evidence = Evidence([passage(source)])
    for start, end in sentence_spans(source):
        assert evidence.check(source[start:end]).supported


@given(st.sampled_from(SOURCES), st.text(alphabet="bcdfghjklmnpqrstvwxz ", min_size=12, max_size=60))
def test_gibberish_never_passes(source: str, noise: str) -> None:
    assert not check(noise + ".", [passage(source)]).supported


@given(st.sampled_from(SOURCES), st.integers(min_value=3, max_value=998))
def test_a_changed_number_never_passes(source: str, number: int) -> None:
    for start, end in sentence_spans(source):
        sentence = source[start:end]
        digits = [c for c in sentence if c.isdigit()]
        if digits and str(number) not in source:
            first = sentence.index(digits[0])
            last = first
            while last < len(sentence) and sentence[last].isdigit():
                last += 1
            changed = sentence[:first] + str(number) + sentence[last:]
            assert not check(changed, [passage(source)]).supported, changed


def test_no_passage_supports_nothing() -> None:
    assert not check("Refunds take 5 days.", []).supported
