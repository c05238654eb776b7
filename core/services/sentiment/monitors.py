"""Watches: a share of the last texts above a bound is a warning on Home and one call of a webhook."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from core.access import outbound
from core.access.actor import Actor, Permission
from core.db.sentiment_tables import MessageMood, SentimentBatch, SentimentMonitor
from core.db.tables import utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Unavailable
from core.sentiment.polarity import POLARITIES, UNCERTAIN
from core.sentiment.tally import SHORT, TAIL
from core.services.application import Application

log = structlog.get_logger(__name__)

SOURCES = ("messages", "files")
LABELS = (*POLARITIES, UNCERTAIN)
FEWEST = 10  # texts before a share says anything
WEBHOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class MonitorView:
    id: int
    name: str
    source: str
    label: str
    limit: float
    window: int
    webhook: str
    raised: bool
    share: float | None
    counted: int
    changed_at: datetime | None
    called: dict[str, Any]


def save_monitor(
    app: Application, actor: Actor, *, name: str, source: str, label: str, limit: float, window: int, webhook: str = "",
    monitor_id: int | None = None,
) -> int:  # fmt: skip
    """Makes or changes a watch; its id. It is looked at once, at once. Raises BadInput (sentiment.monitor_*)."""
    actor.require(Permission.WORKSPACE)
    values = _checked(name, source, label, limit, window, webhook)
    with app.database.write(actor.workspace_id) as rows:
        if monitor_id is None:
            monitor_id = rows.add(SentimentMonitor(**values)).id
        else:
            for key, value in values.items():
                setattr(rows.get(SentimentMonitor, monitor_id), key, value)
    look(app, actor.workspace_id, source)
    return monitor_id


def _checked(name: str, source: str, label: str, limit: float, window: int, webhook: str) -> dict[str, Any]:
    kept, address = " ".join(name.split())[:200], webhook.strip()
    if not kept:
        raise BadInput("sentiment.monitor_name")
    if source not in SOURCES or label not in LABELS:
        raise BadInput("sentiment.monitor_kind", source=source, label=label)
    if not 0 < limit < 1:
        raise BadInput("sentiment.monitor_limit", limit=limit)
    if not FEWEST <= window <= TAIL:
        raise BadInput("sentiment.monitor_window", window=window, least=FEWEST, most=TAIL)
    if address:
        outbound.checked_address(address)
    return {"name": kept, "source": source, "label": label, "limit": limit, "window": window, "webhook": address[:500]}


def delete_monitor(app: Application, actor: Actor, monitor_id: int) -> None:
    """Raises NotFound."""
    actor.require(Permission.WORKSPACE)
    with app.database.write(actor.workspace_id) as rows:
        rows.get(SentimentMonitor, monitor_id)
        rows.delete(SentimentMonitor, SentimentMonitor.id == monitor_id)


def list_monitors(app: Application, actor: Actor) -> list[MonitorView]:
    """All watches, raised ones first."""
    actor.require(Permission.SENTIMENT)
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(SentimentMonitor).order_by(SentimentMonitor.raised.desc(), SentimentMonitor.id))
    return [_view(row) for row in found]


def raised_monitors(app: Application, actor: Actor) -> list[MonitorView]:
    """Watches that warn now, for Home."""
    return [view for view in list_monitors(app, actor) if view.raised]


def look(app: Application, workspace_id: int, source: str) -> list[int]:
    """Counts anew for the watches of ``source``; ids of those whose warning came or went just now.

    The webhook is called once for each such change, after the change is stored; its failure is kept with the watch and
    stops nothing.
    """
    changed: list[tuple[SentimentMonitor, bool]] = []
    with app.database.write(workspace_id) as rows:
        for row in rows.all(rows.select(SentimentMonitor, SentimentMonitor.source == source)):
            labels = _last_labels(rows, source, row.window)
            row.counted = len(labels)
            row.share = labels.count(row.label) / len(labels) if labels else None
            raised = row.share is not None and row.counted >= FEWEST and row.share > row.limit
            if raised != row.raised:
                row.raised, row.changed_at = raised, utc_now()
                changed.append((row, raised))
    for row, raised in changed:
        log.info("watch changed", monitor=row.id, raised=raised, share=row.share)
        if row.webhook:
            _call(app, workspace_id, _view(row))
    return [row.id for row, _ in changed]


def _last_labels(rows: Rows, source: str, window: int) -> list[str]:
    if source == "messages":
        mine = rows.columns(MessageMood, MessageMood.label).order_by(MessageMood.message_id.desc()).limit(window)
        return list(rows.session.scalars(mine))
    newest = rows.session.scalars(
        rows.select(SentimentBatch, SentimentBatch.model != "").order_by(SentimentBatch.id.desc()).limit(1)
    ).first()
    tail = str(newest.summary.get("tail", "")) if newest is not None else ""
    names = {short: name for name, short in SHORT.items()}
    return [names[short] for short in tail[-window:]]


def _call(app: Application, workspace_id: int, view: MonitorView) -> None:
    said = {
        "monitor": view.name,
        "raised": view.raised,
        "label": view.label,
        "share": view.share,
        "limit": view.limit,
        "texts": view.counted,
        "source": view.source,
        "at": view.changed_at.isoformat() if view.changed_at else "",
    }
    began = time.monotonic()
    result: dict[str, Any] = {"at": utc_now().isoformat()}
    try:
        body = json.dumps(said, ensure_ascii=False).encode()
        private = app.settings.allow_private_webhooks
        result["status"] = outbound.post(view.webhook, body, seconds=WEBHOOK_SECONDS, private=private)
    except (BadInput, Unavailable) as error:
        result |= {"error": error.code, "values": error.values}
        log.warning("webhook failed", monitor=view.id, reason=error.code)
    result["seconds"] = round(time.monotonic() - began, 2)
    with app.database.write(workspace_id) as rows:
        rows.update(SentimentMonitor, SentimentMonitor.id == view.id, called=result)


def _view(row: SentimentMonitor) -> MonitorView:
    names = ("id", "name", "source", "label", "limit", "window", "webhook", "raised", "share", "counted", "changed_at")
    return MonitorView(**{name: getattr(row, name) for name in names}, called=dict(row.called))
