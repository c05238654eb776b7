"""Labelled texts, checked: what a classifier can be trained on, and a sentence for what it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import BadInput
from core.evaluation.calibration import softmax
from core.evaluation.classification import Floats, Ints, classification_scores
from core.training.classification.args import ClassifierArgs, Task, class_names

Labels = Sequence[str] | Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """``targets``: class numbers int64 [rows] (single), or 0/1 int64 [rows, labels] (multi)."""

    texts: tuple[str, ...]
    targets: Ints
    labels: tuple[str, ...]
    task: Task

    def __len__(self) -> int:
        return len(self.texts)

    def some(self, rows: Ints) -> LabelledTexts:
        """The rows of these numbers, with the same labels."""
        return replace(self, texts=tuple(self.texts[row] for row in rows), targets=self.targets[rows])

    def class_weights(self, kind: str) -> Floats:
        """Float64 [labels]. balanced, single: rows / (labels * rows of the label), as scikit-learn counts it.
        balanced, multi: rows without the label / rows with it, the weight of a row that has it, at most 100."""
        count = len(self.labels)
        if kind == "none":
            return np.ones(count)
        if self.task == "multi":
            having = self.targets.sum(axis=0)
            return np.asarray(np.clip((len(self) - having) / np.maximum(having, 1), 0.01, 100.0), np.float64)
        return np.asarray(len(self) / (count * np.bincount(self.targets, minlength=count)), np.float64)


def live_scores(logits: ArrayLike, rows: LabelledTexts, chosen: NDArray[np.int64] | None = None) -> dict[str, float]:
    """loss (nats a row), accuracy, f1_macro, f1_micro of uncalibrated logits [rows, labels] of the ``chosen`` rows."""
    gold, values = rows.targets if chosen is None else rows.targets[chosen], np.asarray(logits, np.float64)
    if rows.task == "multi":
        given = np.asarray(values >= 0, np.int64)
        loss = float((np.logaddexp(0, values) - gold * values).sum(axis=1).mean())
    else:
        given = np.asarray(values.argmax(axis=1), np.int64)
        loss = float(-np.log(np.maximum(softmax(values)[np.arange(len(gold)), gold], 1e-12)).mean())
    scores = classification_scores(gold, given, rows.labels)
    return {"loss": loss, "accuracy": scores.accuracy, "f1_macro": scores.f1_macro, "f1_micro": scores.f1_micro}


def checked_rows(
    texts: Sequence[str], labels: Labels, validation: tuple[Sequence[str], Labels], args: ClassifierArgs
) -> tuple[LabelledTexts, LabelledTexts]:
    """Training and validation rows with the labels of training, sorted. Validation may be empty for few_shot alone.

    Raises BadInput: training.no_rows, .lengths, .empty_text, .label_empty, .one_class, .no_validation, .unknown_label.
    """
    if not len(texts):
        raise BadInput("training.no_rows")
    names = class_names(labels, args.task)
    training = _rows(texts, labels, names, args.task)
    if len(names) < (2 if args.task == "single" else 1):
        raise BadInput("training.one_class", rows=len(texts), label=names[0] if names else "")
    few = args.chosen_mode(len(texts), len(names)) == "few_shot"
    if not len(validation[0]) and not few:
        raise BadInput("training.no_validation", rows=len(texts))
    return training, _rows(validation[0], validation[1], names, args.task)


def _rows(texts: Sequence[str], labels: Labels, names: tuple[str, ...], task: Task) -> LabelledTexts:
    if len(texts) != len(labels):
        raise BadInput("training.lengths", texts=len(texts), labels=len(labels))
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str) or not text.strip():
            raise BadInput("training.empty_text", row=number)
    number_of = {name: number for number, name in enumerate(names)}
    targets = np.zeros((len(texts), len(names)), np.int64)
    for row, given in enumerate(labels):
        for label in _given(given, row + 1, task):
            if label not in number_of:
                known = ", ".join(names[:20])
                raise BadInput("training.unknown_label", label=label, row=row + 1, known=known)
            targets[row, number_of[label]] = 1
    found: NDArray[np.int64] = targets if task == "multi" else targets.argmax(axis=1).astype(np.int64)
    return LabelledTexts(tuple(texts), found, names, task)


def _given(label: str | Sequence[str], row: int, task: Task) -> list[str]:
    if task == "single" and not isinstance(label, str):
        raise BadInput("training.label_kind", row=row)
    given = [cast(str, label)] if task == "single" else list(label) if not isinstance(label, str) else [label]
    if any(not name.strip() for name in given):
        raise BadInput("training.label_empty", row=row)
    return given
