"""Dense retrieval: the vector index of the passages whose language the encoder knows, addressed by passage row."""

from __future__ import annotations

import numpy as np

from core.index.base import Floats, Mask, Rows, VectorIndex


class DenseIndex:
    """``rows[i]`` is the passage row of the index's vector i. A passage without a vector has no dense score (NaN)."""

    def __init__(self, index: VectorIndex, rows: Rows, total: int) -> None:
        self.index = index
        self._rows = rows
        self._positions = np.full(total, -1, np.int64)
        self._positions[rows] = np.arange(len(rows))

    def search(self, query: Floats, k: int, allowed: Mask | None = None) -> tuple[Rows, Floats]:
        """The up to ``k`` best allowed passage rows for ``query`` [d] and their cosines, best first."""
        mask = None if allowed is None else allowed[self._rows]
        scores, found = self.index.search(query[None, :], k, mask)
        real = found[0] >= 0
        return self._rows[found[0][real]], scores[0][real]

    def scores(self, query: Floats, rows: Rows) -> Floats:
        """Cosine of ``query`` with each of the passage ``rows``; NaN for those without a vector."""
        positions = self._positions[rows]
        scores = np.full(len(rows), np.nan, np.float32)
        known = positions >= 0
        scores[known] = self.index.scores(query, positions[known])
        return scores
