"""Catalogues by HTTP: made, filled in batches, learnt from in a job, and what was found put in force."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.api.v1.caller import App, Caller
from core.api.v1.recommend import CatalogueShape, Code, Name, catalogue_shape
from core.api.v1.shapes import Id, RowId, Shape, Text
from core.db.recommend_tables import ID
from core.errors import NotFound
from core.recommend.build import ALL, FAST
from core.services.recommend import batches, catalogues, wizard
from core.services.recommend.importing import Imported
from core.services.recommend.views import ComparisonView
from core.services.recommend.wording import verdict_sentence

router = APIRouter(tags=["Recommendations"])
Given = Annotated[Text, Field(min_length=1, max_length=ID)]
ModelName = Annotated[str, Field(max_length=40, json_schema_extra={"enum": list(ALL)})]


class NewCatalogue(Shape):
    name: Name
    currency: Annotated[Text, Field(max_length=4)] = Field("", description="The sign before prices.")


class ItemShape(Shape):
    """What is left out (or null) stays as it was; of a new item it is unknown."""

    id: Given
    title: Annotated[Text, Field(max_length=1000)] | None = None
    title_zh: Annotated[Text, Field(max_length=1000)] | None = Field(None, description="The title in Chinese.")
    text: Annotated[Text, Field(max_length=20_000)] | None = None
    category: Annotated[Text, Field(max_length=200)] | None = None
    price: Annotated[float, Field(ge=0, le=1e12)] | None = None
    image: Annotated[Text, Field(max_length=1000)] | None = Field(None, description="An address.")
    tags: Annotated[list[Annotated[Text, Field(max_length=200)]], Field(max_length=100)] | None = None
    stock: Annotated[int, Field(ge=0, le=2_000_000_000)] | None = Field(None, description="0: sold out.")
    added: datetime | None = Field(None, description="On sale since. Without a zone it is UTC.")


class ItemsRequest(Shape):
    items: Annotated[list[ItemShape], Field(min_length=1, max_length=batches.MOST_ROWS)]


class ItemNames(Shape):
    items: Annotated[list[Code], Field(min_length=1, max_length=batches.MOST_ROWS)]


class Changed(BaseModel):
    items: int


class InteractionShape(Shape):
    user: Given
    item: Given
    time: datetime | None = Field(None, description="Without a zone it is UTC; unknown if left out.")
    kind: Annotated[Text, Field(max_length=40)] | None = None
    value: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None


class InteractionsRequest(Shape):
    interactions: Annotated[list[InteractionShape], Field(min_length=1, max_length=batches.MOST_ROWS)]


class FindingShape(BaseModel):
    code: str = Field(description="unknown_item, bad_time, future_time, known_already, item_duplicate, bad_price, ...")
    count: int
    examples: list[str]


class ImportedShape(BaseModel):
    version: int = Field(description="Of the catalogue's data.")
    read: int
    added: int
    updated: int
    findings: list[FindingShape] = Field(description="What was left out or changed, and how often.")


class TrainRequest(Shape):
    models: Annotated[list[ModelName], Field(max_length=len(ALL))] = Field(
        default_factory=lambda: list(FAST), description="`popular`, which the others are measured against, is added."
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class ComparisonShape(BaseModel):
    id: int
    job_id: int | None = Field(description="Follow or cancel it at /v1/jobs/{id}.")
    state: str = Field(description="queued, running, done, failed, cancelled.")
    verdict: str | None = Field(description="In words.")
    winner: str | None
    figures: dict[str, dict[str, Any]] = Field(
        description="Model to its measures on the split that decides (ndcg, recall and mrr with 95 % bounds, ...)."
    )
    now: dict[str, Any] = Field(description="The model that learns at the moment, its steps and the seconds left.")


class ServeRequest(Shape):
    comparison_id: RowId
    model: ModelName | None = Field(None, description="The winner if left out.")


@router.post("/catalogues", operation_id="create_catalogue", status_code=201)
def create_catalogue(app: App, actor: Caller, asked: NewCatalogue) -> CatalogueShape:
    """A new, empty one. Names are unique in a workspace."""
    settings = {"currency": asked.currency.strip()} if asked.currency.strip() else {}
    number = catalogues.create_catalogue(app, actor, asked.name, settings=settings)
    return catalogue_shape(catalogues.get_catalogue(app, actor, number))


@router.delete("/catalogues/{catalogue_id}", operation_id="delete_catalogue", status_code=204)
def delete_catalogue(app: App, actor: Caller, catalogue_id: Id) -> None:
    """With its items, interactions, models, rules and experiments. Not while a job works on it (409)."""
    catalogues.delete_catalogue(app, actor, catalogue_id)


@router.post("/catalogues/{catalogue_id}/items", operation_id="put_items")
def put_items(app: App, actor: Caller, catalogue_id: Id, asked: ItemsRequest) -> ImportedShape:
    """Adds items, and changes those there are, up to 1,000 at once; lists know them at once."""
    rows = [{**one.model_dump(exclude_none=True), **_zoned(one.added, "added")} for one in asked.items]
    return _imported(batches.put_items(app, actor, catalogue_id, rows))


@router.post("/catalogues/{catalogue_id}/items/remove", operation_id="remove_items")
def remove_items(app: App, actor: Caller, catalogue_id: Id, asked: ItemNames) -> Changed:
    """Takes items out of the catalogue and of every list; what people did with them is still learnt from."""
    return Changed(items=catalogues.delete_items(app, actor, catalogue_id, asked.items))


@router.post("/catalogues/{catalogue_id}/interactions", operation_id="put_interactions")
def put_interactions(app: App, actor: Caller, catalogue_id: Id, asked: InteractionsRequest) -> ImportedShape:
    """Adds what people did before, up to 1,000 at once; rows that were sent already count once. What happens now, and
    reactions to lists, go to `/v1/events`."""
    rows = [{**one.model_dump(exclude_none=True), **_zoned(one.time, "time")} for one in asked.interactions]
    return _imported(batches.put_events(app, actor, catalogue_id, rows))


@router.post("/catalogues/{catalogue_id}/train", operation_id="train_catalogue", status_code=202)
def train(app: App, actor: Caller, catalogue_id: Id, asked: TrainRequest) -> ComparisonShape:
    """Queues the comparison of models on what is there now; it ends with a verdict in words. Its time counts against
    the training quota."""
    number = wizard.start_comparison(app, actor, catalogue_id, models=asked.models, seed=asked.seed)
    return _comparison(actor, wizard.get_comparison(app, actor, number))


@router.get("/catalogues/{catalogue_id}/comparisons/{comparison_id}", operation_id="get_comparison")
def get_comparison(app: App, actor: Caller, catalogue_id: Id, comparison_id: Id) -> ComparisonShape:
    """How far it is, and what it found."""
    return _comparison(actor, _of(app, actor, catalogue_id, comparison_id))


@router.post("/catalogues/{catalogue_id}/serve", operation_id="serve_model")
def serve(app: App, actor: Caller, catalogue_id: Id, asked: ServeRequest) -> CatalogueShape:
    """Puts a compared model in force for every list from now on."""
    view = _of(app, actor, catalogue_id, asked.comparison_id)
    if asked.model is None:
        wizard.serve_winner(app, actor, view.id)
    else:
        wizard.serve_compared(app, actor, view.id, asked.model)
    return catalogue_shape(catalogues.get_catalogue(app, actor, catalogue_id))


def _of(app: App, actor: Caller, catalogue_id: int, comparison_id: int) -> ComparisonView:
    found = wizard.list_comparisons(app, actor, catalogue_id, limit=1000)
    view = next((one for one in found if one.id == comparison_id), None)
    if view is None:
        raise NotFound("not_found", what="comparison", id=comparison_id)
    return view


def _zoned(moment: datetime | None, name: str) -> dict[str, datetime]:
    if moment is None:
        return {}
    return {name: moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment}


def _imported(done: Imported) -> ImportedShape:
    findings = [
        FindingShape(code=one.code, count=one.count, examples=[str(e) for e in one.examples]) for one in done.findings
    ]
    return ImportedShape(
        version=done.number, read=done.read, added=done.added, updated=done.updated, findings=findings
    )  # fmt: skip


def _comparison(actor: Caller, view: ComparisonView) -> ComparisonShape:
    verdict = view.result.get("verdict")
    cell = view.result.get("splits", {}).get(view.result.get("main", ""), {})
    return ComparisonShape(
        id=view.id, job_id=view.job_id, state=view.state, winner=verdict["model"] if verdict else None,
        verdict=verdict_sentence(verdict, actor.language) if verdict else None,
        figures={name: dict(one) for name, one in cell.get("results", {}).items()}, now=dict(view.now),
    )  # fmt: skip
