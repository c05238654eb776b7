"""Model versions of a catalogue: trained on all its data, kept in a folder each, put in force and taken back."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.db.recommend_tables import Interaction, RecommendCatalogue, RecommendExperiment, RecommendModel
from core.db.tables import utc_now
from core.db.unit_of_work import Rows
from core.errors import Conflict, NotFound
from core.recommend.base import Recommender
from core.services.application import Application
from core.services.recommend.catalogues import catalogue_folder, model_view
from core.services.recommend.snapshot import newest_event
from core.services.recommend.views import ModelView

KEPT = 24  # versions; older ones that serve nothing are removed when a new one is made


def store_model(
    app: Application, workspace_id: int, catalogue_id: int, model: Recommender, *, last_interaction_id: int,
    comparison_id: int | None = None, figures: Mapping[str, Any] | None = None,
) -> int:  # fmt: skip
    """Saves a fitted model as the next version; its id. The row comes last, so a killed save leaves no version."""
    with app.database.read(workspace_id) as rows:
        number = _next_number(rows, catalogue_id)
        mine = Interaction.catalogue_id == catalogue_id, Interaction.id <= last_interaction_id
        count = rows.count(Interaction, *mine)
        newest = newest_event(rows, catalogue_id, last_interaction_id)
    folder = catalogue_folder(app, workspace_id, catalogue_id) / "models" / str(number)
    shutil.rmtree(folder, ignore_errors=True)  # what a killed save left
    model.save(folder)
    with app.database.write(workspace_id) as rows:
        stored = rows.add(
            RecommendModel(
                catalogue_id=catalogue_id,
                comparison_id=comparison_id,
                number=number,
                name=model.name,
                folder=str(folder.relative_to(app.settings.data_dir)),
                figures=dict(figures or {}),
                interactions=count,
                last_interaction_id=last_interaction_id,
                as_of=newest,
            )
        )
        left = _unused(rows, catalogue_id)
        for old in left:
            rows.session.delete(old)
    for old in left:
        shutil.rmtree(app.settings.data_dir / old.folder, ignore_errors=True)
    return stored.id


def list_models(app: Application, actor: Actor, catalogue_id: int) -> list[ModelView]:
    """The newest first."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        catalogue = rows.get(RecommendCatalogue, catalogue_id)
        mine = rows.select(RecommendModel, RecommendModel.catalogue_id == catalogue_id)
        found = rows.all(mine.order_by(RecommendModel.number.desc()))
        return [model_view(rows, one, catalogue.served_id) for one in found]


def serve_model(app: Application, actor: Actor, catalogue_id: int, model_id: int | None) -> None:
    """Puts a version in force for every list from now on; None: most popular. Raises NotFound, Conflict when its files
    are gone."""
    actor.require(Permission.RECOMMEND)
    with app.database.write(actor.workspace_id) as rows:
        catalogue = rows.get(RecommendCatalogue, catalogue_id)
        if model_id is not None:
            mine = RecommendModel.catalogue_id == catalogue_id, RecommendModel.id == model_id
            model = rows.find(RecommendModel, *mine)
            if model is None:
                raise NotFound("recommend.model_gone", id=model_id)
            if not (app.settings.data_dir / model.folder).is_dir():
                raise Conflict("recommend.model_files", number=model.number)
        if catalogue.served_id != model_id:
            catalogue.previous_id, catalogue.served_id, catalogue.served_at = catalogue.served_id, model_id, utc_now()
            record(rows, actor, "recommend_model.promoted", catalogue.name, model=model_id)


def roll_back(app: Application, actor: Actor, catalogue_id: int) -> None:
    """Puts back what served before. Raises Conflict when nothing was ever put in force."""
    actor.require(Permission.RECOMMEND)
    with app.database.read(actor.workspace_id) as rows:
        catalogue = rows.get(RecommendCatalogue, catalogue_id)
        if catalogue.served_at is None:
            raise Conflict("recommend.nothing_served")
        before = (
            rows.find(RecommendModel, RecommendModel.id == catalogue.previous_id) if catalogue.previous_id else None
        )
    serve_model(app, actor, catalogue_id, before.id if before else None)


def model_path(app: Application, row: RecommendModel) -> Path:
    return app.settings.data_dir / row.folder


def _next_number(rows: Rows, catalogue_id: int) -> int:
    newest = select(func.max(RecommendModel.number)).where(RecommendModel.catalogue_id == catalogue_id)
    return int(rows.session.scalar(newest) or 0) + 1


def _unused(rows: Rows, catalogue_id: int) -> list[RecommendModel]:
    catalogue = rows.get(RecommendCatalogue, catalogue_id)
    needed = {catalogue.served_id, catalogue.previous_id}
    for experiment in rows.all(rows.select(RecommendExperiment, RecommendExperiment.catalogue_id == catalogue_id)):
        if experiment.state == "running":
            needed |= {arm.get("model_id") for arm in experiment.arms.values()}
    mine = rows.select(RecommendModel, RecommendModel.catalogue_id == catalogue_id)
    old = rows.all(mine.order_by(RecommendModel.number.desc()))[KEPT:]
    return [one for one in old if one.id not in needed]
