"""Lists: for a person, an item, a basket, or words typed by someone new.

What somebody has seen, what is hidden and what was deleted is never in a list; the published rules apply; every place
has its reasons, and every list says which model made it and how new the data is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.access.actor import Actor, Permission
from core.db.recommend_tables import ID, RecommendCatalogue
from core.db.unit_of_work import Rows
from core.errors import BadInput, NotFound
from core.recommend.data import History
from core.recommend.experiments import interleave, seed_of
from core.recommend.rules import Rule
from core.recommend.serving import Pick, Served, Wish
from core.services.application import Application
from core.services.recommend import experimenting
from core.services.recommend.experimenting import Arm
from core.services.recommend.ruling import rules_of
from core.services.recommend.servers import Opened, counted, open_server
from core.services.recommend.snapshot import Person, Snapshot, history_of, read_person, snapshot
from core.services.recommend.views import EventView, Offer, OfferList, ReasonView

MOST = 100  # places of a list
REASONS = 3  # named for a place
LONGEST_WORDS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a list is wanted for: one of ``person``, ``item``, ``basket``, ``words``; nothing at all is somebody new.

    ``without``: items left out of the person's history to see what the list would be (what-if). ``rules`` None: those
    published; else these instead (a draft). ``model_id``: another model than the one in force. ``counts``: whether a
    running experiment counts this list as shown; False for somebody who only looks.
    """

    person: str = ""
    item: str = ""
    basket: Sequence[str] = ()
    words: str = ""
    k: int = 10
    without: Sequence[str] = ()
    rules: Sequence[Mapping[str, Any]] | None = None
    model_id: int | None = None
    counts: bool = True


def recommend(app: Application, actor: Actor, catalogue_id: int, asked: Asked) -> OfferList:
    """The list. Raises NotFound for a catalogue or item that there is not, BadInput for a length that cannot be."""
    actor.require(Permission.RECOMMEND_READ)
    began = time.perf_counter()
    _check(asked)
    with app.database.read(actor.workspace_id) as rows:
        stored = rows.get(RecommendCatalogue, catalogue_id)
        now = snapshot(app, rows, catalogue_id)
        arm = experimenting.assigned(rows, catalogue_id, asked.person) if asked.model_id is None else None
        model_id = asked.model_id or (arm.model_id if arm else stored.served_id)
        sides = [_side(app, rows, stored, asked, now, arm, model_id)]
        if arm is not None and arm.other is not None:
            sides.append(_side(app, rows, stored, asked, now, arm.other, arm.other.model_id))
        person = _person(rows, catalogue_id, asked, now)
        newest = [person.newest, counted(app, rows, catalogue_id, now).newest]
    opened, rules = sides[0]
    served = _served(opened, now, person.history, asked, rules)
    teams: tuple[str, ...] = ()
    basis = _basis(served, asked, opened)
    if arm is not None and len(sides) > 1:
        other = _served(sides[1][0], now, person.history, asked, sides[1][1])
        served, teams = _drafted(arm, asked, served, other)
    by_model = (
        not teams and opened.row is not None and (basis in ("history", "item") or not opened.server.model.personal)
    )
    made = OfferList(
        offers=tuple(_offer(now, pick) for pick in served.picks),
        basis=basis,
        model="interleaved" if teams else served.model if by_model else basis,
        number=opened.row.number if by_model and opened.row else 0,
        data_as_of=max((one for one in newest if one is not None), default=None),
        learnt_as_of=opened.row.as_of if opened.row else None,
        seconds=time.perf_counter() - began,
        history=tuple(dict.fromkeys(event.item for event in reversed(person.events))),
        left_out=_left_out(now, person.history),
        arm=arm.name if arm else "",
        teams=teams,
    )
    if arm is None or not asked.counts:
        return made
    return experimenting.shown(app, actor, catalogue_id, arm, asked.person, made)


def _left_out(now: Snapshot, history: History) -> dict[str, int]:
    seen = int(np.isin(history.seen, np.flatnonzero(now.shown)).sum())
    return {"seen": seen, "hidden": int((~now.shown).sum())}


def _side(
    app: Application, rows: Rows, stored: RecommendCatalogue, asked: Asked, now: Snapshot, arm: Arm | None,
    model_id: int | None,
) -> tuple[Opened, Sequence[Rule]]:  # fmt: skip
    """The model and the rules of one setting."""
    specs = asked.rules if asked.rules is not None else stored.rules if arm is None or arm.rules else ()
    rules = rules_of(specs)
    content = bool(asked.words.strip()) or any(rule.kind == "diversity" for rule in rules)
    return open_server(app, rows, stored.id, model_id, now, content=content and len(now.items) > 0), rules


def _drafted(arm: Arm, asked: Asked, a: Served, b: Served) -> tuple[Served, tuple[str, ...]]:
    """One list that both draft in turn (Radlinski et al. 2008), the same for a person as long as theirs are."""
    seed = seed_of(arm.experiment, asked.person.strip())
    numbers, sides = interleave(a.items, b.items, asked.k, seed)
    picks = {"A": {pick.item: pick for pick in a.picks}, "B": {pick.item: pick for pick in b.picks}}
    chosen = tuple(picks[side][number] for number, side in zip(numbers, sides, strict=True))
    return replace(a, picks=chosen), tuple(side.lower() for side in sides)


def person_events(app: Application, actor: Actor, catalogue_id: int, person: str) -> tuple[EventView, ...]:
    """What a person did, the newest first."""
    actor.require(Permission.RECOMMEND_READ)
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
    return Person(history_of(now.items, codes), (), None)


def _served(opened: Opened, now: Snapshot, history: History, asked: Asked, rules: Sequence[Rule]) -> Served:
    removed = [now.items.number[code] for code in asked.without if code in now.items.number]
    hidden = {*np.flatnonzero(~now.shown).tolist(), *removed}
    wish = Wish(k=asked.k, rules=rules, hidden=hidden, reasons=REASONS)
    if asked.item and not asked.person.strip():
        return opened.server.for_item(now.items.number[asked.item], wish)
    if asked.words.strip() and not len(history.liked):
        return opened.server.for_words(asked.words.strip(), wish)
    return opened.server.for_history(history.without(removed), wish)


def _basis(served: Served, asked: Asked, opened: Opened) -> str:
    """history, content, popular, item or words: what the list is mostly made of."""
    sources = {pick.source for pick in served.picks}
    if sources <= {"popular"} or (asked.item and not opened.server.model.personal):
        return "popular"
    if asked.item and not asked.person.strip():
        return "item"
    if asked.words.strip() and sources == {"content"}:
        return "words"
    return "content" if sources == {"content"} else "history"


def _offer(now: Snapshot, pick: Pick) -> Offer:
    reasons = tuple(ReasonView(now.items.ids[one.item], one.share) for one in pick.reasons)
    return Offer(now.views[pick.item], pick.score, reasons, pick.source)
