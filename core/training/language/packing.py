"""Texts as blocks of equal length for a language model: nothing is padded without need, nothing is counted twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput

Ids = NDArray[np.int64]
IGNORED = -100  # a target that costs nothing: torch's cross-entropy knows it


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and what the model shall answer; only the response is learnt."""

    prompt: str
    response: str


class Blocks(Protocol):
    """``count`` blocks of ``length`` tokens an epoch, always as many."""

    count: int
    length: int

    def take(self, epoch: int, numbers: Sequence[int]) -> tuple[Ids, Ids]:
        """Inputs and targets [len(numbers), length] of these blocks of that epoch."""
        ...


class Stream:
    """Documents one after another in a ring, cut at another place in each epoch, so that every token is predicted from
    contexts of all lengths. Each token is a target once an epoch, but for less than a block at the end.
    """

    def __init__(self, documents: Sequence[Sequence[int]], separator: int, length: int, seed: int) -> None:
        """Raises BadInput generation.too_little_text."""
        self._ring = np.array([token for ids in documents for token in (separator, *ids)], np.int32)
        self.length, self._seed = length, seed
        self.count = len(self._ring) // length
        if self.count == 0:
            raise BadInput("generation.too_little_text", tokens=len(self._ring), block=length)

    def take(self, epoch: int, numbers: Sequence[int]) -> tuple[Ids, Ids]:
        start = int(np.random.default_rng([self._seed, epoch]).integers(len(self._ring)))
        places = start + np.array(numbers)[:, None] * self.length + np.arange(self.length + 1)
        tokens = self._ring[places % len(self._ring)].astype(np.int64)
        return tokens[:, :-1], tokens[:, 1:]


class Packed:
    """Whole examples side by side in blocks, each with the prompt that its response needs."""

    def __init__(self, examples: Sequence[tuple[Sequence[int], Sequence[int]]], separator: int, length: int) -> None:
        """``examples``: ids of prompt (marker included) and response. ``shortened``: examples that lost a part, the
        beginning of the prompt first. Raises BadInput generation.no_responses.
        """
        self.length, self.shortened = length, 0
        tokens: list[list[int]] = []
        counted: list[list[bool]] = []
        for prompt, response in examples:
            ids, learnt = self._example(list(prompt), list(response), separator)
            if tokens and len(tokens[-1]) + len(ids) - 1 <= length + 1:  # one separator serves both neighbours
                tokens[-1] += ids[1:]
                counted[-1] += learnt[1:]
            else:
                tokens.append(ids)
                counted.append(learnt)
        if not any(any(row) for row in counted):
            raise BadInput("generation.no_responses")
        self.count = len(tokens)
        self._tokens = _rectangle(tokens, length + 1, separator)
        self._counted = _rectangle(counted, length + 1, False).astype(bool)

    def _example(self, prompt: list[int], response: list[int], separator: int) -> tuple[list[int], list[bool]]:
        room = self.length + 1
        answer = [*response, separator][: room - 2]
        kept = prompt[max(0, len(prompt) - (room - 1 - len(answer))) :]
        self.shortened += len(kept) < len(prompt) or len(answer) < len(response) + 1
        ids = [separator, *kept, *answer]
        return ids, [False] * (1 + len(kept)) + [True] * len(answer)

    def take(self, epoch: int, numbers: Sequence[int]) -> tuple[Ids, Ids]:
        tokens, counted = self._tokens[list(numbers)], self._counted[list(numbers)]
        return tokens[:, :-1], np.where(counted[:, 1:], tokens[:, 1:], IGNORED)


class Whole:
    """All tokens of a stream in order, each a target exactly once; what is left of the last block is not counted."""

    def __init__(self, documents: Sequence[Sequence[int]], separator: int, length: int) -> None:
        stream = np.array([token for ids in documents for token in (separator, *ids)] + [separator], np.int64)
        self.length = length
        self.count = -(-(len(stream) - 1) // length)
        missing = self.count * length + 1 - len(stream)
        self._inputs = np.concatenate([stream, np.full(missing, separator)])
        self._targets = np.concatenate([stream, np.full(missing, IGNORED)])

    def take(self, epoch: int, numbers: Sequence[int]) -> tuple[Ids, Ids]:
        places = np.array(numbers)[:, None] * self.length + np.arange(self.length)
        return self._inputs[places], self._targets[places + 1]


def shuffled(count: int, seed: int, epoch: int) -> list[int]:
    """The order of the blocks in an epoch."""
    return [int(number) for number in np.random.default_rng([seed, epoch, 1]).permutation(count)]


def _rectangle(rows: Sequence[Sequence[int]], width: int, filler: int) -> Ids:
    return np.array([[*row, *[filler] * (width - len(row))] for row in rows], np.int64)
