"""Sampling against transformers' own processors, and text that comes whole out of a stream of tokens."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.models.generation.sampling import GenerationSettings, Sampler, draw, nucleus, penalised
from core.models.generation.text_generation import load_tokenizer
from core.models.generation.text_stream import TextStream, open_end
from tests.unit.models.generation_helpers import tiny

SCORE = st.floats(-8, 8, width=32)
SCORES = st.lists(SCORE, min_size=2, max_size=60, unique=True)


@settings(deadline=None)
@given(SCORES, st.integers(0, 70), st.floats(0.05, 1))
def test_the_tokens_that_may_be_drawn_are_transformers(scores: list[float], top_k: int, top_p: float) -> None:
    import torch
    from transformers import TopKLogitsWarper, TopPLogitsWarper

    logits = torch.tensor([scores])
    if top_k:
        logits = TopKLogitsWarper(top_k)(None, logits)
    if top_p < 1:
        logits = TopPLogitsWarper(top_p)(None, logits)
    ids, chances = nucleus(np.array(scores, np.float32), top_k, top_p)
    kept = {int(i) for i in torch.nonzero(logits[0] > -float("inf"))}
    if set(ids.tolist()) != kept:  # the mass may meet top_p to the last bit, where both are right
        mass = torch.softmax(torch.tensor(scores), 0)
        border = set(ids.tolist()) ^ kept
        assert all(mass[i] < 1e-4 for i in border) or len(border) == 1
    else:
        wanted = torch.softmax(logits[0], 0).numpy()[ids]
        np.testing.assert_allclose(chances / chances.sum(), wanted, atol=1e-5)


@settings(deadline=None)
@given(SCORES, st.lists(st.integers(0, 59), max_size=9), st.floats(0.6, 2.5))
def test_the_repetition_penalty_is_transformers(scores: list[float], history: list[int], penalty: float) -> None:
    import torch
    from transformers import RepetitionPenaltyLogitsProcessor

    ids = [number % len(scores) for number in history]
    found = penalised(np.array(scores, np.float32), np.array(ids, np.int64), penalty)
    if not ids:
        np.testing.assert_array_equal(found, np.array(scores, np.float32))
        return
    wanted = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([ids]), torch.tensor([scores]))[0].numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@given(st.lists(st.sampled_from([-math.inf, -7.5, -1e-30, -0.0, 0.0, 1e-30, 0.25, 3.0]) | SCORE, min_size=1))
def test_the_most_probable_come_first_and_equal_ones_by_id(values: list[float]) -> None:
    scores = np.array([*values, 3.5], np.float32)
    ids, _ = nucleus(scores, 0, 0.9999)
    wanted = np.lexsort((np.arange(len(scores)), -scores))
    np.testing.assert_array_equal(ids, wanted[: len(ids)])


def test_a_large_vocabulary_is_cut_like_a_small_one() -> None:
    scores = np.random.default_rng(0).standard_normal(30_000).astype(np.float32)
    chances = np.exp(scores.astype(np.float64))
    order = np.argsort(-scores, kind="stable")
    wanted = order[: int(np.searchsorted(np.cumsum(chances[order]), 0.9 * chances.sum())) + 1]
    np.testing.assert_array_equal(nucleus(scores, 0, 0.9)[0], wanted)
    np.testing.assert_array_equal(nucleus(scores, 700, 1.0)[0], order[:700])
    assert len(nucleus(scores, 0, 1.0)[0]) == 30_000


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.6, 3.0, 40.0])
def test_a_draw_from_a_large_vocabulary_is_one_from_the_nucleus(spread: float) -> None:
    random = np.random.default_rng(5)
    drawn = set()
    for _ in range(150):
        scores = np.round(random.standard_normal(5000) * spread, 2).astype(np.float32)  # with many equal ones
        scores[random.integers(0, 5000, 20)] = -np.inf
        top_p, chance = random.uniform(0.3, 0.99), random.random()
        ids, chances = nucleus(scores, 0, top_p)
        wanted = ids[int(np.searchsorted(np.cumsum(chances), chance * chances.sum(), side="right"))]
        assert draw(scores, 0, top_p, chance) == wanted
        drawn.add(int(wanted))
    assert len(drawn) > 20


def test_tokens_come_as_often_as_they_are_probable() -> None:
    logits = np.log(np.array([0.5, 0.25, 0.15, 0.1], np.float32))
    plain = GenerationSettings(temperature=1, top_p=1, repetition_penalty=1, seed=11)
    sampler = Sampler(plain, 0)
    counts = Counter(sampler.pick(logits, np.zeros(0, np.int64)) for _ in range(4000))
    np.testing.assert_allclose([counts[i] / 4000 for i in range(4)], [0.5, 0.25, 0.15, 0.1], atol=0.03)
    colder = Sampler(replace(plain, temperature=0.5), 0)
    counts = Counter(colder.pick(logits, np.zeros(0, np.int64)) for _ in range(4000))
    wanted = np.array([0.25, 0.0625, 0.0225, 0.01]) / 0.345
    np.testing.assert_allclose([counts[i] / 4000 for i in range(4)], wanted, atol=0.03)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_tokens": 0}, {"temperature": -0.1}, {"temperature": float("nan")}, {"top_p": 0}, {"top_p": 1.01},
        {"top_k": -1}, {"repetition_penalty": 0}, {"seed": -1}, {"seed": 2**32}, {"variants": 0}, {"variants": 33},
        {"stop": tuple("abcdefghijklmnopq")},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        GenerationSettings(**wrong)
    assert caught.value.code == "generation.setting"
    assert next(iter(wrong)) in caught.value.sentence("zh")


# --- text out of tokens ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tiny(tmp_path_factory.mktemp("tiny"))
    return load_tokenizer(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="�"), max_size=40))
@example("a\x00b\x00")
def test_a_stream_gives_the_text_in_whole_characters(tokenizer: Any, text: str) -> None:
    stream = TextStream(tokenizer)
    pieces = [stream.push(token) for token in tokenizer.encode(text).ids]
    assert "".join([*pieces, stream.close()]) == text.replace("\x00", "")  # PostgreSQL holds no NUL
    assert not any("�" in piece for piece in pieces)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text("ab。天", max_size=30), st.lists(st.text("ab。天", min_size=1, max_size=4), max_size=3))
def test_nothing_of_a_stop_word_is_ever_shown(tokenizer: Any, text: str, stop: list[str]) -> None:
    stream = TextStream(tokenizer, stop)
    shown = ""
    for token in tokenizer.encode(text).ids:
        shown += stream.push(token)
        assert not any(word in shown for word in stop)
        if stream.stopped:
            break
    shown += stream.close()
    first = min((text.find(word) for word in stop if word in text), default=len(text))
    assert shown == text[:first] or (stream.stopped and shown == text[: len(shown)] and len(shown) <= first + 4)
    assert stream.stopped == any(word in text for word in stop)


def test_a_half_character_at_the_end_is_left_out(tokenizer: Any) -> None:
    ids = tokenizer.encode("天气𠀀").ids
    stream = TextStream(tokenizer)
    shown = "".join(stream.push(token) for token in ids[:-1]) + stream.close()
    assert "�" not in shown
    assert "天气𠀀".startswith(shown)


def test_wordpiece_puts_no_spaces_into_chinese() -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    names = ["[UNK]", "今", "天", "good", "day", "##s", "。"]
    raw = Tokenizer(models.WordPiece({name: n for n, name in enumerate(names)}, unk_token="[UNK]"))
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    stream = TextStream(raw)
    assert "".join(stream.push(token) for token in (1, 2, 3, 4, 5, 1)) == "今天good days今"


def test_only_what_may_become_a_stop_word_is_held_back() -> None:
    assert open_end("the en", ["end", "stop"]) == 2
    assert open_end("the end", ["xyz"]) == 0
