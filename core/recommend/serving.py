"""Lists for a person, an item, a basket or words, with rules, reasons and what-if, from one fitted model.

The catalogue that is served may be newer than the one that the model was fitted on: items that are gone are passed
over, new ones are scored by what they say about themselves. Item numbers here are those of the served catalogue.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from core.recommend.base import Model, Share
from core.recommend.blend import Blend, normal
from core.recommend.content_based import ContentBased
from core.recommend.data import NO_TIME, NOBODY, Floats, History, Ints, Items
from core.recommend.rules import Ranked, Rule, Setting, apply_rules

Source = Literal["model", "content", "popular"]


@dataclass(frozen=True, slots=True)
class Pick:
    """``score`` in deviations of all items' scores. ``source``: who put it there: the model from the history, content
    (words typed, items newer than the model) or popularity (nothing is known of the person)."""

    item: int
    item_id: str
    score: float
    source: Source
    reasons: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """``as_of``: unix seconds of the newest event that the model learnt from; ``milliseconds`` it took."""

    picks: tuple[Pick, ...]
    model: str
    version: str
    as_of: int
    milliseconds: float

    @property
    def items(self) -> tuple[int, ...]:
        return tuple(pick.item for pick in self.picks)


@dataclass(frozen=True, slots=True)
class Change:
    """A list before and after something was taken out of the history. ``gone``, ``new``: item numbers."""

    before: Served
    after: Served
    gone: tuple[int, ...]
    new: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """``hidden``: items never to be shown to this person, beside those seen. ``reasons``: how many to give an item, 0
    for none. ``repeat``: things seen may be shown again (what is bought again and again)."""

    k: int = 10
    rules: Sequence[Rule] = ()
    hidden: Collection[int] = ()
    reasons: int = 3
    repeat: bool = False
    now: int = NO_TIME


@dataclass
class Server:
    """``content``: fitted on the served catalogue (``ContentBased.covering``); None: new items are not shown and words
    cannot be answered from. Thread-safe: nothing is written after it was made."""

    model: Model
    items: Items
    content: ContentBased | None = None
    version: str = ""
    as_of: int = NO_TIME
    _theirs: Ints = field(init=False, repr=False)  # [served items] -> the model's number, -1: not in the model
    _ours: Ints = field(init=False, repr=False)  # [model items] -> served number, -1: gone

    def __post_init__(self) -> None:
        number = {one: place for place, one in enumerate(self.model.item_ids)}
        self._theirs = np.array([number.get(one, -1) for one in self.items.ids], np.int64).reshape(-1)
        self._ours = np.array([self.items.number.get(one, -1) for one in self.model.item_ids], np.int64).reshape(-1)
        if self.content is None:
            self.content = _content_of(self.model, self.items)

    def for_history(self, history: History, wish: Wish = Wish()) -> Served:
        """For a person, or a session: what they did, oldest first, with numbers of the served catalogue."""
        start = time.perf_counter()
        source: Source = "model" if self.model.personal and len(history.liked) else "popular"
        scores = self._scores(history)
        seen = np.zeros(0, np.int64) if wish.repeat else history.seen
        return self._served(scores, source, history, seen, wish, start)

    def for_item(self, item: int, wish: Wish = Wish()) -> Served:
        """More like this."""
        start = time.perf_counter()
        theirs = int(self._theirs[item])
        if theirs >= 0:
            scores = self._placed(self.model.similar(theirs), History.of([item]))
        else:
            scores = self._scores(History.of([item]))
        return self._served(scores, "model", History.of([item]), np.array([item]), wish, start)

    def for_basket(self, basket: Sequence[int], wish: Wish = Wish()) -> Served:
        """What goes with all of these together."""
        return self.for_history(History.of(basket), wish)

    def for_words(self, text: str, wish: Wish = Wish()) -> Served:
        """For someone new who says what they look for; popularity where no words can be compared."""
        start = time.perf_counter()
        if self.content is None or not text.strip():
            return self.for_history(NOBODY, wish)
        scores = normal(self.content.scores_of_words([text]))[0]
        return self._served(scores, "content", NOBODY, np.zeros(0, np.int64), wish, start)

    def what_if(self, history: History, removed: Collection[int], wish: Wish = Wish()) -> Change:
        """The list as it is, and as it would be had ``removed`` never happened. What is removed stays hidden."""
        before = self.for_history(history, wish)
        shorter = history.without(removed)
        hidden = {*wish.hidden, *removed}
        after = self.for_history(
            shorter,
            Wish(k=wish.k, rules=wish.rules, hidden=hidden, reasons=wish.reasons, repeat=wish.repeat, now=wish.now),
        )
        old, new = set(before.items), set(after.items)
        return Change(
            before, after, tuple(i for i in before.items if i not in new), tuple(i for i in after.items if i not in old)
        )

    def _scores(self, history: History) -> Floats:
        """Normalised scores [served items]; items the model does not know are scored by content, else -inf."""
        return self._placed(self.model.scores_for([self._translated(history)])[0], history)

    def _placed(self, theirs: Floats, history: History) -> Floats:
        scores = np.full(len(self.items), -np.inf, np.float32)
        if len(theirs):
            known = self._theirs >= 0
            scores[known] = normal(theirs[None])[0][self._theirs[known]]
        new = self._theirs < 0
        if self.content is not None and new.any():
            scores[new] = normal(self.content.scores_for([history]))[0][new]
        return scores

    def _translated(self, history: History) -> History:
        inside = (history.items >= 0) & (history.items < len(self._theirs))
        numbers = np.full(len(history), -1, np.int64)
        numbers[inside] = self._theirs[history.items[inside]]
        kept = numbers >= 0
        return History(numbers[kept], history.times[kept], history.weights[kept])

    def _served(self, scores: Floats, source: Source, history: History, seen: Ints, wish: Wish, start: float) -> Served:
        shown = np.isfinite(scores)
        shown[[n for n in (*seen.tolist(), *wish.hidden) if 0 <= n < len(shown)]] = False
        order = np.flatnonzero(shown)
        order = order[np.argsort(-scores[order], kind="stable")]
        vectors = None if self.content is None else self.content.vectors
        setting = Setting(self.items, wish.k, wish.now or int(time.time()), vectors)
        ranked = apply_rules(wish.rules, Ranked(order, np.where(shown, scores, np.float32(0))), setting)
        best = ranked.order[: wish.k]
        picks = self._picks(best, ranked.scores, source, history, wish)
        return Served(picks, self.model.name, self.version, self.as_of, 1000 * (time.perf_counter() - start))

    def _picks(self, best: Ints, scores: Floats, source: Source, history: History, wish: Wish) -> tuple[Pick, ...]:
        reasons = self._reasons(best, history, source, wish.reasons)
        return tuple(
            Pick(
                number,
                self.items[number].id,
                float(scores[number]),
                "content" if source == "model" and self._theirs[number] < 0 else source,
                why,
            )
            for number, why in zip(best.tolist(), reasons, strict=True)
        )

    def _reasons(self, best: Ints, history: History, source: Source, most: int) -> list[tuple[Share, ...]]:
        """The largest ``most`` shares of each, in numbers of the served catalogue."""
        if source != "model" or most == 0 or not len(best):
            return [()] * len(best)
        theirs = self._theirs[best]
        known = np.flatnonzero(theirs >= 0)
        found: list[tuple[Share, ...]] = [()] * len(best)
        for place, why in zip(
            known.tolist(), self.model.reasons_for(self._translated(history), theirs[known].tolist()), strict=True
        ):
            told = ((int(self._ours[share.item]), share.share) for share in why)
            found[place] = tuple(Share(item, share) for item, share in told if item >= 0)[:most]
        if self.content is not None:
            for place in np.flatnonzero(theirs < 0).tolist():
                found[place] = self.content.reasons(history, int(best[place]))[:most]
        return found


def _content_of(model: Model, items: Items) -> ContentBased | None:
    """The model's own content member, taken over the served catalogue; None where it has none or cannot encode."""
    parts = model.members.values() if isinstance(model, Blend) else [model]
    found = next((part for part in parts if isinstance(part, ContentBased)), None)
    return None if found is None else found.covering(items)
