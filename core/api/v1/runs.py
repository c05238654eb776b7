"""Training runs of the studio."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.api.v1.caller import App, Caller
from core.api.v1.knowledge import code_of
from core.api.v1.shapes import Id, Limit, RowId, Shape, Text
from core.services.studio import runs
from core.services.studio.views import RunView

router = APIRouter(tags=["Training"])


class RunRequest(Shape):
    recipe: Annotated[Text, Field(min_length=1, max_length=40)]
    data_set_version_id: RowId
    name: Annotated[Text, Field(max_length=200)] = Field("", description="Of the model it makes; else the data set's.")
    args: Annotated[dict[Text, Any], Field(max_length=60)] = Field(default_factory=dict)


class RunShape(BaseModel):
    id: int
    name: str
    recipe: str
    state: str = Field(description="queued, running, done, failed, cancelled.")
    stage: str
    done: int
    total: int
    data_set: str
    args: dict[str, Any]
    metrics: dict[str, Any]
    error: str | None
    version_id: int | None = Field(description="The model version it made.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class RunList(BaseModel):
    data: list[RunShape]


@router.get("/runs", operation_id="list_runs")
def list_runs(app: App, actor: Caller, limit: Limit = 50) -> RunList:
    """The newest first."""
    return RunList(data=[_run(one) for one in runs.list_runs(app, actor, limit=limit)])


@router.post("/runs", operation_id="start_run", status_code=202)
def start_run(app: App, actor: Caller, asked: RunRequest) -> RunShape:
    """Queues a training on a data set version that is ready."""
    number = runs.start_run(app, actor, asked.recipe, asked.data_set_version_id, asked.args, name=asked.name)
    return _run(runs.get_run(app, actor, number))


@router.get("/runs/{run_id}", operation_id="get_run")
def get_run(app: App, actor: Caller, run_id: Id) -> RunShape:
    """How far it is, and its measures once it is done."""
    return _run(runs.get_run(app, actor, run_id))


@router.post("/runs/{run_id}/cancel", operation_id="cancel_run")
def cancel_run(app: App, actor: Caller, run_id: Id) -> RunShape:
    """Stops it at its next step, with a checkpoint; a finished one stays as it is."""
    runs.cancel_run(app, actor, run_id)
    return _run(runs.get_run(app, actor, run_id))


def _run(one: RunView) -> RunShape:
    return RunShape(
        id=one.id, name=one.name, recipe=one.recipe, state=one.state, stage=one.stage, done=one.done, total=one.total,
        data_set=one.data_set, args=dict(one.args), metrics=dict(one.metrics), error=code_of(one.error),
        version_id=one.version_id, created_at=one.created_at, started_at=one.started_at, finished_at=one.finished_at,
    )  # fmt: skip
