"""What the bilingual encoder sees at each step: the data, the recipe, and the texts that both give for a step."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.training.bilingual.data import Pair, Swaps, loosen, swap_words


@dataclass(frozen=True, slots=True)
class Pairs:
    """What is trained on. Each pair is (text for the student, text whose teacher vector is its target).

    ``asks``: (question, passage, group) for contrast, either side in either language; passages of a group (an article,
    a company) meet as negatives. ``english``: texts that keep their place. ``swaps``: see ``swap_words``.
    """

    sentences: Sequence[Pair]
    words: Sequence[Pair]
    word_weights: Sequence[float]
    english: Sequence[str]
    asks: Sequence[tuple[str, str, str]]
    swaps: Swaps = field(default_factory=dict)
    traditional: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Recipe:
    """``sentences`` to ``english`` are texts a step of each kind; ``steps`` are optimiser steps.

    ``scale``: what cosines are multiplied by before the softmax. ``pull`` and ``hold``: weights of 1 - cosine to the
    target, for other texts and for English. ``bank``, ``queue``: sentences and passages of earlier steps that serve as
    negatives. ``loosen``: share of neighbouring characters that are parted. ``rank``: 0 trains every weight.
    ``english_is_base``: texts without Han characters go through the base, as ``TwoLanguageEncoder`` has it.
    """

    steps: int = 900
    sentences: int = 64
    words: int = 128
    mixed: int = 16
    joined: int = 8
    asks: int = 8
    english: int = 16
    rows_lr: float = 2e-3
    body_lr: float = 5e-4
    warmup: float = 0.05
    least_lr: float = 0.05
    scale: float = 20.0
    pull: float = 5.0
    hold: float = 10.0
    bank: int = 2048
    queue: int = 256
    loosen: float = 0.1
    traditional: float = 0.2
    max_tokens: int = 128
    rank: int = 32
    english_is_base: bool = False
    seed: int = 13


class Batches:
    """The texts of step ``i``: a function of data, recipe and seed alone, so that a resumed run sees the same."""

    def __init__(self, pairs: Pairs, recipe: Recipe) -> None:
        self.pairs, self.recipe = pairs, recipe
        self._cumulative = list(np.cumsum(pairs.word_weights)) if len(pairs.words) else []
        self._orders: dict[tuple[str, int], list[int]] = {}

    def rng(self, kind: str, step: int) -> random.Random:
        return random.Random(f"{self.recipe.seed} {kind} {step}")

    def _next(self, kind: str, count: int, size: int, step: int) -> list[int]:
        """``size`` indices: passes over all ``count`` in a new order each time."""
        found = []
        for place in range(step * size, (step + 1) * size):
            lap, at = divmod(place, count)
            if (kind, lap) not in self._orders:
                self._orders = {
                    key: order for key, order in self._orders.items() if key[0] != kind or key[1] == lap - 1
                }
                order = list(range(count))
                self.rng(f"{kind} order", lap).shuffle(order)
                self._orders[kind, lap] = order
            found.append(self._orders[kind, lap][at])
        return found

    def _vary(self, text: str, rng: random.Random) -> str:
        if rng.random() < self.recipe.traditional:
            text = self.pairs.traditional(text)
        return loosen(text, rng, self.recipe.loosen) if rng.random() < 0.5 else text

    def sentences(self, step: int) -> list[Pair]:
        rng = self.rng("sentences", step)
        chosen = self._next("sentences", len(self.pairs.sentences), self.recipe.sentences, step)
        return [(self._vary(zh, rng), en) for zh, en in (self.pairs.sentences[i] for i in chosen)]

    def words(self, step: int) -> list[Pair]:
        rng = self.rng("words", step)
        chosen = rng.choices(self.pairs.words, cum_weights=self._cumulative, k=self.recipe.words)
        return [(self._vary(zh, rng), en) for zh, en in dict.fromkeys(chosen)]

    def joined(self, step: int) -> list[Pair]:
        rng = self.rng("joined", step)
        found = []
        for _ in range(self.recipe.joined):
            some = rng.sample(self.pairs.sentences, min(rng.randint(2, 9), len(self.pairs.sentences)))
            found.append((self._vary("".join(zh for zh, _ in some), rng), " ".join(en for _, en in some)))
        return found

    def mixed(self, step: int) -> list[Pair]:
        rng = self.rng("mixed", step)
        chosen = self._next("mixed", len(self.pairs.english), self.recipe.mixed, step)
        texts = [self.pairs.english[i] for i in chosen]
        return [(swap_words(text, self.pairs.swaps, rng, rng.choice((0.4, 0.7, 1.0))), text) for text in texts]

    def english(self, step: int) -> list[str]:
        return [
            self.pairs.english[i] for i in self._next("english", len(self.pairs.english), self.recipe.english, step)
        ]

    def asks(self, step: int) -> tuple[list[str], list[str], list[int]]:
        """Questions, the different passages among their answers, and which of these answers each question."""
        rng = self.rng("asks", step)
        size, count = self.recipe.asks, len(self.pairs.asks)
        chosen = [self._ask(place, count) for place in range(step * size, (step + 1) * size)]
        passages = list(dict.fromkeys(passage for _, passage, _ in chosen))
        at = {passage: i for i, passage in enumerate(passages)}
        questions = [self._vary(question, rng) for question, _, _ in chosen]
        return questions, [self._vary(p, rng) for p in passages], [at[passage] for _, passage, _ in chosen]

    def _ask(self, place: int, count: int) -> tuple[str, str, str]:
        """The ask at ``place`` of endless laps; in each lap the groups, and the asks of each, are in a new order."""
        lap, at = divmod(place, count)
        if ("asks", lap) not in self._orders:
            rng = self.rng("asks order", lap)
            groups = sorted({group for _, _, group in self.pairs.asks})
            key = {group: rng.random() for group in groups}
            order = sorted(range(count), key=lambda i: (key[self.pairs.asks[i][2]], rng.random()))
            self._orders = {known: o for known, o in self._orders.items() if known[0] != "asks" or known[1] == lap - 1}
            self._orders["asks", lap] = order
        return self.pairs.asks[self._orders["asks", lap][at]]
