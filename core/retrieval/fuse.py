"""Fusion of the lexical and the dense half: a convex combination of normalised scores.

Each score is divided into the range from what an unrelated passage gets (BM25: 0; cosine: the encoder's floor) to the
best candidate's, so that one weight means the same for every question (theoretical min-max, after Bruch, Gai and Ingber
2023, "An Analysis of Fusion Functions for Hybrid Retrieval"). A weight of 0 is the lexical half, of 1 the dense one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from core.index.base import Floats
from core.types import Language

DEFAULT_WEIGHT = 0.5  # best or level with the best on NFCorpus dev; a plateau from 0.40 to 0.65
MINIMUM_GOLDEN = 20  # fewer questions of a language say more about themselves than about the weight
_GRID = np.round(np.arange(0.0, 1.0001, 0.05), 2)
_DISCOUNTS = 1.0 / np.log2(np.arange(2, 12))


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """The dense half's weight for questions in each language, 0 to 1."""

    en: float = DEFAULT_WEIGHT
    zh: float = DEFAULT_WEIGHT

    def __post_init__(self) -> None:
        for name, weight in (("en", self.en), ("zh", self.zh)):
            if not 0.0 <= weight <= 1.0:
                raise ValueError(f"a fusion weight lies between 0 and 1, and that of {name} is {weight}")

    def weight(self, language: Language, encoder_languages: Sequence[Language]) -> float:
        """The weight in force: 0 for a language that the encoder does not know, whatever was set."""
        if language not in encoder_languages:
            return 0.0
        return self.en if language == "en" else self.zh

    def as_dict(self) -> dict[str, float]:
        return {"en": self.en, "zh": self.zh}

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> FusionWeights:
        """From what ``as_dict`` gave; a language that is missing gets the default."""
        return cls(**{name: float(values[name]) for name in ("en", "zh") if name in values})


def normalised(scores: Floats, floor: float) -> Floats:
    """``scores`` [n] from ``floor`` (0) to the highest (1). NaN gives 0, and so do all when none is above it."""
    known = np.nan_to_num(scores, nan=floor)
    best = known.max(initial=floor)
    if best <= floor:
        return np.zeros(len(known), np.float32)
    return cast(Floats, np.clip((known - floor) / (best - floor), 0.0, 1.0).astype(np.float32))


def fuse(lexical: Floats, dense: Floats, weight: float, floor: float) -> Floats:
    """Fused scores [n] in [0, 1] of candidates with BM25 ``lexical`` and cosine ``dense`` (NaN: no vector)."""
    return cast(Floats, (1.0 - weight) * normalised(lexical, 0.0) + weight * normalised(dense, floor))


@dataclass(frozen=True, slots=True)
class FusionCase:
    """One golden question's candidates: both scores, and which of them are right. Arrays [n]."""

    language: Language
    lexical: Floats
    dense: Floats
    right: NDArray[np.bool_]


def learn_weight(
    cases: Sequence[FusionCase], floor: float, *, minimum: int = MINIMUM_GOLDEN, before: float = DEFAULT_WEIGHT
) -> float | None:
    """The weight that ranks right passages highest (mean nDCG@10), or None with fewer than ``minimum`` cases.

    Never worse on ``cases`` than the better half, since both halves are among the weights tried. Of those that are at
    least as good, the one whose neighbours are good too is taken: a peak of one step is luck. So is a gain over the
    weight ``before`` that is smaller than its standard error; then that one stays.
    """
    if len(cases) < minimum:
        return None
    tried = np.asarray([quality(cases, float(weight), floor) for weight in _GRID])
    padded = np.pad(tried, 1, mode="edge")
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    good = tried >= max(tried[0], tried[-1]) - 1e-9
    nearness = -1e-6 * np.abs(_GRID - DEFAULT_WEIGHT)  # decides between equals only
    best = float(_GRID[int(np.argmax(np.where(good, smooth + nearness, -1.0)))])
    gains = np.asarray([quality([case], best, floor) - quality([case], before, floor) for case in cases])
    holds = quality(cases, before, floor) >= max(tried[0], tried[-1]) - 1e-9
    return before if holds and gains.mean() <= gains.std() / np.sqrt(len(gains)) else best


def learn_weights(
    golden: Sequence[tuple[str, frozenset[int]]],
    case: Callable[[str, frozenset[int]], FusionCase | None],
    floor: float,
    *,
    before: FusionWeights | None = None,
    minimum: int = MINIMUM_GOLDEN,
) -> FusionWeights:
    """Weights per language learnt from golden questions, each with the ids of its right documents.

    ``case`` searches one (``KnowledgeIndex.fusion_case``); None means that the encoder has no say in it. A
    language with too few questions keeps its weight of ``before``.
    """
    weights = (before or FusionWeights()).as_dict()
    cases = [found for question, documents in golden if (found := case(question, documents)) is not None]
    languages: tuple[Language, ...] = ("en", "zh")
    for language in languages:
        mine = [c for c in cases if c.language == language]
        learnt = learn_weight(mine, floor, minimum=minimum, before=weights[language])
        if learnt is not None:
            weights[language] = learnt
    return FusionWeights.from_dict(weights)


def quality(cases: Sequence[FusionCase], weight: float, floor: float) -> float:
    """Mean nDCG@10 of the candidates' order under ``weight``; a case without a right candidate counts 0."""
    total = 0.0
    for case in cases:
        order = np.argsort(-fuse(case.lexical, case.dense, weight, floor), kind="stable")
        best = _DISCOUNTS[: int(case.right.sum())].sum()
        total += float(case.right[order[:10]] @ _DISCOUNTS[: len(order)] / best) if best else 0.0
    return total / len(cases)
