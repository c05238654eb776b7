"""Approved entries ready for matching: one prepared index a knowledge base, kept until an entry changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func

from core.assistant.faq import FaqIndex, FaqItem
from core.db.tables import FaqEntry, KnowledgeBase
from core.db.unit_of_work import Rows
from core.services.application import Application
from core.types import Answer, Rung

KEPT = 16  # knowledge bases

# How many entries there are, the newest id and the newest change: equal means that nothing changed.
Stamp = tuple[int, int, datetime | None]


@dataclass(frozen=True, slots=True)
class _Prepared:
    stamp: Stamp
    index: FaqIndex
    answers: Mapping[int, str]


class FaqCache:
    """Prepared entries of the knowledge bases asked last. Thread-safe and bounded; prepared once, the others wait."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._ready: OrderedDict[tuple[int, int], _Prepared] = OrderedDict()
        self._making: dict[tuple[int, int], threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, app: Application, workspace_id: int, kb_id: int) -> _Prepared:
        """What is stored now: another process's change is seen too, since the stamp comes from the database."""
        key = (workspace_id, kb_id)
        with app.database.read(workspace_id) as rows:
            stamp = _stamp(rows, kb_id)
        found = self._fresh(key, stamp)
        if found is not None:
            return found
        with self._guard:
            lock = self._making.setdefault(key, threading.Lock())
        with lock:
            found = self._fresh(key, stamp)
            if found is None:
                found = _prepare(app, workspace_id, kb_id)
                self._keep(key, found)
        return found

    def _fresh(self, key: tuple[int, int], stamp: Stamp) -> _Prepared | None:
        with self._guard:
            found = self._ready.get(key)
            if found is None or found.stamp != stamp:
                return None
            self._ready.move_to_end(key)
            return found

    def _keep(self, key: tuple[int, int], made: _Prepared) -> None:
        with self._guard:
            self._ready[key] = made
            self._ready.move_to_end(key)
            while len(self._ready) > self._most:
                self._making.pop(self._ready.popitem(last=False)[0], None)


def match_faq(app: Application, workspace_id: int, kb_id: int, question: str) -> Answer | None:
    """The approved entry that answers ``question``, verbatim; None when none does beyond doubt."""
    cache: FaqCache = app.caches.get("faq") or app.caches.setdefault("faq", FaqCache())
    prepared = cache.get(app, workspace_id, kb_id)
    if not prepared.answers:
        return None
    match = prepared.index.match(question)
    if match is None:
        return None
    return Answer(prepared.answers[match.id], Rung.FAQ, match.score, faq_id=match.id, query=question)


def _stamp(rows: Rows, kb_id: int) -> Stamp:
    newest = (func.count(), func.max(FaqEntry.id), func.max(FaqEntry.updated_at))
    statement = rows.columns(FaqEntry, *newest, where=[FaqEntry.knowledge_base_id == kb_id])
    count, last, changed = rows.session.execute(statement).one()
    return int(count), int(last or 0), changed


def _prepare(app: Application, workspace_id: int, kb_id: int) -> _Prepared:
    with app.database.read(workspace_id) as rows:
        rows.get(KnowledgeBase, kb_id)
        stamp = _stamp(rows, kb_id)
        mine = FaqEntry.knowledge_base_id == kb_id, FaqEntry.approved.is_(True)
        entries = rows.all(rows.select(FaqEntry, *mine).order_by(FaqEntry.id))
    items = [FaqItem(entry.id, (entry.question, *entry.phrasings)) for entry in entries]

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return app.encoder().encode(list(texts), kind="query")

    return _Prepared(stamp, FaqIndex(items, encode), {entry.id: entry.answer for entry in entries})
