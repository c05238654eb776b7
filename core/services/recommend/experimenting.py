"""Experiments: two served settings side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.access.actor import Actor
from core.db.recommend_tables import RecommendShown
from core.db.unit_of_work import Rows
from core.services.application import Application
from core.services.recommend.views import OfferList


@dataclass(frozen=True, slots=True)
class Arm:
    """What serves somebody of an experiment."""

    experiment_id: int
    name: str
    model_id: int | None
    rules: bool


def assigned(rows: Rows, catalogue_id: int, person: str) -> Arm | None:
    return None


def shown(app: Application, actor: Actor, catalogue_id: int, arm: Arm, person: str, made: OfferList) -> OfferList:
    """Notes that the list was shown; the list with its number."""
    with app.database.write(actor.workspace_id) as rows:
        row = RecommendShown(
            catalogue_id=catalogue_id,
            experiment_id=arm.experiment_id,
            arm=arm.name,
            person=person.strip(),
            items=[offer.item.id for offer in made.offers],
        )
        return replace(made, shown_id=rows.add(row).id)
