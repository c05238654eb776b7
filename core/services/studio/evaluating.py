"""A version judged on rows that somebody brings: figures with bounds, and the rows that could not be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from core.access.actor import Actor, Permission
from core.errors import BadInput
from core.evaluation.intervals import score_intervals
from core.models.manifest import read_manifest
from core.services.application import Application
from core.services.studio import registry
from core.services.studio.reports import loaded_model
from core.services.studio.uploads import checked_mapping, store_upload, stored_table
from core.services.studio.views import Evaluation, Figure, StoredUpload
from core.services.views import Upload
from core.training.datasets.cleaning import CleanOptions
from core.training.datasets.mapping import Dropped, Example, Task, make_examples, suggest_mapping
from core.training.datasets.tables import ReadOptions, Table, table_rows
from core.training.watch import Quiet

TASK_OF: Mapping[str, Task] = {
    "text_classifier": "text_classification",
    "lstm": "text_classification",
    "tabular": "tabular",
}
MOST_ROWS = 100_000


def evaluate_file(
    app: Application,
    actor: Actor,
    version_id: int,
    upload: Upload | StoredUpload,
    columns: Mapping[str, Any] | None = None,
    *,
    most: int = MOST_ROWS,
) -> Evaluation:
    """Figures of a classifier on the rows of a file, at most ``most``. ``columns``: part -> column, guessed when empty.

    Rows with a label that the model does not know are counted as dropped. Raises BadInput, NotFound.
    """
    actor.require(Permission.STUDIO)
    view, folder = registry.get_version(app, actor, version_id), registry.folder_by_id(app, actor, version_id)
    if view.kind not in TASK_OF:
        raise BadInput("studio.evaluate_kind", kind=view.kind, kinds=", ".join(TASK_OF))
    manifest = read_manifest(folder)
    several = manifest.facts.get("task") == "multi"
    with stored_table(app, store_upload(app, upload), ReadOptions(max_rows=most), Quiet()) as table:
        examples, dropped = _examples(table, TASK_OF[view.kind], columns or {}, manifest.labels, several=several)
    if not examples:
        raise BadInput("studio.evaluate_no_rows", name=table.name, known=", ".join(manifest.labels[:20]))
    model = loaded_model(app, view, folder)
    inputs = [one.record["values"] if view.kind == "tabular" else one.record["text"] for one in examples]
    predicted = model.predict(inputs)
    numbers = {label: number for number, label in enumerate(manifest.labels)}
    gold, given = _answers(examples, predicted, numbers, several=several)
    intervals = score_intervals(gold, given, len(numbers), predicted.probabilities)
    figures = {name: Figure(float(one.value), float(one.low), float(one.high)) for name, one in intervals.items()}
    return Evaluation(f"{view.name} {view.number}", len(examples), dropped, figures)


def _examples(
    table: Table, task: Task, columns: Mapping[str, Any], labels: Sequence[str], *, several: bool
) -> tuple[list[Example], dict[str, int]]:
    guessed = (
        {name: value for name, value in asdict(suggest_mapping(table, task)).items() if value} if not columns else {}
    )
    said = {**guessed, **columns, "labels": list(labels), "multi_label": several}
    mapping = checked_mapping(task, said)
    [make] = make_examples(mapping, [table], CleanOptions(), Counter())
    found, dropped = [], Counter[str]()
    for _, cells in table_rows(table):
        made = make(cells)
        if isinstance(made, Dropped):
            dropped[made.reason] += 1
        else:
            found.append(made)
    return found, dict(dropped)


def _answers(
    examples: Sequence[Example], predicted: Any, numbers: Mapping[str, int], *, several: bool
) -> tuple[Any, Any]:
    """Gold and given: class numbers [rows], or 0/1 [rows, labels]."""
    if not several:
        return np.array([numbers[str(one.record["label"])] for one in examples], np.int64), predicted.classes
    gold = np.zeros((len(examples), len(numbers)), np.int64)
    for place, one in enumerate(examples):
        gold[place, [numbers[label] for label in one.record["labels"]]] = 1
    return gold, np.asarray(predicted.chosen, np.int64)
