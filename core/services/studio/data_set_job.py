"""The job that makes a version of a data set: read, cleaned, split, searched for faults, and only then listed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import fields, is_dataclass, replace
from typing import Any

import structlog

from core.db.studio_tables import DataSet, DataSetVersion
from core.errors import BadInput
from core.jobs.context import JobContext
from core.services import files
from core.services.application import Application
from core.services.privacy import privacy_of
from core.services.studio import rows_at_rest
from core.services.studio.data_sets import stored_folder
from core.services.studio.places import data_sets_root
from core.services.studio.uploads import checked_mapping, checked_options, is_archive, store_upload, stored_table
from core.services.studio.views import StoredUpload
from core.training.classification.label_errors import find_label_errors
from core.training.datasets.build import Part, build_version
from core.training.datasets.cleaning import CleanOptions
from core.training.datasets.images import build_image_version
from core.training.datasets.lint import lint_version
from core.training.datasets.store import Version, sweep_drafts
from core.training.datasets.tables import ReadOptions

MOST_DOUBTED = 20_000  # rows; five models are fitted on them

log = structlog.get_logger(__name__)


class JobWatch:
    """The ``Watch`` of a job that is no training: how far it is, and whether it shall stop."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    def check(self) -> None:
        self._context.check()

    def step(self, stage: str, done: int, total: int) -> None:
        self._context.progress(stage[:40], done, total)

    def point(self, step: int, **values: float) -> None:
        self.check()

    def sample(self, step: int, text: str) -> None:
        self.check()

    def say(self, line: str) -> None:
        log.info(line, job=self._context.job_id)


def run_data_set(app: Application, context: JobContext) -> None:
    """Handler of ``data_set`` jobs. A killed one starts over and leaves nothing half-made: a version's folder appears
    whole, and its row says "ready" last of all."""
    version_id = int(context.arguments["version_id"])
    root = data_sets_root(app.settings, context.workspace_id)
    sweep_drafts(root, older_than=0.0)  # one such job runs at a time, so whatever lies there is a killed one's
    with app.database.write(context.workspace_id) as rows:
        stored = rows.get(DataSetVersion, version_id)
        if stored.state == "ready":
            return
        stored.state = "building"
    try:
        made = _build(app, context, stored)
        doubt = bool(stored.mapping["options"].get("label_errors", True))
        findings = find_faults(app, context, made, doubt_labels=doubt)
        rows_at_rest.hide(app.settings, stored_folder(app, context.workspace_id, made.id))
    except Exception:  # an Interrupted one goes on later and is none
        _mark(app, context, version_id, state="failed")
        raise
    _mark(app, context, version_id, state="ready", digest=made.id, counts=counts_of(made), findings=findings)
    context.finish(version_id=version_id, data_set_id=stored.data_set_id)


def _mark(app: Application, context: JobContext, version_id: int, **values: Any) -> None:
    with app.database.write(context.workspace_id) as rows:
        rows.update(DataSetVersion, DataSetVersion.id == version_id, **values)


def _clean(app: Application, workspace_id: int, said: CleanOptions | None) -> CleanOptions | None:
    """What was chosen for the data set; a workspace that masks training data masks in any case."""
    if not privacy_of(app, workspace_id).mask_training:
        return said
    return replace(said or CleanOptions(), mask=True)


def _build(app: Application, context: JobContext, stored: DataSetVersion) -> Version:
    said: Mapping[str, Any] = stored.mapping
    options = checked_options(said["options"])
    root, watch = data_sets_root(app.settings, context.workspace_id), JobWatch(context)
    context.progress("read", 0, 0, force=True)
    uploads = [(StoredUpload(part["sha256"], part["name"], part["size"]), part["split"]) for part in said["parts"]]
    with app.database.read(context.workspace_id) as rows:
        task = rows.get(DataSet, stored.data_set_id).task
    if is_archive(task, uploads[0][0].name):
        with files.original(app.settings, store_upload(app, uploads[0][0]).sha256) as path:
            return build_image_version(
                path, uploads[0][0].name, root, watch, options=options.get("image"), split=options.get("split")
            )
    mapping = checked_mapping(task, said["columns"])
    read = options.get("read", ReadOptions())
    with ExitStack() as held:
        tables = [held.enter_context(stored_table(app, store_upload(app, one), read, watch)) for one, _ in uploads]
        if task == "image":
            shape, split = options.get("image"), options.get("split")
            return build_image_version(
                tables[0], tables[0].name, root, watch, mapping=mapping, options=shape, split=split
            )
        parts = [Part(table, split) for table, (_, split) in zip(tables, uploads, strict=True)]
        return build_version(
            parts, mapping, root, watch,
            clean=_clean(app, context.workspace_id, options.get("clean")), split=options.get("split"),
            augment=options.get("augment"),
        )  # fmt: skip


def counts_of(version: Version) -> dict[str, Any]:
    """What a page shows of a version in figures."""
    names = ("splits", "read", "kept", "dropped", "dropped_lines", "class_counts", "labels", "columns", "augmented")
    more = ("personal", "languages", "longest")
    found = {name: getattr(version, name) for name in (*names, *more)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def find_faults(app: Application, context: JobContext, version: Version, *, doubt_labels: bool) -> list[dict[str, Any]]:
    """Findings of the lint, as JSON keeps them. Labels are doubted only where there are rows enough to judge by."""
    folder, watch = stored_folder(app, context.workspace_id, version.id), JobWatch(context)
    doubted = find_label_errors if doubt_labels and version.kept <= MOST_DOUBTED else None
    try:
        found = lint_version(folder, version, watch, label_errors=doubted)
    except BadInput as error:  # too few rows of a label for folds: everything else can still be said
        log.info("labels were not doubted", job=context.job_id, code=error.code)
        found = lint_version(folder, version, watch)
    return [as_json(finding) for finding in found]


def as_json(value: Any) -> Any:
    """Dataclasses, tuples and mappings as JSON keeps them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: as_json(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): as_json(one) for name, one in value.items()}
    return [as_json(one) for one in value] if isinstance(value, list | tuple | set | frozenset) else value
