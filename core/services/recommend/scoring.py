"""Scores of the whole catalogue for one question: by the model in force, by what items say, or by popularity."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import structlog
from sqlalchemy import func

from core.db.recommend_tables import Interaction, RecommendModel
from core.db.unit_of_work import Rows
from core.errors import PilotlightError
from core.recommend.base import Recommender, Share
from core.recommend.content_based import ContentBased
from core.recommend.data import Bools, Floats, History, Ints
from core.services.application import Application
from core.services.recommend.snapshot import Snapshot, newest_event
from core.services.recommend.vectors import content_model, encoder_of

MOST_OPEN = 6  # models in memory
COUNT_EVERY = 5.0  # seconds: popularity need not be newer, a person's own history always is

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ranker:
    """An opened model beside the catalogue as it stands now."""

    row: RecommendModel
    model: Recommender
    snapshot: Snapshot

    @cached_property
    def numbers(self) -> Ints:
        """[items of the snapshot]: the model's number of each, -1 for one it never saw."""
        known = {code: number for number, code in enumerate(self.model.item_ids)}
        return np.array([known.get(code, -1) for code in self.snapshot.items.ids], np.int64)

    def history(self, history: History) -> History:
        """In the model's numbers; without what it never saw."""
        numbers = self.numbers[history.items]
        kept = numbers >= 0
        return History(numbers[kept], history.times[kept], history.weights[kept])

    def spread(self, scores: Floats) -> Floats:
        """The model's scores in the snapshot's order, NaN for items it never saw."""
        found = np.full(len(self.numbers), np.nan, np.float32)
        known = self.numbers >= 0
        found[known] = scores[self.numbers[known]]
        return found


@dataclass(frozen=True)
class Scored:
    """``scores`` [items of the snapshot], finite. ``basis``: history, content, popular, item, words. ``by_content``:
    items that the model never saw and that stand where what they say puts them."""

    scores: Floats
    basis: str
    by_content: Bools
    ranker: Ranker | None = None


def open_ranker(app: Application, rows: Rows, model_id: int | None, snapshot: Snapshot) -> Ranker | None:
    """The model of this id, opened once. None where there is none, or where its files are damaged: then popularity
    serves, and the list says so."""
    row = rows.find(RecommendModel, RecommendModel.id == model_id) if model_id else None
    if row is None:
        return None
    held: OrderedDict[int, Ranker] = app.caches.setdefault("recommend_models", OrderedDict())
    found = held.get(row.id)
    try:
        if found is None:
            from core.recommend.build import open_model

            encode = encoder_of(app, rows.workspace_id, row.catalogue_id)
            found = Ranker(row, open_model(app.settings.data_dir / row.folder, encode=encode), snapshot)
        elif found.snapshot is not snapshot:
            found = Ranker(row, found.model, snapshot)
    except PilotlightError as error:
        log.error("model cannot be opened", model=row.id, code=error.code)
        return None
    held[row.id] = found
    while len(held) > MOST_OPEN:
        held.popitem(last=False)
    return found


def for_history(
    app: Application, rows: Rows, now: Snapshot, catalogue_id: int, ranker: Ranker | None, history: History
) -> Scored:
    """For somebody who did this. Without anything liked, or a model: popularity."""
    mine = ranker.history(history) if ranker else history
    if ranker is None or not len(mine.liked):
        if ranker is not None and len(history.liked):  # everything liked is newer than the model
            return _by_content(app, rows, now, catalogue_id, history.liked)
        return _by_popularity(app, rows, now, catalogue_id)
    scores = ranker.spread(ranker.model.scores_for([mine])[0])
    basis = "history" if ranker.model.personal else "popular"
    filled, new = _place_new(app, rows, now, catalogue_id, scores, history.liked)
    return Scored(filled, basis, new, ranker)


def for_item(
    app: Application, rows: Rows, now: Snapshot, catalogue_id: int, ranker: Ranker | None, item: int
) -> Scored:
    """More like this: by the model where it has learnt something about the item, else by what the items say."""
    if ranker is not None and ranker.numbers[item] >= 0 and ranker.model.personal:
        scores = ranker.spread(ranker.model.similar(int(ranker.numbers[item])))
        others = np.delete(scores, item)
        if len(others) and np.nanmax(others) > np.nanmin(others):
            filled, new = _place_new(app, rows, now, catalogue_id, scores, History.of([item]))
            return Scored(filled, "item", new, ranker)
    return Scored(_content(app, rows, now, catalogue_id).similar(item), "item", np.ones(len(now.items), bool), None)


def for_words(app: Application, rows: Rows, now: Snapshot, catalogue_id: int, words: str) -> Scored:
    """For somebody new who says what they look for."""
    scores = _content(app, rows, now, catalogue_id).scores_of_words([words])[0]
    if not scores.any():  # no word of it stands anywhere in the catalogue
        return _by_popularity(app, rows, now, catalogue_id)
    return Scored(scores, "words", np.zeros(len(scores), bool), None)


def content_reasons(
    app: Application, rows: Rows, now: Snapshot, catalogue_id: int, history: History, item: int
) -> tuple[Share, ...]:
    """Which items of a history say most like ``item``."""
    return _content(app, rows, now, catalogue_id).reasons(history, item)


def _content(app: Application, rows: Rows, now: Snapshot, catalogue_id: int) -> ContentBased:
    return content_model(app, rows.workspace_id, catalogue_id, now)


def _by_content(app: Application, rows: Rows, now: Snapshot, catalogue_id: int, liked: History) -> Scored:
    scores = _content(app, rows, now, catalogue_id).scores_for([liked])[0]
    return Scored(scores, "content", np.ones(len(scores), bool), None)


def _by_popularity(app: Application, rows: Rows, now: Snapshot, catalogue_id: int) -> Scored:
    counts = popularity(app, rows, catalogue_id, now)
    return Scored(counts, "popular", np.zeros(len(counts), bool), None)


def _place_new(
    app: Application, rows: Rows, now: Snapshot, catalogue_id: int, scores: Floats, liked: History
) -> tuple[Floats, Bools]:
    """Items newer than the model stand at the quantile that their likeness to what was liked has among the others."""
    new = np.isnan(scores)
    if not new.any():
        return scores, new
    filled = np.where(new, float(np.nanmin(scores)), scores).astype(np.float32)
    shown = new & now.shown
    if shown.any():
        near = _content(app, rows, now, catalogue_id).scores_for([liked])[0]
        others = np.sort(near[~new])
        filled[shown] = np.quantile(scores[~new], np.searchsorted(others, near[shown]) / len(others))
    return filled, new


# --- popularity ---


@dataclass(frozen=True)
class _Counted:
    token: tuple[Any, ...]
    at: float
    counts: Floats
    newest: datetime | None


def popularity(app: Application, rows: Rows, catalogue_id: int, now: Snapshot) -> Floats:
    """[items of the snapshot]: how many people liked each, a few seconds old at most."""
    return _counted(app, rows, catalogue_id, now).counts


def newest_known(app: Application, rows: Rows, catalogue_id: int, now: Snapshot) -> datetime | None:
    """Time of the newest interaction, as popularity knows it."""
    return _counted(app, rows, catalogue_id, now).newest


def _counted(app: Application, rows: Rows, catalogue_id: int, now: Snapshot) -> _Counted:
    held: dict[int, _Counted] = app.caches.setdefault("recommend_popularity", {})
    found = held.get(catalogue_id)
    if found is not None and found.token == now.token and time.monotonic() - found.at < COUNT_EVERY:
        return found
    counts = np.zeros(len(now.items), np.float32)
    liked = Interaction.catalogue_id == catalogue_id, Interaction.value > 0
    columns = rows.columns(Interaction, Interaction.item, func.count(Interaction.person.distinct()), where=liked)
    for code, count in rows.session.execute(columns.group_by(Interaction.item)):
        number = now.items.number.get(code)
        if number is not None:
            counts[number] = count
    found = held[catalogue_id] = _Counted(now.token, time.monotonic(), counts, newest_event(rows, catalogue_id))
    for old in list(held)[:-MOST_OPEN]:
        held.pop(old, None)
    return found


def ordered(scores: Floats, allowed: Bools, k: int) -> Sequence[int]:
    """The best ``k`` allowed items, best first; ties by the order of the catalogue."""
    candidates = np.flatnonzero(allowed)
    order = np.argsort(-scores[candidates], kind="stable")[:k]
    return [int(place) for place in candidates[order]]
