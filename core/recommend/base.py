"""What every recommender does, whichever way it learns.

A recommender is a function of a history: nothing about a person is stored in it, so people who came later, baskets and
the clicks of a running session are served without fitting anew, and a deleted person leaves nothing behind in it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from core.recommend.data import Floats, History, Interactions, Items
from core.training.watch import Quiet, Watch

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Share:
    """``share`` (0 to 1) of an item's score that comes from ``item`` of the history. Shares of a list sum to 1."""

    item: int
    share: float


class Recommender(Protocol):
    """Scores are comparable within one row only; higher is better. Item numbers are those of ``item_ids``."""

    name: ClassVar[str]
    personal: ClassVar[bool]  # False: every history gets the same list

    @property
    def item_ids(self) -> tuple[str, ...]: ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it was fitted on and with: JSON values."""
        ...

    def fit(
        self,
        data: Interactions,
        items: Items,
        *,
        seed: int = 0,
        watch: Watch | None = None,
        validation: Interactions | None = None,
        work: Path | None = None,
    ) -> Self:
        """Learns from ``data``, whose item numbers are those of ``items``.

        ``validation``: events of the same people after those of ``data``, to choose by or to stop early; a model that
        needs some and gets none holds out the newest of ``data``. ``work``: a folder for checkpoints; the same call
        after a kill goes on from them. Raises what ``watch`` raises; never for data that is empty or poor: such a
        model falls back on popularity, then on the order of the catalogue.
        """
        ...

    def refit(
        self,
        data: Interactions,
        items: Items,
        *,
        seed: int = 0,
        watch: Watch | None = None,
        work: Path | None = None,
    ) -> Self:
        """Takes in the validation events once everything is chosen; cheaper than ``fit`` where a model can go on."""
        ...

    def scores(self, users: Sequence[int]) -> Floats:
        """Float32 [users, items] for people of the data it was fitted on in this process."""
        ...

    def scores_for(self, histories: Sequence[History]) -> Floats:
        """Float32 [histories, items], finite, of any histories; what they hold already is scored like the rest.

        Who liked nothing that is known here gets popularity. Item numbers outside the catalogue are passed over.
        """
        ...

    def similar(self, item: int) -> Floats:
        """Float32 [items]: how well each goes with ``item``; the item itself included."""
        ...

    def reasons(self, history: History, item: int) -> tuple[Share, ...]:
        """Which items of the history speak for ``item``, largest share first; empty where none does."""
        ...

    def reasons_for(self, history: History, items: Sequence[int]) -> list[tuple[Share, ...]]:
        """``reasons`` of several items at once."""
        ...

    def save(self, folder: Path) -> None:
        """A sealed folder (safetensors, JSON). Raises OSError."""
        ...

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Raises Unavailable (models.no_manifest, models.damaged, recommend.other_model)."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """The circumstances of one fit, as ``Recommender.fit`` takes them."""

    seed: int
    watch: Watch
    validation: Interactions | None = None
    work: Path | None = None


class Model:
    """What recommenders share. A subclass learns in ``_learn``, scores known histories in ``_score`` and names its
    arrays and constructor arguments in ``_tensors`` and ``_settings``; ``_restore`` takes the arrays back."""

    name: ClassVar[str] = ""
    personal: ClassVar[bool] = True

    def __init__(self) -> None:
        self._item_ids: tuple[str, ...] = ()
        self._facts: dict[str, Any] = {}
        self._data: Interactions | None = None
        self._popularity: Floats = np.zeros(0, np.float32)  # [items], 0 to 1

    @property
    def item_ids(self) -> tuple[str, ...]:
        return self._item_ids

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._facts

    def fit(
        self,
        data: Interactions,
        items: Items,
        *,
        seed: int = 0,
        watch: Watch | None = None,
        validation: Interactions | None = None,
        work: Path | None = None,
    ) -> Self:
        self._start(data, items, seed)
        run = Run(seed, watch or Quiet(), validation, work)
        run.watch.check()
        start, cpu = time.perf_counter(), time.process_time()
        self._learn(data, items, run)
        self._facts |= {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
        return self

    def refit(
        self,
        data: Interactions,
        items: Items,
        *,
        seed: int = 0,
        watch: Watch | None = None,
        work: Path | None = None,
    ) -> Self:
        return self.fit(data, items, seed=seed, watch=watch, work=work)

    def _start(self, data: Interactions, items: Items, seed: int) -> None:
        if data.item_ids != items.ids:
            raise ValueError("the interactions have to be numbered like the items")
        self._item_ids, self._data = items.ids, data
        counts = np.log1p(data.popularity().astype(np.float64))
        self._popularity = (counts / max(float(counts.max(initial=0)), 1.0)).astype(np.float32)
        self._facts |= {"events": len(data), "people": data.people, "items": len(items), "seed": seed}

    def scores(self, users: Sequence[int]) -> Floats:
        if self._data is None:
            raise ValueError("this model was opened from disk; give scores_for the histories")
        return self.scores_for([self._data.history(int(user)) for user in users])

    def scores_for(self, histories: Sequence[History]) -> Floats:
        found = np.repeat(self._popularity[None], len(histories), axis=0)
        liked = [self._known(history) for history in histories]
        rows = [row for row, history in enumerate(liked) if len(history)]
        if not rows or not len(self._item_ids):
            return found
        scored = self._score([liked[row] for row in rows])
        if scored is not None:
            flat = np.ptp(scored, axis=1) == 0  # nothing known speaks for anything
            found[rows] = np.where(flat[:, None], found[rows], scored)
        return found

    def _known(self, history: History) -> History:
        liked = history.liked
        inside = (liked.items >= 0) & (liked.items < len(self._item_ids))
        return liked if inside.all() else History(liked.items[inside], liked.times[inside], liked.weights[inside])

    def similar(self, item: int) -> Floats:
        found: Floats = self.scores_for([History.of([item])])[0]
        return found

    def reasons(self, history: History, item: int) -> tuple[Share, ...]:
        return self.reasons_for(history, [item])[0]

    def reasons_for(self, history: History, items: Sequence[int]) -> list[tuple[Share, ...]]:
        """By leaving each of the newest items out in turn: the share is how much of the score goes with it."""
        liked = self._known(history)
        kinds = list(dict.fromkeys(liked.items[::-1].tolist()))[:_OCCLUDED]
        if not kinds or not self.personal:
            return [()] * len(items)
        if len(kinds) == 1:
            return [(Share(kinds[0], 1.0),)] * len(items)
        scored = self.scores_for([liked, *(liked.without([one]) for one in kinds)])
        spread = scored - scored.mean(axis=1, keepdims=True)
        lost = spread[:1] - spread[1:]
        return [shares(dict(zip(kinds, lost[:, item].tolist(), strict=True))) for item in items]

    def save(self, folder: Path) -> None:
        from core.recommend.store import save_model

        tensors = {**self._tensors(), POPULARITY: self._popularity}
        save_model(folder, self.name, self._item_ids, self._facts, self._settings(), tensors)

    @classmethod
    def open(cls, folder: Path) -> Self:
        from core.recommend.store import load_model

        stored = load_model(folder, cls.name)
        model = cls(**stored.settings)
        model._item_ids, model._facts = stored.item_ids, dict(stored.facts)
        model._popularity = stored.tensors[POPULARITY]
        model._restore(stored.tensors)
        return model

    def _learn(self, data: Interactions, items: Items, run: Run) -> None:
        raise NotImplementedError

    def _score(self, histories: Sequence[History]) -> Floats | None:
        """Float32 [histories, items] of histories that hold known liked items only, one at least; None: not fitted."""
        raise NotImplementedError

    def _settings(self) -> dict[str, Any]:
        """Arguments of the constructor: JSON values."""
        return {}

    def _tensors(self) -> Tensors:
        return {}

    def _restore(self, tensors: Tensors) -> None:
        return None


POPULARITY = "popularity"
_OCCLUDED = 30  # newest items of a history that are left out in turn


def shares(parts: Mapping[int, float]) -> tuple[Share, ...]:
    """Contributions by item as shares of their positive sum, largest first; parts that speak against are left out."""
    positive = {item: part for item, part in parts.items() if part > 0 and np.isfinite(part)}
    whole = sum(positive.values())
    if whole <= 0:
        return ()
    ordered = sorted(positive.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Share(item, part / whole) for item, part in ordered)
