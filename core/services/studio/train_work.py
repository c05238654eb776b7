"""One training run in its process: rows in, a sealed, judged, described and registered model version out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

from core.db.studio_tables import ModelVersion, TrainingRun
from core.jobs.context import JobContext
from core.models.manifest import Manifest, read_manifest, write_manifest
from core.services.application import Application
from core.services.studio import recipes, registry
from core.services.studio.card import write_cards
from core.services.studio.learners.base import ClassLearner, Judged, Learner, Material
from core.services.studio.learners.folded import fold_scores
from core.services.studio.material import open_material
from core.services.studio.probing import require_room
from core.services.studio.watching import RunWatch
from core.training.reports.report import to_json


def train(app: Application, context: JobContext, run: TrainingRun, watch: RunWatch) -> None:
    """Trains, judges, writes the card, seals and registers. Called again after a kill it goes on where it stood."""
    if _registered(app, context, run):
        return
    recipe = recipes.find(run.recipe)
    material = open_material(app, context.workspace_id, run, watch)
    learner: Learner = recipes.loaded(recipe.learner)()
    if not any(material.folder.iterdir() if material.folder.exists() else ()):
        require_room(material, recipe)
    manifest = learner.train(material)
    if folds := int(run.args.get(recipes.FOLDS, 0)):
        scores = fold_scores(cast(ClassLearner, learner), material, folds)
        material = replace(material, folds=scores)
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


def described(app: Application, material: Material, manifest: Manifest, judged: Judged, run: TrainingRun) -> Manifest:
    """Writes the card beside the weights and seals the folder anew, with the held-out figures.

    The manifest is replaced by rename: until then the trainer's own one is in force, which lists no card.
    """
    field, base, args = recipes.find(run.recipe).base, manifest.base, {**manifest.args}
    if field and base:  # as it was asked for: a version's number or a name of the catalogue, not a path of this machine
        base = args[field] = str(getattr(material.args, field))
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
    write_cards(material.folder, whole, judged, splits=material.version.splits, run=run.id)
    write_manifest(material.folder, whole)
    return read_manifest(material.folder)


def stored_report(judged: Judged) -> dict[str, Any]:
    """The report as the registry keeps it."""
    if judged.report is not None:
        found: dict[str, Any] = json.loads(to_json(judged.report))
        return found
    return {"figures": dict(judged.figures)} if judged.figures else {}
