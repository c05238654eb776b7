"""What people do with lists, as it happens: an interaction is part of the very next list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.access.actor import Actor, Permission
from core.db.recommend_tables import (
    ID,
    CatalogueItem,
    Interaction,
    RecommendCatalogue,
    RecommendFeedback,
    RecommendShown,
)
from core.db.tables import utc_now
from core.errors import BadInput, NotFound
from core.recommend.cleaning import NEGATIVE_KINDS
from core.services.application import Application
from core.services.recommend import experimenting

CLICKED, NOT_INTERESTED = "clicked", "not_interested"
REACTIONS = (CLICKED, NOT_INTERESTED)
AHEAD = timedelta(days=1)


def record_event(
    app: Application,
    actor: Actor,
    catalogue_id: int,
    person: str,
    item: str,
    *,
    kind: str = "view",
    value: float | None = None,
    at: datetime | None = None,
) -> int:
    """Stores one interaction; the next list of this person knows it. Its id.

    ``value`` above 0: liked; 0: seen, not liked; None: by the kind. Raises NotFound for an item that there is not,
    BadInput for an id that cannot be or a time in the future.
    """
    actor.require(Permission.RECOMMEND)
    who, now = _person(person), utc_now()
    if at is not None and (at.tzinfo is None or at > now + AHEAD):
        raise BadInput("recommend.event_time", time=str(at))
    liked = value if value is not None else 0.0 if kind in NEGATIVE_KINDS else 1.0
    with app.database.write(actor.workspace_id) as rows:
        rows.get(RecommendCatalogue, catalogue_id)
        mine = CatalogueItem.catalogue_id == catalogue_id, CatalogueItem.code == item
        if rows.find(CatalogueItem, *mine) is None:
            raise NotFound("recommend.item_unknown", item=item[:80])
        event = Interaction(
            catalogue_id=catalogue_id, person=who, item=item, kind=kind[:40], value=liked, at=at or now
        )  # fmt: skip
        return rows.add(event).id


def react(
    app: Application,
    actor: Actor,
    catalogue_id: int,
    person: str,
    item: str,
    reaction: str,
    *,
    shown_id: int | None = None,
) -> int:
    """A click, or "not interested", on an item of a list. Either way it leaves the person's next lists; a click also
    says that it is liked. ``shown_id``: the list it stood in, where an experiment counts. Raises as record_event."""
    actor.require(Permission.RECOMMEND)
    if reaction not in REACTIONS:
        raise BadInput("recommend.reaction", reaction=reaction, known=", ".join(REACTIONS))
    event_id = record_event(app, actor, catalogue_id, person, item, kind=reaction)
    with app.database.write(actor.workspace_id) as rows:
        shown = rows.find(RecommendShown, RecommendShown.id == shown_id) if shown_id else None
        shown = shown if shown is not None and shown.person == _person(person) else None
        rows.add(
            RecommendFeedback(
                catalogue_id=catalogue_id,
                person=_person(person),
                item=item,
                kind=reaction,
                shown_id=shown.id if shown else None,
                team=experimenting.team_of(shown, item) if shown else "",
            )
        )
    if shown is not None:
        experimenting.reacted(app, actor, shown.experiment_id)
    return event_id


def forget_events(app: Application, actor: Actor, catalogue_id: int, person: str, ids: Sequence[int] = ()) -> int:
    """Deletes interactions of a person, all of them without ``ids``. How many there were."""
    actor.require(Permission.RECOMMEND)
    with app.database.write(actor.workspace_id) as rows:
        rows.get(RecommendCatalogue, catalogue_id)
        mine = [Interaction.catalogue_id == catalogue_id, Interaction.person == _person(person)]
        return rows.delete(Interaction, *mine, *([Interaction.id.in_(list(ids))] if ids else []))


def _person(person: str) -> str:
    kept = person.strip()
    if not 1 <= len(kept) <= ID:
        raise BadInput("recommend.person", length=len(kept), limit=ID)
    return kept
