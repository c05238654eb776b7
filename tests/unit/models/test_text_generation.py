"""Writing: the same seed gives the same text whatever happens beside it; stops stop; bounds and failures are said."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Unavailable
from core.models.generation import batching
from core.models.generation.batching import Finished, Piece
from core.models.generation.decoder_onnx import OnnxDecoder
from core.models.generation.sampling import GenerationSettings
from core.models.generation.text_generation import Limits, TextGenerator, load_tokenizer, open_generator
from tests.unit.models.generation_helpers import PLAIN, POSITIONS, Gated, ends, made, text_of, tiny

PROMPT = "The Pro plan costs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", params=["onnxruntime", "transformers"])
def generator(request: pytest.FixtureRequest, folder: Path, cache: Path) -> Iterator[TextGenerator]:
    opened = open_generator(folder, cache, engine=request.param, device="cpu", threads=1)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def int8(folder: Path, cache: Path) -> Iterator[TextGenerator]:
    opened = open_generator(folder, cache, device="cpu", threads=1)
    yield opened
    opened.close()


@pytest.fixture
def gated(folder: Path, cache: Path) -> Gated:
    return Gated(OnnxDecoder(folder, cache, most_rows=4, threads=1))


def one(generator: TextGenerator, settings: GenerationSettings, prompt: str = PROMPT) -> str:
    return generator.write([prompt], settings)[0][0].text


# --- every engine --------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_text_and_another_seed_another(generator: TextGenerator) -> None:
    texts = [one(generator, replace(PLAIN, seed=seed)) for seed in (5, 5, 6, 7)]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


def test_variants_differ_and_each_is_the_same_alone(generator: TextGenerator) -> None:
    three = generator.write([PROMPT], replace(PLAIN, variants=3))[0]
    assert len({written.text for written in three}) == 3
    assert one(generator, PLAIN) == three[0].text


def test_a_drawn_seed_is_named_and_gives_the_text_again(generator: TextGenerator) -> None:
    written = generator.write([PROMPT], replace(PLAIN, seed=None))[0][0]
    other = generator.write([PROMPT], replace(PLAIN, seed=None))[0][0]
    assert written.seed != other.seed
    assert one(generator, replace(PLAIN, seed=written.seed)) == written.text


def test_pieces_come_one_by_one_and_make_the_text(generator: TextGenerator) -> None:
    events = list(generator.generate([PROMPT], PLAIN))
    assert len([event for event in events if isinstance(event, Piece)]) > 3
    assert isinstance(events[-1], Finished)
    assert text_of(events) == one(generator, PLAIN)


def test_length_is_bounded_and_said(generator: TextGenerator) -> None:
    written = generator.write([PROMPT], replace(PLAIN, max_tokens=3))[0][0]
    assert (written.tokens, written.reason) == (3, "length")


def test_temperature_zero_takes_the_most_probable_token_whatever_the_seed(generator: TextGenerator) -> None:
    greedy = replace(PLAIN, temperature=0, max_tokens=8)
    assert one(generator, greedy) == one(generator, replace(greedy, seed=99))


def test_a_stop_word_ends_the_text_and_is_not_shown(generator: TextGenerator) -> None:
    whole = one(generator, PLAIN)
    word = whole[5:9]
    written = generator.write([PROMPT], replace(PLAIN, stop=(word,)))[0][0]
    assert written.reason == "stop_word"
    assert written.text == whole[: whole.index(word)]


def test_a_long_prompt_loses_its_beginning_and_says_so(generator: TextGenerator) -> None:
    prompt = "Refunds take 5 business days. " * 30
    tokens = generator.count_tokens(prompt)
    assert tokens > POSITIONS
    (done,) = ends(generator.generate([prompt], replace(PLAIN, max_tokens=20)))
    assert done.prompt_tokens == POSITIONS - 20
    assert done.dropped_tokens == tokens - done.prompt_tokens
    (done,) = ends(generator.generate([prompt], replace(PLAIN, max_tokens=1000)))
    assert done.prompt_tokens == POSITIONS // 2  # a length that was set too high must not erase the prompt
    assert done.prompt_tokens + done.tokens <= POSITIONS


def test_a_cancelled_text_ends_and_keeps_what_was_written(generator: TextGenerator) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 2

    events = list(generator.generate([PROMPT] * 3, replace(PLAIN, max_tokens=48, variants=4), cancelled))
    assert len(ends(events)) == 12
    assert {done.reason for done in ends(events)} <= {"cancelled", "length", "end"}


def test_many_people_at_once_get_what_each_would_get_alone(generator: TextGenerator) -> None:
    prompts = [f"{PROMPT} {n}" for n in range(12)]
    alone = [one(generator, replace(PLAIN, seed=n), prompt) for n, prompt in enumerate(prompts)]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda n: one(generator, replace(PLAIN, seed=n), prompts[n]), range(12)))
    assert together == alone


@pytest.mark.parametrize(
    ("prompts", "changes", "code"),
    [
        ([], {}, "generation.empty"),
        (["  "], {}, "generation.empty"),
        ([PROMPT], {"max_tokens": 5000}, "generation.too_long"),
        ([PROMPT] * 40, {"variants": 4}, "generation.too_many"),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_anything_runs(
    generator: TextGenerator, prompts: list[str], changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(BadInput) as caught:
        generator.generate(prompts, replace(PLAIN, **changes))
    assert caught.value.code == code
    assert all(caught.value.sentence(language) for language in ("en", "zh"))


# --- the engines against transformers ----------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [1.0, 1.7])
def test_greedy_text_is_what_transformers_generates(folder: Path, cache: Path, penalty: float) -> None:
    import torch
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    tokenizer = load_tokenizer(folder)
    ids = torch.tensor([tokenizer.encode(PROMPT).ids])
    wanted = model.generate(ids, max_new_tokens=20, do_sample=False, repetition_penalty=penalty, pad_token_id=0)
    opened = open_generator(folder, cache, engine="transformers", device="cpu", threads=1)
    text = one(opened, replace(PLAIN, temperature=0, repetition_penalty=penalty, max_tokens=20))
    # Half a character at the very end is not shown.
    assert text == tokenizer.decode(wanted[0, ids.shape[1] :].tolist()).rstrip("\ufffd")
    opened.close()


def test_auto_takes_int8_for_gpt2_on_a_cpu_and_transformers_otherwise(
    folder: Path, cache: Path, tmp_path: Path
) -> None:
    assert open_generator(folder, cache, device="cpu").engine == "onnxruntime int8"
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=420, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, eos_token_id=0, bos_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    llama = open_generator(tmp_path, cache, device="cpu", threads=1)
    assert llama.engine == "transformers"
    alone = [one(llama, replace(PLAIN, seed=n)) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda n: one(llama, replace(PLAIN, seed=n)), range(4))) == alone
    llama.close()


# --- batching --------------------------------------------------------------------------------------------------------


def test_a_newcomer_joins_at_the_next_token(gated: Gated, folder: Path) -> None:
    generator = made(gated, folder)
    first = generator.generate([PROMPT], replace(PLAIN, max_tokens=30))
    gated.allow(3)
    start = [next(first) for _ in range(1)]
    second = generator.generate(["Refunds take"], replace(PLAIN, max_tokens=2))
    reader = threading.Thread(target=lambda: start.extend(second))
    reader.start()
    gated.allow(10)
    reader.join(20)
    assert not reader.is_alive()
    assert gated.steps < 30  # the second was complete long before the first
    gated.allow(100)
    assert len(ends(first)) == 1
    generator.close()


def test_somebody_with_many_variants_does_not_shut_out_the_next(gated: Gated, folder: Path) -> None:
    generator = made(gated, folder)
    done: list[str] = []

    def ask(name: str, variants: int, tokens: int) -> None:
        list(generator.generate([PROMPT], replace(PLAIN, variants=variants, max_tokens=tokens)))
        done.append(name)

    threads = [threading.Thread(target=ask, args=("many", 20, 10)), threading.Thread(target=ask, args=("one", 1, 3))]
    threads[0].start()
    while not gated.rows:
        time.sleep(0.01)
    threads[1].start()
    time.sleep(0.2)
    gated.allow(1000)
    for thread in threads:
        thread.join(30)
    assert done == ["one", "many"]
    generator.close()


def test_a_text_is_dropped_at_the_next_token_when_its_reader_leaves(gated: Gated, folder: Path) -> None:
    generator = made(gated, folder)
    events = generator.generate([PROMPT], replace(PLAIN, max_tokens=60))
    gated.allow(2)
    next(events)
    events.close()
    gated.allow(1)
    deadline = time.monotonic() + 20
    while gated.rows and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gated.rows == 0
    assert gated.steps <= 3
    generator.close()


def test_too_many_waiting_are_told_to_come_back(gated: Gated, folder: Path) -> None:
    generator = made(gated, folder, Limits(waiting=6))
    threads = [threading.Thread(target=lambda: generator.write([PROMPT], PLAIN)) for _ in range(4)]
    threads[0].start()
    while not gated.rows:
        time.sleep(0.01)
    for thread in threads[1:]:
        thread.start()
    while len(generator._scheduler.waiting) < 3:  # type: ignore[attr-defined]
        time.sleep(0.01)
    with pytest.raises(Unavailable) as caught:
        list(generator.generate([PROMPT], replace(PLAIN, variants=4)))
    assert caught.value.code == "generation.busy"
    assert "1 texts are being written and 3 are waiting" in str(caught.value)
    gated.allow(1000)
    for thread in threads:
        thread.join(30)
    generator.close()


def test_an_engine_that_breaks_ends_its_texts_and_serves_the_next(folder: Path, cache: Path) -> None:
    gated = Gated(OnnxDecoder(folder, cache, most_rows=4, threads=1), break_at=3)
    gated.allow(1000)
    generator = made(gated, folder)
    with pytest.raises(Unavailable) as caught:
        generator.write([PROMPT], replace(PLAIN, variants=2))
    assert caught.value.code == "generation.failed"
    assert caught.value.values == {"problem": "RuntimeError"}
    assert one(generator, PLAIN)
    generator.close()


def test_a_closed_generator_says_so(int8: TextGenerator, folder: Path, cache: Path) -> None:
    generator = made(OnnxDecoder(folder, cache, threads=1), folder)
    generator.close()
    with pytest.raises(Unavailable) as caught:
        generator.write([PROMPT], PLAIN)
    assert caught.value.code == "generation.closed"


def test_a_generator_that_nobody_holds_is_let_go(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "IDLE_SECONDS", 0.05)
    decoder = OnnxDecoder(folder, cache, threads=1)
    generator = made(decoder, folder)
    assert one(generator, PLAIN)
    gone = weakref.ref(decoder)
    del decoder, generator
    deadline = time.monotonic() + 20
    while gone() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.02)
    assert gone() is None


def test_it_writes_again_after_its_thread_went_to_sleep(int8: TextGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "IDLE_SECONDS", 0.01)
    texts = []
    for _ in range(5):
        texts.append(one(int8, PLAIN))
        time.sleep(0.03)
    assert len(set(texts)) == 1


# --- blending --------------------------------------------------------------------------------------------------------


def test_scores_can_be_changed_before_a_token_is_chosen(int8: TextGenerator) -> None:
    wanted = load_wanted(int8, "plan")

    def only(hidden: Any, logits: Any) -> Any:
        assert hidden.shape == (32,)
        changed = np.full_like(logits, -1e9)
        changed[wanted] = 0
        return changed

    events = list(int8.generate([PROMPT], replace(PLAIN, max_tokens=4), shape=only))
    assert text_of(events) == int8._tokenizer.decode([wanted] * 4)


def test_a_blend_that_fails_ends_its_own_text_only(int8: TextGenerator) -> None:
    def broken(hidden: Any, logits: Any) -> Any:
        raise ValueError("no index")

    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(one, int8, replace(PLAIN, max_tokens=48))
        with pytest.raises(ValueError, match="no index"):
            list(int8.generate([PROMPT], PLAIN, shape=broken))
        assert beside.result() == one(int8, replace(PLAIN, max_tokens=48))


def test_a_text_can_be_judged_while_others_are_written(int8: TextGenerator) -> None:
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(int8.write, [PROMPT], replace(PLAIN, variants=6, max_tokens=48))
        ids, score = int8.score("Refunds take 5 business days.")
        assert len(score.log_probabilities) == len(ids) - 1
        assert np.all(score.log_probabilities < 0)
        beside.result()
    with pytest.raises(BadInput):
        int8.score("")


def test_a_long_text_is_judged_by_its_beginning_or_its_end(int8: TextGenerator) -> None:
    long = " ".join(f"day {number}" for number in range(int8.window))
    first, _ = int8.score(long)
    last, score = int8.score(long, end=True)
    assert len(first) == len(last) == len(score.log_probabilities) + 1 == int8.window
    whole = int8._encode(long)
    assert first[-5:] != last[-5:]
    assert last[-5:] == list(whole[-5:])
    assert int8.score("Refunds.")[0] == int8.score("Refunds.", end=True)[0]


def load_wanted(generator: TextGenerator, word: str) -> int:
    return int(generator._tokenizer.encode(word).ids[0])


# --- folders that cannot be used -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "engine", "code"),
    [
        ("config.json", "auto", "generation.bad_config"),
        ("tokenizer.json", "auto", "generation.no_tokenizer"),
        ("model.safetensors", "onnxruntime", "generation.no_weights"),
        ("model.safetensors", "transformers", "generation.no_weights"),
    ],
)
def test_a_folder_that_lacks_a_file_says_which(
    folder: Path, tmp_path: Path, missing: str, engine: Any, code: str
) -> None:
    for name in {"config.json", "tokenizer.json", "model.safetensors"} - {missing}:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(Unavailable) as caught:
        open_generator(tmp_path, tmp_path / "cache", engine=engine, device="cpu", threads=1)
    assert caught.value.code == code
    assert all(tmp_path.name in caught.value.sentence(language) for language in ("en", "zh"))
