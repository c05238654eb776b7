"""What a learner is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.models.manifest import Manifest
from core.settings import Settings
from core.training.classification.folds import FoldScores
from core.training.datasets.store import Version
from core.training.reports.report import Report
from core.training.watch import Watch

Record = Mapping[str, Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Pictures = tuple[NDArray[np.uint8], Ints]


@dataclass(frozen=True, slots=True)
class Material:
    """Everything a run is made of.

    ``folder``: where the model goes. ``args``: of the recipe's class. ``rows``: the records of a split; ``pictures``:
    pixels uint8 [rows, side, side, channels] and class numbers of a split, for pictures. ``base``: the folder of the
    workspace's own version that the run starts from, None otherwise. ``data``: what the manifest says of the data set.
    ``folds``: scores of cross-validation, where it was asked for.
    """

    settings: Settings
    folder: Path
    args: Any
    name: str
    version: Version
    rows: Callable[[str], Sequence[Record]]
    pictures: Callable[[str], Pictures]
    data: Mapping[str, Any]
    watch: Watch
    base: Path | None = None
    folds: tuple[FoldScores, ...] = ()

    @property
    def held_out(self) -> str:
        """The split that judges: test, or validation where the data set has no test rows."""
        return "test" if self.version.splits.get("test") else "validation"

    @property
    def groups(self) -> tuple[str, ...]:
        """Columns that name groups of people."""
        return tuple(self.version.mapping.get("groups", ()))

    def of(self, rows: Mapping[str, Sequence[Record]], pictures: Mapping[str, Pictures], folder: Path) -> Material:
        """The same with other rows and another folder, for one fold."""
        return replace(self, rows=lambda split: rows[split], pictures=lambda split: pictures[split], folder=folder)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a model cannot do, for its card: the sentence ``card.limit.<key>``."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """``report``: "Did it learn?", where the kind has one; ``metrics``: on the held-out split, by name; ``limits``:
    what the model card says of it; ``figures``: what a report without classes shows (language models, pairs)."""

    metrics: Mapping[str, float]
    report: Report | None = None
    limits: tuple[Limit, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


class Learner(Protocol):
    """One recipe's way of learning and of being judged."""

    def train(self, material: Material) -> Manifest:
        """Trains and seals ``material.folder``. Raises what the trainer raises."""
        ...

    def judge(self, material: Material, manifest: Manifest) -> Judged:
        """Judges the sealed folder on the held-out split, beside what stood before."""
        ...


class ClassLearner(Learner, Protocol):
    """A learner whose model sorts into classes."""

    def probabilities(self, material: Material, split: str) -> Floats:
        """Float64 [rows, classes] of the sealed folder for the rows of ``split``, in the order of the labels."""
        ...


def report_metrics(report: Report, split: str) -> dict[str, float]:
    """The figures of a report that a list of runs shows, named after the split they were measured on."""
    scores = report.after.scores
    values = {
        "accuracy": scores.accuracy,
        "f1_macro": scores.f1_macro,
        "auc": scores.auc,
        "log_loss": scores.log_loss,
        "calibration_error": report.after.calibration_error,
    }
    return {f"{split}_{name}": float(value) for name, value in values.items() if value is not None}
