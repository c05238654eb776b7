"""Day 0: is anything better than "most popular"? All models on the same split, ranked against the whole catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.evaluation.intervals import Interval, mean_difference
from core.evaluation.ranking import ndcg_of_ranks, ranks_of, recall_of_ranks, reciprocal_of_ranks, top
from core.recommend.base import Model
from core.recommend.blend import Blend
from core.recommend.build import BASELINE
from core.recommend.data import Doubles, Interactions, Ints, Items
from core.recommend.split import Kind, Split, choose_kind, split
from core.recommend.verdict import Verdict, verdict_of
from core.training.watch import Quiet, Watch

MEASURES = ("ndcg", "recall", "mrr")
_AT_ONCE = 256  # people scored at a time
_MOST_JUDGED = 20_000  # people: more make an interval no more useful

Build = Callable[[str], Model]  # name -> a model that is not fitted


@dataclass(frozen=True, slots=True)
class CompareArgs:
    """``kind`` "" chooses: in time where enough people can be judged so. ``k``: length of the lists."""

    models: tuple[str, ...]
    kind: Kind | str = ""
    share: float = 0.2
    k: int = 10
    seed: int = 0
    most_people: int = _MOST_JUDGED


@dataclass(frozen=True, slots=True)
class Result:
    """One model on one split. Intervals are 95 % bootstrap over people. ``gain``: its NDCG less the baseline's, paired
    by person. ``coverage``: share of the catalogue on any list. ``novelty``: mean bits, -log2 of the share of people
    who liked a listed item. ``seconds``: wall time of the fit."""

    name: str
    ndcg: Interval
    recall: Interval
    mrr: Interval
    coverage: float
    novelty: float
    gain: Interval
    seconds: float
    people_per_second: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``results`` in the order of NDCG, best first. ``protocol`` says how it was measured, in JSON values."""

    protocol: Mapping[str, Any]
    results: tuple[Result, ...]
    verdict: Verdict

    def result(self, name: str) -> Result:
        return next(one for one in self.results if one.name == name)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class _Lists:
    """What one model did for the people judged: [people] of each measure, and the lists [people, k]."""

    measures: dict[str, Doubles]
    shown: Ints
    seconds: float


def compare(
    data: Interactions,
    items: Items,
    build: Build,
    args: CompareArgs,
    *,
    watch: Watch | None = None,
    work: Path | None = None,
    done: Callable[[Result], None] | None = None,
) -> Comparison:
    """Fits every model of ``args`` (and the baseline) on the older events and judges it by the newer ones.

    ``done`` is told each result as it comes. Raises what the watch raises; never for poor data: the verdict says so.
    """
    watch = watch or Quiet()
    parts = split(data, args.kind or choose_kind(data, args.share), share=args.share, seed=args.seed)  # type: ignore[arg-type]
    people, wanted = judged_people(parts, args.most_people, args.seed)
    names = tuple(dict.fromkeys((BASELINE, *args.models)))
    results: list[Result] = []
    base: _Lists | None = None
    fits = _Fits(parts, items, build, args.seed, watch, work)
    for number, name in enumerate(names):
        watch.step("compare", number, len(names))
        model, seconds = fits.fitted(name, blended=Blend.name in names)
        lists = judged(model, parts.train, people, wanted, args.k, watch)
        base = base or lists
        results.append(_result(name, lists, base, parts.train, seconds, model.facts, args.seed))
        if done is not None:
            done(results[-1])
    watch.step("compare", len(names), len(names))
    ordered = tuple(sorted(results, key=lambda one: (-one.ndcg.value, names.index(one.name))))
    return Comparison(_protocol(parts, args, len(people)), ordered, verdict_of(ordered, len(people), len(data)))


class _Fits:
    """Fits each model once. With a blend, its members learn from the older part of ``train`` first, its weights from
    how they then do on the newer part, and they take that in before anything is judged."""

    def __init__(self, parts: Split, items: Items, build: Build, seed: int, watch: Watch, work: Path | None) -> None:
        self._train, self._items, self._build, self._seed, self._watch = parts.train, items, build, seed, watch
        self._work = work
        # Weights for what will be asked: a random test is told nothing about by the newest events, nor the reverse.
        self._holdout: Kind = parts.kind if parts.kind in ("last", "random") else "newest"
        self._blend: Blend | None = None
        self._spent: dict[str, float] = {}

    def fitted(self, name: str, *, blended: bool) -> tuple[Model, float]:
        """The model and the seconds that its fit took."""
        if blended and self._blend is None:
            self._blend = self._blended()
        if self._blend is not None and name == Blend.name:
            return self._blend, sum(self._spent.values())
        if self._blend is not None and name in self._blend.members:
            return self._blend.members[name], self._spent[name]
        model = self._build(name)
        start = time.perf_counter()
        model.fit(self._train, self._items, seed=self._seed, watch=self._watch, work=self._folder(name))
        return model, time.perf_counter() - start

    def _blended(self) -> Blend:
        blend = self._build(Blend.name)
        if not isinstance(blend, Blend):
            raise TypeError("the model named blend has to be one")
        inner = split(self._train, self._holdout, seed=self._seed)
        for name, member in blend.members.items():
            start = time.perf_counter()
            member.fit(
                inner.train,
                self._items,
                seed=self._seed,
                watch=self._watch,
                validation=inner.test,
                work=self._folder(name),
            )
            self._spent[name] = time.perf_counter() - start
        start = time.perf_counter()
        blend.weigh(inner.train, self._items, inner.test, self._seed)
        self._spent[Blend.name] = time.perf_counter() - start
        for name, member in blend.members.items():
            start = time.perf_counter()
            member.refit(self._train, self._items, seed=self._seed, watch=self._watch, work=self._folder(name))
            self._spent[name] += time.perf_counter() - start
        return blend

    def _folder(self, name: str) -> Path | None:
        return None if self._work is None else self._work / name


def judged_people(parts: Split, most: int, seed: int) -> tuple[Ints, list[Ints]]:
    """People with a history and something new in test, at most ``most``, and the items each is owed."""
    liked = parts.test.liked
    people, wanted = [], []
    for user in np.unique(liked.users).tolist():
        seen = parts.train.history(user).seen
        owed = np.setdiff1d(liked.history(user).items, seen)
        if len(seen) and len(owed):
            people.append(user)
            wanted.append(owed)
    if len(people) > most:
        chosen = np.sort(np.random.default_rng(seed).choice(len(people), most, replace=False))
        people, wanted = [people[one] for one in chosen], [wanted[one] for one in chosen]
    return np.array(people, np.int64), wanted


def judged(model: Model, train: Interactions, people: Ints, wanted: Sequence[Ints], k: int, watch: Watch) -> _Lists:
    """Ranks the whole catalogue, but for what a person had seen, for each of ``people``."""
    measures = {name: np.zeros(len(people)) for name in MEASURES}
    shown = np.full((len(people), k), -1, np.int64)
    start = time.perf_counter()
    for first in range(0, len(people), _AT_ONCE):
        watch.check()
        histories = [train.history(user) for user in people[first : first + _AT_ONCE].tolist()]
        scores = model.scores_for(histories)
        seen = [history.seen for history in histories]
        shown[first : first + len(histories)] = top(scores, k, seen)
        for row, gone in enumerate(seen):
            places = ranks_of(scores[row], wanted[first + row], gone)
            measures["ndcg"][first + row] = ndcg_of_ranks(places, k)
            measures["recall"][first + row] = recall_of_ranks(places, k)
            measures["mrr"][first + row] = reciprocal_of_ranks(places, k)
    return _Lists(measures, shown, time.perf_counter() - start)


def _result(
    name: str,
    lists: _Lists,
    base: _Lists,
    train: Interactions,
    seconds: float,
    facts: Mapping[str, Any],
    seed: int,
) -> Result:
    nothing = np.zeros(len(lists.shown))
    found = {measure: _interval(nothing, values, seed) for measure, values in lists.measures.items()}
    shown = lists.shown[lists.shown >= 0]
    coverage = len(np.unique(shown)) / train.catalogue if train.catalogue else 0.0
    return Result(
        name,
        **found,
        coverage=coverage,
        novelty=_novelty(shown, train),
        gain=_interval(base.measures["ndcg"], lists.measures["ndcg"], seed),
        seconds=seconds,
        people_per_second=len(lists.shown) / lists.seconds if lists.seconds else 0.0,
        facts=dict(facts),
    )


def _interval(before: Doubles, after: Doubles, seed: int) -> Interval:
    return mean_difference(before, after, seed=seed) if len(after) else Interval(0.0, 0.0, 0.0)


def _novelty(shown: Ints, train: Interactions) -> float:
    """Vargas and Castells 2011, with one more person who liked everything, so that nothing is infinitely novel."""
    if not len(shown):
        return 0.0
    chance = (train.popularity() + 1.0) / (train.people + 1.0)
    return float(-np.log2(np.minimum(chance[shown], 1.0)).mean())


def _protocol(parts: Split, args: CompareArgs, people: int) -> dict[str, Any]:
    return {
        "split": parts.kind,
        "share": parts.share,
        "cut": parts.cut,
        "train_events": len(parts.train),
        "test_events": len(parts.test),
        "people": people,
        "able_people": parts.people,
        "new_people": parts.new_people,
        "items": parts.train.catalogue,
        "k": args.k,
        "seed": args.seed,
        "ranking": "full",
        "seen": "left out",
        "ties": "catalogue order",
        "interval": "95 % bootstrap over people",
    }
