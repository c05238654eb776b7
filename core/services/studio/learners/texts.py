"""Text classifiers on an encoder: all weights, low-rank deltas, a head only, or few-shot."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.models.manifest import Manifest
from core.services.studio.learners.base import Floats, Ints, Judged, Limit, Material, Record, report_metrics
from core.services.studio.learners.general import kept_skills
from core.training.encoders import encoder_folder
from core.training.reports.build import General, HeldOut, Outcome, make_report, most_frequent
from core.training.reports.report import Report

MOST_COMPARED = 20_000  # training rows the simple model beside ours learns from


class TextClassifierLearner:
    """``core.training.classification.train`` on the rows of a data set for text classification."""

    def train(self, material: Material) -> Manifest:
        from core.training.classification.train import train_classifier

        several = has_several(material)
        training, validation = material.rows("train"), material.rows("validation")
        taught = {label for row in training for label in row["labels"]} if several else None
        return train_classifier(
            texts_of(training), labels_of(training, several),
            (texts_of(validation), labels_of(validation, several, taught)),
            replace(material.args, task="multi" if several else "single", encoder=_encoder(material)),
            material.folder, material.watch,
            name=material.name, data=material.data, settings=material.settings,
        )  # fmt: skip

    def probabilities(self, material: Material, split: str) -> Floats:
        """Float64 [rows, labels of the data set], in its order, which need not be the classifier's own."""
        predicted = self._predicted(material, split)
        place = {label: number for number, label in enumerate(material.version.labels)}
        found = np.zeros((len(predicted.probabilities), len(place)))
        found[:, [place[label] for label in predicted.labels]] = predicted.probabilities
        return found

    def _predicted(self, material: Material, split: str) -> Any:
        from core.models.classifiers.classifier import load_classifier

        classifier = load_classifier(material.folder, device=material.args.device, threads=material.settings.threads)
        return classifier.predict(texts_of(material.rows(split)))

    def judge(self, material: Material, manifest: Manifest) -> Judged:
        rows = material.rows(material.held_out)
        material.watch.step("report", 0, len(rows))
        predicted = self._predicted(material, material.held_out)
        several = has_several(material)
        given = np.asarray(predicted.chosen, np.int64) if several else None
        after = Outcome(material.name, predicted.probabilities, given)
        skills: list[General] = []
        if manifest.facts.get("mode") != "frozen":
            before = encoder_folder(_encoder(material), material.settings)
            skills = kept_skills(before, encoder_folder(str(material.folder), material.settings), material)
        report = text_report(material, manifest.labels, rows, after, several=several, general=skills)
        unknown = 100 * float(manifest.facts.get("unknown_share", 0))
        limits = (
            Limit("cut", {"tokens": manifest.facts.get("max_tokens")}),
            Limit("unknown", {"percent": f"{unknown:.1f}"}),
        )
        return Judged(report_metrics(report, material.held_out), report, limits)


def _encoder(material: Material) -> str:
    return str(material.base) if material.base is not None else str(material.args.encoder)


def has_several(material: Material) -> bool:
    """Whether a row may have several labels."""
    return bool(material.version.mapping.get("multi_label"))


def texts_of(rows: Sequence[Record]) -> list[str]:
    return [str(row["text"]) for row in rows]


def labels_of(rows: Sequence[Record], several: bool, known: Collection[str] | None = None) -> list[Any]:
    """A label a row, or with ``several`` a list of those that are ``known`` (None: all)."""
    if not several:
        return [str(row["label"]) for row in rows]
    return [[label for label in row["labels"] if known is None or label in known] for row in rows]


def text_report(
    material: Material, labels: Sequence[str], rows: Sequence[Record], after: Outcome, *, several: bool,
    general: Sequence[General] = (),
) -> Report:  # fmt: skip
    """Before (class shares only), after, and beside it logistic regression on n-grams."""
    training = material.rows("train")
    numbers = {label: number for number, label in enumerate(labels)}
    gold, taught = gold_of(rows, numbers, several), gold_of(training, numbers, several)
    others: list[Outcome] = []
    if several:
        before = Outcome("most_frequent", np.tile(taught.mean(axis=0), (len(rows), 1)))
    else:
        before = most_frequent(taught.tolist(), len(labels), len(rows))
        others = [_ngrams(material, training, taught, rows, len(labels))]
    held_out = HeldOut(gold, labels, texts_of(rows), groups=groups_of(material, rows))
    return make_report(
        held_out, before, after, name=material.name, others=others, general=general, folds=material.folds,
        data=data_shown(material, len(rows)), seed=int(material.args.seed),
    )  # fmt: skip


def gold_of(rows: Sequence[Record], numbers: dict[str, int], several: bool) -> Ints:
    """Class numbers [rows], or 0/1 [rows, labels] for several labels a row."""
    if not several:
        return np.array([numbers[str(row["label"])] for row in rows], np.int64)
    gold = np.zeros((len(rows), len(numbers)), np.int64)
    for place, row in enumerate(rows):
        gold[place, [numbers[label] for label in row["labels"] if label in numbers]] = 1
    return gold


def groups_of(material: Material, rows: Sequence[Record]) -> dict[str, list[str]]:
    """Column -> the group of each row, for fairness."""
    return {column: [str(row.get("groups", {}).get(column, "")) for row in rows] for column in material.groups}


def data_shown(material: Material, rows: int) -> dict[str, Any]:
    """What the report says of its data."""
    return {**material.data, "split": material.held_out, "held_out_rows": rows}


def _ngrams(
    material: Material, training: Sequence[Record], taught: Ints, rows: Sequence[Record], classes: int
) -> Outcome:
    """The simple model that anything larger has to beat."""
    from core.training.classification.label_errors import ngram_model

    material.watch.check()
    chosen = np.random.default_rng([int(material.args.seed), 5]).permutation(len(training))[:MOST_COMPARED]
    model = ngram_model([str(training[row]["text"]) for row in chosen], taught[chosen])
    chances = np.zeros((len(rows), classes))
    chances[:, model[-1].classes_] = model.predict_proba(texts_of(rows))
    return Outcome("ngrams", chances)
