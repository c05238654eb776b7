"""One training run in its process: rows in, a sealed, judged, described and registered model version out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from core.db.studio_tables import DataSet, DataSetVersion, ModelVersion, TrainingRun
from core.db.unit_of_work import Rows
from core.jobs.context import JobContext
from core.models.manifest import Manifest, read_manifest, write_manifest
from core.services.application import Application
from core.services.studio import recipes, registry
from core.services.studio.card import CARD, model_card
from core.services.studio.data_sets import version_folder
from core.services.studio.learners.base import Judged, Learner, Material, Record
from core.services.studio.places import model_folder
from core.services.studio.watching import RunWatch
from core.training.dataset_store import Version, read_images, read_rows, read_version
from core.training.report import to_json


def train(app: Application, context: JobContext, run: TrainingRun, watch: RunWatch) -> None:
    """Trains, judges, writes the card, seals and registers. Called again after a kill it goes on where it stood."""
    if _registered(app, context, run):
        return
    recipe = recipes.find(run.recipe)
    material = open_material(app, context.workspace_id, run, watch)
    learner: Learner = recipes.loaded(recipe.learner)()
    manifest = learner.train(material)
    watch.say("trained; now judged on rows it has not seen")
    judged = learner.judge(material, manifest)
    watch.step("seal", 0, 0)
    sealed = described(app, material, manifest, judged, run)
    with app.database.write(context.workspace_id) as rows:
        rows.get(TrainingRun, run.id).metrics = dict(sealed.metrics)
    registry.register_version(
        app, context.workspace_id, name=run.name, folder=material.folder, run_id=run.id, report=stored_report(judged)
    )
    watch.say("registered")


def _registered(app: Application, context: JobContext, run: TrainingRun) -> bool:
    """Whether the version is there already: the process was killed between that and its end."""
    with app.database.read(context.workspace_id) as rows:
        return rows.find(ModelVersion, ModelVersion.run_id == run.id) is not None


def open_material(
    app: Application, workspace_id: int, run: TrainingRun, watch: RunWatch, *, folder: Path | None = None,
    args: Mapping[str, Any] | None = None,
) -> Material:  # fmt: skip
    """What the run's learner is given. ``folder`` and ``args`` stand for the run's own, for trials.

    Raises NotFound, Conflict for damaged data, and what the recipe refuses.
    """
    recipe_name = str(run.args["recipe"]) if run.recipe == "tune" else run.recipe
    recipe = recipes.find(recipe_name)
    made = recipes.make_args(recipe, run.args if args is None else args)
    with app.database.read(workspace_id) as rows:
        stored, data_set = lineage(rows, run)
    place = version_folder(app, workspace_id, stored, data_set.name)
    version = read_version(place)
    start = str(getattr(made, recipe.base)) if recipe.base else ""
    base = recipes.base_folder(app, workspace_id, recipe, start) if start.startswith(recipes.VERSION) else None
    return Material(
        settings=app.settings,
        folder=folder or model_folder(app.settings, workspace_id, run.id),
        args=made,
        name=run.name,
        version=version,
        rows=cache(lambda split: _records(place, split)),
        pictures=cache(lambda split: read_images(place, split)),
        data=data_facts(data_set, stored, version),
        watch=watch,
        base=base,
    )


def lineage(rows: Rows, run: TrainingRun) -> tuple[DataSetVersion, DataSet]:
    """The data set version of a run and its data set. Raises NotFound."""
    stored = rows.get(DataSetVersion, run.data_set_version_id or 0)
    return stored, rows.get(DataSet, stored.data_set_id)


def _records(folder: Path, split: str) -> Sequence[Record]:
    return tuple(read_rows(folder, split))


def data_facts(data_set: DataSet, stored: DataSetVersion, version: Version) -> dict[str, Any]:
    """What a manifest says of its data."""
    licence = str(stored.mapping.get("options", {}).get("licence", ""))
    return {
        "name": data_set.name,
        "version": stored.number,
        "digest": stored.digest,
        "rows": sum(version.splits.values()),
        "licence": licence or "not stated",
        "source": stored.source,
    }


def described(app: Application, material: Material, manifest: Manifest, judged: Judged, run: TrainingRun) -> Manifest:
    """Writes the card beside the weights and seals the folder anew, with the held-out figures.

    The manifest is replaced by rename: until then the trainer's own one is in force, which lists no card.
    """
    base = str(getattr(material.args, recipes.find(run.recipe).base, "")) if material.base else manifest.base
    args = {**manifest.args}
    if material.base is not None:
        args[recipes.find(run.recipe).base] = base  # the version's number, not a path of this machine
    whole = Manifest(
        kind=manifest.kind,
        name=manifest.name,
        labels=manifest.labels,
        base=base,
        args=args,
        data=manifest.data,
        metrics={**manifest.metrics, **judged.metrics},
        facts=manifest.facts,
        libraries=manifest.libraries,
    )
    card = model_card(whole, judged, splits=material.version.splits, run=run.id)
    (material.folder / CARD).write_text(card, encoding="utf-8")
    write_manifest(material.folder, whole)
    return read_manifest(material.folder)


def stored_report(judged: Judged) -> dict[str, Any]:
    """The report as the registry keeps it."""
    if judged.report is not None:
        found: dict[str, Any] = json.loads(to_json(judged.report))
        return found
    return {"figures": dict(judged.figures)} if judged.figures else {}
