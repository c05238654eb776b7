"""Answers survive the database to the letter, and rows of other versions stay readable."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.services import answers_codec
from core.types import Answer, AnswerSentence, Citation, Refusal, RefusalReason, Rung

texts = st.text(max_size=40)
numbers = st.integers(min_value=0, max_value=2**40)
citations = st.builds(
    Citation,
    passage_id=numbers,
    document_id=numbers,
    version_id=numbers,
    document=texts,
    page=numbers,
    section=texts,
    start=numbers,
    end=numbers,
    quote=texts,
    document_date=texts,
    header=texts,
)
sentences = st.builds(AnswerSentence, text=texts, citations=st.lists(numbers, max_size=3).map(tuple))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
refusals = st.builds(
    Refusal,
    reason=st.sampled_from(RefusalReason),
    best=st.lists(citations, max_size=3).map(tuple),
    detail=st.dictionaries(texts, json_values, max_size=3),
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    refusal = draw(st.none() | refusals)
    return Answer(
        text=None if refusal else draw(texts),
        rung=draw(st.sampled_from(Rung)),
        confidence=draw(st.floats(0, 1)),
        citations=draw(st.lists(citations, max_size=3).map(tuple)),
        sentences=draw(st.lists(sentences, max_size=3).map(tuple)),
        refusal=refusal,
        faq_id=draw(st.none() | numbers),
        query=draw(texts),
        dropped=draw(numbers),
    )


def through_text(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(answers())
def test_round_trip_through_json_text_loses_nothing(answer: Answer) -> None:
    assert answers_codec.from_json(through_text(answers_codec.to_json(answer))) == answer


@given(answers())
def test_round_trip_through_the_columns_of_a_message(answer: Answer) -> None:
    detail = through_text({**answers_codec.to_detail(answer), "timings": {"total": 3.0}})
    assert "text" not in detail
    again = answers_codec.from_message(answer.text or "", answer.rung.value, answer.confidence, detail)
    assert again == answer


def _strip(value: Any, wanted: set[str]) -> Any:
    """The same structure without the keys in ``wanted``, at any depth."""
    if isinstance(value, dict):
        return {key: _strip(item, wanted) for key, item in value.items() if key not in wanted}
    return [_strip(item, wanted) for item in value] if isinstance(value, list) else value


def _add(value: Any) -> Any:
    """The same structure with a field nobody knows in every object but free-form ones."""
    if isinstance(value, dict):
        return {key: item if key == "detail" else _add(item) for key, item in value.items()} | {"of_tomorrow": [1]}
    return [_add(item) for item in value] if isinstance(value, list) else value


@given(answers())
def test_fields_of_a_newer_version_are_ignored(answer: Answer) -> None:
    assert answers_codec.from_json(_add(through_text(answers_codec.to_json(answer)))) == answer


@given(
    answers(), st.sets(st.sampled_from(["dropped", "query", "faq_id", "header", "document_date", "section", "page"]))
)
def test_rows_of_an_older_version_stay_readable(answer: Answer, missing: set[str]) -> None:
    again = answers_codec.from_json(_strip(through_text(answers_codec.to_json(answer)), missing))
    assert [c.quote for c in again.citations] == [c.quote for c in answer.citations]
    assert again.text == answer.text


def test_words_that_a_later_version_dropped_read_as_their_nearest() -> None:
    told = answers_codec.from_json({"text": "Yes.", "rung": "oracle", "confidence": 0.5})
    assert (told.rung, told.text) == (Rung.DOCUMENT, "Yes.")
    refused = answers_codec.from_json({"rung": "oracle", "refusal": {"reason": "moon_phase"}})
    assert refused.rung is Rung.REFUSAL
    assert refused.refusal is not None
    assert refused.refusal.reason is RefusalReason.TOO_WEAK
