"""Tokenizers of language models that start from scratch: byte-level BPE, or one token a character."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from core.training.language.args import Vocabulary

SEPARATOR = "<|endoftext|>"  # stands before every document and behind the last
MARKER = "<|response|>"  # stands between a prompt and its response
_SEPARATORS = (SEPARATOR, "</s>", "[SEP]", "<eos>", "[EOS]", "<|im_end|>")
UNKNOWN = "<|unknown|>"  # a character that training did not have; byte-level BPE knows none such


def make_tokenizer(texts: Iterable[str], kind: Vocabulary, size: int) -> Any:
    """A ``tokenizers.Tokenizer`` learnt from ``texts``.

    "bpe": byte-level byte-pair encoding (Sennrich et al. 2016, Radford et al. 2019) of at most ``size`` tokens, for any
    language. "characters": every character of ``texts`` is a token, the most frequent ones if there are more than
    ``size``.
    """
    return _bpe(texts, size) if kind == "bpe" else _characters(texts, size)


def _bpe(texts: Iterable[str], size: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[SEPARATOR, MARKER],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    return raw


def _characters(texts: Iterable[str], size: int) -> Any:
    from collections import Counter

    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    special = [SEPARATOR, MARKER, UNKNOWN]
    kept = sorted(sorted(counts), key=lambda character: -counts[character])[: size - len(special)]
    names = [*special, *sorted(kept)]
    raw = Tokenizer(models.WordLevel({name: number for number, name in enumerate(names)}, unk_token=UNKNOWN))
    raw.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    raw.decoder = decoders.Fuse()
    raw.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    return raw


def save_tokenizer(tokenizer: Any, folder: Path, window: int) -> None:
    """Writes ``tokenizer`` as transformers reads it. ``window``: tokens that the model can attend to."""
    from transformers import PreTrainedTokenizerFast

    special = dict.fromkeys(("bos_token", "eos_token", "pad_token"), separator_of(tokenizer))
    if tokenizer.token_to_id(UNKNOWN) is not None:
        special["unk_token"] = UNKNOWN
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=window, **special)
    wrapped.save_pretrained(str(folder))


def separator_of(tokenizer: Any) -> str | None:
    """The token that stands between documents: ours, or what the tokenizer of a base uses for the end of a text."""
    return next((name for name in _SEPARATORS if tokenizer.token_to_id(name) is not None), None)


def unknown_of(tokenizer: Any) -> int | None:
    """The id that stands for characters the tokenizer does not have; None where there are none such."""
    found = (tokenizer.token_to_id(name) for name in (UNKNOWN, "[UNK]", "<unk>"))
    return next((number for number in found if number is not None), None)


def encode_all(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text. What looks like a special token in a text is read as the characters it is made of."""
    tokenizer.encode_special_tokens = True
    try:
        return [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
    finally:
        tokenizer.encode_special_tokens = False


def marker_ids(tokenizer: Any) -> list[int]:
    """The marker's token, or the tokens that spell it where the tokenizer of a base does not have it."""
    known = tokenizer.token_to_id(MARKER)
    return [known] if known is not None else list(tokenizer.encode(MARKER, add_special_tokens=False).ids)
