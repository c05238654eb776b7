"""Values that a model copies come out as they went in; of several tries the one that says them all is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.catalogue import STARTERS
from core.models.generation.batching import Finished, Piece
from core.models.generation.copying import CopyingGenerator
from core.models.generation.placeholders import (
    behind_placeholders,
    hide_in,
    put_back,
    read_attributes,
    slot_errors,
    values_invented,
    values_unsaid,
)
from core.models.generation.sampling import GenerationSettings
from core.models.generation.text_generation import Limits, TextGenerator, load_tokenizer, open_generator
from tests.tiny_models import tiny_gpt2

COPIED = ("name", "near", "food")
ASKED = "name: Hofgarten 7; eatType: beer garden; food: Bavarian; area: Schwabing; near: the Isar Gate"
STARTER = STARTERS / "describe-en"
words = st.text(st.characters(categories=("Ll", "Lu", "Lo", "Nd")), min_size=1, max_size=12).map(
    lambda word: f"Q{word}"
)


@given(words, words)
def test_what_is_hidden_comes_back(name: str, near: str) -> None:
    values = {"name": f"1 {name}", "near": f"2 {near}", "price": "cheap"}
    text = f"We like 1 {name}, which is cheap, near 2 {near} in town."
    hidden = hide_in(text, values, COPIED)
    assert hidden is not None
    assert name not in hidden
    assert near not in hidden
    assert put_back(hidden, values, COPIED) == text
    assert slot_errors(hidden, values, COPIED) == 0


def test_a_text_that_lacks_a_value_teaches_nothing() -> None:
    assert hide_in("The Mill is cheap.", {"name": "The Mill", "near": "Old Gate"}, COPIED) is None
    assert hide_in("Millers come here.", {"name": "Mill"}, COPIED) is None  # only whole words are a name


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("XNAMEX is a XFOODX place.", "The Ark is an Italian place."),
        ("Near the XNEARX is XNAMEX.", "Near the Gate is the Ark."),
        ("It is good. XNAMEX serves an XFOODX meal.", "It is good. The Ark serves an Italian meal."),
        ("XNAMEX and XOTHERX.", "The Ark and XOTHERX."),
    ],
)
def test_articles_and_capitals_fit_the_value(written: str, said: str) -> None:
    values = {"name": "the Ark", "food": "Italian", "near": "the Gate"}
    assert put_back(written, values, COPIED) == said


def test_slots_are_counted() -> None:
    values = {"name": "A", "near": "B", "price": "cheap"}
    assert slot_errors("XNAMEX near XNEARX", values, COPIED) == 0
    assert slot_errors("XNAMEX near XNAMEX", values, COPIED) == 2  # one is missing, one is said twice
    assert slot_errors("XNAMEX near XNEARX: XFOODX", values, COPIED) == 1  # nobody gave a food


def test_a_worded_value_leaves_a_trace() -> None:
    values = {"name": "A", "familyFriendly": "yes", "priceRange": "cheap", "customer rating": "5 out of 5"}
    whole = "A is kid friendly and moderately priced, and customers give it 5 out of 5."
    assert values_unsaid(whole, values, COPIED) == 0
    assert values_unsaid("A is child-friendly.", values, COPIED) == 2
    assert values_unsaid("A is a place near the river.", values, COPIED) == 3


def test_what_nobody_gave_is_invented() -> None:
    worded = ("priceRange", "customer rating", "familyFriendly")
    assert values_invented("A is high priced and well rated by customers.", {"name": "A"}, worded) == 2
    assert values_invented("A is high priced.", {"name": "A", "priceRange": "high"}, worded) == 0


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("name: A; near: B", {"name": "A", "near": "B"}),
        ("name: A; B; near: C: D", {"name": "A; B", "near": "C: D"}),
        ("name: ; near: B", {"near": "B"}),
        ("Write about lamps", {}),
        ("", {}),
    ],
)
def test_attributes_are_read_from_a_prompt(prompt: str, read: dict[str, str]) -> None:
    assert read_attributes(prompt) == read
    if read:
        assert read_attributes(behind_placeholders(read, ())) == read


@pytest.fixture(scope="module")
def babbler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CopyingGenerator]:
    from core.models.generation.decoder_transformers import TransformersDecoder

    folder = tiny_gpt2(tmp_path_factory.mktemp("babbler"), positions=256)
    decoder = TransformersDecoder(folder, device="cpu", most_rows=8, threads=1)
    made = CopyingGenerator("babbler", load_tokenizer(folder), decoder, Limits(waiting=12), copied=COPIED)
    yield made
    made.close()


def test_every_variant_comes_once_whole_and_again_by_its_seed(babbler: CopyingGenerator) -> None:
    settings = GenerationSettings(max_tokens=8, variants=2, seed=5)
    events = list(babbler.generate([ASKED, "free text"], settings))
    order = [(event.prompt, event.variant) for event in events if isinstance(event, Piece)]
    assert sorted(order) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [(event.prompt, event.variant) for event in events if isinstance(event, Finished)] == order
    first, again = babbler.write([ASKED], settings), babbler.write([ASKED], settings)
    assert [one.text for one in first[0]] == [one.text for one in again[0]]
    assert all(one.tokens <= 8 for one in first[0])  # of the text that was kept: more was never asked for


def test_the_limits_hold_for_what_was_asked_not_for_the_tries(babbler: CopyingGenerator) -> None:
    texts = babbler.write([ASKED], GenerationSettings(max_tokens=2, variants=12, seed=1))[0]
    assert len(texts) == 12  # nothing is left for a second try


@pytest.mark.skipif(not STARTER.is_dir(), reason="the starter describe-en is not in this copy")
def test_the_starter_says_what_it_was_given(tmp_path: Path) -> None:
    generator: TextGenerator = open_generator(STARTER, tmp_path, device="cpu", threads=1)
    texts = [one.text for one in generator.write([ASKED], GenerationSettings(max_tokens=80, variants=4, seed=3))[0]]
    generator.close()
    assert isinstance(generator, CopyingGenerator)
    assert len(set(texts)) > 1
    for text in texts:
        assert not slot_errors(text, {}, ()), text  # no placeholder is left
    whole = [text for text in texts if all(value in text for value in ("Hofgarten 7", "Bavarian", "Isar Gate"))]
    assert len(whole) >= 3, texts
