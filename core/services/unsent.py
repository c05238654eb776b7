"""What a person has typed and not sent: kept a field at a time, given back to them alone, gone when it was sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from core.access.actor import Actor, Permission
from core.db.tables import utc_now
from core.db.unit_of_work import Rows
from core.db.unsent_tables import UnsentText
from core.services.application import Application

LONGEST = 100_000  # characters of one field; what is longer is kept up to there
MOST = 300  # fields of one person; the oldest go first
KEPT = timedelta(days=30)  # after the last change


def keep_text(app: Application, actor: Actor, place: str, text: str) -> None:
    """Keeps what stands in the field ``place`` now; also that it was emptied."""
    actor.require(Permission.CHAT)
    with app.database.write(actor.workspace_id) as rows:
        _tidy(rows, actor)
        row = rows.find(UnsentText, *_mine(actor), UnsentText.place == place)
        if row is None:
            rows.add(UnsentText(person=actor.visitor, place=place, text=text[:LONGEST]))
        else:
            row.text, row.changed_at = text[:LONGEST], utc_now()


def kept_texts(app: Application, actor: Actor) -> dict[str, str]:
    """Everything of this person that waits in this workspace, by place."""
    actor.require(Permission.CHAT)
    alive = UnsentText.changed_at > utc_now() - KEPT
    with app.database.read(actor.workspace_id) as rows:
        return {row.place: row.text for row in rows.all(rows.select(UnsentText, *_mine(actor), alive))}


def forget_texts(app: Application, actor: Actor, places: Iterable[str]) -> None:
    """They were sent, or put away."""
    actor.require(Permission.CHAT)
    with app.database.write(actor.workspace_id) as rows:
        rows.delete(UnsentText, *_mine(actor), UnsentText.place.in_(list(places)))


def drop_places(rows: Rows, places: Iterable[str]) -> None:
    """Of everybody: what the fields belonged to is gone."""
    rows.delete(UnsentText, UnsentText.place.in_(list(places)))


def drop_person(rows: Rows, person: str) -> None:
    """All of one person who has left the workspace."""
    rows.delete(UnsentText, UnsentText.person == person)


def _mine(actor: Actor) -> tuple[object, ...]:
    return (UnsentText.person == actor.visitor,)


def _tidy(rows: Rows, actor: Actor) -> None:
    """What nobody came back for, and what one person has too much of."""
    rows.delete(UnsentText, UnsentText.changed_at < utc_now() - KEPT)
    newest = rows.columns(UnsentText, UnsentText.id, where=_mine(actor)).order_by(UnsentText.changed_at.desc())
    if old := list(rows.session.scalars(newest.offset(MOST))):
        rows.delete(UnsentText, UnsentText.id.in_(old))
