"""What most people like: the list that every other model has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.recommend.base import Model, Run, Tensors
from core.recommend.data import Floats, History, Interactions, Items

DAY = 86_400


class Popular(Model):
    """By how many different people liked each item, over all time."""

    name = "popular"
    personal = False

    def _learn(self, data: Interactions, items: Items, run: Run) -> None:
        return None

    def _score(self, histories: Sequence[History]) -> Floats | None:
        return None

    def similar(self, item: int) -> Floats:
        return self._popularity.copy()


class Recent(Model):
    """As ``Popular``, but an event counts half as much for every ``half_life`` days that it is older than the newest.

    Without times it is ``Popular``.
    """

    name = "recent"
    personal = False

    def __init__(self, half_life: float = 14.0) -> None:
        super().__init__()
        self._half_life = half_life

    def _learn(self, data: Interactions, items: Items, run: Run) -> None:
        if not data.timed:
            return
        liked = data.liked
        age = (data.times.max() - liked.times) / DAY
        counts = np.bincount(liked.items, np.exp2(-age / self._half_life), minlength=len(items))
        # The all-time count decides among items nobody touched lately.
        self._popularity = (counts / max(float(counts.max()), 1e-12) + 1e-4 * self._popularity).astype(np.float32)

    def _score(self, histories: Sequence[History]) -> Floats | None:
        return None

    def similar(self, item: int) -> Floats:
        return self._popularity.copy()

    def _settings(self) -> dict[str, Any]:
        return {"half_life": self._half_life}

    def _tensors(self) -> Tensors:
        return {}
