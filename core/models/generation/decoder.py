"""What a text generator needs of a language model: rows that grow by one token at each step, whoever computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Step:
    """What one forward pass says of the next token of each row: ``logits`` [rows, vocabulary] and the state that they
    were computed from, after the last norm, ``hidden`` [rows, width]. float32.
    """

    logits: NDArray[np.float32]
    hidden: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Score:
    """What a model thinks of a text of n tokens: ``log_probabilities`` [n - 1] (natural) of its tokens from the second
    on, and ``hidden`` [n - 1, width], the state from which each of them was predicted.
    """

    log_probabilities: NDArray[np.float32]
    hidden: NDArray[np.float32]


class Decoder(Protocol):
    """Rows are numbered 0 .. rows - 1 in the order in which they came; one thread calls. ``window``: tokens of a row,
    prompt included; ``most_rows``: rows at once; ``end_ids``: tokens that end a text.
    """

    engine: str
    window: int
    width: int
    vocabulary: int
    most_rows: int
    end_ids: frozenset[int]

    def read(self, ids: Sequence[int]) -> Step:
        """A new last row that holds the prompt ``ids`` (1 .. window - 1 of them)."""
        ...

    def fork(self) -> None:
        """A new last row that is a copy of the last one."""
        ...

    def drop(self, row: int) -> None:
        """Forgets ``row``; the last row takes its number."""
        ...

    def clear(self) -> None:
        """Forgets all rows, whatever state an error left them in."""
        ...

    def step(self, tokens: Sequence[int]) -> Step:
        """Appends one token to every row."""
        ...

    def score(self, ids: Sequence[int]) -> Score:
        """Reads a text of 2 .. window tokens beside the rows, which stay as they are."""
        ...


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Natural logarithms of the probabilities, over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    result: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result
