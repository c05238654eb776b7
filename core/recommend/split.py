"""Ways to part interactions into what a model may learn from and what it is then judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.recommend.data import Bools, Interactions

Kind = Literal["time", "newest", "last", "random"]
KINDS: tuple[Kind, ...] = ("time", "newest", "last", "random")
_LEAST_WARM = 50


@dataclass(frozen=True, slots=True)
class Split:
    """``train`` and ``test`` number people and items alike. ``cut``: unix seconds of a split in time, else 0.

    ``people``: those who can be judged, with something liked in test that they had not seen in train and some history.
    ``new_people``: those with test events only; every model gives them popularity.
    """

    kind: Kind
    train: Interactions
    test: Interactions
    people: int
    new_people: int
    cut: int = 0
    share: float = 0.0


def split(data: Interactions, kind: Kind, *, share: float = 0.2, seed: int = 0) -> Split:
    """``time``: events after one moment for all are the test, as a model in service meets them. ``newest``: the newest
    ``share`` of each person's events. ``last``: the newest event of each person with three or more. ``random``: a
    random ``share`` of each person's events; it knows the future and flatters, so never use it alone."""
    cut = 0
    if kind == "time":
        cut = _moment(data, share)
        later = data.times >= cut if cut else np.zeros(len(data), bool)
    elif kind == "newest":
        later = _newest(data, share)
    elif kind == "last":
        later = _newest(data, 0.0)
    else:
        later = _random(data, share, seed)
    return _made(kind, data, later, cut, share)


def choose_kind(data: Interactions, share: float = 0.2) -> Kind:
    """``time`` where enough people can be judged so, else ``newest``; ``random`` where no order is known."""
    if not data.timed:
        return "random"
    return "time" if split(data, "time", share=share).people >= _LEAST_WARM else "newest"


def _made(kind: Kind, data: Interactions, later: Bools, cut: int, share: float) -> Split:
    train, test = data.where(~later), data.where(later)
    before = np.bincount(train.users, minlength=data.people) > 0
    seen = train.users * data.catalogue + train.items
    wanted = test.liked
    fresh = ~np.isin(wanted.users * data.catalogue + wanted.items, seen)
    after = np.bincount(wanted.users[fresh], minlength=data.people) > 0
    return Split(kind, train, test, int((before & after).sum()), int((~before & after).sum()), cut, share)


def _moment(data: Interactions, share: float) -> int:
    """The time from which on ``share`` of the events are; never the first, so that something is left to learn from."""
    if not data.timed:
        return 0
    ordered = np.sort(data.times)
    cut = int(ordered[min(len(ordered) - 1, int(len(ordered) * (1 - share)))])
    return cut if cut > ordered[0] else int(ordered[ordered > ordered[0]][0])


def _newest(data: Interactions, share: float) -> Bools:
    """The newest ``share`` of each person's events, one at least of three or more; people with fewer keep all."""
    sizes = np.diff(data.starts)
    taken = np.where(sizes >= 3, np.maximum(1, (sizes * share).astype(np.int64)), 0)
    places = np.arange(len(data)) - data.starts[data.users]
    later: Bools = places >= (sizes - taken)[data.users]
    return later


def _random(data: Interactions, share: float, seed: int) -> Bools:
    order = np.random.default_rng(seed).random(len(data))
    shuffled = np.lexsort((order, data.users))
    later = np.zeros(len(data), bool)
    later[shuffled] = _newest(data, share)
    return later
