"""Smaller variants of a model version, measured beside it in one run, and registered with their parity gate."""

from __future__ import annotations

from collections.abc import Sequence

from core.access.actor import Actor, Permission
from core.db.studio_tables import DataSetVersion, ModelVersion, TrainingRun
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, NotFound
from core.services.application import Application
from core.services.studio import registry
from core.services.studio.runs import queue_run
from core.services.studio.views import ModelVersionView, VariantView
from core.training.compression.args import VARIANTS

KIND = "compress"
KINDS = ("text_classifier",)  # of models that can be compressed here
LIMIT = 0.01  # share of accuracy a variant may lose
MOST_LIMIT = 0.5


def variants_for(app: Application, actor: Actor, version_id: int) -> tuple[str, ...]:
    """Variants that can be made of this version; none for a kind, or for a variant, that is not compressed further."""
    actor.require(Permission.STUDIO_READ)
    view = registry.get_version(app, actor, version_id)
    return VARIANTS if view.kind in KINDS and view.variant == "fp32" else ()


def start_compression(
    app: Application, actor: Actor, version_id: int, *, variants: Sequence[str] = (), limit: float = LIMIT
) -> int:
    """Queues it; the id of its run (recipe "compress"). ``variants``: all of them where left out.

    Raises BadInput for a kind, a variant or a limit that cannot be, NotFound, Conflict where the rows that the version
    learnt from are gone: nobody could say what compression costs.
    """
    actor.require(Permission.STUDIO)
    view = registry.get_version(app, actor, version_id)
    known = variants_for(app, actor, version_id)
    if not known:
        raise BadInput("studio.compress_kind", kind=f"{view.kind} ({view.variant})", kinds=", ".join(KINDS))
    for variant in variants:
        if variant not in known:
            raise BadInput("studio.compress_variant", variant=variant, known=", ".join(known))
    if not 0 <= limit <= MOST_LIMIT:
        raise BadInput("studio.compress_limit", limit=limit)
    data = _data_of(app, actor, view)
    said = {"version_id": version_id, "variants": list(variants or known), "limit": limit}
    return queue_run(app, actor, KIND, recipe=KIND, name=view.name, args=said, data_set_version_id=data)


def _data_of(app: Application, actor: Actor, view: ModelVersionView) -> int:
    """The data set version that a model version learnt from."""
    with app.database.read(actor.workspace_id) as rows:
        found = data_of_version(rows, view.id)
    if found is None:
        raise Conflict("studio.compress_data", name=f"{view.name} {view.number}")
    return found


def data_of_version(rows: Rows, version_id: int) -> int | None:
    """The data set version behind a model version or the ones it was made from; None where there is none any more."""
    seen: set[int] = set()
    version = rows.find(ModelVersion, ModelVersion.id == version_id)
    while version is not None and version.id not in seen:
        seen.add(version.id)
        run = rows.find(TrainingRun, TrainingRun.id == (version.run_id or 0))
        if run is not None and run.data_set_version_id is not None:
            ready = [DataSetVersion.id == run.data_set_version_id, DataSetVersion.state == "ready"]
            return run.data_set_version_id if rows.find(DataSetVersion, *ready) is not None else None
        version = rows.find(ModelVersion, ModelVersion.id == (version.parent_id or 0))
    return None


def compression_table(app: Application, actor: Actor, run_id: int) -> list[VariantView]:
    """The original and its variants, once they are measured. Raises NotFound."""
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        run = rows.get(TrainingRun, run_id)
        if run.recipe != KIND:
            raise NotFound("not_found", what="compression", id=run_id)
        mine = rows.select(ModelVersion, ModelVersion.run_id == run_id, ModelVersion.deleted_at.is_(None))
        made = {version.variant: version.id for version in rows.all(mine)}
    original = int(run.args["version_id"])
    return [
        VariantView(
            variant=line["name"],
            size_bytes=line["size_bytes"],
            texts_per_second=line["texts_per_second"],
            accuracy=line["accuracy"],
            lost=line["lost"],
            passed=line["passed"],
            version_id=original if line["name"] == "original" else made.get(line["name"]),
            note=line["runs"],
        )
        for line in run.metrics.get("variants", ())
    ]
