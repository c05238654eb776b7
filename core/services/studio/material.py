"""What a run learns from and with: its data set version, its checked arguments, the model it starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from core.db.studio_tables import DataSet, DataSetVersion, TrainingRun
from core.db.unit_of_work import Rows
from core.services.application import Application
from core.services.studio import recipes
from core.services.studio.data_sets import version_folder
from core.services.studio.learners.base import Material, Record
from core.services.studio.places import model_folder
from core.services.studio.rows_at_rest import read_images, read_rows
from core.settings import Settings
from core.training.datasets.store import Version, read_version
from core.training.watch import Watch


def open_material(
    app: Application, workspace_id: int, run: TrainingRun, watch: Watch, *, folder: Path | None = None,
    args: Mapping[str, Any] | None = None,
) -> Material:  # fmt: skip
    """What the run's learner is given. ``folder`` and ``args`` stand for the run's own, for trials.

    Raises NotFound, Conflict for damaged data, and what the recipe refuses.
    """
    recipe_name = str(run.args["recipe"]) if run.recipe == "tune" else run.recipe
    recipe = recipes.find(recipe_name)
    given = run.args if args is None else args
    made = recipes.make_args(recipe, given)
    with app.database.read(workspace_id) as rows:
        stored, data_set = lineage(rows, run)
    place = version_folder(app, workspace_id, stored, data_set.name)
    version = read_version(place, verify=False)  # version_folder looked
    start = str(getattr(made, recipe.base)) if recipe.base else ""
    base = recipes.base_folder(app, workspace_id, recipe, start) if start.startswith(recipes.VERSION) else None
    return Material(
        settings=app.settings,
        folder=folder or model_folder(app.settings, workspace_id, run.id),
        args=made,
        name=run.name,
        version=version,
        rows=cache(lambda split: _records(app.settings, place, split)),
        pictures=cache(lambda split: read_images(app.settings, place, split)),
        data=data_facts(data_set, stored, version),
        watch=watch,
        base=base,
    )


def lineage(rows: Rows, run: TrainingRun) -> tuple[DataSetVersion, DataSet]:
    """The data set version of a run and its data set. Raises NotFound."""
    stored = rows.get(DataSetVersion, run.data_set_version_id or 0)
    return stored, rows.get(DataSet, stored.data_set_id)


def _records(settings: Settings, folder: Path, split: str) -> Sequence[Record]:
    return tuple(read_rows(settings, folder, split))


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
