"""Matrix factorisation of implicit events by alternating least squares (Hu et al. 2008), by ``implicit``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.recommend.base import Model, Run, Share, Tensors, shares
from core.recommend.data import Floats, History, Interactions, Items


class Als(Model):
    """``factors`` numbers an item; a liked item has confidence 1 + ``confidence``, others 1. ``threads`` 0: all cores.

    People have no stored factors: those of a history are solved for when it is scored, so everyone is served alike.
    """

    name = "als"

    def __init__(
        self,
        factors: int = 64,
        strength: float = 0.05,
        confidence: float = 10.0,
        iterations: int = 15,
        threads: int = 0,
    ) -> None:
        super().__init__()
        self._args = {
            "factors": factors,
            "strength": strength,
            "confidence": confidence,
            "iterations": iterations,
            "threads": threads,
        }
        self._vectors: Floats = np.zeros((0, factors), np.float32)  # [items, factors]
        self._gram: Floats = np.zeros((factors, factors), np.float32)

    def _learn(self, data: Interactions, items: Items, run: Run) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        events = data.matrix()
        self._vectors = np.zeros((0, int(self._args["factors"])), np.float32)
        if not events.nnz:
            return
        model = AlternatingLeastSquares(
            factors=int(self._args["factors"]),
            regularization=self._args["strength"],
            alpha=1.0,
            iterations=int(self._args["iterations"]),
            num_threads=int(self._args["threads"]),
            random_state=run.seed,
        )

        def told(done: int, *_: Any) -> None:
            run.watch.check()
            run.watch.step("als", done + 1, int(self._args["iterations"]))

        model.fit(events * (1.0 + self._args["confidence"]), show_progress=False, callback=told)
        vectors = np.array(model.item_factors, np.float32)
        vectors[data.popularity() == 0] = 0.0  # nothing is known of them, not even noise
        self._set(vectors)

    def _set(self, vectors: Floats) -> None:
        self._vectors = vectors
        self._gram = vectors.T @ vectors + np.eye(vectors.shape[1], dtype=np.float32) * self._args["strength"]

    def _score(self, histories: Sequence[History]) -> Floats | None:
        if not len(self._vectors):
            return None
        people = np.stack([self._person(np.unique(history.items)) for history in histories])
        scores: Floats = people @ self._vectors.T
        return scores

    def _person(self, items: np.ndarray[Any, np.dtype[np.int64]]) -> Floats:
        """Factors [f] of who liked ``items``: (Y'Y + Y'(C - I)Y + lambda I)^-1 Y'C p."""
        liked = self._vectors[items]
        system = self._gram + self._args["confidence"] * (liked.T @ liked)
        solved: Floats = np.linalg.solve(system, (1.0 + self._args["confidence"]) * liked.sum(axis=0))
        return solved

    def similar(self, item: int) -> Floats:
        """Cosine of the items' factors."""
        if not len(self._vectors) or not self._vectors[item].any():
            return super().similar(item)
        norms = np.linalg.norm(self._vectors, axis=1)
        found: Floats = self._vectors @ self._vectors[item] / np.maximum(norms * norms[item], 1e-12)
        return found

    def reasons_for(self, history: History, items: Sequence[int]) -> list[tuple[Share, ...]]:
        return [self._reasons(history, item) for item in items]

    def _reasons(self, history: History, item: int) -> tuple[Share, ...]:
        """Exact, as section 5 of the paper decomposes a score over the history."""
        items = np.unique(self._known(history).items)
        if not len(self._vectors) or not len(items):
            return ()
        liked = self._vectors[items]
        system = self._gram + self._args["confidence"] * (liked.T @ liked)
        parts = liked @ np.linalg.solve(system, self._vectors[item])
        return shares(dict(zip(items.tolist(), parts.tolist(), strict=True)))

    def _settings(self) -> dict[str, Any]:
        return dict(self._args)

    def _tensors(self) -> Tensors:
        return {"vectors": self._vectors}

    def _restore(self, tensors: Tensors) -> None:
        self._set(np.array(tensors["vectors"], np.float32))
