"""Templates: every built-in one is whole in both languages; a brief is checked; a model is never offered too much."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.content import prompts
from core.content.templates import (
    BUILT_IN,
    Abilities,
    Field,
    Template,
    built_in,
    checked_definition,
    checked_values,
    filled,
    fit,
)
from core.errors import BadInput, NotFound

SMALL = Abilities("continues", ("continuation", "dialogue"), ("en",))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", BUILT_IN)
def test_an_example_of_every_template_makes_prompts(name: str, language: str) -> None:
    template = built_in(name, language)  # type: ignore[arg-type]
    values = checked_values(template, {field.name: field.example for field in template.fields})
    assert values.keys() == {field.name for field in template.fields}, "an example lacks"
    for text in (prompts.opening(template, values), prompts.instruction(template, values, "en", ())):
        assert "{" not in text, "a place was not filled"
        assert values[template.required[0]].strip() in text


def test_lines_without_values_are_left_out() -> None:
    template = built_in("advertisement", "en")
    told = prompts.instruction(template, {"product": "Lamp", "message": "It glows"}, "en", ())
    assert "Lamp" in told
    assert "Offer" not in told
    assert "Tone" not in told


def test_attributes_bear_the_names_that_the_starter_learnt() -> None:
    template = built_in("place", "zh")
    assert prompts.attributes(template, {"name": "Blue Kettle", "rating": "5 out of 5", "families": "yes"}) == (
        "name: Blue Kettle; customer rating: 5 out of 5; familyFriendly: yes"
    )


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=30), max_size=2))
def test_values_are_text_whatever_they_hold(values: dict[str, str]) -> None:
    assert filled("{a}|{b}|{c}", values) in ("", f"{values.get('a', '')}|{values.get('b', '')}|")


def test_braces_in_a_value_are_not_read_again() -> None:
    assert filled("x {a}", {"a": "{b} {a.__class__} {0}", "b": "no"}) == "x {b} {a.__class__} {0}"


def test_a_brief_is_refused_with_what_it_lacks() -> None:
    template = built_in("product", "en")
    for given_values, code in (
        ({}, "content.brief_empty"),
        ({"name": "  "}, "content.brief_empty"),
        ({"name": "Lamp"}, "content.field_missing"),
        ({"name": "Lamp", "features": "x", "colour": "red"}, "content.field_unknown"),
        ({"name": "L" * 301, "features": "x"}, "content.field_long"),
    ):
        with pytest.raises(BadInput) as caught:
            checked_values(template, given_values)
        assert caught.value.code == code
    with pytest.raises(NotFound):
        built_in("sonnet", "en")


def test_a_starter_is_never_offered_what_it_cannot_do() -> None:
    able = {name for name in BUILT_IN if fit(built_in(name, "en"), SMALL, "en").level == "can"}
    assert able == {"continuation", "dialogue"}
    assert all(fit(built_in(name, "zh"), SMALL, "zh").level == "cannot" for name in BUILT_IN)


def test_what_others_can_do() -> None:
    chat, unknown = Abilities("chat"), Abilities("continues")
    documents = Abilities("documents")
    for name in BUILT_IN:
        template = built_in(name, "en")
        assert fit(template, chat, "en").level == "can"
        assert fit(template, unknown, "en").level == ("can" if name == "continuation" else "untested")
        expected = "can" if template.quotes else "cannot"
        assert fit(template, documents, "en", sources=True).level == expected
        assert fit(template, documents, "en", sources=False).level == "cannot"


def test_an_own_template_is_checked() -> None:
    fields = [{"name": "topic", "label": "Topic", "kind": "line"}]
    kept = checked_definition({"title": "Job ad", "instruction": "Write for {topic}.", "fields": fields})
    assert kept["fields"][0]["required"], "without a needed field every brief would be empty"
    assert kept["opening"] == "{topic}"
    for wrong in (
        {"title": "", "instruction": "x", "fields": fields},
        {"title": "x", "instruction": "{salary}", "fields": fields},
        {"title": "x", "instruction": "x", "fields": []},
        {"title": "x", "instruction": "x", "fields": [*fields, *fields]},
        {"title": "x", "instruction": "x", "fields": [{"name": "Größe"}]},
    ):
        with pytest.raises(BadInput):
            checked_definition(wrong)


def test_one_field_is_said_bare() -> None:
    template = Template("own-1", "t", "", (Field("topic", required=True),), ("own",), "{topic}", "{topic}")
    assert prompts.attributes(template, {"topic": "a\nb"}) == "a b"
