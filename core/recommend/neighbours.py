"""Item nearest neighbours: items that the same people like go together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.recommend.base import Model, Run, Share, Tensors, shares
from core.recommend.data import Floats, History, Interactions, Items, faded, history_matrix


class Neighbours(Model):
    """Shrunk cosine of the columns of people (Sarwar et al. 2001; shrinkage as Bell and Koren 2007), each item keeping
    its ``kept`` best neighbours. ``discount``: people with long histories say less about each of their items (0 to 1).

    ``fade``: share by which an event counts less than the next newer one of its history (0: order means nothing).
    """

    name = "neighbours"

    def __init__(self, kept: int = 200, shrink: float = 10.0, discount: float = 0.5, fade: float = 0.0) -> None:
        super().__init__()
        self._kept, self._shrink, self._discount, self._fade = kept, shrink, discount, fade
        self._near: Any = None  # scipy CSR float32 [items, items]: row liked -> column recommended

    def _learn(self, data: Interactions, items: Items, run: Run) -> None:
        from scipy.sparse import csr_matrix, diags

        found = data.matrix().astype(np.float64)
        lengths = np.maximum(np.asarray(found.sum(axis=1)).reshape(-1), 1)
        weighted = diags(lengths**-self._discount) @ found
        norms = np.sqrt(np.asarray(weighted.power(2).sum(axis=0)).reshape(-1))
        columns, rows, values = [], [], []
        both = weighted.T.tocsr()
        for first in range(0, len(items), 512):
            run.watch.check()
            block = (both[first : first + 512] @ weighted).tocsr()
            for row in range(block.shape[0]):
                span = slice(block.indptr[row], block.indptr[row + 1])
                near, common = block.indices[span], block.data[span]
                own = first + row
                cosine = common / (norms[own] * norms[near] + self._shrink * _scale(norms) + 1e-12)
                cosine[near == own] = 0.0
                best = np.argsort(-cosine, kind="stable")[: self._kept]
                rows.append(np.full(len(best), own))
                columns.append(near[best])
                values.append(cosine[best])
            run.watch.step("neighbours", first + block.shape[0], len(items))
        cells = [np.concatenate(part) if part else np.zeros(0) for part in (values, rows, columns)]
        shape = (len(items), len(items))
        self._near = csr_matrix(
            (cells[0].astype(np.float32), (cells[1].astype(int), cells[2].astype(int))), shape=shape
        )

    def _score(self, histories: Sequence[History]) -> Floats | None:
        if self._near is None:
            return None
        found = history_matrix(histories, len(self._item_ids))
        if self._fade:
            found = faded(histories, len(self._item_ids), self._fade)
        scores: Floats = np.asarray((found @ self._near).todense(), np.float32)
        return scores

    def reasons_for(self, history: History, items: Sequence[int]) -> list[tuple[Share, ...]]:
        return [self._reasons(history, item) for item in items]

    def _reasons(self, history: History, item: int) -> tuple[Share, ...]:
        liked = self._known(history)
        if self._near is None or not len(liked):
            return ()
        weights = faded([liked], len(self._item_ids), self._fade)
        parts = weights.multiply(self._near[:, [item]].T).tocoo()
        return shares(dict(zip(parts.col.tolist(), parts.data.tolist(), strict=True)))

    def _settings(self) -> dict[str, Any]:
        return {"kept": self._kept, "shrink": self._shrink, "discount": self._discount, "fade": self._fade}

    def _tensors(self) -> Tensors:
        if self._near is None:
            return {}
        return {"data": self._near.data, "indices": self._near.indices, "indptr": self._near.indptr}

    def _restore(self, tensors: Tensors) -> None:
        from scipy.sparse import csr_matrix

        if "data" in tensors:
            count = len(self._item_ids)
            parts = (tensors["data"], tensors["indices"], tensors["indptr"])
            self._near = csr_matrix(parts, shape=(count, count))


def _scale(norms: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Mean squared norm of an item with one event: what one more shared person is worth."""
    alive = norms[norms > 0]
    return float(np.square(alive).min()) if len(alive) else 1.0
