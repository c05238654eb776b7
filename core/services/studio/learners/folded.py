"""k-fold cross-validation of a recipe: it is trained anew for each fold, and resumed like any other training."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.services.studio.learners.base import ClassLearner, Floats, Ints, Material, Pictures, Record
from core.training.classification.folds import FoldScores, cross_validate, same_text

FOLDER = "folds"
SPLITS = ("train", "validation")  # test rows stay unseen


def fold_scores(learner: ClassLearner, material: Material, folds: int) -> tuple[FoldScores, ...]:
    """Scores of ``folds`` trainings on the rows of training and validation. Raises what training raises, and BadInput
    (networks.rare_label) for a label with fewer rows than folds."""
    whole = _Whole(material)
    root = material.folder.parent / FOLDER
    done = [0]

    def fit_predict(training: Ints, held_out: Ints) -> Floats:
        done[0] += 1
        material.watch.say(f"fold {done[0]} of {folds}")
        fitted, watched = _with_validation(training, whole.classes, int(material.args.seed))
        part = whole.part({"train": fitted, "validation": watched, "test": held_out}, material, root / str(done[0]))
        learner.train(part)
        return learner.probabilities(part, "test")

    found = cross_validate(
        fit_predict, whole.classes.tolist(), material.version.labels, folds=folds, seed=int(material.args.seed),
        groups=whole.groups,
    )  # fmt: skip
    shutil.rmtree(root, ignore_errors=True)
    return found.scores


class _Whole:
    """Rows of both splits as one, by number."""

    def __init__(self, material: Material) -> None:
        self._image = material.version.task == "image"
        self.groups: list[int] | None = None
        self._records: list[Record] = []
        if self._image:
            parts = [material.pictures(split) for split in SPLITS]
            self._pixels = np.concatenate([images for images, _ in parts])
            self.classes: Ints = np.concatenate([classes for _, classes in parts])
            return
        self._records = [row for split in SPLITS for row in material.rows(split) if not row.get("augmented")]
        numbers = {label: number for number, label in enumerate(material.version.labels)}
        self.classes = np.array([numbers[str(row["label"])] for row in self._records], np.int64)
        if material.version.task == "text_classification":
            self.groups = same_text([str(row["text"]) for row in self._records])

    def part(self, chosen: Mapping[str, Ints], material: Material, folder: Any) -> Material:
        """The material of one fold."""
        rows: dict[str, Sequence[Record]] = {}
        pictures: dict[str, Pictures] = {}
        for split, numbers in chosen.items():
            if self._image:
                pictures[split] = self._pixels[numbers], self.classes[numbers]
            else:
                rows[split] = [self._records[number] for number in numbers]
        return material.of(rows, pictures, folder)


def _with_validation(training: Ints, classes: Ints, seed: int) -> tuple[Ints, Ints]:
    """A tenth of the rows decide when to stop; of each class at least one stays in training."""
    order = np.random.default_rng([seed, 17]).permutation(training)
    left = np.bincount(classes[training])
    watched: list[int] = []
    for row in order:
        if len(watched) * 10 >= len(training):
            break
        if left[classes[row]] > 1:
            left[classes[row]] -= 1
            watched.append(int(row))
    held = set(watched)
    return np.array([row for row in training if int(row) not in held], np.int64), np.array(watched, np.int64)
