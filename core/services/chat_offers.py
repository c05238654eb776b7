"""Items below an answer of customer service: chosen when the answer is made, stored with it, and clicked.

A knowledge base's owner switches it on by naming a catalogue (``settings["offers_catalogue_id"]``); it is off until
then. What may be offered and when: :mod:`core.recommend.offering`. Nothing is offered beside a handoff, small talk, or
anything serious, and what is hidden, deleted or sold out never is, by the published rules and whatever they say.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import structlog

from core.access.actor import Actor, Permission, Role
from core.db.recommend_tables import CatalogueItem, Interaction, RecommendCatalogue
from core.db.tables import KnowledgeBase, Message
from core.db.unit_of_work import Rows
from core.errors import BadInput, NotFound
from core.recommend.data import Floats
from core.recommend.offering import Fit, Names, fitting, is_serious
from core.recommend.rules import Ranked, Setting, apply_rules
from core.services.application import Application
from core.services.conversations import own_conversation
from core.services.recommend.catalogues import item_view
from core.services.recommend.feedback import CLICKED, NOT_INTERESTED, REACTIONS, react
from core.services.recommend.ruling import rules_of
from core.services.recommend.snapshot import Snapshot, snapshot
from core.services.recommend.vectors import content_model, missing_texts
from core.services.recommend.vectors_job import start_vectors
from core.services.recommend.views import ItemView
from core.types import Answer, RefusalReason, Rung

SETTING = "offers_catalogue_id"
MOST = 3
POOL = 12  # candidates before the rules
AT_ONCE = 32  # item texts that may be encoded while somebody waits; more of them are a job's
_SAID = frozenset({Rung.FAQ, Rung.DOCUMENT, Rung.MODEL})
_HARMLESS = frozenset({RefusalReason.TOO_WEAK, RefusalReason.NOTHING_INDEXED})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChatOffer:
    """One card. ``why``: asked (the question names it), fits (what the question is after), answered (the answer names
    it). ``clicked``: by this customer, below this answer."""

    item: ItemView
    why: str
    clicked: bool = False


@dataclass(frozen=True, slots=True)
class ChatOffers:
    """What stands below one answer. ``settings``: the catalogue's, for its currency."""

    offers: tuple[ChatOffer, ...] = ()
    settings: Mapping[str, Any] | None = None


def set_offers(app: Application, actor: Actor, knowledge_base_id: int, catalogue: int | None) -> None:
    """Offers items of this catalogue below answers from now on; None: nothing. Raises NotFound."""
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        base = rows.get(KnowledgeBase, knowledge_base_id)
        if catalogue is not None:
            rows.get(RecommendCatalogue, catalogue)
        base.settings = {**base.settings, SETTING: catalogue}
    if catalogue is not None:
        start_vectors(app, actor.workspace_id, catalogue)


def offers_below(app: Application, actor: Actor, message_id: int) -> ChatOffers:
    """The stored offers of one's own answer, as the items are now; what was hidden, deleted or sold out since is left
    out. Raises NotFound for somebody else's message."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        stored = _own(rows, actor, message_id).detail.get("offers") or {}
        catalogue = rows.find(RecommendCatalogue, RecommendCatalogue.id == stored.get("catalogue_id", 0))
        if catalogue is None:
            return ChatOffers()
        codes = [one["item"] for one in stored["items"]]
        mine = CatalogueItem.catalogue_id == catalogue.id, CatalogueItem.code.in_(codes)
        found = {row.code: item_view(row) for row in rows.all(rows.select(CatalogueItem, *mine)) if _may_be_shown(row)}
        shown = (one for one in stored["items"] if one["item"] in found and one.get("reaction") != NOT_INTERESTED)
        made = (ChatOffer(found[one["item"]], one["why"], one.get("reaction") == CLICKED) for one in shown)
        return ChatOffers(tuple(made), catalogue.settings)


def react_to_offer(app: Application, actor: Actor, message_id: int, item: str, reaction: str = CLICKED) -> None:
    """A click on a card, or "not for me": an event of the catalogue, counted once a card. The person it is stored for
    is a hash of the browser's id, which nobody can be known by.

    Raises NotFound for a message that is not one's own or an item that does not stand below it, BadInput.
    """
    actor.require(Permission.CHAT)
    if reaction not in REACTIONS:
        raise BadInput("recommend.reaction", reaction=reaction, known=", ".join(REACTIONS))
    with app.database.write(actor.workspace_id) as rows:
        row = _own(rows, actor, message_id)
        stored = row.detail.get("offers") or {"items": [], "catalogue_id": 0}
        place = next((n for n, one in enumerate(stored["items"]) if one["item"] == item), None)
        if place is None:
            raise NotFound("recommend.item_unknown", item=item[:80])
        before = stored["items"][place].get("reaction")
        if before in (reaction, NOT_INTERESTED):
            return
        changed = [*stored["items"]]
        changed[place] = {**changed[place], "reaction": reaction}
        row.detail = {**row.detail, "offers": {**stored, "items": changed}}
    person = customer_of(actor.workspace_id, actor.visitor)
    react(app, _recorder(actor), int(stored["catalogue_id"]), person, item, reaction)


# --- what the chat calls ---


def offers_for(
    app: Application, workspace_id: int, knowledge_base_id: int, question: str, answer: Answer, visitor: str
) -> dict[str, Any] | None:
    """What is stored with an answer as it ends: ``catalogue_id`` and ``items`` (item, why), or None for nothing."""
    if not _occasion(question, answer):
        return None
    with app.database.read(workspace_id) as rows:
        catalogue_id = rows.get(KnowledgeBase, knowledge_base_id).settings.get(SETTING)
        catalogue = rows.find(RecommendCatalogue, RecommendCatalogue.id == catalogue_id) if catalogue_id else None
        if catalogue is None:
            return None
        now = snapshot(app, rows, catalogue.id)
        refused = _refused(rows, catalogue.id, customer_of(workspace_id, visitor))
        rules = rules_of(catalogue.rules)
    allowed = now.shown & now.items.sellable
    allowed[[now.items.number[code] for code in refused if code in now.items.number]] = False
    scores, vectors = _scores(app, workspace_id, catalogue.id, now, answer.query or question)
    names = _names(app, catalogue.id, now)
    said = question if not answer.query else f"{question}\n{answer.query}"
    fits = fitting(said, answer.text or "", names, scores, allowed, POOL)
    ranked = Ranked(np.array([fit.item for fit in fits], np.int64), _places(fits, len(now.items)))
    kept = apply_rules(rules, ranked, Setting(now.items, MOST, int(time.time()), vectors)).order[:MOST]
    why = {fit.item: fit.why for fit in fits}
    items = [{"item": now.items.ids[number], "why": why[number]} for number in kept.tolist()]
    return {"catalogue_id": catalogue.id, "items": items} if items else None


def customer_of(workspace_id: int, visitor: str) -> str:
    """The person that a customer's clicks are stored for: the browser's id opens conversations and stays unsaid."""
    return f"chat-{hashlib.sha256(f'{workspace_id}/{visitor}'.encode()).hexdigest()[:16]}"


def _occasion(question: str, answer: Answer) -> bool:
    """Whether this is a moment to offer anything."""
    if answer.refusal is not None and answer.refusal.reason not in _HARMLESS:
        return False
    if answer.refusal is None and answer.rung not in _SAID:
        return False
    return not is_serious(f"{question}\n{answer.query}")


def _scores(
    app: Application, workspace_id: int, catalogue_id: int, now: Snapshot, question: str
) -> tuple[Floats | None, Floats | None]:
    """Of the question by content, and the items' vectors. None while a job has to make them first, and for a catalogue
    of which words are known and not meaning."""
    if not len(now.items):
        return None, None
    missing = missing_texts(app, workspace_id, catalogue_id, now)
    if missing > AT_ONCE:
        start_vectors(app, workspace_id, catalogue_id)
        return None, None
    content = content_model(app, workspace_id, catalogue_id, now)
    return content.scores_of_words([question])[0], content.vectors


def _names(app: Application, catalogue_id: int, now: Snapshot) -> Names:
    held: dict[int, tuple[Any, Names]] = app.caches.setdefault("offer_names", {})
    found = held.get(catalogue_id)
    if found is None or found[0] != now.token:
        found = held[catalogue_id] = (now.token, Names(now.items))
        for old in list(held)[:-4]:
            held.pop(old, None)
    return found[1]


def _places(fits: Sequence[Fit], count: int) -> Floats:
    """Scores [items] that keep the order of ``fits`` and lie apart as deviations do, so that a boost means the same."""
    scores = np.zeros(count, np.float32)
    for place, fit in enumerate(fits):
        scores[fit.item] = 3.0 - 0.25 * place
    return scores


def _may_be_shown(row: CatalogueItem) -> bool:
    return not row.hidden and row.deleted_at is None and row.stock != 0


def _refused(rows: Rows, catalogue_id: int, person: str) -> set[str]:
    mine = Interaction.catalogue_id == catalogue_id, Interaction.person == person, Interaction.kind == NOT_INTERESTED
    return set(rows.session.scalars(rows.columns(Interaction, Interaction.item, where=[*mine])))


def _own(rows: Rows, actor: Actor, message_id: int) -> Message:
    row = rows.get(Message, message_id)
    own_conversation(rows, actor, row.conversation_id)
    return row


def _recorder(actor: Actor) -> Actor:
    """Customers hold no permission of recommendations; for this one event they have it."""
    return replace(actor, role=Role.EDITOR, scopes=frozenset({Permission.RECOMMEND}))
