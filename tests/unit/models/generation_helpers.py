"""Tiny language models and a decoder that can be held back, for the tests of text generation."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.models.generation.batching import Finished, Piece
from core.models.generation.decoder import Decoder, Score, Step
from core.models.generation.sampling import GenerationSettings
from core.models.generation.text_generation import Limits, TextGenerator, load_tokenizer
from tests.tiny_models import tiny_gpt2

POSITIONS = 96
# Long, with nothing that would end a text early but the model's own end token.
PLAIN = GenerationSettings(max_tokens=24, temperature=1.0, top_p=1.0, repetition_penalty=1.0, seed=5)


def tiny(folder: Path) -> Path:
    return tiny_gpt2(folder, positions=POSITIONS, template=False)


def made(decoder: Decoder, folder: Path, limits: Limits | None = None) -> TextGenerator:
    return TextGenerator("tiny", load_tokenizer(folder), decoder, limits or Limits())


def text_of(events: Iterable[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


def ends(events: Iterable[Any]) -> list[Finished]:
    return [event for event in events if isinstance(event, Finished)]


class Gated:
    """A real decoder whose steps wait for ``allow``; ``break_at`` makes that step fail."""

    def __init__(self, decoder: Any, break_at: int = -1) -> None:
        self._decoder, self._gate = decoder, threading.Semaphore(0)
        self.engine, self.window, self.width = decoder.engine, decoder.window, decoder.width
        self.vocabulary, self.most_rows, self.end_ids = decoder.vocabulary, decoder.most_rows, frozenset[int]()
        self.steps, self.break_at, self.rows = 0, break_at, 0

    def allow(self, steps: int) -> None:
        for _ in range(steps):
            self._gate.release()

    def read(self, ids: Sequence[int]) -> Step:
        self.rows += 1
        return self._decoder.read(ids)

    def fork(self) -> None:
        self.rows += 1
        self._decoder.fork()

    def drop(self, row: int) -> None:
        self.rows -= 1
        self._decoder.drop(row)

    def clear(self) -> None:
        self.rows = 0
        self._decoder.clear()

    def step(self, tokens: Sequence[int]) -> Step:
        self._gate.acquire()
        self.steps += 1
        if self.steps == self.break_at:
            raise RuntimeError("the engine broke")
        return self._decoder.step(tokens)

    def score(self, ids: Sequence[int]) -> Score:
        return self._decoder.score(ids)


def reference_logits(folder: Path) -> Any:
    """ids -> logits [tokens, vocabulary] by transformers, in fp32 and without a cache."""
    import torch
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder).eval()

    def logits(ids: Sequence[int]) -> np.ndarray[Any, Any]:
        with torch.inference_mode():
            return model(torch.tensor([list(ids)])).logits[0].numpy()

    return logits
