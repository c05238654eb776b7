"""Training runs: estimated, started, followed, compared, cancelled, gone on with."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from core.access.actor import Actor, Permission
from core.db.studio_tables import DataSet, DataSetVersion, ModelVersion, RunEvent, TrainingRun
from core.db.tables import Job, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict
from core.jobs.worker import enqueue
from core.services import quota
from core.services.application import Application
from core.services.studio import recipes
from core.services.studio.naming import LONGEST_NAME, one_name
from core.services.studio.places import run_folder
from core.services.studio.run_job import asked_apart
from core.services.studio.views import EstimateView, RunComparison, RunEvents, RunView

__all__ = [
    "FINISHED", "KIND", "LONGEST_NAME", "MOST_COMPARED", "cancel_run", "compare_runs", "delete_run", "estimate",
    "export_tensorboard", "get_run", "list_runs", "queue_run", "ready_data_set", "retry_run", "run_events", "start_run",
]  # fmt: skip

KIND = "train"
FINISHED = frozenset({"done", "failed", "cancelled"})
MOST_COMPARED = 8

Curve = tuple[tuple[int, float], ...]


def estimate(
    app: Application, actor: Actor, recipe: str, data_set_version_id: int, args: Mapping[str, Any]
) -> EstimateView:
    """Time and memory of a run, from a few real steps in a process of its own (some seconds to a minute).

    Raises BadInput, NotFound, Conflict as ``start_run`` does, and Unavailable when the probe does not end.
    """
    actor.require(Permission.STUDIO)
    args = recipes.with_base(app, actor.workspace_id, recipe, data_set_version_id, args)
    checked = recipes.check_args(recipe, args)
    shown = recipes.get_recipe(recipe)
    recipes.check_base(app, actor, shown, checked)
    with app.database.read(actor.workspace_id) as rows:
        ready_data_set(rows, data_set_version_id, recipe, shown.tasks)
    return asked_apart(app, actor.workspace_id, recipe, data_set_version_id, checked)


def start_run(
    app: Application,
    actor: Actor,
    recipe: str,
    data_set_version_id: int,
    args: Mapping[str, Any],
    *,
    name: str = "",
    estimated: EstimateView | None = None,
) -> int:
    """Queues a training; the run's id. ``name`` is that of the model it will make.

    Raises BadInput for arguments or a data set that do not fit the recipe, NotFound, Conflict for a data set version
    that is not ready.
    """
    actor.require(Permission.STUDIO)
    args = recipes.with_base(app, actor.workspace_id, recipe, data_set_version_id, args)
    checked = recipes.check_args(recipe, args)
    shown = recipes.get_recipe(recipe)
    recipes.check_base(app, actor, shown, checked)
    with app.database.read(actor.workspace_id) as rows:
        data_set = ready_data_set(rows, data_set_version_id, recipe, shown.tasks)
        columns = dict(rows.get(DataSetVersion, data_set_version_id).mapping.get("columns", {}))
        if checked.get(recipes.FOLDS) and columns.get("multi_label"):
            raise BadInput("studio.folds_one_label")
    return queue_run(
        app, actor, KIND, recipe=recipe, name=one_name(name or data_set.name, "studio.name"), args=checked,
        data_set_version_id=data_set_version_id, estimate=_stored(estimated),
    )  # fmt: skip


def queue_run(app: Application, actor: Actor, kind: str, **values: Any) -> int:
    """Stores a run and queues its job of ``kind``; the run's id. Raises OverLimit when no training time is left."""
    actor.require(Permission.STUDIO)
    subjects = quota.subjects_of(actor)
    quota.check(app, actor.workspace_id, subjects, "training_seconds")
    with app.database.write(actor.workspace_id) as rows:
        run = rows.add(TrainingRun(**values))
        job = rows.add(Job(kind=kind, arguments={"run_id": run.id, "subjects": subjects}))
        run.job_id = job.id
        run_id, job_id = run.id, job.id
    enqueue(app.database, app.queue, actor.workspace_id, job_id)
    return run_id


def ready_data_set(rows: Rows, version_id: int, recipe: str, tasks: Sequence[str]) -> DataSet:
    """The data set of a version that ``recipe`` can learn from. Raises NotFound, Conflict, BadInput."""
    version = rows.get(DataSetVersion, version_id)
    data_set = rows.get(DataSet, version.data_set_id)
    if version.state != "ready":
        raise Conflict("studio.data_set_not_ready", name=data_set.name, number=version.number)
    if data_set.task not in tasks:
        raise BadInput("studio.recipe_task", recipe=recipe, task=data_set.task, tasks=", ".join(tasks))
    return data_set


def _stored(estimated: EstimateView | None) -> dict[str, Any]:
    if estimated is None:
        return {}
    return {name: getattr(estimated, name) for name in ("seconds", "memory_bytes", "disk_bytes", "steps", "fits")}


def list_runs(app: Application, actor: Actor, *, recipes: Sequence[str] = (), limit: int = 100) -> list[RunView]:
    """Runs, the newest first. Tuning and compression are runs too (recipes "tune" and "compress")."""
    actor.require(Permission.STUDIO_READ)
    where = [TrainingRun.recipe.in_(recipes)] if recipes else []
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(TrainingRun, *where).order_by(TrainingRun.id.desc()).limit(limit))
        return _views(rows, found)


def get_run(app: Application, actor: Actor, run_id: int) -> RunView:
    """Raises NotFound."""
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        return _views(rows, [rows.get(TrainingRun, run_id)])[0]


def run_events(app: Application, actor: Actor, run_id: int, after_id: int = 0) -> tuple[RunEvents, int]:
    """What the run said after the event ``after_id``, and the newest event's id to ask from the next time.

    A run that was resumed passes some steps twice; the later value of a step counts.
    """
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        rows.get(TrainingRun, run_id)
        mine = rows.select(RunEvent, RunEvent.run_id == run_id, RunEvent.id > after_id)
        events = rows.all(mine.order_by(RunEvent.id))
    return _events(events), max((event.id for event in events), default=after_id)


def _events(events: Iterable[RunEvent]) -> RunEvents:
    curves: dict[str, dict[int, float]] = {}
    samples: dict[tuple[int, str], None] = {}
    log: list[tuple[datetime, str]] = []
    for event in events:
        if event.kind == "point":
            for name, value in event.data.items():
                curves.setdefault(name, {})[event.step] = value
        elif event.kind == "sample":
            samples[event.step, str(event.data.get("text", ""))] = None
        else:
            log.append((event.at, str(event.data.get("text", ""))))
    sorted_curves = {name: tuple(sorted(points.items())) for name, points in curves.items()}
    return RunEvents(sorted_curves, tuple(samples), tuple(log))


def compare_runs(app: Application, actor: Actor, run_ids: Sequence[int]) -> RunComparison:
    """Metrics, curves and the arguments that differ. Raises NotFound, BadInput for more than eight runs."""
    actor.require(Permission.STUDIO_READ)
    if len(run_ids) > MOST_COMPARED:
        raise BadInput("studio.compare_many", count=len(run_ids), limit=MOST_COMPARED)
    views = tuple(get_run(app, actor, run_id) for run_id in run_ids)
    said = [run_events(app, actor, run_id)[0].curves for run_id in run_ids]
    metrics = {
        name: tuple(_figure(view.metrics.get(name)) for view in views) for name in _names(v.metrics for v in views)
    }
    arguments = {name: tuple(view.args.get(name) for view in views) for name in _names(view.args for view in views)}
    differing = {name: values for name, values in arguments.items() if any(value != values[0] for value in values)}
    return RunComparison(
        runs=views,
        metrics={name: values for name, values in metrics.items() if any(value is not None for value in values)},
        arguments=differing,
        curves={name: tuple(curves.get(name, ()) for curves in said) for name in _names(said)},
    )


def _names(of: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for one in of for name in one))


def _figure(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def cancel_run(app: Application, actor: Actor, run_id: int) -> None:
    """Stops a run at its next step, with a checkpoint; a waiting one ends at once. A finished one stays as it is."""
    actor.require(Permission.STUDIO)
    with app.database.write(actor.workspace_id) as rows:
        run = rows.get(TrainingRun, run_id)
        job = rows.find(Job, Job.id == run.job_id)
        if job is None or job.state in FINISHED:
            return
        job.cancel_requested = True
        if job.state == "queued":
            job.state = run.state = "cancelled"
            job.finished_at = run.finished_at = utc_now()


def retry_run(app: Application, actor: Actor, run_id: int) -> int:
    """Goes on with a failed or cancelled run from its last checkpoint, under the same id. Raises Conflict."""
    actor.require(Permission.STUDIO)
    with app.database.write(actor.workspace_id) as rows:
        run = rows.get(TrainingRun, run_id)
        job = rows.find(Job, Job.id == run.job_id)
        state = job.state if job is not None else run.state
        if state not in ("failed", "cancelled"):
            raise Conflict("studio.run_state", name=run.name, state=state)
        if job is None:
            job = rows.add(Job(kind=_kind(run), arguments={"run_id": run.id}))
            run.job_id = job.id
        job.attempts, job.stage, job.done, job.total = 0, "", 0, 0
        run.state, run.error, run.finished_at = "queued", {}, None
        job_id = job.id
    enqueue(app.database, app.queue, actor.workspace_id, job_id)
    return run_id


def _kind(run: TrainingRun) -> str:
    return run.recipe if run.recipe in ("tune", "compress") else KIND


def delete_run(app: Application, actor: Actor, run_id: int) -> None:
    """Removes a run with its events and checkpoints. Raises Conflict while it runs or a model version is its."""
    actor.require(Permission.STUDIO)
    with app.database.write(actor.workspace_id) as rows:
        run = rows.get(TrainingRun, run_id)
        job = rows.find(Job, Job.id == run.job_id)
        if job is not None and job.state not in FINISHED:
            raise Conflict("studio.run_state", name=run.name, state=job.state)
        made = rows.find(ModelVersion, ModelVersion.run_id == run_id, ModelVersion.deleted_at.is_(None))
        if made is not None:
            raise Conflict("studio.run_has_model", name=run.name, version=f"{made.name} {made.number}")
        rows.update(ModelVersion, ModelVersion.run_id == run_id, run_id=None)  # deleted ones: their lineage ends here
        rows.delete(RunEvent, RunEvent.run_id == run_id)
        rows.delete(TrainingRun, TrainingRun.id == run_id)
        rows.delete(Job, Job.id == run.job_id)
    shutil.rmtree(run_folder(app.settings, actor.workspace_id, run_id), ignore_errors=True)


def export_tensorboard(app: Application, actor: Actor, run_id: int, folder: Path) -> Path:
    """Writes the curves and samples as TensorBoard event files into ``folder``; the folder of this run's."""
    from core.services.studio.tensorboard import write_events

    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        run = rows.get(TrainingRun, run_id)
        events = rows.all(rows.select(RunEvent, RunEvent.run_id == run_id).order_by(RunEvent.id))
    target = folder / f"{run_id:05d}-{''.join(ch if ch.isalnum() else '-' for ch in run.name)}"
    write_events(target, events, {**run.args, "recipe": run.recipe}, run.metrics)
    return target


def _views(rows: Rows, found: Sequence[TrainingRun]) -> list[RunView]:
    jobs = {job.id: job for job in rows.all(rows.select(Job, Job.id.in_({run.job_id for run in found})))}
    names = _data_set_names(rows, {run.data_set_version_id for run in found if run.data_set_version_id is not None})
    ids = {run.id for run in found}
    mine = rows.select(ModelVersion, ModelVersion.run_id.in_(ids), ModelVersion.deleted_at.is_(None))
    made = {version.run_id: version.id for version in rows.all(mine.order_by(ModelVersion.id))}
    return [_view(run, jobs.get(run.job_id or 0), names.get(run.data_set_version_id or 0, ""), made) for run in found]


def _view(run: TrainingRun, job: Job | None, data_set: str, made: Mapping[int | None, int]) -> RunView:
    """The job's state counts while there is one: it may have ended without the run being told."""
    state = job.state if job is not None else run.state
    return RunView(
        id=run.id,
        name=run.name,
        recipe=run.recipe,
        state=state,
        data_set=data_set,
        data_set_version_id=run.data_set_version_id,
        job_id=run.job_id,
        stage=job.stage if job is not None else "",
        done=job.done if job is not None else 0,
        total=job.total if job is not None else 0,
        args=run.args,
        metrics=run.metrics,
        estimate=run.estimate,
        error=(job.error if job is not None and job.error else run.error) if state == "failed" else {},
        libraries=run.libraries,
        version_id=made.get(run.id),
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at or (job.finished_at if job is not None else None),
    )


def _data_set_names(rows: Rows, version_ids: set[int]) -> dict[int, str]:
    statement = rows.columns(
        DataSetVersion,
        DataSetVersion.id,
        DataSet.name,
        DataSetVersion.number,
        where=[DataSetVersion.id.in_(version_ids)],
    ).join(DataSet, DataSet.id == DataSetVersion.data_set_id)
    return {version: f"{name} {number}" for version, name, number in rows.session.execute(statement)}
