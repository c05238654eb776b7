"""The small networks: LSTM on texts, perceptron on tables, convolution on pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from core.errors import BadInput
from core.models.manifest import Manifest
from core.services.studio.learners.base import Floats, Judged, Limit, Material, Record, report_metrics
from core.services.studio.learners.texts import data_shown, gold_of, groups_of, has_several, text_report, texts_of
from core.training.networks.run import Examples
from core.training.reports.build import HeldOut, Outcome, make_report, most_frequent
from core.training.reports.report import Measure


def _trained(trainer: Any, material: Material, inputs: Callable[[Sequence[Record]], Any]) -> Manifest:
    labels = material.version.labels
    numbers = {label: number for number, label in enumerate(labels)}
    parts = []
    for split in ("train", "validation"):
        rows = material.rows(split)
        parts.append(Examples(inputs(rows), gold_of(rows, numbers, several=False).tolist()))
    found: Manifest = trainer(
        material.folder, *parts, labels, material.args, material.watch, name=material.name, data=material.data
    )
    return found


def _predicted(material: Material, inputs: Any) -> Any:
    from core.models.networks.open import load_small

    model: Any = load_small(material.folder)
    return model.predict(inputs)


class LstmLearner:
    """``core.training.networks.lstm``."""

    def train(self, material: Material) -> Manifest:
        from core.training.networks.lstm import train_lstm

        if has_several(material):
            raise BadInput("studio.one_label_only", recipe="lstm")
        return _trained(train_lstm, material, texts_of)

    def probabilities(self, material: Material, split: str) -> Floats:
        return np.asarray(_predicted(material, texts_of(material.rows(split))).probabilities, np.float64)

    def judge(self, material: Material, manifest: Manifest) -> Judged:
        rows = material.rows(material.held_out)
        material.watch.step("report", 0, len(rows))
        predicted = _predicted(material, texts_of(rows))
        after = Outcome(material.name, predicted.probabilities, predicted.classes)
        report = text_report(material, manifest.labels, rows, after, several=False)
        limit = Limit("words", {"count": manifest.facts.get("words")})
        return Judged(report_metrics(report, material.held_out), report, (limit,))


def values_of(rows: Sequence[Record]) -> list[dict[str, Any]]:
    return [dict(row["values"]) for row in rows]


class TabularLearner:
    """``core.training.networks.tabular``."""

    def train(self, material: Material) -> Manifest:
        from core.training.networks.tabular import train_tabular

        return _trained(train_tabular, material, values_of)

    def probabilities(self, material: Material, split: str) -> Floats:
        return np.asarray(_predicted(material, values_of(material.rows(split))).probabilities, np.float64)

    def judge(self, material: Material, manifest: Manifest) -> Judged:
        rows, training = material.rows(material.held_out), material.rows("train")
        material.watch.step("report", 0, len(rows))
        predicted = _predicted(material, values_of(rows))
        labels = manifest.labels
        numbers = {label: number for number, label in enumerate(labels)}
        held_out = HeldOut(
            gold_of(rows, numbers, several=False),
            labels,
            ["; ".join(f"{name} {value}" for name, value in row["values"].items()) for row in rows],
            texts=False,
            groups=groups_of(material, rows),
        )
        taught = gold_of(training, numbers, several=False)
        columns = ", ".join(manifest.facts.get("columns", ()))
        primary: Measure = "auc" if len(labels) == 2 else "f1_macro"
        return _judged(material, held_out, taught.tolist(), predicted, primary, Limit("columns", {"columns": columns}))


class ImageLearner:
    """``core.training.networks.image``."""

    def train(self, material: Material) -> Manifest:
        from core.training.networks.image import train_image

        training, validation = (material.pictures(split) for split in ("train", "validation"))
        return train_image(
            material.folder,
            Examples(training[0], training[1].tolist()),
            Examples(validation[0], validation[1].tolist()),
            material.version.labels,
            material.args,
            material.watch,
            name=material.name,
            data=material.data,
        )

    def probabilities(self, material: Material, split: str) -> Floats:
        return np.asarray(_predicted(material, material.pictures(split)[0]).probabilities, np.float64)

    def judge(self, material: Material, manifest: Manifest) -> Judged:
        images, gold = material.pictures(material.held_out)
        material.watch.step("report", 0, len(images))
        predicted = _predicted(material, images)
        shown = [f"picture {number}" for number in range(len(gold))]
        held_out = HeldOut(gold, manifest.labels, shown, texts=False)
        limit = Limit("pixels", {"size": manifest.facts.get("size")})
        return _judged(material, held_out, material.pictures("train")[1].tolist(), predicted, "f1_macro", limit)


def _judged(
    material: Material, held_out: HeldOut, taught: list[int], predicted: Any, primary: Measure, limit: Limit
) -> Judged:
    rows, labels = len(predicted.classes), predicted.labels
    report = make_report(
        held_out,
        most_frequent(taught, len(labels), rows),
        Outcome(material.name, predicted.probabilities, predicted.classes),
        name=material.name,
        folds=material.folds,
        data=data_shown(material, rows),
        primary=primary,
        seed=int(material.args.seed),
    )
    return Judged(report_metrics(report, material.held_out), report, (limit,))
