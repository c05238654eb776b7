"""Rows as they came, checked and counted, become items and interactions. Nothing is dropped without being counted.

Findings of interactions (``Finding.code``):
``incomplete`` no person or no item; ``bad_time`` cannot be read; ``times_unreadable`` most cannot, so none is used;
``future_time`` more than a day ahead; ``order_numbers`` times are 1, 2, 3 ... and used as an order; ``no_times``;
``bad_value`` is no number; ``unknown_item`` not in the catalogue; ``duplicate`` same person, item, kind and time;
``bot`` people with improbably many events; ``few_events``, ``few_people``, ``one_item`` too little to learn from.
Findings of items: ``item_without_id``, ``item_duplicate``, ``bad_price``, ``bad_stock``, ``bad_added``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.recommend.data import NO_TIME, UNLIMITED, Bools, Finding, Interactions, Ints, Item, Items, Report
from core.recommend.times import read_time

DAY = 86_400
FIRST_TIME = 631_152_000  # 1990-01-01: numbers below it are an order, not a time
LEAST_EVENTS, LEAST_PEOPLE = 200, 30  # people with two events at least: below that no model can be judged
BOT_EVENTS, BOT_DEVIATIONS, BOT_SPREAD = 300, 6.0, 0.75
NEGATIVE_KINDS = frozenset({"not_interested", "hide", "dislike", "return", "refund", "不感兴趣", "隐藏", "退货"})
EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Interactions as read from a file: cells of one length each; ``times``, ``kinds``, ``values`` may be empty."""

    users: Sequence[Any]
    items: Sequence[Any]
    times: Sequence[Any] = ()
    kinds: Sequence[Any] = ()
    values: Sequence[Any] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningArgs:
    """``now``: unix seconds. ``least_value``: events with less (a rating of 2 of 5) were seen, not liked."""

    now: int
    least_value: float | None = None
    negative_kinds: frozenset[str] = NEGATIVE_KINDS
    drop_bots: bool = True


@dataclass
class _Count:
    """Findings as they are counted."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, code: str, example: Any = "", count: int = 1, **values: Any) -> None:
        self.counts[code] = self.counts.get(code, 0) + count
        kept = self.examples.setdefault(code, [])
        text = str(example)[:60]
        if text and text not in kept and len(kept) < EXAMPLES:
            kept.append(text)
        self.values.setdefault(code, {}).update(values)

    def findings(self) -> tuple[Finding, ...]:
        return tuple(
            Finding(code, count, tuple(self.examples[code]), self.values[code])
            for code, count in sorted(self.counts.items())
        )


def text_of(cell: Any) -> str:
    """A cell as an id or a word: 17.0 of a spreadsheet is "17"; None and NaN are ""."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()


def clean_items(rows: Sequence[Mapping[str, Any]]) -> tuple[Items, tuple[Finding, ...]]:
    """Rows with the keys of ``Item`` (``tags`` a list, or a text parted by "|", "," or "，"). Of two rows with one id
    the later counts. A row without an id is left out, a price or stock that is no number becomes "not known"."""
    count = _Count()
    found: dict[str, Item] = {}
    for row in rows:
        name = text_of(row.get("id"))
        if not name:
            count.add("item_without_id", row.get("title", ""))
            continue
        if name in found:
            count.add("item_duplicate", name)
        found[name] = _item(name, row, count)
    return Items(tuple(found.values())), count.findings()


def _item(name: str, row: Mapping[str, Any], count: _Count) -> Item:
    price = _number(row.get("price"))
    if price is not None and (not math.isfinite(price) or price < 0):
        count.add("bad_price", row.get("price"))
        price = None
    stock = _number(row.get("stock"))
    if stock is not None and not math.isfinite(stock):
        count.add("bad_stock", row.get("stock"))
        stock = None
    added = read_time(row.get("added"))
    if added is None and text_of(row.get("added")):
        count.add("bad_added", row.get("added"))
    words = {key: text_of(row.get(key)) for key in ("title", "text", "category", "image")}
    return Item(
        name,
        **{**words, "title": words["title"] or name},
        price=price,
        tags=_tags(row.get("tags")),
        stock=UNLIMITED if stock is None else max(int(stock), UNLIMITED),
        added=added or NO_TIME,
    )


def _tags(cell: Any) -> tuple[str, ...]:
    if isinstance(cell, list | tuple):
        parts = [text_of(part) for part in cell]
    else:
        text = text_of(cell).replace("，", "|").replace("、", "|")
        parts = [part.strip() for part in (text if "|" in text else text.replace(",", "|")).split("|")]
    return tuple(dict.fromkeys(part for part in parts if part))


def _number(cell: Any) -> float | None:
    """None for an empty cell, NaN for one that is no number."""
    text = text_of(cell)
    if not text:
        return None
    try:
        return float(text.replace(",", "").lstrip("¥￥$€£").strip())
    except ValueError:
        return math.nan


def clean(columns: Columns, items: Items | None, args: CleaningArgs) -> tuple[Interactions, Items, Report]:
    """Interactions over ``items`` (None: the catalogue is what the events name) and what was counted.

    Never raises for what is in the rows: nothing usable gives interactions without any event.
    """
    count = _Count()
    rows = len(columns.users)
    users = [text_of(cell) for cell in columns.users]
    things = [text_of(cell) for cell in columns.items]
    kept = np.array([bool(u) and bool(i) for u, i in zip(users, things, strict=True)], bool).reshape(-1)
    if not kept.all():
        count.add("incomplete", count=int((~kept).sum()))
    times, readable = _times(columns, kept, args.now, count)
    kept &= readable
    weights, kinds, kind_names = _weights(columns, kept, args, count)
    catalogue = (
        items if items is not None else Items.named(dict.fromkeys(t for t, k in zip(things, kept, strict=True) if k))
    )
    what = np.array([catalogue.number.get(thing, -1) for thing in things], np.int64).reshape(-1)
    for place in np.flatnonzero(kept & (what < 0)).tolist():
        count.add("unknown_item", things[place])
    kept &= what >= 0
    who, user_ids = _numbered(users, kept)
    kept &= _first_ones(who, what, times, kinds, kept, count)
    if args.drop_bots:
        kept &= ~_bots(who, user_ids, kept, count)
    who, user_ids = _numbered(users, kept)
    data = Interactions.of(
        who[kept],
        what[kept],
        times[kept],
        weights[kept],
        user_ids=user_ids,
        item_ids=catalogue.ids,
        kinds=kinds[kept],
        kind_names=kind_names,
    )
    _too_little(data, count)
    return data, catalogue, _report(rows, data, count)


def _report(rows: int, data: Interactions, count: _Count) -> Report:
    known = data.times[data.times != NO_TIME]
    span = (int(known.min()), int(known.max())) if len(known) else (NO_TIME, NO_TIME)
    return Report(rows, len(data), data.people, len(np.unique(data.items)), count.findings(), *span)


def _numbered(names: Sequence[str], kept: Bools) -> tuple[Ints, tuple[str, ...]]:
    """Numbers in order of first appearance among rows kept; -1 elsewhere."""
    number: dict[str, int] = {}
    found = np.full(len(names), -1, np.int64)
    for place in np.flatnonzero(kept).tolist():
        found[place] = number.setdefault(names[place], len(number))
    return found, tuple(number)


def _times(columns: Columns, kept: Bools, now: int, count: _Count) -> tuple[Ints, Bools]:
    """Unix seconds [rows], and which rows can stay."""
    nothing = np.full(len(kept), NO_TIME, np.int64)
    if not len(columns.times):
        if len(kept):
            count.add("no_times", count=len(kept))
        return nothing, np.ones(len(kept), bool)
    read = [read_time(cell) for cell in columns.times]
    bad = np.array([one is None for one in read], bool)
    times = np.array([NO_TIME if one is None else one for one in read], np.int64)
    good = kept & ~bad
    if good.any() and times[good].min() >= 0 and times[good].max() < FIRST_TIME:
        count.add("order_numbers", count=int(good.sum()))
    else:
        bad |= times < FIRST_TIME
    if (kept & bad).sum() * 2 > kept.sum():
        examples = [columns.times[place] for place in np.flatnonzero(kept & bad)[:EXAMPLES].tolist()]
        for example in examples:
            count.add("times_unreadable", example, count=0)
        count.add("times_unreadable", count=int((kept & bad).sum()))
        return nothing, np.ones(len(kept), bool)
    for place in np.flatnonzero(kept & bad).tolist():
        count.add("bad_time", columns.times[place])
    late = times > now + DAY
    for place in np.flatnonzero(kept & ~bad & late).tolist():
        count.add("future_time", columns.times[place])
    return times, ~bad & ~late


def _weights(
    columns: Columns, kept: Bools, args: CleaningArgs, count: _Count
) -> tuple[np.ndarray[Any, np.dtype[np.float32]], Ints, tuple[str, ...]]:
    """Weight and kind of each row, and the names of the kinds."""
    words = [text_of(cell).lower() or "event" for cell in columns.kinds] or ["event"] * len(kept)
    names = tuple(dict.fromkeys(words)) or ("event",)
    number = {name: place for place, name in enumerate(names)}
    kinds = np.array([number[word] for word in words], np.int64).reshape(-1)
    negative = np.array([word.replace(" ", "_") in args.negative_kinds for word in names], bool)
    weights = np.where(negative[kinds], 0.0, 1.0).astype(np.float32)
    if len(columns.values):
        values = [_number(cell) for cell in columns.values]
        for place, value in enumerate(values):
            if value is None:
                continue
            if not math.isfinite(value):
                if kept[place]:
                    count.add("bad_value", columns.values[place])
            elif args.least_value is not None and value < args.least_value:
                weights[place] = 0.0
    return weights, kinds, names


def _first_ones(who: Ints, what: Ints, times: Ints, kinds: Ints, kept: Bools, count: _Count) -> Bools:
    """The first of rows that say the same. Without times, the same event twice is the same row twice."""
    rows = np.flatnonzero(kept)
    if not len(rows):
        return kept
    cells = np.stack([who[rows], what[rows], times[rows], kinds[rows]], axis=1)
    _, first = np.unique(cells, axis=0, return_index=True)
    unique = np.zeros(len(kept), bool)
    unique[rows[first]] = True
    if len(first) < len(rows):
        count.add("duplicate", count=len(rows) - len(first))
    return unique


def _bots(who: Ints, user_ids: Sequence[str], kept: Bools, count: _Count) -> Bools:
    """Rows of people whose logarithm of events lies improbably far above the median (median absolute deviation)."""
    rows = np.flatnonzero(kept)
    if not len(rows):
        return np.zeros(len(kept), bool)
    events = np.bincount(who[rows], minlength=len(user_ids))
    logs = np.log1p(events[events > 0])
    middle = float(np.median(logs))
    spread = max(1.4826 * float(np.median(np.abs(logs - middle))), BOT_SPREAD)
    limit = max(BOT_EVENTS, math.expm1(middle + BOT_DEVIATIONS * spread))
    bots = np.flatnonzero(events > limit) if len(logs) > 2 else np.zeros(0, np.int64)
    for one in bots.tolist():
        count.add("bot", user_ids[one], events=int(events[bots].sum()), limit=int(limit))
    found: Bools = np.isin(who, bots) & kept
    return found


def _too_little(data: Interactions, count: _Count) -> None:
    several = int((np.bincount(data.users, minlength=1) >= 2).sum()) if len(data) else 0
    if len(data) < LEAST_EVENTS:
        count.add("few_events", count=len(data), needed=LEAST_EVENTS)
    if several < LEAST_PEOPLE:
        count.add("few_people", count=several, needed=LEAST_PEOPLE)
    if len(data) and len(np.unique(data.items)) == 1:
        count.add("one_item", data.item_ids[int(data.items[0])], count=len(data))
