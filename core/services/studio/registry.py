"""The registry: which model versions there are, what they were made from, and which one serves a task.

A promotion is a row that is never changed but for its end, so the history is the rollback: the newest full promotion
without an end is in force, a canary beside it takes a share of the requests, and rolling back promotes what served
before.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.db.studio_tables import DataSet, DataSetVersion, ModelVersion, Promotion, TrainingRun
from core.db.tables import utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, NotFound
from core.models.manifest import read_manifest
from core.services.application import Application
from core.services.studio.views import ModelVersionView, PromotionView

# What a task of the workspace can be served by.
TASKS: Mapping[str, frozenset[str]] = {
    "sentiment": frozenset({"text_classifier", "lstm"}),
    "intents": frozenset({"text_classifier", "lstm"}),
    "generation": frozenset({"language_model"}),
    "tabular": frozenset({"tabular"}),
    "image": frozenset({"image"}),
}


def folder_of_version(app: Application, version: ModelVersion) -> Path:
    """Where the files of a version are."""
    return app.settings.data_dir / version.folder


def folder_by_id(app: Application, actor: Actor, version_id: int) -> Path:
    """Where the files of a version are. Raises NotFound."""
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        return folder_of_version(app, _version(rows, version_id))


def register_version(
    app: Application,
    workspace_id: int,
    *,
    name: str,
    folder: Path,
    run_id: int | None = None,
    parent_id: int | None = None,
    variant: str = "fp32",
    gate: Mapping[str, object] | None = None,
    report: Mapping[str, object] | None = None,
) -> int:
    """Lists the sealed ``folder`` (under the data folder) as the next version of ``name``; its id.

    Raises Unavailable when the folder has no manifest or a file of it is damaged: nothing half-made is ever listed.
    """
    manifest = read_manifest(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    with app.database.write(workspace_id) as rows:
        mine = rows.columns(ModelVersion, ModelVersion.number, where=[ModelVersion.name == name])
        number = max(rows.session.scalars(mine), default=0) + 1
        row = ModelVersion(
            name=name,
            number=number,
            kind=manifest.kind,
            run_id=run_id,
            parent_id=parent_id,
            folder=str(folder.resolve().relative_to(app.settings.data_dir.resolve())),
            variant=variant,
            size_bytes=size,
            metrics=dict(manifest.metrics),
            gate=dict(gate or {}),
            report=dict(report or {}),
        )
        return rows.add(row).id


def list_versions(app: Application, actor: Actor, *, kinds: Sequence[str] = ()) -> list[ModelVersionView]:
    """Versions, the newest first; of ``kinds`` only, where given."""
    actor.require(Permission.STUDIO_READ)
    where = [ModelVersion.deleted_at.is_(None), *([ModelVersion.kind.in_(kinds)] if kinds else [])]
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(ModelVersion, *where).order_by(ModelVersion.id.desc()))
        return _views(rows, found)


def get_version(app: Application, actor: Actor, version_id: int) -> ModelVersionView:
    """One version. Raises NotFound."""
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        return _views(rows, [_version(rows, version_id)])[0]


def version_report(app: Application, actor: Actor, version_id: int) -> Mapping[str, object]:
    """The stored "did it learn?" report of a version; empty where its recipe makes none."""
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        return dict(_version(rows, version_id).report)


def promote(app: Application, actor: Actor, task: str, version_id: int, *, share: float = 1.0) -> None:
    """Lets a version serve ``task``: all of it, or as a canary the ``share`` (0 to 1) of its requests.

    Raises BadInput for an unknown task, a share that is none or a model of the wrong kind, Conflict for a version that
    lost too much in compression, Unavailable for a damaged one.
    """
    actor.require(Permission.STUDIO)
    if task not in TASKS:
        raise BadInput("studio.task_unknown", task=task, tasks=", ".join(TASKS))
    if not 0 < share <= 1:
        raise BadInput("studio.share", share=share)
    with app.database.read(actor.workspace_id) as rows:
        version = _version(rows, version_id)
    if version.kind not in TASKS[task]:
        raise BadInput("studio.wrong_kind", task=task, kind=version.kind, kinds=", ".join(sorted(TASKS[task])))
    if version.gate and not version.gate.get("passed"):
        lost, limit = (100 * float(version.gate.get(key, 0)) for key in ("lost", "limit"))
        raise Conflict("studio.gate", name=version.name, lost=f"{lost:.1f}", limit=f"{limit:.1f}")
    read_manifest(folder_of_version(app, version))
    with app.database.write(actor.workspace_id) as rows:
        in_force = _in_force(rows, task)
        if share < 1 and not any(row.share >= 1 for row in in_force):
            raise Conflict("studio.canary_alone", task=task)
        for row in in_force:
            if share >= 1 or row.share < 1:  # a new canary replaces the old one, a full promotion everything
                row.ended_at = utc_now()
        rows.add(Promotion(task=task, model_version_id=version_id, share=share, by=actor.visitor[:80]))
        record(rows, actor, "model.promoted", f"{version.name}:{version.number}", task=task, share=share)


def roll_back(app: Application, actor: Actor, task: str) -> int | None:
    """One step back: ends a canary if there is one, else promotes what served before. The version now serving.

    None when nothing serves any more: the first promotion was taken back. Raises Conflict when nothing was promoted.
    """
    actor.require(Permission.STUDIO)
    with app.database.write(actor.workspace_id) as rows:
        in_force = _in_force(rows, task)
        if not in_force:
            raise Conflict("studio.nothing_promoted", task=task)
        canaries = [row for row in in_force if row.share < 1]
        for row in canaries or in_force:
            row.ended_at = utc_now()
        record(rows, actor, "model.rolled_back", task)
        if canaries:
            return next((row.model_version_id for row in in_force if row.share >= 1), None)
        before = _served_before(rows, task, in_force[-1])
        if before is None:
            return None
        rows.add(Promotion(task=task, model_version_id=before, share=1.0, by=actor.visitor[:80]))
        return before


def _served_before(rows: Rows, task: str, current: Promotion) -> int | None:
    """The version that served in full before ``current``, of those that still exist; what was rolled back from is
    passed over, so that two steps back lead two steps back."""
    mine = rows.select(Promotion, Promotion.task == task, Promotion.share >= 1).order_by(Promotion.id)
    stack: list[int] = []
    for row in rows.all(mine):
        if row.model_version_id in stack:  # a return to what had served: everything after it is undone
            del stack[stack.index(row.model_version_id) + 1 :]
        else:
            stack.append(row.model_version_id)
    alive = set(rows.session.scalars(rows.columns(ModelVersion, ModelVersion.id, where=[_living()])))
    earlier = [version for version in stack if version in alive and version != current.model_version_id]
    return earlier[-1] if earlier else None


def list_promotions(app: Application, actor: Actor, task: str = "", limit: int = 50) -> list[PromotionView]:
    """The history, newest first."""
    actor.require(Permission.STUDIO_READ)
    where = [Promotion.task == task] if task else []
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(Promotion, *where).order_by(Promotion.id.desc()).limit(limit))
        ids = {row.model_version_id for row in found}
        names = {v.id: f"{v.name} {v.number}" for v in rows.all(rows.select(ModelVersion, ModelVersion.id.in_(ids)))}
    return [
        PromotionView(
            row.id,
            row.task,
            row.model_version_id,
            names.get(row.model_version_id, ""),
            row.share,
            row.by,
            row.created_at,
            row.ended_at,
        )
        for row in found
    ]


def serving(app: Application, workspace_id: int, task: str, key: str = "") -> tuple[int, Path] | None:
    """The version that serves one request of ``task`` and its folder; None when nothing is promoted.

    ``key`` (a conversation, a person, a text) decides who meets the canary: the same key always meets the same model.
    """
    with app.database.read(workspace_id) as rows:
        in_force = _in_force(rows, task)
        if not in_force:
            return None
        canary = next((row for row in in_force if row.share < 1), None)
        chosen = canary if canary is not None and _lot(task, key) < canary.share else None
        chosen = chosen or next((row for row in in_force if row.share >= 1), None)
        if chosen is None:
            return None
        version = _version(rows, chosen.model_version_id)
    return version.id, folder_of_version(app, version)


def _lot(task: str, key: str) -> float:
    """A number in [0, 1) that depends on the key alone."""
    digest = hashlib.sha256(f"{task}\x00{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def delete_version(app: Application, actor: Actor, version_id: int) -> None:
    """Removes a version and its files. Raises Conflict while it serves a task, another was made from it, or a run that
    waits or works starts from it."""
    actor.require(Permission.STUDIO)
    with app.database.write(actor.workspace_id) as rows:
        version = _version(rows, version_id)
        used = [
            row.task
            for row in rows.all(rows.select(Promotion, Promotion.ended_at.is_(None)))
            if row.model_version_id == version_id
        ]
        if used:
            raise Conflict("studio.version_in_use", name=version.name, number=version.number, tasks=", ".join(used))
        child = rows.find(ModelVersion, ModelVersion.parent_id == version_id, _living())
        if child is not None:
            raise Conflict("studio.version_is_parent", name=version.name, child=f"{child.name} {child.number}")
        waiting = rows.all(rows.select(TrainingRun, TrainingRun.state.in_(("queued", "running"))))
        busy = next((run for run in waiting if _starts_from(run.args, version_id)), None)
        if busy is not None:
            raise Conflict("studio.version_in_run", name=version.name, number=version.number, run=busy.name)
        version.deleted_at = utc_now()
    shutil.rmtree(folder_of_version(app, version), ignore_errors=True)


def _starts_from(args: Any, version_id: int) -> bool:
    """Whether the arguments of a run (training, search or compression), nested as they may be, name the version."""
    if isinstance(args, Mapping):
        named = args.get("version_id") == version_id
        return named or any(_starts_from(value, version_id) for value in args.values())
    return bool(args == f"version:{version_id}")


def _living() -> object:
    return ModelVersion.deleted_at.is_(None)


def _version(rows: Rows, version_id: int) -> ModelVersion:
    found = rows.find(ModelVersion, ModelVersion.id == version_id, _living())
    if found is None:
        raise NotFound("not_found", what="model version", id=version_id)
    return found


def _in_force(rows: Rows, task: str) -> list[Promotion]:
    mine = rows.select(Promotion, Promotion.task == task, Promotion.ended_at.is_(None))
    return rows.all(mine.order_by(Promotion.id))


def _views(rows: Rows, found: Sequence[ModelVersion]) -> list[ModelVersionView]:
    serves: dict[int, dict[str, float]] = {}
    for row in rows.all(rows.select(Promotion, Promotion.ended_at.is_(None))):
        serves.setdefault(row.model_version_id, {})[row.task] = row.share
    names = _data_sets(rows, {version.run_id for version in found if version.run_id is not None})
    return [
        ModelVersionView(
            id=version.id,
            name=version.name,
            number=version.number,
            kind=version.kind,
            variant=version.variant,
            size_bytes=version.size_bytes,
            metrics=version.metrics,
            gate=version.gate,
            run_id=version.run_id,
            parent_id=version.parent_id,
            data_set=names.get(version.run_id or 0, ""),
            serves=serves.get(version.id, {}),
            created_at=version.created_at,
        )
        for version in found
    ]


def _data_sets(rows: Rows, run_ids: set[int]) -> dict[int, str]:
    """Run id to the name and number of the data set it learnt from."""
    statement = (
        rows.columns(
            TrainingRun, TrainingRun.id, DataSet.name, DataSetVersion.number, where=[TrainingRun.id.in_(run_ids)]
        )
        .join(DataSetVersion, DataSetVersion.id == TrainingRun.data_set_version_id)
        .join(DataSet, DataSet.id == DataSetVersion.data_set_id)
    )
    return {run: f"{name} {number}" for run, name, number in rows.session.execute(statement)}
