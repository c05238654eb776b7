"""Catalogues: made, listed, looked into, deleted; and the items in them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, or_, select

from core.access.actor import Actor, Permission
from core.db.recommend_tables import CatalogueItem, CatalogueVersion, Interaction, RecommendCatalogue, RecommendModel
from core.db.searching import says
from core.db.tables import Job, utc_now
from core.db.unit_of_work import Rows
from core.errors import Conflict, NotFound
from core.services.application import Application
from core.services.recommend.views import CatalogueView, ItemView, ModelView, VersionView
from core.services.studio.naming import one_name
from core.services.views import PageOf

JOBS = ("recommend_import", "recommend_compare")
SHOWN_NAMES = 20


def create_catalogue(app: Application, actor: Actor, name: str, *, settings: Mapping[str, Any] | None = None) -> int:
    """An empty catalogue; its id. Raises BadInput for a name that cannot be, Conflict for one that is taken."""
    actor.require(Permission.RECOMMEND)
    kept = one_name(name, "recommend.catalogue_name")
    with app.database.write(actor.workspace_id) as rows:
        if rows.find(RecommendCatalogue, RecommendCatalogue.name == kept) is not None:
            raise Conflict("recommend.catalogue_taken", name=kept)
        return rows.add(RecommendCatalogue(name=kept, settings=dict(settings or {}))).id


def find_catalogue(app: Application, actor: Actor, name: str) -> int:
    """The id of the catalogue of this name. Raises NotFound, naming those that there are."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        found = rows.find(RecommendCatalogue, RecommendCatalogue.name == " ".join(name.split()))
        if found is not None:
            return found.id
        known = [one.name for one in rows.all(rows.select(RecommendCatalogue).limit(SHOWN_NAMES))]
    raise NotFound("recommend.catalogue_unknown", name=name, names=", ".join(known) or "-")


def list_catalogues(app: Application, actor: Actor) -> list[CatalogueView]:
    """By name."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(RecommendCatalogue).order_by(RecommendCatalogue.name))
        return [_view(rows, one) for one in found]


def get_catalogue(app: Application, actor: Actor, catalogue_id: int) -> CatalogueView:
    """Raises NotFound."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        return _view(rows, rows.get(RecommendCatalogue, catalogue_id))


def save_settings(app: Application, actor: Actor, catalogue_id: int, **values: Any) -> None:
    """Changes some settings; the others stay."""
    actor.require(Permission.RECOMMEND)
    with app.database.write(actor.workspace_id) as rows:
        stored = rows.get(RecommendCatalogue, catalogue_id)
        stored.settings = {**stored.settings, **values}


def delete_catalogue(app: Application, actor: Actor, catalogue_id: int) -> None:
    """Removes it with all its data and models. Raises Conflict while something is made of it."""
    actor.require(Permission.RECOMMEND)
    with app.database.write(actor.workspace_id) as rows:
        stored = rows.get(RecommendCatalogue, catalogue_id)
        busy = rows.all(rows.select(Job, Job.kind.in_(JOBS), Job.state.in_(("queued", "running"))))
        if any(job.arguments.get("catalogue_id") == catalogue_id for job in busy):
            raise Conflict("recommend.catalogue_busy", name=stored.name)
        rows.delete(RecommendCatalogue, RecommendCatalogue.id == catalogue_id)
    shutil.rmtree(catalogue_folder(app, actor.workspace_id, catalogue_id), ignore_errors=True)


def catalogue_folder(app: Application, workspace_id: int, catalogue_id: int) -> Path:
    """Where the models of a catalogue lie."""
    return app.settings.data_dir / "recommend" / str(workspace_id) / str(catalogue_id)


# --- items ---


def list_items(
    app: Application, actor: Actor, catalogue_id: int, *, search: str = "", offset: int = 0, limit: int = 24
) -> PageOf:
    """Items (:class:`ItemView`) whose id, titles or category hold every word of ``search``, as they were added."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        rows.get(RecommendCatalogue, catalogue_id)
        where = [CatalogueItem.catalogue_id == catalogue_id, CatalogueItem.deleted_at.is_(None)]
        for word in search.split()[:8]:
            columns = (CatalogueItem.code, CatalogueItem.title, CatalogueItem.title_zh, CatalogueItem.category)
            where.append(or_(*(says(column, word) for column in columns)))
        page = rows.select(CatalogueItem, *where).order_by(CatalogueItem.id).offset(max(0, offset)).limit(limit)
        return PageOf(tuple(item_view(one) for one in rows.all(page)), rows.count(CatalogueItem, *where))


def named_items(app: Application, actor: Actor, catalogue_id: int, codes: Sequence[str]) -> list[ItemView]:
    """The items of these ids, those that were deleted too."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        mine = CatalogueItem.catalogue_id == catalogue_id, CatalogueItem.code.in_(list(codes)[:500])
        return [item_view(one) for one in rows.all(rows.select(CatalogueItem, *mine))]


def set_hidden(app: Application, actor: Actor, catalogue_id: int, codes: Sequence[str], hidden: bool) -> int:
    """Hidden items are never recommended. Returns how many there were."""
    actor.require(Permission.RECOMMEND)
    return _change(app, actor, catalogue_id, codes, hidden=hidden)


def delete_items(app: Application, actor: Actor, catalogue_id: int, codes: Sequence[str]) -> int:
    """Takes items out of the catalogue and of every list from now on. Returns how many there were."""
    actor.require(Permission.RECOMMEND)
    return _change(app, actor, catalogue_id, codes, deleted_at=utc_now())


def _change(app: Application, actor: Actor, catalogue_id: int, codes: Sequence[str], **values: Any) -> int:
    actor.require(Permission.RECOMMEND)
    with app.database.write(actor.workspace_id) as rows:
        catalogue = rows.get(RecommendCatalogue, catalogue_id)
        mine = CatalogueItem.catalogue_id == catalogue_id, CatalogueItem.code.in_(list(codes))
        catalogue.items_changed_at = utc_now()
        return rows.update(CatalogueItem, *mine, CatalogueItem.deleted_at.is_(None), **values)


def list_versions(app: Application, actor: Actor, catalogue_id: int, limit: int = 20) -> list[VersionView]:
    """Imports, the newest first."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.select(CatalogueVersion, CatalogueVersion.catalogue_id == catalogue_id)
        found = rows.all(mine.order_by(CatalogueVersion.number.desc()).limit(limit))
    return [VersionView(one.number, one.part, one.source, one.counts, one.created_at) for one in found]


# --- what others here read too ---


def item_view(row: CatalogueItem) -> ItemView:
    return ItemView(
        id=row.code,
        title=row.title,
        title_zh=row.title_zh,
        text=row.text,
        category=row.category,
        price=row.price,
        image=row.image,
        tags=tuple(row.tags),
        stock=row.stock,
        hidden=row.hidden,
    )


def model_view(rows: Rows, row: RecommendModel, served_id: int | None) -> ModelView:
    newer = (Interaction.catalogue_id == row.catalogue_id, Interaction.id > row.last_interaction_id)
    return ModelView(
        id=row.id,
        number=row.number,
        name=row.name,
        figures=row.figures,
        interactions=row.interactions,
        as_of=row.as_of,
        created_at=row.created_at,
        serving=row.id == served_id,
        fresh=rows.count(Interaction, *newer),
    )


def _view(rows: Rows, row: RecommendCatalogue) -> CatalogueView:
    mine = Interaction.catalogue_id == row.id
    people, count, first, last = rows.session.execute(_spread(rows.workspace_id, mine)).one()
    served = rows.find(RecommendModel, RecommendModel.id == row.served_id) if row.served_id else None
    living = CatalogueItem.catalogue_id == row.id, CatalogueItem.deleted_at.is_(None)
    return CatalogueView(
        id=row.id,
        name=row.name,
        items=rows.count(CatalogueItem, *living),
        hidden=rows.count(CatalogueItem, *living, CatalogueItem.hidden.is_(True)),
        interactions=count,
        people=people,
        as_of=last,
        first=first,
        served=model_view(rows, served, row.served_id) if served else None,
        settings=row.settings,
        rules=tuple(row.rules),
        rules_published_at=row.rules_published_at,
        created_at=row.created_at,
    )


def _spread(workspace_id: int, mine: Any) -> Any:
    columns = func.count(func.distinct(Interaction.person)), func.count(), func.min(Interaction.at)
    return select(*columns, func.max(Interaction.at)).where(Interaction.workspace_id == workspace_id, mine)
