"""A compression in its process: variants made, measured beside the original, and those that pass registered."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

from core.db.studio_tables import ModelVersion, TrainingRun
from core.jobs.context import JobContext
from core.models.manifest import Manifest, read_manifest, write_manifest
from core.services.application import Application
from core.services.studio import registry
from core.services.studio.card import write_cards
from core.services.studio.data_sets import version_folder
from core.services.studio.learners.base import Judged, Limit
from core.services.studio.learners.texts import labels_of, texts_of
from core.services.studio.material import lineage
from core.services.studio.places import model_folder
from core.services.studio.rows_at_rest import read_rows
from core.services.studio.watching import RunWatch
from core.settings import Settings
from core.training.compression.args import CompressArgs, Compression, TextRows, Variant
from core.training.compression.train import compress_classifier
from core.training.datasets.store import read_version

FOLDER = "variants"


def compress(app: Application, context: JobContext, run: TrainingRun, watch: RunWatch) -> None:
    """Called again after a kill it keeps the variants that are made. One that loses too much is shown, not kept."""
    with app.database.read(context.workspace_id) as rows:
        original = rows.get(ModelVersion, int(run.args["version_id"]))
        stored, data_set = lineage(rows, run)
    place = version_folder(app, context.workspace_id, stored, data_set.name)
    version = read_version(place, verify=False)
    several = bool(version.mapping.get("multi_label"))
    held_out = "test" if version.splits.get("test") else "validation"
    source = registry.folder_of_version(app, original)
    labels = read_manifest(source).labels
    splits = [_rows(app.settings, place, split, several, labels) for split in ("train", "validation", held_out)]
    target = model_folder(app.settings, context.workspace_id, run.id, FOLDER)
    limit = float(run.args["limit"])
    args = CompressArgs(variants=tuple(run.args["variants"]), allowed_loss=limit)
    found = compress_classifier(source, target, splits[0], splits[1], splits[2], args, watch)
    _keep_table(app, context, run, found)
    for variant in found.variants:
        if variant.passed and variant.folder:
            _register(app, context, run, original, target / variant.folder, variant, found, held_out)
            watch.say(f"{variant.name} is registered")
        elif variant.folder:
            shutil.rmtree(target / variant.folder, ignore_errors=True)
            watch.say(f"{variant.name} lost {100 * variant.lost:.2f} points, more than {100 * limit:g}; it is not kept")


def _rows(settings: Settings, place: Path, split: str, several: bool, labels: tuple[str, ...]) -> TextRows:
    rows = tuple(read_rows(settings, place, split))
    return texts_of(rows), labels_of(rows, several, set(labels))


def _keep_table(app: Application, context: JobContext, run: TrainingRun, found: Compression) -> None:
    figures = {f"accuracy_{variant.name}": variant.accuracy for variant in found.variants}
    table = {"variants": [asdict(variant) for variant in found.variants], "rows": found.rows, **figures}
    with app.database.write(context.workspace_id) as rows:
        rows.update(TrainingRun, TrainingRun.id == run.id, metrics=table)


def _register(
    app: Application, context: JobContext, run: TrainingRun, original: ModelVersion, folder: Path, variant: Variant,
    found: Compression, held_out: str,
) -> None:  # fmt: skip
    """Card, seal and registry, once; a version that is there already stays."""
    with app.database.read(context.workspace_id) as rows:
        mine = [ModelVersion.run_id == run.id, ModelVersion.variant == variant.name]
        if rows.find(ModelVersion, *mine) is not None:
            return
    _seal(folder, variant, found, original, held_out, run.id)
    registry.register_version(
        app, context.workspace_id, name=original.name, folder=folder, run_id=run.id, parent_id=original.id,
        variant=variant.name, gate={"passed": variant.passed, "lost": variant.lost, "limit": found.allowed_loss},
    )  # fmt: skip


def _seal(
    folder: Path, variant: Variant, found: Compression, original: ModelVersion, held_out: str, run_id: int
) -> None:
    """The manifest anew, with the figures on held-out rows and the card among its files."""
    made = read_manifest(folder)
    beside = found.variants[0]
    faster = variant.texts_per_second / max(beside.texts_per_second, 1e-9)
    values = {
        "name": original.name,
        "number": original.number,
        "variant": variant.name,
        "lost": f"{100 * variant.lost:.2f}",
        "faster": f"{faster:.2f}",
        "smaller": f"{variant.size_bytes / max(beside.size_bytes, 1):.2f}",
    }
    limits = (Limit("made_from", values),)
    figures = {f"{held_out}_accuracy": variant.accuracy, "texts_per_second": variant.texts_per_second}
    fields = {name: getattr(made, name) for name in Manifest.__slots__ if name not in ("files", "metrics")}
    whole = Manifest(**fields, metrics={**made.metrics, **figures})
    write_cards(folder, whole, Judged(figures, limits=limits), splits={held_out: found.rows}, run=run_id)
    write_manifest(folder, whole)
