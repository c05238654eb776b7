"""The small networks: LSTM on texts, perceptron on tables, convolution on pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core.errors import BadInput
from core.models.manifest import Manifest
from core.services.studio.learners.base import Judged, Material, Record, report_metrics
from core.services.studio.learners.texts import data_shown, gold_of, groups_of, text_report, texts_of
from core.training.report import Measure
from core.training.report_build import HeldOut, Outcome, make_report, most_frequent
from core.training.small_run import Examples


def classes_of(rows: Sequence[Record], labels: Sequence[str]) -> list[int]:
    numbers = {label: number for number, label in enumerate(labels)}
    return [numbers[str(row["label"])] for row in rows]


def _trained(trainer: Any, material: Material, inputs: Callable[[Sequence[Record]], Any]) -> Manifest:
    labels = material.version.labels
    parts = []
    for split in ("train", "validation"):
        rows = material.rows(split)
        parts.append(Examples(inputs(rows), classes_of(rows, labels)))
    found: Manifest = trainer(
        material.folder, *parts, labels, material.args, material.watch, name=material.name, data=material.data
    )
    return found


class LstmLearner:
    """``core.training.lstm``."""

    def train(self, material: Material) -> Manifest:
        from core.training.lstm import train_lstm

        if material.version.mapping.get("multi_label"):
            raise BadInput("studio.one_label_only", recipe="lstm")
        return _trained(train_lstm, material, texts_of)

    def judge(self, material: Material, manifest: Manifest) -> Judged:
        from core.models.small import load_small

        rows = material.rows(material.held_out)
        material.watch.step("report", 0, len(rows))
        predicted = load_small(material.folder).predict(texts_of(rows))  # type: ignore[arg-type]
        after = Outcome(material.name, predicted.probabilities, predicted.classes)
        report = text_report(material, manifest.labels, rows, after, several=False)
        limit = f"It knows {manifest.facts.get('words')} words or characters and no others."
        return Judged(report_metrics(report, material.held_out), report, (limit,))


def values_of(rows: Sequence[Record]) -> list[dict[str, Any]]:
    return [dict(row["values"]) for row in rows]


class TabularLearner:
    """``core.training.tabular``."""

    def train(self, material: Material) -> Manifest:
        from core.training.tabular import train_tabular

        return _trained(train_tabular, material, values_of)

    def judge(self, material: Material, manifest: Manifest) -> Judged:
        from core.models.small import load_small

        rows = material.rows(material.held_out)
        material.watch.step("report", 0, len(rows))
        predicted = load_small(material.folder).predict(values_of(rows))  # type: ignore[arg-type]
        after = Outcome(material.name, predicted.probabilities, predicted.classes)
        shown = ["; ".join(f"{name} {value}" for name, value in row["values"].items()) for row in rows]
        columns = ", ".join(manifest.facts.get("columns", ()))
        return _judged(material, manifest, rows, after, shown, (f"It reads these columns: {columns}.",))


class ImageLearner:
    """``core.training.image``."""

    def train(self, material: Material) -> Manifest:
        from core.training.image import train_image

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

    def judge(self, material: Material, manifest: Manifest) -> Judged:
        from core.models.small import load_small

        images, gold = material.pictures(material.held_out)
        material.watch.step("report", 0, len(images))
        predicted = load_small(material.folder).predict(images)  # type: ignore[arg-type]
        after = Outcome(material.name, predicted.probabilities, predicted.classes)
        before = most_frequent(material.pictures("train")[1].tolist(), len(manifest.labels), len(gold))
        shown = [f"picture {number}" for number in range(len(gold))]
        held_out = HeldOut(gold, manifest.labels, shown, texts=False)
        report = make_report(
            held_out, before, after, name=material.name, data=data_shown(material, len(gold)),
            seed=int(material.args.seed),
        )  # fmt: skip
        limit = f"Pictures are brought to {manifest.facts.get('size')} pixels a side."
        return Judged(report_metrics(report, material.held_out), report, (limit,))


def _judged(
    material: Material, manifest: Manifest, rows: Sequence[Record], after: Outcome, shown: Sequence[str],
    limits: tuple[str, ...],
) -> Judged:  # fmt: skip
    labels = manifest.labels
    numbers = {label: number for number, label in enumerate(labels)}
    taught = gold_of(material.rows("train"), numbers, several=False)
    before = most_frequent(taught.tolist(), len(labels), len(rows))
    held_out = HeldOut(
        gold_of(rows, numbers, several=False), labels, shown, texts=False, groups=groups_of(material, rows)
    )
    primary: Measure = "auc" if len(labels) == 2 else "f1_macro"
    report = make_report(
        held_out, before, after, name=material.name, data=data_shown(material, len(rows)), primary=primary,
        seed=int(material.args.seed),
    )  # fmt: skip
    return Judged(report_metrics(report, material.held_out), report, limits)
