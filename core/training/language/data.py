"""What a language model learns from: texts, or prompts with responses, as blocks of tokens and with their lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput
from core.training.language.packing import Blocks, Packed, Pair, Stream, Whole
from core.training.language.tokenizer import encode_all, marker_ids, separator_of, unknown_of

Example = str | Pair


@dataclass(frozen=True, slots=True)
class Measured:
    """Validation blocks, and how long the learnt text in them is: ``characters`` and UTF-8 ``bytes``; ``unknown``: its
    tokens that stand for characters the tokenizer does not have.
    """

    blocks: Blocks
    characters: int
    bytes: int
    unknown: int


def check_examples(training: Sequence[Example], validation: Sequence[Example]) -> bool:
    """Whether these are prompts with responses. Raises BadInput (training.no_rows, training.no_validation,
    training.empty_text, generation.mixed)."""
    if not training:
        raise BadInput("training.no_rows")
    if not validation:
        raise BadInput("training.no_validation", rows=len(training))
    paired = isinstance(training[0], Pair)
    for examples in (training, validation):
        for number, example in enumerate(examples, 1):
            if isinstance(example, Pair) != paired:
                raise BadInput("generation.mixed")
            if not _learnt(example).strip():
                raise BadInput("training.empty_text", row=number)
    return paired


def texts_of(examples: Sequence[Example]) -> list[str]:
    """All texts, for a tokenizer to learn from."""
    texts: list[str] = []
    for example in examples:
        texts += [example.prompt, example.response] if isinstance(example, Pair) else [example]
    return texts


def training_blocks(examples: Sequence[Example], tokenizer: Any, length: int, seed: int) -> Blocks:
    """Blocks to learn from. Raises BadInput (generation.too_little_text, generation.no_responses)."""
    separator = tokenizer.token_to_id(separator_of(tokenizer))
    if isinstance(examples[0], Pair):
        return Packed(_pairs(examples, tokenizer), separator, length)
    return Stream(encode_all(tokenizer, texts_of(examples)), separator, length, seed)


def measured(examples: Sequence[Example], tokenizer: Any, length: int) -> Measured:
    """Blocks to be judged on."""
    separator, unknown = tokenizer.token_to_id(separator_of(tokenizer)), unknown_of(tokenizer)
    learnt = [_learnt(example) for example in examples]
    encoded = encode_all(tokenizer, learnt)
    blocks: Blocks
    if isinstance(examples[0], Pair):
        blocks = Packed(_pairs(examples, tokenizer), separator, length)
    else:
        blocks = Whole(encoded, separator, length)
    return Measured(
        blocks,
        characters=sum(map(len, learnt)),
        bytes=sum(len(text.encode()) for text in learnt),
        unknown=0 if unknown is None else sum(ids.count(unknown) for ids in encoded),
    )


def _learnt(example: Example) -> str:
    return example.response if isinstance(example, Pair) else example


def _pairs(examples: Sequence[Example], tokenizer: Any) -> list[tuple[list[int], list[int]]]:
    pairs = [example for example in examples if isinstance(example, Pair)]
    prompts = encode_all(tokenizer, [pair.prompt for pair in pairs])
    responses = encode_all(tokenizer, [pair.response for pair in pairs])
    marker = marker_ids(tokenizer)
    return [([*prompt, *marker], response) for prompt, response in zip(prompts, responses, strict=True)]
