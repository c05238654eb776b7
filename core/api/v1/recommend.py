"""Recommendations: lists, and what people did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.api.v1.caller import App, Caller
from core.api.v1.shapes import RowId, Shape, Text
from core.db.recommend_tables import ID
from core.errors import PilotlightError
from core.services.recommend import catalogues, feedback, serving
from core.services.recommend.views import CatalogueView, OfferList

router = APIRouter(tags=["Recommendations"])
MOST_EVENTS = 500
Name = Annotated[Text, Field(min_length=1, max_length=200)]
Code = Annotated[Text, Field(max_length=ID)]


class CatalogueShape(BaseModel):
    id: int
    name: str
    items: int
    people: int
    interactions: int
    as_of: datetime | None = Field(description="The newest interaction.")
    model: str | None = Field(description="The model in force; null for most popular.")


class CatalogueList(BaseModel):
    data: list[CatalogueShape]


class ListRequest(Shape):
    """One of `person`, `item`, `basket`, `words`; nothing at all is somebody new."""

    catalogue: Name
    person: Code = ""
    item: Code = Field("", description="More like this one.")
    basket: Annotated[list[Code], Field(max_length=100)] = Field(default_factory=list)
    words: Annotated[Text, Field(max_length=serving.LONGEST_WORDS)] = ""
    k: Annotated[int, Field(ge=1, le=serving.MOST)] = 10
    without: Annotated[list[Code], Field(max_length=100)] = Field(
        default_factory=list, description="What if these were not liked?"
    )


class ReasonShape(BaseModel):
    item: str
    share: float


class OfferShape(BaseModel):
    item: str
    title: str
    title_zh: str
    category: str
    price: float | None
    image: str
    tags: list[str]
    score: float = Field(description="Comparable within this list only.")
    reasons: list[ReasonShape] = Field(description="Items of the person's history that speak for it, with their share.")
    known_by: str = Field(description="model, content, popular.")


class ListShape(BaseModel):
    data: list[OfferShape]
    basis: str = Field(description="history, content, popular, item or words: what the list is mostly made of.")
    model: str
    model_number: int
    data_as_of: datetime | None
    learnt_as_of: datetime | None
    shown_id: int | None = Field(description="Send it with a reaction where an experiment runs.")


class EventShape(Shape):
    person: Annotated[Text, Field(min_length=1, max_length=ID)]
    item: Annotated[Text, Field(min_length=1, max_length=ID)]
    kind: Annotated[Text, Field(min_length=1, max_length=40)] = Field(
        "view", description="Any word; `clicked` and `not_interested` are reactions to a list."
    )
    value: Annotated[float, Field(ge=-1e9, le=1e9)] | None = Field(
        None, description="Above 0: liked. 0: seen, not liked. Left out: by the kind."
    )
    at: datetime | None = Field(None, description="When; now if left out. Without a zone it is UTC.")
    shown_id: RowId | None = Field(None, description="The list that a reaction is to.")


class EventsRequest(Shape):
    catalogue: Name
    events: Annotated[list[EventShape], Field(min_length=1, max_length=MOST_EVENTS)]


class RefusedEvent(BaseModel):
    index: int
    code: str
    message: str


class EventsShape(BaseModel):
    recorded: int
    refused: list[RefusedEvent] = Field(description="Events that cannot be; the others are stored.")


@router.get("/catalogues", operation_id="list_catalogues")
def list_catalogues(app: App, actor: Caller) -> CatalogueList:
    """By name."""
    return CatalogueList(data=[catalogue_shape(one) for one in catalogues.list_catalogues(app, actor)])


@router.post("/recommendations", operation_id="recommend")
def recommend(app: App, actor: Caller, asked: ListRequest) -> ListShape:
    """A list with reasons. What somebody has seen, what is hidden and what was deleted is never in it."""
    number = catalogues.find_catalogue(app, actor, asked.catalogue)
    wanted = serving.Asked(
        person=asked.person, item=asked.item, basket=asked.basket, words=asked.words, k=asked.k, without=asked.without
    )  # fmt: skip
    return _list(serving.recommend(app, actor, number, wanted))


@router.post("/events", operation_id="record_events")
def record_events(app: App, actor: Caller, asked: EventsRequest) -> EventsShape:
    """Stores what people did, up to 500 at once; their very next lists know it."""
    number = catalogues.find_catalogue(app, actor, asked.catalogue)
    refused = []
    for index, one in enumerate(asked.events):
        try:
            _record(app, actor, number, one)
        except PilotlightError as error:
            said = error.sentence(actor.language)
            refused.append(RefusedEvent(index=index, code=error.code, message=said))
    return EventsShape(recorded=len(asked.events) - len(refused), refused=refused)


def _record(app: App, actor: Caller, catalogue_id: int, one: EventShape) -> None:
    at = one.at.replace(tzinfo=UTC) if one.at is not None and one.at.tzinfo is None else one.at
    kind: Literal["clicked", "not_interested"] | str = one.kind
    if kind in feedback.REACTIONS and at is None and one.value is None:
        feedback.react(app, actor, catalogue_id, one.person, one.item, kind, shown_id=one.shown_id)
        return
    feedback.record_event(app, actor, catalogue_id, one.person, one.item, kind=kind, value=one.value, at=at)


def catalogue_shape(one: CatalogueView) -> CatalogueShape:
    return CatalogueShape(
        id=one.id, name=one.name, items=one.items, people=one.people, interactions=one.interactions, as_of=one.as_of,
        model=one.served.name if one.served is not None else None,
    )  # fmt: skip


def _list(made: OfferList) -> ListShape:
    def offer(one: Any) -> OfferShape:
        item = one.item
        return OfferShape(
            item=item.id, title=item.title, title_zh=item.title_zh, category=item.category, price=item.price,
            image=item.image, tags=list(item.tags), score=one.score, known_by=one.known_by,
            reasons=[ReasonShape(item=reason.item, share=reason.share) for reason in one.reasons],
        )  # fmt: skip

    return ListShape(
        data=[offer(one) for one in made.offers], basis=made.basis, model=made.model, model_number=made.number,
        data_as_of=made.data_as_of, learnt_as_of=made.learnt_as_of, shown_id=made.shown_id,
    )  # fmt: skip
