"""A blend of recommenders whose weights are learnt on events that came after what its members learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from core.evaluation.ranking import top
from core.recommend.base import POPULARITY, Model, Run, Share, shares
from core.recommend.data import Bools, Doubles, Floats, History, Interactions, Items
from core.recommend.split import Kind, split

_JUDGED = 3_000  # people
_ASKED = 50  # validation items a person
_CANDIDATES = 100  # best items of each member
_ROUNDS = 30
_LEAST = 20  # people; with fewer all members weigh the same


class Blend(Model):
    """The weighted sum of its members' scores, each row of which is brought to mean 0 and deviation 1 over the items.

    Weights come from greedy forward selection with replacement on NDCG@10 (Caruana et al. 2004), which starts with the
    best member, so that on validation the blend is never worse than it. Without validation events ``holdout`` of the
    data are kept back: "newest" for lists of what people will like, "last" for the very next thing. ``finish``: members
    take those events in, too, once the weights are known.
    """

    name = "blend"

    def __init__(
        self, members: Mapping[str, Model] | None = None, finish: bool = True, holdout: Kind = "newest"
    ) -> None:
        super().__init__()
        self.holdout = holdout
        self.members: dict[str, Model] = dict(members or {})
        self.weights: dict[str, float] = {}
        self._finish = finish

    def _learn(self, data: Interactions, items: Items, run: Run) -> None:
        if run.validation is not None:
            inner, held = data, run.validation
        else:
            parts = split(data, self.holdout, seed=run.seed)
            inner, held = parts.train, parts.test
        for number, (name, member) in enumerate(self.members.items()):
            run.watch.step("blend", number, len(self.members))
            member.fit(inner, items, seed=run.seed, watch=run.watch, validation=held, work=_under(run.work, name))
        self._learn_weights(inner, held, run.seed)
        if self._finish and run.validation is None:
            self._finish_members(data, items, run)

    def weigh(self, data: Interactions, items: Items, held: Interactions, seed: int = 0) -> Self:
        """Learns only the weights, for members that are fitted on ``data`` already."""
        self._start(data, items, seed)
        self._learn_weights(data, held, seed)
        return self

    def _learn_weights(self, data: Interactions, held: Interactions, seed: int) -> None:
        asked = _questions(self.members, data, held, seed)
        if len(asked) < _LEAST:
            self.weights = {name: 1.0 / len(self.members) for name in self.members}
            self._facts["weights"] = dict(self.weights)
            return
        chosen, reached = _greedy(asked, len(self.members))
        self.weights = {name: float(w) for name, w in zip(self.members, chosen, strict=True) if w > 0}
        self._facts |= {"weights": dict(self.weights), "validation_ndcg": reached}

    def refit(self, data: Interactions, items: Items, **values: Any) -> Self:
        """Members refit; weights stay."""
        if not self.weights:
            return self.fit(data, items, **values)
        from core.training.watch import Quiet

        seed = values.get("seed", 0)
        self._start(data, items, seed)
        self._finish_members(data, items, Run(seed, values.get("watch") or Quiet(), None, values.get("work")))
        return self

    def _finish_members(self, data: Interactions, items: Items, run: Run) -> None:
        for name in self.weights:
            work = _under(run.work, name)
            self.members[name].refit(data, items, seed=run.seed, watch=run.watch, work=work)

    def _score(self, histories: Sequence[History]) -> Floats | None:
        parts = [w * normal(self.members[name].scores_for(histories)) for name, w in self.weights.items()]
        return np.sum(parts, axis=0, dtype=np.float32) if parts else None

    def similar(self, item: int) -> Floats:
        parts = [
            w * normal(self.members[name].similar(item)[None])[0]
            for name, w in self.weights.items()
            if self.members[name].personal
        ]
        return np.sum(parts, axis=0, dtype=np.float32) if parts else self._popularity.copy()

    def reasons_for(self, history: History, items: Sequence[int]) -> list[tuple[Share, ...]]:
        """Its members' shares, in proportion to their weights; members without a reason have no say."""
        parts: list[dict[int, float]] = [{} for _ in items]
        for name, weight in self.weights.items():
            for mine, told in zip(parts, self.members[name].reasons_for(history, items), strict=True):
                for share in told:
                    mine[share.item] = mine.get(share.item, 0.0) + weight * share.share
        return [shares(mine) for mine in parts]

    def save(self, folder: Path) -> None:
        """Members in folders of their own below it; all are sealed."""
        from core.recommend.store import save_model

        for name in self.weights:
            self.members[name].save(folder / name)
        settings = {"weights": dict(self.weights), "finish": self._finish}
        save_model(folder, self.name, self._item_ids, self._facts, settings, {POPULARITY: self._popularity})

    @classmethod
    def open(cls, folder: Path) -> Self:
        from core.recommend.build import open_model
        from core.recommend.store import load_model

        stored = load_model(folder, cls.name)
        model = cls(finish=bool(stored.settings["finish"]))
        model.weights = dict(stored.settings["weights"])
        model.members = {name: open_model(folder / name) for name in model.weights}
        model._item_ids, model._facts = stored.item_ids, dict(stored.facts)
        model._popularity = stored.tensors[POPULARITY]
        return model


def normal(scores: Floats) -> Floats:
    """Rows [rows, items] with mean 0 and deviation 1; a row of equals becomes zeros."""
    middle = scores.mean(axis=1, keepdims=True)
    spread = scores.std(axis=1, keepdims=True)
    found: Floats = ((scores - middle) / np.where(spread > 1e-12, spread, 1.0)).astype(np.float32)
    return found


@dataclass(frozen=True, slots=True)
class _Question:
    """One person's candidates: ``scores`` [members, c] and which of them came next, ``wanted`` bool [c]."""

    scores: Floats
    wanted: Bools


def _questions(members: Mapping[str, Model], data: Interactions, held: Interactions, seed: int) -> list[_Question]:
    able = np.unique(held.liked.users)
    if len(able) > _JUDGED:
        able = np.sort(np.random.default_rng(seed).choice(able, _JUDGED, replace=False))
    asked: list[_Question] = []
    for first in range(0, len(able), 256):
        people = able[first : first + 256].tolist()
        histories = [data.history(user) for user in people]
        scores = [normal(member.scores_for(histories)) for member in members.values()]
        seen = [history.seen for history in histories]
        best = [top(one, _CANDIDATES, seen) for one in scores]
        for row, user in enumerate(people):
            wanted = np.setdiff1d(held.liked.history(user).items, seen[row])[:_ASKED]
            numbers = np.union1d(np.concatenate([one[row] for one in best]), wanted)
            numbers = numbers[numbers >= 0]
            if len(wanted):
                cells = np.stack([one[row, numbers] for one in scores])
                asked.append(_Question(cells, np.isin(numbers, wanted)))
    return asked


def _greedy(questions: Sequence[_Question], members: int) -> tuple[Doubles, float]:
    """Weights that sum to 1, and the NDCG@10 that they reach."""
    longest = max(len(one.wanted) for one in questions)
    cells = np.full((members, len(questions), longest), -np.inf, np.float32)
    wanted = np.zeros((len(questions), longest), bool)
    for place, one in enumerate(questions):
        cells[:, place, : len(one.wanted)] = one.scores
        wanted[place, : len(one.wanted)] = one.wanted
    counts = np.zeros(members)
    whole = np.zeros(cells.shape[1:], np.float32)
    best, kept = -1.0, counts.copy()
    for _ in range(_ROUNDS):
        tried = [_ndcg(whole + cells[member], wanted) for member in range(members)]
        member = int(np.argmax(tried))
        counts[member] += 1
        whole += cells[member]
        if tried[member] > best + 1e-9:
            best, kept = tried[member], counts.copy()
    return kept / kept.sum(), best


def _ndcg(scores: Floats, wanted: Bools) -> float:
    """Mean NDCG@10 of rows of candidates; -inf is no candidate."""
    k = min(10, scores.shape[1])
    chosen = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, chosen, axis=1), axis=1, kind="stable")
    gains = np.take_along_axis(wanted, np.take_along_axis(chosen, order, axis=1), axis=1)
    discounts = 1 / np.log2(2 + np.arange(k))
    ideal = discounts.cumsum()[np.minimum(wanted.sum(axis=1), k) - 1]
    return float((gains @ discounts / ideal).mean())


def _under(work: Path | None, name: str) -> Path | None:
    return None if work is None else work / name
