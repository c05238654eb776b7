"""Measures of a ranking. ``ranked`` is best first; ``relevant`` maps an id to its grade (0 or less: not relevant)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence


def ndcg(ranked: Sequence[Hashable], relevant: Mapping[Hashable, int], k: int = 10) -> float:
    """Normalised discounted cumulative gain at ``k`` with linear gains, as trec_eval has it. 0 without relevant ids."""
    gained = _discounted([max(relevant.get(item, 0), 0) for item in ranked[:k]])
    best = _discounted(sorted((max(grade, 0) for grade in relevant.values()), reverse=True)[:k])
    return gained / best if best else 0.0


def recall(ranked: Sequence[Hashable], relevant: Mapping[Hashable, int], k: int) -> float:
    """Share of the relevant ids among the first ``k``. 0 without relevant ids."""
    wanted = {item for item, grade in relevant.items() if grade > 0}
    return len(wanted.intersection(ranked[:k])) / len(wanted) if wanted else 0.0


def reciprocal_rank(ranked: Sequence[Hashable], relevant: Mapping[Hashable, int], k: int = 10) -> float:
    """1 / place of the first relevant id, 0 when none stands among the first ``k``."""
    for place, item in enumerate(ranked[:k], start=1):
        if relevant.get(item, 0) > 0:
            return 1.0 / place
    return 0.0


def _discounted(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(place + 1) for place, grade in enumerate(grades, start=1))
