"""Dense retrieval: the vector index of the passages whose language the encoder knows, addressed by passage row."""

from __future__ import annotations

import math

import numpy as np

from core.index.base import Floats, Mask, Rows, VectorIndex


class DenseIndex:
    """``rows[i]``, ascending, is the passage row of the index's vector i; a passage's score is its best vector's.

    A passage without a vector has no dense score (NaN).
    """

    def __init__(self, index: VectorIndex, rows: Rows) -> None:
        self.index = index
        self._rows = rows
        self._each = len(rows) / max(1, len(np.unique(rows)))  # vectors of a passage, on the average

    def search(self, query: Floats, k: int, allowed: Mask | None = None) -> tuple[Rows, Floats]:
        """The up to ``k`` best allowed passage rows for ``query`` [d] and their cosines, best first."""
        mask = None if allowed is None else allowed[self._rows]
        scores, found = self.index.search(query[None, :], math.ceil(k * self._each), mask)
        real = found[0] >= 0
        rows, cosines = self._rows[found[0][real]], scores[0][real]
        first = np.sort(np.unique(rows, return_index=True)[1])[:k]
        return rows[first], cosines[first]

    def scores(self, query: Floats, rows: Rows) -> Floats:
        """Cosine of ``query`` with each of the passage ``rows``; NaN for those without a vector."""
        starts = np.searchsorted(self._rows, rows, "left")
        counts = np.searchsorted(self._rows, rows, "right") - starts
        scores = np.full(len(rows), np.nan, np.float32)
        known = counts > 0
        if known.any():
            starts, counts = starts[known], counts[known]
            offsets = np.cumsum(counts) - counts
            places = np.repeat(starts - offsets, counts) + np.arange(counts.sum())
            scores[known] = np.maximum.reduceat(self.index.scores(query, places), offsets)
        return scores
