"""Measures of recommendation lists under full ranking, over many people at once.

An item's place is 1 + the number of candidates scored higher + the number of equals with a smaller number: ties are
broken by the order of the catalogue, the same way everywhere. Items a person has seen are no candidates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


def ranks_of(scores: Floats, wanted: Ints, seen: Ints) -> Ints:
    """Places (from 1) of ``wanted`` items in one person's ``scores`` [items] once ``seen`` items are taken out.

    A wanted item that was seen has the place after all candidates.
    """
    ranked = np.array(scores, np.float64)
    if len(seen):
        ranked[seen] = -np.inf
    places = np.empty(len(wanted), np.int64)
    for number, item in enumerate(wanted.tolist()):
        own = ranked[item]
        if own == -np.inf:
            places[number] = len(ranked) + 1
        else:
            places[number] = 1 + np.count_nonzero(ranked > own) + np.count_nonzero(ranked[:item] == own)
    return places


def ndcg_of_ranks(places: Ints, k: int) -> float:
    """NDCG at ``k`` with binary gains from the places of all relevant items; 0 without any."""
    if not len(places):
        return 0.0
    gained = float((1.0 / np.log2(1.0 + places[places <= k])).sum())
    best = float((1.0 / np.log2(1.0 + np.arange(1, min(k, len(places)) + 1))).sum())
    return gained / best


def recall_of_ranks(places: Ints, k: int) -> float:
    """Share of the relevant items among the first ``k``."""
    return float((places <= k).mean()) if len(places) else 0.0


def reciprocal_of_ranks(places: Ints, k: int) -> float:
    """1 / place of the first relevant item, 0 when it stands after ``k``."""
    first = int(places.min(initial=k + 1))
    return 1.0 / first if first <= k else 0.0


def top(scores: Floats, k: int, seen: Sequence[Ints] | None = None) -> Ints:
    """The best ``k`` candidates of each row, int64 [rows, k], best first, -1 where there are no more. Ties as above."""
    rows, items = scores.shape
    found = np.full((rows, k), -1, np.int64)
    kept = min(k, items)
    if not kept or not rows:
        return found
    masked = np.array(scores, np.float32)
    for row, gone in enumerate(seen or ()):
        masked[row, gone] = -np.inf
    # The k-th best value of each row; what is above it is in, equals of it come in by number.
    edge = np.partition(masked, items - kept, axis=1)[:, items - kept]
    for row in range(rows):
        inside = np.flatnonzero(masked[row] >= edge[row])
        values = masked[row, inside]
        best = inside[np.argsort(-values, kind="stable")][:kept]
        best = best[masked[row, best] > -np.inf]
        found[row, : len(best)] = best
    return found
