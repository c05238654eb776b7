"""People of a catalogue, to choose one from."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from core.access.actor import Actor, Permission
from core.db.recommend_tables import Interaction, RecommendCatalogue
from core.db.searching import says
from core.services.application import Application


@dataclass(frozen=True, slots=True)
class PersonView:
    id: str
    events: int


def list_people(
    app: Application, actor: Actor, catalogue_id: int, *, search: str = "", limit: int = 200
) -> list[PersonView]:
    """People whose id holds ``search``, those who did something last first."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        rows.get(RecommendCatalogue, catalogue_id)
        where = [Interaction.workspace_id == actor.workspace_id, Interaction.catalogue_id == catalogue_id]
        if search.strip():
            where.append(says(Interaction.person, search.strip()))
        newest = func.max(Interaction.id)
        found = select(Interaction.person, func.count()).where(*where).group_by(Interaction.person)
        return [PersonView(*row) for row in rows.session.execute(found.order_by(newest.desc()).limit(limit))]
