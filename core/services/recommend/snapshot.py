"""The database's rows as the core's columns: a catalogue as it stands now, all interactions, one person's history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import func

from core.db.recommend_tables import CatalogueItem, Interaction, RecommendCatalogue
from core.db.unit_of_work import Rows
from core.recommend.data import NO_TIME, UNLIMITED, Bools, History, Interactions, Item, Items
from core.services.application import Application
from core.services.recommend.catalogues import item_view
from core.services.recommend.views import EventView, ItemView

MOST_CACHED = 8  # catalogues
ORDER_ONLY = datetime(1990, 1, 1, tzinfo=UTC)  # "times" below it are an order, see core.recommend.cleaning


@dataclass(frozen=True)
class Snapshot:
    """All items ever, in a fixed order, with what they look like and which may be shown at all."""

    token: tuple[Any, ...]
    items: Items
    views: tuple[ItemView, ...]
    shown: Bools  # neither hidden nor deleted

    @cached_property
    def by_id(self) -> dict[str, ItemView]:
        return {view.id: view for view in self.views}


@dataclass(frozen=True)
class Person:
    """What one person did, oldest first. ``newest``: time of the last event whose time is known."""

    history: History
    events: tuple[EventView, ...]
    newest: datetime | None


def snapshot(app: Application, rows: Rows, catalogue_id: int) -> Snapshot:
    """The catalogue's items as they stand now, kept until they change. Raises NotFound."""
    catalogue = rows.get(RecommendCatalogue, catalogue_id)
    mine = CatalogueItem.catalogue_id == catalogue_id
    newest = rows.session.scalar(rows.columns(CatalogueItem, func.max(CatalogueItem.id), where=[mine]))
    token = (catalogue.items_changed_at, newest)
    held: dict[int, Snapshot] = app.caches.setdefault("recommend_items", {})
    found = held.get(catalogue_id)
    if found is None or found.token != token:
        found = _read(rows, catalogue_id, token)
        held[catalogue_id] = found
        for old in list(held)[:-MOST_CACHED]:
            held.pop(old, None)
    return found


def _read(rows: Rows, catalogue_id: int, token: tuple[Any, ...]) -> Snapshot:
    mine = rows.select(CatalogueItem, CatalogueItem.catalogue_id == catalogue_id).order_by(CatalogueItem.id)
    found = rows.all(mine)
    return Snapshot(
        token=token,
        items=Items(tuple(_item(one) for one in found)),
        views=tuple(item_view(one) for one in found),
        shown=np.array([not one.hidden and one.deleted_at is None for one in found], bool),
    )


def _item(row: CatalogueItem) -> Item:
    both = f"{row.title}\n{row.title_zh}" if row.title_zh and row.title_zh != row.title else row.title
    return Item(
        row.code,
        title=both,
        text=row.text,
        category=row.category,
        price=row.price,
        image=row.image,
        tags=tuple(row.tags),
        stock=UNLIMITED if row.stock is None else row.stock,
        added=seconds_of(row.added_at),
    )


def seconds_of(moment: datetime | None) -> int:
    return NO_TIME if moment is None else int(moment.timestamp())


def known_time(moment: datetime | None) -> datetime | None:
    """None for what is an order and no time."""
    return None if moment is None or moment < ORDER_ONLY else moment


def read_interactions(rows: Rows, catalogue_id: int, items: Items, up_to: int | None = None) -> Interactions:
    """All events of the catalogue (with an id of at most ``up_to``), numbered like ``items``."""
    columns = Interaction.person, Interaction.item, Interaction.kind, Interaction.value, Interaction.at
    where = [Interaction.catalogue_id == catalogue_id, *([] if up_to is None else [Interaction.id <= up_to])]
    people: dict[str, int] = {}
    kinds: dict[str, int] = {}
    who: list[int] = []
    what: list[int] = []
    sort: list[int] = []
    liked: list[float] = []
    when: list[int] = []
    for person, item, kind, value, at in rows.session.execute(
        rows.columns(Interaction, *columns, where=where).order_by(Interaction.id)
    ):
        number = items.number.get(item)
        if number is None:
            continue
        who.append(people.setdefault(person, len(people)))
        what.append(number)
        sort.append(kinds.setdefault(kind or "event", len(kinds)))
        liked.append(value)
        when.append(seconds_of(at))
    return Interactions.of(
        who,
        what,
        when,
        liked,
        user_ids=list(people),
        item_ids=items.ids,
        kinds=sort,
        kind_names=tuple(kinds) or ("event",),
    )


def read_person(rows: Rows, catalogue_id: int, person: str, items: Items) -> Person:
    """What a person did, up to this moment. Somebody unknown did nothing."""
    mine = rows.select(Interaction, Interaction.catalogue_id == catalogue_id, Interaction.person == person)
    found = sorted(rows.all(mine), key=lambda row: (seconds_of(row.at), row.id))
    used = [row for row in found if row.item in items.number]
    history = history_of(
        items, [row.item for row in used], [seconds_of(row.at) for row in used], [r.value for r in used]
    )
    times = [time for row in found if (time := known_time(row.at)) is not None]
    events = tuple(EventView(row.id, row.item, row.kind, row.value, known_time(row.at)) for row in found)
    return Person(history, events, max(times, default=None))


def history_of(items: Items, codes: Sequence[str], times: Sequence[int] = (), weights: Sequence[float] = ()) -> History:
    """A history of items by their ids, all of which are in ``items``."""
    return History.of([items.number[code] for code in codes], times, weights)


def newest_event(rows: Rows, catalogue_id: int, up_to: int | None = None) -> datetime | None:
    """Time of the newest interaction."""
    where = [Interaction.catalogue_id == catalogue_id, *([] if up_to is None else [Interaction.id <= up_to])]
    return known_time(rows.session.scalar(rows.columns(Interaction, func.max(Interaction.at), where=where)))
