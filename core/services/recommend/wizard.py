"""The day-0 wizard: all models on the same splits, a verdict in words, and one click that serves the winner."""

from __future__ import annotations

from collections.abc import Sequence

from core.access.actor import Actor, Permission
from core.db.recommend_tables import RecommendCatalogue, RecommendComparison, RecommendModel
from core.db.tables import Job
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, NotFound
from core.jobs.worker import enqueue
from core.recommend.build import ALL, BASELINE, FAST
from core.services import quota
from core.services.application import Application
from core.services.recommend.importing import newest_interaction
from core.services.recommend.versions import serve_model
from core.services.recommend.views import ComparisonView

KIND = "recommend_compare"
MOVING = ("queued", "running")
SETS = {"quick": FAST, "all": ALL}


def start_comparison(
    app: Application, actor: Actor, catalogue_id: int, *, models: Sequence[str] = FAST, seed: int = 0
) -> int:
    """Queues the wizard on the data as it stands now; the comparison's id. Raises NotFound, BadInput for a model that
    there is not or a catalogue without items, Conflict while one runs, OverLimit when no training time is left."""
    actor.require(Permission.RECOMMEND)
    unknown = [name for name in models if name not in ALL]
    if unknown:
        raise BadInput("recommend.unknown_model", name=unknown[0], known=", ".join(ALL))
    names = [BASELINE, *(name for name in ALL if name in models and name != BASELINE)]
    subjects = quota.subjects_of(actor)
    quota.check(app, actor.workspace_id, subjects, "training_seconds")
    with app.database.write(actor.workspace_id) as rows:
        catalogue = rows.get(RecommendCatalogue, catalogue_id)
        last = newest_interaction(rows, catalogue_id)
        if catalogue.items_changed_at is None:
            raise BadInput("recommend.no_items", name=catalogue.name)
        mine = RecommendComparison.catalogue_id == catalogue_id, RecommendComparison.state.in_(MOVING)
        for other in rows.all(rows.select(RecommendComparison, *mine)):
            other.state = _state(rows, other)
            if other.state in MOVING:
                raise Conflict("recommend.comparing", name=catalogue.name)
        made = rows.add(
            RecommendComparison(
                catalogue_id=catalogue_id,
                options={"models": names, "seed": seed},
                last_interaction_id=last,
            )
        )
        arguments = {
            "catalogue_id": catalogue_id,
            "comparison_id": made.id,
            "subjects": subjects,
        }
        job = rows.add(Job(kind=KIND, arguments=arguments))
        made.job_id = job.id
        comparison_id, job_id = made.id, job.id
    enqueue(app.database, app.queue, actor.workspace_id, job_id)
    return comparison_id


def get_comparison(app: Application, actor: Actor, comparison_id: int) -> ComparisonView:
    """Raises NotFound."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        return _view(rows, rows.get(RecommendComparison, comparison_id))


def list_comparisons(app: Application, actor: Actor, catalogue_id: int, limit: int = 10) -> list[ComparisonView]:
    """The newest first."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.select(RecommendComparison, RecommendComparison.catalogue_id == catalogue_id)
        found = rows.all(mine.order_by(RecommendComparison.id.desc()).limit(limit))
        return [_view(rows, one) for one in found]


def serve_winner(app: Application, actor: Actor, comparison_id: int) -> int:
    """Puts the model that the verdict names in force; its id. Raises Conflict before the comparison has ended."""
    actor.require(Permission.RECOMMEND)
    view = get_comparison(app, actor, comparison_id)
    winner = view.models.get(view.result.get("verdict", {}).get("model", ""))
    if view.state != "done" or winner is None:
        raise Conflict("recommend.no_winner")
    serve_compared(app, actor, comparison_id, view.result["verdict"]["model"])
    return winner


def serve_compared(app: Application, actor: Actor, comparison_id: int, name: str) -> None:
    """Puts one of the compared models in force. Raises NotFound for one that was not kept."""
    actor.require(Permission.RECOMMEND)
    view = get_comparison(app, actor, comparison_id)
    if name not in view.models:
        raise NotFound("recommend.not_kept", name=name)
    with app.database.read(actor.workspace_id) as rows:
        catalogue_id = rows.get(RecommendComparison, comparison_id).catalogue_id
    serve_model(app, actor, catalogue_id, view.models[name])


def _state(rows: Rows, row: RecommendComparison) -> str:
    """As its job has it: one that was cancelled before it began, or gave up, never told us."""
    if row.state not in MOVING:
        return row.state
    job = rows.find(Job, Job.id == row.job_id) if row.job_id else None
    if job is None:
        return "failed"
    return row.state if job.state == "done" else job.state


def _view(rows: Rows, row: RecommendComparison) -> ComparisonView:
    mine = rows.select(RecommendModel, RecommendModel.comparison_id == row.id)
    state = _state(rows, row)
    job = rows.find(Job, Job.id == row.job_id) if row.job_id else None
    return ComparisonView(
        id=row.id,
        job_id=row.job_id,
        state=state,
        options=row.options,
        result=row.result,
        created_at=row.created_at,
        finished_at=row.finished_at,
        models={one.name: one.id for one in rows.all(mine.order_by(RecommendModel.id))},
        now=dict(job.result.get("now") or {}) if job is not None and state in MOVING else {},
    )
