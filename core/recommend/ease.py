"""EASE: a linear model of each item from all others, in closed form (Steck 2019, arXiv 1905.03375)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.evaluation.ranking import ndcg_of_ranks, ranks_of
from core.recommend.base import Model, Run, Share, Tensors, shares
from core.recommend.data import Floats, History, Interactions, Items, faded, history_matrix


class Ease(Model):
    """``strength``: the L2 penalty, lambda of the paper. Of catalogues with more than ``most`` items the popular ones
    are modelled (the matrix is dense: 4 bytes x items squared); the others score 0. ``fade``: share by which an event
    of a history counts less than the next newer one when lists are made."""

    name = "ease"

    def __init__(self, strength: float = 200.0, most: int = 12_500, fade: float = 0.0) -> None:
        super().__init__()
        self._strength, self._most, self._fade = strength, most, fade
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
        whole = history_matrix(histories, len(self._item_ids))
        if self._fade:
            whole = faded(histories, len(self._item_ids), self._fade)
        found = whole[:, self._modelled]
        modelled = np.asarray(found @ self._weights, np.float32)
        if len(self._modelled) == len(self._item_ids):
            return modelled
        scores = np.zeros((len(histories), len(self._item_ids)), np.float32)
        scores[:, self._modelled] = modelled
        return scores

    def reasons_for(self, history: History, items: Sequence[int]) -> list[tuple[Share, ...]]:
        """Exact: the score is a sum over the history."""
        liked = self._known(history)
        if not len(self._modelled) or not len(liked):
            return [()] * len(items)
        weights = faded([liked], len(self._item_ids), self._fade)[:, self._modelled]
        columns = np.searchsorted(self._modelled, items).clip(max=len(self._modelled) - 1)
        parts = weights.data[:, None] * self._weights[weights.indices][:, columns]
        names = self._modelled[weights.indices].tolist()
        return [
            shares(dict(zip(names, parts[:, place].tolist(), strict=True))) if self._modelled[column] == item else ()
            for place, (item, column) in enumerate(zip(items, columns.tolist(), strict=True))
        ]

    def _settings(self) -> dict[str, Any]:
        return {"strength": self._strength, "most": self._most, "fade": self._fade}

    def _tensors(self) -> Tensors:
        return {"weights": self._weights, "modelled": self._modelled}

    def _restore(self, tensors: Tensors) -> None:
        self._weights, self._modelled = tensors["weights"], tensors["modelled"]


class EaseRecent(Ease):
    """EASE that listens more to what a person did last; how much more is chosen on validation, and 0 without times."""

    name = "ease_recent"

    def __init__(self, strength: float = 200.0, most: int = 12_500, fade: float = 0.05) -> None:
        super().__init__(strength, most, fade)

    def _learn(self, data: Interactions, items: Items, run: Run) -> None:
        super()._learn(data, items, run)
        if not data.timed:
            self._fade = 0.0
        elif run.validation is not None and len(self._modelled):
            self._fade = self._best_fade(data, run.validation.liked)
        self._facts["fade"] = self._fade

    def _best_fade(self, data: Interactions, held: Interactions) -> float:
        wanted = [np.unique(held.history(user).items) for user in range(data.people)]
        people = [user for user in range(data.people) if len(wanted[user]) and len(data.history(user).liked)][:_JUDGED]
        reached = {}
        for fade in _FADES:
            self._fade = fade
            values = []
            for first in range(0, len(people), 128):
                some = people[first : first + 128]
                for user, row in zip(some, self.scores_for([data.history(user) for user in some]), strict=True):
                    values.append(ndcg_of_ranks(ranks_of(row, wanted[user], data.history(user).seen), 10))
            reached[fade] = float(np.mean(values)) if values else 0.0
        return max(_FADES, key=lambda fade: reached[fade])


_FADES = (0.0, 0.02, 0.05, 0.1, 0.2)
_JUDGED = 1_000  # people


def _solved(inverse: Floats) -> Floats:
    """Weights from the lower half of P, the inverse of the penalised Gram matrix: -P / diag(P), 0 on the diagonal."""
    whole = np.tril(inverse)
    whole += np.tril(inverse, -1).T
    diagonal = np.diag(whole).copy()
    whole /= -diagonal[None]
    np.fill_diagonal(whole, 0.0)
    return np.ascontiguousarray(whole, np.float32)
