"""Data sets: a file previewed, cleaned, split and kept as a version that never changes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.access.actor import Actor, Permission
from core.db.studio_tables import DataSet, DataSetVersion, TrainingRun
from core.db.tables import DocumentVersion, Job
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, PilotlightError
from core.jobs.worker import enqueue
from core.services import files
from core.services.application import Application
from core.services.studio.naming import LONGEST_NAME, one_name
from core.services.studio.places import data_sets_root
from core.services.studio.rows_at_rest import read_images, read_rows, read_version
from core.services.studio.uploads import checked_mapping, checked_options, is_archive, preview_upload, store_upload
from core.services.studio.views import DataSetVersionView, DataSetView, RowsPage, StoredUpload
from core.services.views import Upload
from core.training.datasets import store as dataset_store
from core.training.datasets.mapping import REQUIRED, TASKS
from core.training.datasets.splitting import SPLITS

__all__ = [
    "KIND",
    "LONGEST_NAME",
    "delete_data_set",
    "get_data_set",
    "get_data_set_version",
    "list_data_sets",
    "list_versions",
    "parts_of",
    "preview_upload",
    "same_version",
    "sample_rows",
    "start_data_set",
]

KIND = "data_set"
PAGE = 25


def start_data_set(
    app: Application,
    actor: Actor,
    name: str,
    task: str,
    upload: Upload | StoredUpload,
    mapping: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
    *,
    held_out: Mapping[str, Upload | StoredUpload] | None = None,
) -> int:
    """Queues the making of the next version of the data set ``name`` (made when missing); the job's id.

    ``mapping``: fields of ``core.training.datasets.mapping.ColumnMapping`` without the task; {} for a ZIP of pictures,
    a folder a label. ``options``: "read", "clean", "split", "augment" and "image", each a mapping of fields of the
    class of that name; "licence" and "note" texts; "label_errors" False to leave labels undoubted.
    ``held_out``: files given as "validation" or "test"; the rows of ``upload`` are then split no further than needed.
    Raises BadInput, DocumentError; nothing but the files is stored then.
    """
    actor.require(Permission.STUDIO)
    kept = one_name(name, "studio.data_set_name")
    columns = whole_mapping(task, mapping)
    if not is_archive(task, upload.name):
        checked_mapping(task, columns)
    checked_options(options or {})
    said = {name: value for name, value in (options or {}).items() if value is not None}
    made_from = {"task": task, "columns": columns, "options": said, "parts": _parts(app, upload, held_out or {})}
    with app.database.write(actor.workspace_id) as rows:
        job_id = _stored_version(rows, kept, made_from)
    enqueue(app.database, app.queue, actor.workspace_id, job_id)
    return job_id


def whole_mapping(task: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping as it is kept: a query stays in one split with all the texts that it is paired with."""
    together = {"together": mapping.get("first", "")} if task == "sentence_pair" else {}
    return {**together, **{name: value for name, value in mapping.items() if name != "together" or value}}


def _stored_version(rows: Rows, name: str, made_from: Mapping[str, Any]) -> int:
    """The next version's row and its job, whose id is returned."""
    data_set = rows.find(DataSet, DataSet.name == name) or rows.add(DataSet(name=name, task=made_from["task"]))
    if data_set.task != made_from["task"]:
        raise BadInput("studio.data_set_task", name=name, task=data_set.task, found=made_from["task"])
    data_set.note = str(made_from["options"].get("note") or data_set.note)
    numbers = rows.columns(DataSetVersion, DataSetVersion.number, where=[DataSetVersion.data_set_id == data_set.id])
    version = rows.add(
        DataSetVersion(
            data_set_id=data_set.id,
            number=max(rows.session.scalars(numbers), default=0) + 1,
            source=str(made_from["parts"][0]["name"])[:400],
            mapping=dict(made_from),
        )
    )
    return rows.add(Job(kind=KIND, arguments={"version_id": version.id})).id


def _parts(
    app: Application, upload: Upload | StoredUpload, held_out: Mapping[str, Upload | StoredUpload]
) -> list[dict[str, Any]]:
    for split in held_out:
        if split not in SPLITS[1:]:
            raise BadInput("studio.split_unknown", split=split, known=", ".join(SPLITS[1:]))
    stored = {"": store_upload(app, upload)} | {split: store_upload(app, one) for split, one in held_out.items()}
    return [{"split": split, **_as_json(one)} for split, one in stored.items()]


def _as_json(stored: StoredUpload) -> dict[str, Any]:
    return {"sha256": stored.sha256, "name": stored.name, "size": stored.size}


def same_version(
    app: Application, actor: Actor, name: str, task: str, upload: StoredUpload, mapping: Mapping[str, Any],
    options: Mapping[str, Any],
) -> int | None:  # fmt: skip
    """The ready version that was made of the same file in the same way, if there is one."""
    actor.require(Permission.STUDIO_READ)
    wanted = [{"split": "", **_as_json(upload)}]
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.select(DataSetVersion, DataSetVersion.state == "ready").join(
            DataSet, (DataSet.id == DataSetVersion.data_set_id) & (DataSet.name == name) & (DataSet.task == task)
        )
        for version in rows.all(mine.order_by(DataSetVersion.number.desc())):
            said = version.mapping
            same = said["columns"] == whole_mapping(task, mapping) and said["options"] == dict(options)
            if same and [{**part, "name": upload.name} for part in said["parts"]] == wanted:
                return version.id
    return None


def list_data_sets(app: Application, actor: Actor, *, tasks: Sequence[str] = ()) -> list[DataSetView]:
    """Data sets by name; only those of ``tasks``, where given."""
    actor.require(Permission.STUDIO_READ)
    where = [DataSet.task.in_(tasks)] if tasks else []
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(DataSet, *where).order_by(DataSet.name))
        return [_data_set_view(rows, one) for one in found]


def get_data_set(app: Application, actor: Actor, data_set_id: int) -> DataSetView:
    """Raises NotFound."""
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        return _data_set_view(rows, rows.get(DataSet, data_set_id))


def _data_set_view(rows: Rows, data_set: DataSet) -> DataSetView:
    mine = rows.select(
        DataSetVersion, DataSetVersion.data_set_id == data_set.id, DataSetVersion.state == "ready"
    ).order_by(DataSetVersion.number.desc())
    ready = rows.all(mine)
    return DataSetView(
        id=data_set.id,
        name=data_set.name,
        task=data_set.task,
        note=data_set.note,
        versions=len(ready),
        latest=_version_view(data_set, ready[0]) if ready else None,
        created_at=data_set.created_at,
    )


def list_versions(app: Application, actor: Actor, data_set_id: int) -> list[DataSetVersionView]:
    """All versions of a data set, the newest first, failed and building ones too."""
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        data_set = rows.get(DataSet, data_set_id)
        mine = rows.select(DataSetVersion, DataSetVersion.data_set_id == data_set_id)
        found = rows.all(mine.order_by(DataSetVersion.number.desc()))
    return [_version_view(data_set, version) for version in found]


def get_data_set_version(app: Application, actor: Actor, version_id: int) -> DataSetVersionView:
    """Raises NotFound."""
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        version = rows.get(DataSetVersion, version_id)
        return _version_view(rows.get(DataSet, version.data_set_id), version)


def _version_view(data_set: DataSet, version: DataSetVersion) -> DataSetVersionView:
    return DataSetVersionView(
        id=version.id,
        data_set_id=data_set.id,
        data_set=data_set.name,
        task=data_set.task,
        number=version.number,
        state=version.state,
        digest=version.digest,
        source=version.source,
        counts=version.counts,
        mapping=version.mapping,
        findings=tuple(version.findings),
        created_at=version.created_at,
    )


def sample_rows(
    app: Application, actor: Actor, version_id: int, split: str = "train", page: int = 0, size: int = PAGE
) -> RowsPage:
    """One page of the rows of ``split``. Raises NotFound, BadInput for a split that there is not, Conflict for a
    version that is not ready, Unavailable for one whose files are damaged. A picture is an array uint8 [side, side,
    channels] under "image"."""
    actor.require(Permission.STUDIO_READ)
    view = get_data_set_version(app, actor, version_id)
    if split not in SPLITS:
        raise BadInput("studio.split_unknown", split=split, known=", ".join(SPLITS))
    if view.state != "ready":
        raise Conflict("studio.data_set_not_ready", name=view.data_set, number=view.number)
    folder = stored_folder(app, actor.workspace_id, view.digest)
    version = dataset_store.read_version(folder, verify=False)
    first = max(0, page) * size
    if version.task == "image":
        images, classes = read_images(app.settings, folder, split)
        part = slice(first, first + size)
        pictures = zip(images[part], classes[part], strict=True)
        shown = [{"image": image, "label": version.labels[number]} for image, number in pictures]
        return RowsPage(split, max(0, page), len(images), ("image", "label"), tuple(shown))
    shown = []
    for number, record in enumerate(read_rows(app.settings, folder, split)):
        if number >= first + size:
            break
        if number >= first:
            shown.append(flat_record(record))
    columns = tuple(dict.fromkeys(name for row in shown for name in row))
    return RowsPage(split, max(0, page), version.splits.get(split, 0), columns, tuple(shown))


def flat_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """A stored record as one row of a table: the values of a tabular row beside its label."""
    row = {name: value for name, value in record.items() if name not in ("file", "values", "groups")}
    return {**record.get("values", {}), **{f"({k})": v for k, v in record.get("groups", {}).items()}, **row}


def delete_data_set(app: Application, actor: Actor, data_set_id: int) -> None:
    """Removes a data set with all versions and files. Raises Conflict while a run learnt from it or it is built."""
    actor.require(Permission.STUDIO)
    with app.database.write(actor.workspace_id) as rows:
        data_set = rows.get(DataSet, data_set_id)
        versions = rows.all(rows.select(DataSetVersion, DataSetVersion.data_set_id == data_set_id))
        _refuse_in_use(rows, data_set, versions)
        rows.delete(DataSetVersion, DataSetVersion.data_set_id == data_set_id)
        rows.delete(DataSet, DataSet.id == data_set_id)
        left = set(rows.session.scalars(rows.columns(DataSetVersion, DataSetVersion.digest)))
        originals = _unused_originals(rows, versions)
    for digest in {version.digest for version in versions} - left - {""}:
        shutil.rmtree(stored_folder(app, actor.workspace_id, digest), ignore_errors=True)
    for sha256 in originals:
        files.stored_path(app.settings, sha256).unlink(missing_ok=True)


def _unused_originals(rows: Rows, deleted: Sequence[DataSetVersion]) -> set[str]:
    """Uploaded files of deleted versions that nothing else in any workspace stands on: they may hold personal data."""
    mine = {part["sha256"] for version in deleted for part in version.mapping.get("parts", ())}
    others = rows.session.scalars(
        select(DataSetVersion.mapping).where(DataSetVersion.id.not_in([v.id for v in deleted]))
    )
    used = {part["sha256"] for mapping in others for part in mapping.get("parts", ())}
    documents = select(DocumentVersion.file_sha256).where(DocumentVersion.file_sha256.in_(mine))
    return mine - used - set(rows.session.scalars(documents))


def _refuse_in_use(rows: Rows, data_set: DataSet, versions: Sequence[DataSetVersion]) -> None:
    ids = [version.id for version in versions]
    users = rows.all(rows.select(TrainingRun, TrainingRun.data_set_version_id.in_(ids)))
    if users:
        raise Conflict("studio.data_set_in_use", name=data_set.name, count=len(users), run=users[0].name)
    waiting = rows.all(rows.select(Job, Job.kind == KIND, Job.state.in_(("queued", "running"))))
    if any(job.arguments.get("version_id") in ids for job in waiting):
        raise Conflict("studio.data_set_building", name=data_set.name)


def stored_folder(app: Application, workspace_id: int, digest: str) -> Path:
    """Where a version with this digest lies."""
    return dataset_store.version_folder(data_sets_root(app.settings, workspace_id), digest)


def version_folder(app: Application, workspace_id: int, version: DataSetVersion, name: str) -> Path:
    """The folder of a ready version. Raises Conflict (studio.data_set_damaged) when its files are gone."""
    folder = stored_folder(app, workspace_id, version.digest)
    try:
        read_version(folder)
    except PilotlightError as error:
        raise Conflict("studio.data_set_damaged", name=name, number=version.number) from error
    return folder


def parts_of(task: str) -> tuple[str, ...]:
    """The parts that columns must play for ``task``. Raises BadInput for an unknown task."""
    if task not in TASKS:
        raise BadInput("studio.data_set_task_unknown", task=task, known=", ".join(TASKS))
    return REQUIRED[task]
