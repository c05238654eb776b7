"""EASE: a linear model of each item from all others, in closed form (Steck 2019, arXiv 1905.03375)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.recommend.base import Model, Run, Share, Tensors, shares
from core.recommend.data import Floats, History, Interactions, Items, history_matrix


class Ease(Model):
    """``strength``: the L2 penalty, lambda of the paper. Of catalogues with more than ``most`` items the popular ones
    are modelled (the matrix is dense: 4 bytes x items squared); the others score 0."""

    name = "ease"

    def __init__(self, strength: float = 200.0, most: int = 12_500) -> None:
        super().__init__()
        self._strength, self._most = strength, most
        self._weights: Floats = np.zeros((0, 0), np.float32)  # [modelled, modelled]
        self._modelled = np.zeros(0, np.int64)  # item numbers

    def _learn(self, data: Interactions, items: Items, run: Run) -> None:
        from scipy.linalg import lapack

        counts = data.popularity()
        order = np.argsort(-counts, kind="stable")[: self._most]
        self._modelled = np.sort(order[counts[order] > 0])
        self._facts |= {"modelled": len(self._modelled), "strength": self._strength}
        if not len(self._modelled):
            self._weights = np.zeros((0, 0), np.float32)
            return
        columns = data.matrix()[:, self._modelled]
        gram = np.asarray((columns.T @ columns).todense(), np.float32, order="F")
        gram[np.diag_indices_from(gram)] += self._strength
        run.watch.check()
        factor, failed = lapack.spotrf(gram, overwrite_a=True, lower=True)
        run.watch.check()
        inverse, failed_too = lapack.spotri(factor, lower=True, overwrite_c=True)
        if failed or failed_too:
            raise FloatingPointError("the penalised Gram matrix was not positive definite")
        self._weights = _solved(inverse)

    def _score(self, histories: Sequence[History]) -> Floats | None:
        if not len(self._modelled):
            return None
        found = history_matrix(histories, len(self._item_ids))[:, self._modelled]
        modelled = np.asarray(found @ self._weights, np.float32)
        if len(self._modelled) == len(self._item_ids):
            return modelled
        scores = np.zeros((len(histories), len(self._item_ids)), np.float32)
        scores[:, self._modelled] = modelled
        return scores

    def reasons_for(self, history: History, items: Sequence[int]) -> list[tuple[Share, ...]]:
        return [self._reasons(history, item) for item in items]

    def _reasons(self, history: History, item: int) -> tuple[Share, ...]:
        """Exact: the score is a sum over the history."""
        place = self._place(item)
        rows = {one: self._place(one) for one in set(self._known(history).items.tolist())}
        if place is None:
            return ()
        return shares({one: float(self._weights[row, place]) for one, row in rows.items() if row is not None})

    def _place(self, item: int) -> int | None:
        place = int(np.searchsorted(self._modelled, item))
        return place if place < len(self._modelled) and self._modelled[place] == item else None

    def _settings(self) -> dict[str, Any]:
        return {"strength": self._strength, "most": self._most}

    def _tensors(self) -> Tensors:
        return {"weights": self._weights, "modelled": self._modelled}

    def _restore(self, tensors: Tensors) -> None:
        self._weights, self._modelled = tensors["weights"], tensors["modelled"]


def _solved(inverse: Floats) -> Floats:
    """Weights from the lower half of P, the inverse of the penalised Gram matrix: -P / diag(P), 0 on the diagonal."""
    whole = np.tril(inverse)
    whole += np.tril(inverse, -1).T
    diagonal = np.diag(whole).copy()
    whole /= -diagonal[None]
    np.fill_diagonal(whole, 0.0)
    return np.ascontiguousarray(whole, np.float32)
