"""Home: what stands, what runs, what to do first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import func

from core.access.actor import Actor, Permission
from core.db.tables import Handoff, Message, Workspace, utc_now
from core.db.unit_of_work import Rows
from core.errors import PilotlightError
from core.jobs.worker import alive
from core.models.catalogue import Task, find_entry, locate
from core.services.application import Application
from core.services.knowledge import list_knowledge_bases
from core.services.views import Overview
from core.types import Rung

DAYS = 14


def overview(app: Application, actor: Actor) -> Overview:
    """Counts of the last days, state of models and worker. Loads no model."""
    actor.require(Permission.REPORT)
    bases = tuple(list_knowledge_bases(app, actor))
    with app.database.read(actor.workspace_id) as rows:
        workspace = rows.session.get(Workspace, actor.workspace_id)
        per_day = _per_day(rows)
        waiting = rows.count(Handoff, Handoff.state == "waiting")
    week = (utc_now() - timedelta(days=7)).date().isoformat()
    rungs: Counter[str] = Counter()
    for (day, rung), number in per_day.items():
        if day > week:
            rungs[rung] += number
    refused = rungs[Rung.REFUSAL]
    answered = sum(rungs[r] for r in (Rung.FAQ, Rung.DOCUMENT, Rung.MODEL))
    return Overview(
        workspace=workspace.name if workspace else "",
        models=models(app),
        knowledge_bases=bases,
        worker_alive=alive(app.database, app.settings.heartbeat_seconds),
        questions_7_days=sum(rungs.values()),
        answered_7_days=answered,
        refused_7_days=refused,
        waiting_handoffs=waiting,
        rungs=dict(rungs),
        per_day=_series(per_day),
    )


def _per_day(rows: Rows) -> dict[tuple[str, str], int]:
    day = func.date(Message.created_at)
    since = utc_now() - timedelta(days=DAYS)
    statement = (
        rows.columns(Message, day, Message.rung, func.count())
        .where(Message.role == "assistant", Message.rung != "", Message.created_at >= since)
        .group_by(day, Message.rung)
    )
    return {(str(d), rung): number for d, rung, number in rows.session.execute(statement)}


def _series(per_day: Mapping[tuple[str, str], int]) -> tuple[tuple[str, int, int], ...]:
    """Every one of the last days, also those without a question: (ISO day, answered, refused)."""
    today = utc_now().date()
    days = [(today - timedelta(days=back)).isoformat() for back in range(DAYS - 1, -1, -1)]
    said = (Rung.FAQ, Rung.DOCUMENT, Rung.MODEL)
    return tuple(
        (d, sum(per_day.get((d, r.value), 0) for r in said), per_day.get((d, Rung.REFUSAL.value), 0)) for d in days
    )


def models(app: Application) -> tuple[Mapping[str, Any], ...]:
    """Encoder, reranker and language model: what is configured and whether it can be had. ``note`` is an error."""
    settings = app.settings
    found = [_model(app, settings.encoder, "encoder")]
    if settings.reranker:
        found.append(_model(app, settings.reranker, "cross_encoder"))
    if settings.llm != "none":
        found.append({"name": settings.llm_model, "task": "llm", "state": settings.llm, "languages": (), "note": {}})
    return tuple(found)


def _model(app: Application, name: str, task: Task) -> Mapping[str, Any]:
    try:
        entry = find_entry(name, task)
        place = locate(entry, app.settings)
    except PilotlightError as error:
        note = {"code": error.code, "values": error.values}
        return {"name": name, "task": task, "state": "missing", "languages": (), "note": note}
    return {"name": name, "task": task, "state": place.origin, "languages": entry.languages, "note": {}}
