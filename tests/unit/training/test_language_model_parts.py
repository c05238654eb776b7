"""The parts of a language model's training: tokens, blocks, the written-out forward pass, Muon, the arguments."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.training.language.args import BASE_RATE, SCRATCH_RATE, LanguageModelArgs
from core.training.language.packing import IGNORED, Packed, Stream, Whole, shuffled
from core.training.language.tokenizer import (
    MARKER,
    SEPARATOR,
    encode_all,
    make_tokenizer,
    marker_ids,
    save_tokenizer,
    separator_of,
    unknown_of,
)

TEXTS = ["The cat sat on the mat. The cat sat.", "床前明月光，疑是地上霜。", "床前看月光，低头思故乡。"] * 3
ANY = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50)

# --- tokenizers ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(ANY)
def test_bytes_lose_nothing_of_any_text(text: str) -> None:
    tokenizer = _bpe()
    (ids,) = encode_all(tokenizer, [text])
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_bpe_learns_words_of_both_languages() -> None:
    tokenizer = _bpe()
    assert len(tokenizer.encode(TEXTS[0]).ids) < len(TEXTS[0]) / 2
    assert len(tokenizer.encode(TEXTS[1]).ids) < len(TEXTS[1].encode()) / 3
    assert tokenizer.get_vocab_size() <= 400


def test_the_same_texts_make_the_same_tokenizer() -> None:
    assert make_tokenizer(TEXTS, "bpe", 380).to_str() == make_tokenizer(TEXTS, "bpe", 380).to_str()


def test_characters_are_tokens_and_unknown_ones_are_counted() -> None:
    tokenizer = make_tokenizer(TEXTS, "characters", 1000)
    (ids,) = encode_all(tokenizer, ["床前\nThe"])
    assert len(ids) == 6
    assert ids.count(unknown_of(tokenizer)) == 1  # no line break in the texts
    assert tokenizer.decode(encode_all(tokenizer, [TEXTS[1]])[0]) == TEXTS[1]
    assert tokenizer.get_vocab_size() == 3 + len(set("".join(TEXTS)))


def test_rare_characters_go_when_there_is_no_room() -> None:
    tokenizer = make_tokenizer(["aaaa bbb cc d"], "characters", 3 + 3)
    assert {tokenizer.id_to_token(number) for number in range(3, 6)} == {"a", "b", " "}


@pytest.mark.parametrize("kind", ["bpe", "characters"])
def test_what_looks_like_a_special_token_is_only_text(kind: Any) -> None:
    tokenizer = make_tokenizer([*TEXTS, SEPARATOR + MARKER], kind, 400)
    (ids,) = encode_all(tokenizer, [f"a{SEPARATOR}"])
    assert tokenizer.token_to_id(SEPARATOR) not in ids
    assert tokenizer.encode(SEPARATOR).ids == [tokenizer.token_to_id(SEPARATOR)]  # the setting is put back


def test_transformers_reads_what_is_saved(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    for kind in ("bpe", "characters"):
        tokenizer = make_tokenizer(TEXTS, kind, 400)  # type: ignore[arg-type]
        save_tokenizer(tokenizer, tmp_path / kind, 64)
        opened = AutoTokenizer.from_pretrained(str(tmp_path / kind))
        assert opened(TEXTS[1])["input_ids"] == tokenizer.encode(TEXTS[1]).ids
        assert (opened.eos_token, opened.model_max_length) == (SEPARATOR, 64)


def test_a_base_may_have_another_separator_and_no_marker() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    names = ["[UNK]", "[SEP]", "<", "|", "response", ">"]
    raw = Tokenizer(models.WordPiece({name: n for n, name in enumerate(names)}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    assert separator_of(raw) == "[SEP]"
    assert marker_ids(raw) == [2, 3, 4, 3, 5]
    assert unknown_of(raw) == 0
    assert unknown_of(_bpe()) is None


def _bpe() -> Any:
    if not _MADE:
        _MADE.append(make_tokenizer(TEXTS, "bpe", 400))
    return _MADE[0]


_MADE: list[Any] = []

# --- blocks ----------------------------------------------------------------------------------------------------------

DOCUMENTS = st.lists(st.lists(st.integers(1, 99), max_size=12), min_size=1, max_size=8)


@settings(deadline=None)
@given(DOCUMENTS, st.integers(1, 9))
def test_every_validation_token_is_a_target_exactly_once(documents: list[list[int]], length: int) -> None:
    blocks = Whole(documents, 0, length)
    inputs, targets = blocks.take(0, range(blocks.count))
    stream = [token for ids in documents for token in (0, *ids)] + [0]
    assert targets[targets != IGNORED].tolist() == stream[1:]
    assert inputs.ravel()[: len(stream) - 1].tolist() == stream[:-1]
    assert inputs.shape == (blocks.count, length)


@settings(deadline=None)
@given(DOCUMENTS, st.integers(1, 6), st.integers(0, 5), st.integers(0, 5))
def test_an_epoch_goes_once_around_the_ring(documents: list[list[int]], length: int, seed: int, epoch: int) -> None:
    ring = [token for ids in documents for token in (0, *ids)]
    if len(ring) < length:
        with pytest.raises(BadInput) as caught:
            Stream(documents, 0, length, seed)
        assert caught.value.code == "generation.too_little_text"
        return
    blocks = Stream(documents, 0, length, seed)
    inputs, targets = blocks.take(epoch, range(blocks.count))
    assert (inputs[:, 1:] == targets[:, :-1]).all()
    read = inputs.ravel().tolist()
    assert len(ring) - length < len(read) <= len(ring)
    assert any(read == (ring * 2)[start : start + len(read)] for start in range(len(ring)))


def test_epochs_are_cut_at_different_places_and_in_different_orders() -> None:
    blocks = Stream([list(range(1, 200))], 0, 10, seed=3)
    firsts = {int(blocks.take(epoch, [0])[0][0, 0]) for epoch in range(6)}
    assert len(firsts) > 3
    assert shuffled(20, 1, 0) == shuffled(20, 1, 0)
    assert sorted(shuffled(20, 1, 0)) == list(range(20))
    assert shuffled(20, 1, 0) != shuffled(20, 1, 1)


EXAMPLES = st.lists(
    st.tuples(
        st.lists(st.integers(100, 199), min_size=1, max_size=9), st.lists(st.integers(1, 99), min_size=1, max_size=9)
    ),
    min_size=1,
    max_size=9,
)


@settings(deadline=None)
@given(EXAMPLES, st.integers(4, 25))
def test_only_responses_are_learnt_and_each_behind_its_prompt(examples: list[Any], length: int) -> None:
    blocks = Packed(examples, 0, length)
    inputs, targets = blocks.take(0, range(blocks.count))
    learnt = targets[targets != IGNORED].tolist()
    assert all(token < 100 for token in learnt)
    whole = [(p, r) for p, r in examples if len(p) + len(r) + 2 <= length + 1]
    assert blocks.shortened == len(examples) - len(whole)
    if blocks.shortened == 0:
        assert learnt == [token for _, response in examples for token in (*response, 0)]
        rows = [[int(t) for t in row] for row in np.concatenate([inputs, targets[:, -1:]], 1)]
        for prompt, response in examples:
            wanted = [0, *prompt, *response]
            assert any(row[i : i + len(wanted)] == wanted for row in rows for i in range(len(row)))


def test_examples_share_blocks_and_long_ones_lose_the_beginning_of_the_prompt() -> None:
    blocks = Packed([([101, 102], [1]), ([103], [2, 3]), ([104] * 3 + [105], [4] * 3)], 0, 8)
    inputs, targets = blocks.take(0, [0, 1])
    assert inputs[0].tolist() == [0, 101, 102, 1, 0, 103, 2, 3]
    assert targets[0].tolist() == [IGNORED, IGNORED, 1, 0, IGNORED, 2, 3, 0]
    assert blocks.shortened == 0
    long = Packed([([104, 105, 106, 107, 108, 109], [4, 5])], 0, 6)
    assert long.take(0, [0])[0][0].tolist() == [0, 107, 108, 109, 4, 5]
    assert long.shortened == 1


# --- the forward pass ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["gelu_new", "gelu_pytorch_tanh", "gelu", "relu"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_written_out_forward_pass_is_transformers(activation: str, tied: bool) -> None:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from core.training.language import gpt2

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=40, n_positions=12, n_embd=24, n_layer=2, n_head=3, n_inner=50, activation_function=activation,
        tie_word_embeddings=tied, initializer_range=0.3, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    ids, targets = torch.randint(0, 40, (3, 12)), torch.randint(0, 40, (3, 12))
    targets[1, 4:9] = IGNORED
    logits = model(ids).logits
    wanted = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    wanted_gradients = torch.autograd.grad(wanted, list(model.parameters()))
    for at_once in (2**26, 40 * 5):  # whole, and the head in parts
        gpt2._LOGITS_AT_ONCE = at_once
        try:
            loss = gpt2.summed_loss(model, ids, targets)
        finally:
            gpt2._LOGITS_AT_ONCE = 2**26
        torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-4)
        for found, gradient in zip(torch.autograd.grad(loss, list(model.parameters())), wanted_gradients, strict=True):
            torch.testing.assert_close(found, gradient, rtol=1e-3, atol=1e-4)


def test_dropout_is_drawn_in_training_only() -> None:
    import torch

    from core.training.language.gpt2 import build, trainable

    model = build(LanguageModelArgs(layers=1, heads=1, width=8, max_tokens=8), 300, 0)
    module = trainable(model, 0.5)
    ids = torch.randint(0, 300, (2, 8))
    module.eval()
    assert float(module(ids, ids).detach()) == float(module(ids, ids).detach())
    module.train()
    assert float(module(ids, ids).detach()) != float(module(ids, ids).detach())


# --- Muon ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(8, 32), (32, 8), (16, 16)])
def test_the_singular_values_of_a_step_are_about_equal(shape: tuple[int, int]) -> None:
    import torch

    from core.training.language.muon import orthogonal

    torch.manual_seed(0)
    left, _, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    matrix = 50 * left @ torch.diag(torch.logspace(0, -1.5, min(shape))) @ right
    after = torch.linalg.svdvals(orthogonal(matrix))
    assert after.max() / after.min() < 1.5
    assert 0.7 < after.mean() < 1.3
    agreement = (orthogonal(matrix) * (left @ right)).sum() / min(shape)
    assert agreement > 0.9  # and it points where the momentum points


def test_matrices_go_to_muon_and_the_rest_to_adamw() -> None:
    import torch

    from core.training.language.gpt2 import build, trainable
    from core.training.language.muon import muon

    model = trainable(build(LanguageModelArgs(layers=2, heads=2, width=16, max_tokens=8), 300, 0), 0.0)
    optimiser = muon(model, 1e-2, 0.02, 0.1)
    ids = torch.randint(0, 300, (4, 8))
    losses = []
    for _ in range(30):
        for group in optimiser.param_groups:
            group["lr"] = group["peak"]
        loss = model(ids, ids) / 32
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 4
    kinds = Counter("momentum" if "momentum" in state else "mean" for state in optimiser.state.values())
    assert kinds == {"momentum": 8, "mean": len(list(model.parameters())) - 8}


# --- arguments -------------------------------------------------------------------------------------------------------


def test_rates_and_optimiser_follow_from_where_the_weights_come_from() -> None:
    scratch, base = LanguageModelArgs(), LanguageModelArgs(base="folder")
    assert (scratch.learning_rate, scratch.chosen_optimizer()) == (SCRATCH_RATE, "muon")
    assert (base.learning_rate, base.chosen_optimizer()) == (BASE_RATE, "adamw")
    assert LanguageModelArgs(learning_rate=1e-3, optimizer="adamw").learning_rate == 1e-3


@pytest.mark.parametrize(
    "wrong",
    [
        {"vocabulary": "words"}, {"optimizer": "sgd"}, {"width": 100, "heads": 3}, {"max_tokens": 4}, {"layers": 0},
        {"vocabulary_size": 200}, {"dropout": 1.0}, {"max_seconds": -1}, {"muon_rate": 0}, {"learning_rate": -1e-3},
    ],
)  # fmt: skip
def test_arguments_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        LanguageModelArgs(**wrong)
    assert caught.value.code == "training.argument"
    assert next(iter(wrong)) in str(caught.value)
