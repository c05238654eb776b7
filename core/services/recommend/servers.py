"""Opened models on the catalogue as it stands now, a bounded number of them, and popularity where none is in force."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from core.db.recommend_tables import RecommendModel
from core.db.unit_of_work import Rows
from core.errors import PilotlightError
from core.recommend.base import Model
from core.recommend.build import open_model
from core.recommend.popular import Popular
from core.recommend.serving import Server
from core.services.application import Application
from core.services.recommend.importing import newest_interaction
from core.services.recommend.snapshot import Snapshot, newest_event, read_interactions, seconds_of
from core.services.recommend.vectors import content_model, encoder_of

MOST_OPEN = 6  # models in memory
COUNT_EVERY = 5.0  # seconds: popularity need not be newer, a person's own history always is
COUNT_SHARE = 50  # and counting takes at most this part of the time

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Opened:
    """``row`` None: popularity, counted from the interactions as they are. ``newest``: time of the newest of them."""

    server: Server
    row: RecommendModel | None


@dataclass(frozen=True)
class Counted:
    """Popularity, and the newest interaction, of a moment."""

    last_id: int
    token: tuple[Any, ...]
    model: Popular
    newest: datetime | None
    at: float
    cost: float


def open_server(
    app: Application, rows: Rows, catalogue_id: int, model_id: int | None, now: Snapshot, *, content: bool = False
) -> Opened:
    """The model's lists; popularity's where there is no such model or its files are damaged. ``content``: what items
    say is needed (words, diversity); it is there anyway where items are newer than the model."""
    row = rows.find(RecommendModel, RecommendModel.id == model_id) if model_id else None
    if row is not None:
        try:
            model = _open(app, row)
            needed = content or not set(now.items.ids) <= set(model.item_ids)
            return Opened(_server(app, rows, row.id, row, model, now, needed), row)
        except PilotlightError as error:
            log.error("model cannot be opened, popularity serves", model=row.id, code=error.code)
    counts = counted(app, rows, catalogue_id, now)
    said = content_model(app, rows.workspace_id, catalogue_id, now) if content else None
    return Opened(Server(counts.model, now.items, said), None)


def _open(app: Application, row: RecommendModel) -> Model:
    held: OrderedDict[int, Model] = app.caches.setdefault("recommend_models", OrderedDict())
    model = held.get(row.id)
    if model is None:
        encode = encoder_of(app, row.workspace_id, row.catalogue_id)
        model = open_model(app.settings.data_dir / row.folder, encode=encode)
        held[row.id] = model
        while len(held) > MOST_OPEN:
            held.popitem(last=False)
    return model


def _server(
    app: Application, rows: Rows, key: int, row: RecommendModel, model: Model, now: Snapshot, content: bool
) -> Server:
    held: OrderedDict[tuple[Any, ...], Server] = app.caches.setdefault("recommend_servers", OrderedDict())
    place = (key, now.token, content)
    server = held.get(place)
    if server is None:
        said = content_model(app, rows.workspace_id, row.catalogue_id, now) if content else None
        server = Server(model, now.items, said, version=str(row.number), as_of=seconds_of(row.as_of))
        held[place] = server
        while len(held) > MOST_OPEN:
            held.popitem(last=False)
    return server


def counted(app: Application, rows: Rows, catalogue_id: int, now: Snapshot) -> Counted:
    """Popularity a few seconds old at most (older only where counting takes long)."""
    held: dict[int, Counted] = app.caches.setdefault("recommend_popularity", {})
    found = held.get(catalogue_id)
    began = time.monotonic()
    if found is not None and found.token == now.token:
        if began - found.at < max(COUNT_EVERY, COUNT_SHARE * found.cost):
            return found
        if newest_interaction(rows, catalogue_id) == found.last_id:
            return found
    last_id = newest_interaction(rows, catalogue_id)
    model = Popular().fit(read_interactions(rows, catalogue_id, now.items), now.items)
    newest = newest_event(rows, catalogue_id)
    ended = time.monotonic()
    found = held[catalogue_id] = Counted(last_id, now.token, model, newest, ended, ended - began)
    for old in list(held)[:-MOST_OPEN]:
        held.pop(old, None)
    return found
