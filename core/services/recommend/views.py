"""What the services of recommendations hand to pages, the CLI and the HTTP API: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CatalogueView:
    """``served``: the model in force, None for most popular. ``as_of``: the newest interaction there is."""

    id: int
    name: str
    items: int
    hidden: int
    interactions: int
    people: int
    as_of: datetime | None
    first: datetime | None
    served: ModelView | None
    settings: Mapping[str, Any]
    rules: tuple[Mapping[str, Any], ...]
    rules_published_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ItemView:
    """``stock`` None: not counted. ``title_zh`` is "" where the owner gave one title."""

    id: str
    title: str
    title_zh: str
    text: str
    category: str
    price: float | None
    image: str
    tags: tuple[str, ...]
    stock: int | None
    hidden: bool

    def called(self, language: str) -> str:
        return (self.title_zh if language == "zh" else "") or self.title or self.title_zh or self.id


@dataclass(frozen=True, slots=True)
class VersionView:
    """One import. ``counts``: read, added, updated, left_out (findings: code, count, examples, values)."""

    number: int
    part: str
    source: str
    counts: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ModelView:
    """``fresh``: interactions that came after those it learnt from; it still uses them as a person's history."""

    id: int
    number: int
    name: str
    figures: Mapping[str, Any]
    interactions: int
    as_of: datetime | None
    created_at: datetime
    serving: bool
    fresh: int


@dataclass(frozen=True, slots=True)
class ReasonView:
    """``item`` (an id of the person's history) speaks for an offer with ``share`` (0 to 1) of its score."""

    item: str
    share: float


@dataclass(frozen=True, slots=True)
class Offer:
    """One place of a list. ``score`` is comparable within its list only."""

    item: ItemView
    score: float
    reasons: tuple[ReasonView, ...]
    known_by: str  # model, content (not in the model yet), popular


@dataclass(frozen=True, slots=True)
class OfferList:
    """A list as it was made. ``basis``: history, content, popular, item, basket, words. ``model``: the name of what
    ranked it and its version's ``number`` (0: popularity without a trained version). ``data_as_of``: the newest
    interaction that the model or this person's history holds. An interleaved list's ``model`` is "interleaved"."""

    offers: tuple[Offer, ...]
    basis: str
    model: str
    number: int
    data_as_of: datetime | None
    learnt_as_of: datetime | None
    seconds: float
    history: tuple[str, ...] = ()
    left_out: Mapping[str, int] | None = None  # reason -> items that are not shown
    arm: str = ""
    shown_id: int | None = None
    teams: tuple[str, ...] = ()  # of an interleaved list: who drafted each place, a or b


@dataclass(frozen=True, slots=True)
class EventView:
    """Something a person did."""

    id: int
    item: str
    kind: str
    value: float
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """A run of the wizard. ``result`` as :mod:`core.services.recommend.wizard_job` writes it. ``now``: what is learnt
    at the moment, see ``CellWatch`` there; empty when nothing is."""

    id: int
    job_id: int | None
    state: str
    options: Mapping[str, Any]
    result: Mapping[str, Any]
    created_at: datetime
    finished_at: datetime | None
    models: Mapping[str, int]  # name -> id of the trained version
    now: Mapping[str, Any] = field(default_factory=dict)
