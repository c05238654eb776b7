"""Lists: for a person, an item, a basket, or words typed by someone new.

What somebody has seen, what is hidden and what was deleted is never in a list; the published rules apply; every place
has its reasons, and every list says which model made it and how new the data is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.access.actor import Actor, Permission
from core.db.recommend_tables import ID, RecommendCatalogue
from core.db.unit_of_work import Rows
from core.errors import BadInput, NotFound
from core.recommend.data import Bools, History
from core.services.application import Application
from core.services.recommend import experimenting, ruling, scoring
from core.services.recommend.scoring import Scored
from core.services.recommend.snapshot import Person, Snapshot, history_of, read_person, snapshot
from core.services.recommend.views import EventView, Offer, OfferList, ReasonView

MOST = 100  # places of a list
REASONS = 3  # named for a place
LONGEST_WORDS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a list is wanted for: one of ``person``, ``item``, ``basket``, ``words``; nothing at all is somebody new.

    ``without``: items left out of the person's history to see what the list would be (what-if). ``rules`` None: those
    published; else these instead (a draft). ``model_id``: another model than the one in force.
    """

    person: str = ""
    item: str = ""
    basket: Sequence[str] = ()
    words: str = ""
    k: int = 10
    without: Sequence[str] = ()
    rules: Sequence[Mapping[str, Any]] | None = None
    model_id: int | None = None


def recommend(app: Application, actor: Actor, catalogue_id: int, asked: Asked) -> OfferList:
    """The list. Raises NotFound for a catalogue or item that there is not, BadInput for a length that cannot be."""
    actor.require(Permission.RECOMMEND)
    began = time.perf_counter()
    _check(asked)
    with app.database.read(actor.workspace_id) as rows:
        stored = rows.get(RecommendCatalogue, catalogue_id)
        now = snapshot(app, rows, catalogue_id)
        arm = experimenting.assigned(rows, catalogue_id, asked.person) if asked.model_id is None else None
        model_id = asked.model_id or (arm.model_id if arm else stored.served_id)
        person = _person(rows, catalogue_id, asked, now)
        scored = _scores(app, rows, now, catalogue_id, asked, person, model_id)
        specs = asked.rules if asked.rules is not None else stored.rules if arm is None or arm.rules else []
        newest = [person.newest, scoring.newest_known(app, rows, catalogue_id, now)]
        left_out = _left_out(now, person, asked)
        places = ruling.choose(app, rows, now, catalogue_id, specs, scored.scores, _allowed(now, left_out), asked.k)
        offers = tuple(_offer(app, rows, now, catalogue_id, scored, person.history, asked, place) for place in places)
    made = OfferList(
        offers=offers,
        basis=scored.basis,
        model=scored.ranker.row.name if scored.ranker else scored.basis,
        number=scored.ranker.row.number if scored.ranker else 0,
        data_as_of=max((one for one in newest if one is not None), default=None),
        learnt_as_of=scored.ranker.row.as_of if scored.ranker else None,
        seconds=time.perf_counter() - began,
        history=tuple(dict.fromkeys(event.item for event in reversed(person.events))),
        left_out={name: int(mask.sum()) for name, mask in left_out.items()},
        arm=arm.name if arm else "",
    )
    return experimenting.shown(app, actor, catalogue_id, arm, asked.person, made) if arm else made


def person_events(app: Application, actor: Actor, catalogue_id: int, person: str) -> tuple[EventView, ...]:
    """What a person did, the newest first."""
    actor.require(Permission.RECOMMEND)
    with app.database.read(actor.workspace_id) as rows:
        rows.get(RecommendCatalogue, catalogue_id)
        found = read_person(rows, catalogue_id, person.strip(), snapshot(app, rows, catalogue_id).items)
    return found.events[::-1]


def _check(asked: Asked) -> None:
    if not 1 <= asked.k <= MOST:
        raise BadInput("recommend.list_length", k=asked.k, limit=MOST)
    if len(asked.person.strip()) > ID:
        raise BadInput("recommend.person", length=len(asked.person.strip()), limit=ID)
    if len(asked.words) > LONGEST_WORDS:
        raise BadInput("recommend.words_long", length=len(asked.words), limit=LONGEST_WORDS)


def _person(rows: Rows, catalogue_id: int, asked: Asked, now: Snapshot) -> Person:
    """The history that the list is made of."""
    if asked.person.strip():
        return read_person(rows, catalogue_id, asked.person.strip(), now.items)
    codes = [asked.item] if asked.item else list(dict.fromkeys(asked.basket))
    for code in codes:
        if code not in now.items.number:
            raise NotFound("recommend.item_unknown", item=code[:80])
    return Person(history_of(now.items, codes), tuple(EventView(0, code, "", 1.0, None) for code in codes), None)


def _scores(
    app: Application, rows: Rows, now: Snapshot, catalogue_id: int, asked: Asked, person: Person, model_id: int | None
) -> Scored:
    ranker = scoring.open_ranker(app, rows, model_id, now)
    if asked.item and not asked.person:
        return scoring.for_item(app, rows, now, catalogue_id, ranker, now.items.number[asked.item])
    history = _without(person.history, now, asked.without)
    if asked.words.strip() and not len(history.liked):
        return scoring.for_words(app, rows, now, catalogue_id, asked.words.strip())
    return scoring.for_history(app, rows, now, catalogue_id, ranker, history)


def _without(history: History, now: Snapshot, codes: Sequence[str]) -> History:
    return history.without(now.items.number[code] for code in codes if code in now.items.number) if codes else history


def _left_out(now: Snapshot, person: Person, asked: Asked) -> dict[str, Bools]:
    """Reason -> items [n] that are not offered."""
    seen = np.zeros(len(now.items), bool)
    seen[person.history.items] = True
    return {"hidden": ~now.shown, "seen": seen & now.shown}


def _allowed(now: Snapshot, left_out: Mapping[str, Bools]) -> Bools:
    allowed = np.ones(len(now.items), bool)
    for mask in left_out.values():
        allowed &= ~mask
    return allowed


def _offer(
    app: Application, rows: Rows, now: Snapshot, catalogue_id: int, scored: Scored, history: History, asked: Asked,
    place: int,
) -> Offer:  # fmt: skip
    by_content = bool(scored.by_content[place])
    known_by = "content" if by_content else "popular" if scored.basis == "popular" else "model"
    reasons: tuple[ReasonView, ...] = ()
    if scored.basis in ("history", "item", "content"):
        mine = _without(history, now, asked.without)
        reasons = _reasons(app, rows, now, catalogue_id, scored, mine, place, by_content=by_content)
    return Offer(now.views[place], float(scored.scores[place]), reasons, known_by)


def _reasons(
    app: Application, rows: Rows, now: Snapshot, catalogue_id: int, scored: Scored, history: History, place: int, *,
    by_content: bool,
) -> tuple[ReasonView, ...]:  # fmt: skip
    if by_content or scored.ranker is None:
        near = scoring.content_reasons(app, rows, now, catalogue_id, history, place)
        return tuple(ReasonView(now.items.ids[one.item], one.share) for one in near[:REASONS])
    ranker = scored.ranker
    found = ranker.model.reasons(ranker.history(history), int(ranker.numbers[place]))
    return tuple(ReasonView(ranker.model.item_ids[one.item], one.share) for one in found[:REASONS])
