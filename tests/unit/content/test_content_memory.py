"""The memory of texts: what it votes for, what it leaves alone, what it gains, and that it survives being stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.content.memory import (
    Memory,
    Mixture,
    Read,
    build_memory,
    learn,
    perplexity,
    pieces,
    read_texts,
    split,
)
from core.errors import BadInput, Unavailable
from core.models.generation.text_generation import GenerationSettings, TextGenerator, open_generator
from core.text.sentences import sentence_spans
from tests.tiny_models import tiny_gpt2

TEXTS = [
    f"Lamp {n} of the Aurora line shines for {n % 7 + 2} hours. Send it back within {n % 5 + 10} days."
    for n in range(60)
]


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> TextGenerator:
    folder = tmp_path_factory.mktemp("gpt2")
    return open_generator(tiny_gpt2(folder / "tiny", positions=128), folder / "cache", threads=1)


def read(keys: int = 200, width: int = 16, vocabulary: int = 50) -> Read:
    random = np.random.default_rng(3)
    return Read(
        random.normal(size=(keys, width)).astype(np.float32), random.integers(0, vocabulary, keys),
        np.full(keys, -3.0, np.float32),
    )  # fmt: skip


def test_the_nearest_state_votes_for_what_followed_it() -> None:
    known = read()
    memory = build_memory(known, Mixture(neighbours=8, weight=0.5, temperature=0.01))
    logits = np.zeros(50, np.float32)
    shaped = memory.shape(known.keys[7], logits)
    assert int(shaped.argmax()) == known.targets[7]
    chance = np.exp(shaped) / np.exp(shaped).sum()
    assert chance[known.targets[7]] == pytest.approx(0.5 + 0.5 / 50, abs=0.02)


def test_shaping_one_state_agrees_with_scoring_many() -> None:
    known = read()
    memory = build_memory(known, Mixture(neighbours=8, weight=0.4, temperature=0.1))
    state = np.random.default_rng(5).normal(size=16).astype(np.float32)
    logits = np.random.default_rng(6).normal(size=50).astype(np.float32) * 3
    own = logits - np.log(np.exp(logits).sum())
    shaped = memory.shape(state, logits)
    shaped -= np.log(np.exp(shaped).sum())
    many = memory.mixed(Read(np.repeat(state[None], 50, 0), np.arange(50), own))
    np.testing.assert_allclose(shaped, many, atol=1e-3)


def test_a_weight_of_nothing_changes_nothing() -> None:
    memory = build_memory(read(), Mixture(weight=0.0))
    logits = np.random.default_rng(1).normal(size=50).astype(np.float32)
    np.testing.assert_allclose(memory.shape(read().keys[0], logits), logits, atol=1e-4)


def test_it_lowers_the_surprise_on_texts_that_it_has_not_seen(generator: TextGenerator) -> None:
    memory, measured = learn(generator, TEXTS)
    assert measured.after < 0.85 * measured.before
    assert memory.size == measured.keys
    assert measured.test_tokens > 50
    kept, tuning, testing = split(TEXTS)
    assert not set(kept) & set(testing)
    assert not set(tuning) & set(testing)
    test = read_texts(generator, testing)
    assert perplexity(memory.mixed(test)) == pytest.approx(measured.after, rel=1e-4)


def test_it_writes_in_the_voice_and_the_seed_holds(generator: TextGenerator) -> None:
    memory, _ = learn(generator, TEXTS)
    asked = GenerationSettings(max_tokens=30, seed=4)

    def written(shape: object, settings: GenerationSettings = asked) -> str:
        events = generator.generate(["Lamp 3 of the"], settings, shape=shape)  # type: ignore[arg-type]
        return "".join(getattr(event, "text", "") for event in events)

    with_it = written(memory.shape)
    assert with_it == written(memory.shape)
    assert with_it != written(None)
    likeliest = GenerationSettings(max_tokens=30, temperature=0, repetition_penalty=1.0)
    assert "Aurora" in written(memory.shape, likeliest)
    assert "Aurora" not in written(None, likeliest)


def test_it_is_the_same_after_being_stored(generator: TextGenerator, tmp_path: Path) -> None:
    memory, _ = learn(generator, TEXTS)
    memory.save(tmp_path / "voice")
    again = Memory.load(tmp_path / "voice")
    test = read_texts(generator, TEXTS[:3])
    np.testing.assert_array_equal(again.mixed(test), memory.mixed(test))
    (tmp_path / "voice" / "memory.safetensors").write_bytes(b"no")
    with pytest.raises(Unavailable, match="cannot be read"):
        Memory.load(tmp_path / "voice")


def test_too_little_text_is_refused(generator: TextGenerator) -> None:
    with pytest.raises(BadInput) as caught:
        learn(generator, ["one", "two", "three"])
    assert caught.value.code == "content.voice_short"


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab。. \n好", max_size=200), st.integers(2, 20))
def test_pieces_fit_and_lose_no_word(text: str, most: int) -> None:
    found = pieces(text, most, len)
    assert all(1 < len(piece) <= most for piece in found)
    whole, joined = ("".join(part.split()) for part in (text, "".join(found)))
    rest = iter(whole)
    assert all(character in rest for character in joined), "the order changed"
    # Only what is too short to have a next token is left out: a sentence of one character.
    assert len(whole) - len(joined) <= len(sentence_spans(text)) + len(text) // max(1, most - 1)
