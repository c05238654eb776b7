"""How the next token is chosen: one set of settings and one sampler for every engine.

Each text has a random generator of its own, so what it becomes does not depend on which other texts are made beside it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput

_SEEDS = 2**32
_FIRST_LOOK = 512  # tokens sorted at first
_BUCKETS, _DEEPEST = 1024, 16.0  # of scores up to so far below the best; all that is deeper (e^-16) is in the last
MOST_STOP_WORDS = 16
MOST_VARIANTS = 32


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """What one generation asks for. ``temperature`` 0 takes the most probable token; ``top_k`` 0 and ``top_p`` 1 cut
    nothing; ``seed`` None draws one, which the result names. ``stop``: texts that end a variant and are not shown.

    Raises BadInput generation.setting for a value out of its range.
    """

    max_tokens: int = 200
    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 0
    repetition_penalty: float = 1.1
    seed: int | None = None
    variants: int = 1
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _within("max_tokens", self.max_tokens, 1, 1_000_000)
        _within("temperature", self.temperature, 0, 5)
        _within("top_p", self.top_p, 0.01, 1)
        _within("top_k", self.top_k, 0, 1_000_000)
        _within("repetition_penalty", self.repetition_penalty, 0.5, 3)
        _within("seed", self.seed or 0, 0, _SEEDS - 1)
        _within("variants", self.variants, 1, MOST_VARIANTS)
        _within("stop", len(self.stop), 0, MOST_STOP_WORDS)

    def seeded(self) -> GenerationSettings:
        """The same settings with a seed that is known."""
        return self if self.seed is not None else replace(self, seed=secrets.randbelow(_SEEDS))


def _within(name: str, value: Any, low: float, high: float) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput("generation.setting", name=name, value=value, low=f"{low:g}", high=f"{high:g}")


class Sampler:
    """Chooses the tokens of one variant: repetition penalty, temperature, top-k, then top-p, in transformers' order."""

    def __init__(self, settings: GenerationSettings, variant: int) -> None:
        self._settings = settings
        # Variant n is the same text whether it is made alone or among others.
        self._random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([settings.seed or 0, variant])))

    def pick(self, logits: NDArray[np.float32], history: NDArray[np.int64]) -> int:
        """The id of the next token. ``logits`` [vocabulary]; ``history``: ids of the prompt and of what was written."""
        settings = self._settings
        scores = penalised(logits, history, settings.repetition_penalty)
        if settings.temperature == 0:
            return int(scores.argmax())
        # One random number a token, whatever the settings cut away.
        chance = self._random.random()
        return draw(scores / np.float32(settings.temperature), settings.top_k, settings.top_p, chance)


def penalised(logits: NDArray[np.float32], history: NDArray[np.int64], penalty: float) -> NDArray[np.float32]:
    """``logits`` with those of the tokens in ``history`` made less likely (CTRL, arXiv 1909.05858, section 4.1)."""
    if penalty == 1 or not len(history):
        return logits
    seen = np.unique(history)
    values = logits[seen]
    changed = logits.copy()
    changed[seen] = np.where(values > 0, values / np.float32(penalty), values * np.float32(penalty))
    return changed


def draw(scores: NDArray[np.float32], top_k: int, top_p: float, chance: float) -> int:
    """The id drawn from :func:`nucleus` by ``chance`` (in [0, 1)): the inverse of its distribution function.

    In a large vocabulary the first 512 nearly always hold the mass that ``top_p`` asks for, and nothing else is sorted;
    where they do not (a small or untrained model, a high temperature), :func:`_draw_deep` sorts even less.
    """
    if 0 < top_k < len(scores) or top_p >= 1 or len(scores) <= _FIRST_LOOK:
        ids, chances = nucleus(scores, top_k, top_p)
    else:
        weights = _weights(scores)
        least = top_p * weights.sum()
        ids = _best(scores, _FIRST_LOOK)
        if weights[ids].sum() < least:
            return _draw_deep(scores, weights, least, chance)
        ids, chances = _reaching(ids, weights[ids], least)
    place = int(np.searchsorted(np.cumsum(chances), chance * chances.sum(), side="right"))
    return int(ids[min(place, len(ids) - 1)])


def nucleus(scores: NDArray[np.float32], top_k: int, top_p: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The token ids that may be drawn and their probabilities, up to a common factor.

    The smallest set whose mass reaches ``top_p`` (arXiv 1904.09751) among the ``top_k`` best, most probable first and
    equal ones by id; the whole vocabulary in its own order where neither cuts anything.
    """
    size = len(scores)
    weights = _weights(scores)
    cut = 0 < top_k < size
    if not cut and top_p >= 1:
        return np.arange(size), weights
    ids = _best(scores, top_k if cut else size)
    chances = weights[ids]
    return _reaching(ids, chances, top_p * chances.sum()) if top_p < 1 else (ids, chances)


def _weights(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.exp((scores - scores.max()).astype(np.float64))
    return weights


def _reaching(
    ids: NDArray[np.int64], chances: NDArray[np.float64], least: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The fewest from the front whose mass is ``least``."""
    enough = int(np.searchsorted(np.cumsum(chances), least)) + 1
    return ids[:enough], chances[:enough]


def _draw_deep(scores: NDArray[np.float32], weights: NDArray[np.float64], least: float, chance: float) -> int:
    """The same draw without sorting the vocabulary: tokens fall into buckets by score, and only those buckets are
    sorted in which the nucleus ends and in which the drawn token lies."""
    depth = (scores.max() - scores) * np.float32(_BUCKETS / _DEEPEST)
    bucket = np.minimum(depth, np.float32(_BUCKETS - 1)).astype(np.int64)
    masses = np.bincount(bucket, weights, _BUCKETS)
    ends, last = np.cumsum(masses), int(bucket.max())

    def at(mass: float, side: Literal["left", "right"]) -> tuple[int, float]:
        """The token at which the mass, most probable first, reaches (``left``) or passes ``mass``; the mass there."""
        number = min(int(np.searchsorted(ends, mass, side)), last)
        members = np.flatnonzero(bucket == number)
        members = members[np.lexsort((members, -scores[members]))]
        reached = ends[number] - masses[number] + np.cumsum(weights[members])
        place = min(int(np.searchsorted(reached, mass, side)), len(members) - 1)
        return int(members[place]), float(reached[place])

    _, mass = at(least, "left")
    return at(chance * mass, "right")[0]


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Ids of the ``count`` highest scores in descending order; equal ones by id."""
    if count < len(scores):
        threshold = np.partition(scores, len(scores) - count)[len(scores) - count]
        above = np.flatnonzero(scores > threshold)
        ids = np.concatenate([above, np.flatnonzero(scores == threshold)[: count - len(above)]])
    else:
        ids = np.arange(len(scores))
    order: NDArray[np.int64] = ids[np.lexsort((ids, -scores[ids]))]
    return order
