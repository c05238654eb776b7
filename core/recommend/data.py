"""The data that recommendations learn from: items, interactions, one person's history. Plain columns, no database.

Items and people are numbered from 0; ``ids`` say who is who. A model's item numbers are those of the ``Items`` that it
was fitted with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]

NO_TIME = 0  # unix seconds of an event whose time is not known
UNLIMITED = -1  # stock of an item that is not counted


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be recommended. ``price`` None: not known; ``stock`` -1: not counted; ``added``: unix seconds
    since when it is in the catalogue, 0 when not known."""

    id: str
    title: str = ""
    text: str = ""
    category: str = ""
    price: float | None = None
    image: str = ""
    tags: tuple[str, ...] = ()
    stock: int = UNLIMITED
    added: int = NO_TIME

    @property
    def words(self) -> str:
        """What an encoder reads of it."""
        return "\n".join(part for part in (self.title, self.category, " ".join(self.tags), self.text) if part)


@dataclass(frozen=True)
class Items:
    """A catalogue in a fixed order: item ``i`` is row ``i`` of every matrix. Ids are unique."""

    rows: tuple[Item, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Item:
        return self.rows[number]

    @classmethod
    def named(cls, ids: Iterable[str]) -> Items:
        """A catalogue of which only the ids are known."""
        return cls(tuple(Item(one, title=one) for one in ids))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(row.id for row in self.rows)

    @cached_property
    def number(self) -> Mapping[str, int]:
        """Row of an id."""
        return {one: place for place, one in enumerate(self.ids)}

    @cached_property
    def prices(self) -> Floats:
        """Float32 [items], NaN where not known."""
        return np.array([np.nan if row.price is None else row.price for row in self.rows], np.float32)

    @cached_property
    def stock(self) -> Ints:
        """[items]; -1 is not counted."""
        return np.array([row.stock for row in self.rows], np.int64)

    @cached_property
    def added(self) -> Ints:
        return np.array([row.added for row in self.rows], np.int64)

    @cached_property
    def categories(self) -> tuple[str, ...]:
        return tuple(row.category for row in self.rows)

    @cached_property
    def _places(self) -> Mapping[tuple[str, str], Ints]:
        """Rows of each category and of each tag."""
        found: dict[tuple[str, str], list[int]] = {}
        for place, row in enumerate(self.rows):
            for key in (("category", row.category), *(("tag", tag) for tag in row.tags)):
                found.setdefault(key, []).append(place)
        return {key: np.array(places, np.int64) for key, places in found.items()}

    @cached_property
    def category_numbers(self) -> Ints:
        """[items]: equal for items of one category; -1 without one."""
        number = {name: place for place, name in enumerate(sorted(set(self.categories) - {""}))}
        return np.array([number.get(name, -1) for name in self.categories], np.int64)

    def having(self, ids: Iterable[str] = (), categories: Iterable[str] = (), tags: Iterable[str] = ()) -> Bools:
        """Bool [items]: those with one of the ids, categories or tags."""
        found = np.zeros(len(self.rows), bool)
        found[[self.number[one] for one in ids if one in self.number]] = True
        for key in (*(("category", one) for one in categories), *(("tag", one) for one in tags)):
            if key in self._places:
                found[self._places[key]] = True
        return found

    @cached_property
    def sellable(self) -> Bools:
        """Bool [items]: not known to be out of stock."""
        found: Bools = self.stock != 0
        return found


@dataclass(frozen=True, slots=True)
class History:
    """What one person did, oldest first; also a basket or a session. ``weights``: how much each event says that the
    person likes the item; 0 is "seen, not liked". Repeats are allowed."""

    items: Ints
    times: Ints
    weights: Floats

    @classmethod
    def of(
        cls, items: Sequence[int] | Ints, times: Sequence[int] | Ints = (), weights: Sequence[float] | Floats = ()
    ) -> History:
        """Times left out are unknown, weights left out are 1. Raises ValueError for lengths that differ."""
        numbers = np.asarray(items, np.int64).reshape(-1)
        when = np.asarray(times, np.int64) if len(times) else np.full(len(numbers), NO_TIME, np.int64)
        liked = np.asarray(weights, np.float32) if len(weights) else np.ones(len(numbers), np.float32)
        if not len(numbers) == len(when) == len(liked):
            raise ValueError("items, times and weights have to be of one length")
        return cls(numbers, when, liked)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def liked(self) -> History:
        """Without what was only seen."""
        kept = self.weights > 0
        return self if kept.all() else History(self.items[kept], self.times[kept], self.weights[kept])

    @property
    def seen(self) -> Ints:
        """Different items, in order of number."""
        return np.unique(self.items)

    def without(self, removed: Iterable[int]) -> History:
        kept = ~np.isin(self.items, np.fromiter(removed, np.int64))
        return History(self.items[kept], self.times[kept], self.weights[kept])

    def followed_by(self, items: Sequence[int], time: int = NO_TIME, weight: float = 1.0) -> History:
        """With events of this session at its end."""
        more = np.asarray(items, np.int64)
        return History(
            np.concatenate([self.items, more]),
            np.concatenate([self.times, np.full(len(more), time, np.int64)]),
            np.concatenate([self.weights, np.full(len(more), weight, np.float32)]),
        )


NOBODY = History.of([])


@dataclass(frozen=True)
class Interactions:
    """Events in columns of one length, ordered by person and then time (ties as they came).

    ``users``, ``items``, ``kinds`` are numbers into ``user_ids``, ``item_ids``, ``kind_names``; ``times`` are unix
    seconds, 0 where not known; ``weights`` as in ``History``. ``item_ids`` is the whole catalogue, in its order.
    """

    users: Ints
    items: Ints
    times: Ints
    kinds: Ints
    weights: Floats
    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    kind_names: tuple[str, ...] = ("event",)

    @classmethod
    def of(
        cls,
        users: Sequence[int] | Ints,
        items: Sequence[int] | Ints,
        times: Sequence[int] | Ints = (),
        weights: Sequence[float] | Floats = (),
        *,
        user_ids: Sequence[str] | None = None,
        item_ids: Sequence[str] | None = None,
        kinds: Sequence[int] | Ints = (),
        kind_names: Sequence[str] = ("event",),
    ) -> Interactions:
        """Sorts the columns. Ids left out are the numbers themselves."""
        who, what = np.asarray(users, np.int64).reshape(-1), np.asarray(items, np.int64).reshape(-1)
        when = np.asarray(times, np.int64) if len(times) else np.full(len(who), NO_TIME, np.int64)
        liked = np.asarray(weights, np.float32) if len(weights) else np.ones(len(who), np.float32)
        sort = np.asarray(kinds, np.int64) if len(kinds) else np.zeros(len(who), np.int64)
        if not len(who) == len(what) == len(when) == len(liked) == len(sort):
            raise ValueError("all columns have to be of one length")
        order = np.lexsort((when, who))  # stable: equal times stay as they came
        people = user_ids if user_ids is not None else [str(n) for n in range(int(who.max(initial=-1)) + 1)]
        things = item_ids if item_ids is not None else [str(n) for n in range(int(what.max(initial=-1)) + 1)]
        columns = (who[order], what[order], when[order], sort[order], liked[order])
        return cls(*columns, tuple(people), tuple(things), tuple(kind_names))

    def __len__(self) -> int:
        return len(self.users)

    @property
    def people(self) -> int:
        return len(self.user_ids)

    @property
    def catalogue(self) -> int:
        """Items, those without any event included."""
        return len(self.item_ids)

    @property
    def timed(self) -> bool:
        """Whether times tell what came before what."""
        return len(self) > 0 and bool((self.times != NO_TIME).any()) and bool(np.ptp(self.times) > 0)

    @cached_property
    def starts(self) -> Ints:
        """[people + 1]: the events of person ``u`` are ``starts[u] : starts[u + 1]``."""
        return np.searchsorted(self.users, np.arange(self.people + 1)).astype(np.int64)

    @cached_property
    def user_number(self) -> Mapping[str, int]:
        return {one: place for place, one in enumerate(self.user_ids)}

    def history(self, user: int) -> History:
        span = slice(int(self.starts[user]), int(self.starts[user + 1]))
        return History(self.items[span], self.times[span], self.weights[span])

    def histories(self, users: Iterable[int] | None = None) -> Iterator[History]:
        return (self.history(int(user)) for user in (range(self.people) if users is None else users))

    def where(self, kept: Bools) -> Interactions:
        """Only events with ``kept`` [n]; people and items keep their numbers."""
        return replace(
            self,
            users=self.users[kept],
            items=self.items[kept],
            times=self.times[kept],
            kinds=self.kinds[kept],
            weights=self.weights[kept],
        )

    @cached_property
    def liked(self) -> Interactions:
        """Without events of weight 0."""
        kept = self.weights > 0
        return self if kept.all() else self.where(kept)

    def matrix(self) -> Any:
        """scipy CSR float32 [people, items] of ones where a person liked an item."""
        return history_matrix_of(self.liked.users, self.liked.items, (self.people, self.catalogue))

    def popularity(self) -> Ints:
        """[items]: how many different people liked each."""
        return np.asarray(self.matrix().sum(axis=0), np.float64).reshape(-1).astype(np.int64)


def history_matrix_of(rows: Ints, items: Ints, shape: tuple[int, int]) -> Any:
    """scipy CSR float32 of ones, repeats counted once, column numbers sorted."""
    from scipy.sparse import csr_matrix

    found = csr_matrix((np.ones(len(rows), np.float32), (rows, items)), shape=shape)
    found.sum_duplicates()
    found.data[:] = 1.0
    return found


def history_matrix(histories: Sequence[History], catalogue: int) -> Any:
    """What each history liked as scipy CSR float32 [histories, items] of ones."""
    liked = [history.liked.items for history in histories]
    rows = np.repeat(np.arange(len(liked)), [len(one) for one in liked])
    items = np.concatenate(liked) if liked else np.zeros(0, np.int64)
    return history_matrix_of(rows, items, (len(liked), catalogue))


def faded(histories: Sequence[History], catalogue: int, fade: float) -> Any:
    """scipy CSR float32 [histories, items]: the newest event of each history weighs 1, each older one ``1 - fade`` of
    the next."""
    from scipy.sparse import csr_matrix

    rows, items, weights = [], [], []
    for row, history in enumerate(histories):
        liked = history.liked.items[::-1]
        newest, first = np.unique(liked, return_index=True)
        rows.append(np.full(len(newest), row))
        items.append(newest)
        weights.append((1.0 - fade) ** np.argsort(np.argsort(first)))
    cells = [np.concatenate(part) if part else np.zeros(0) for part in (weights, rows, items)]
    shape = (len(histories), catalogue)
    return csr_matrix((cells[0].astype(np.float32), (cells[1].astype(int), cells[2].astype(int))), shape=shape)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the check of the data counted. ``code``: see ``core.recommend.cleaning``; ``count`` rows, people or
    items; ``examples``: some of the ids or values, at most five; ``values``: other numbers of its sentence."""

    code: str
    count: int
    examples: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What was read and what is used. ``findings`` in the order of their codes; empty when nothing is amiss."""

    rows: int
    used: int
    people: int
    items: int
    findings: tuple[Finding, ...] = ()
    first: int = NO_TIME  # unix seconds of the oldest and the newest event used
    last: int = NO_TIME

    def found(self, code: str) -> int:
        return next((finding.count for finding in self.findings if finding.code == code), 0)
