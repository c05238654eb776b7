"""What may be wrong with a data set before anything is trained on it, each finding with the rows to look at.

Findings are records: a code, how grave, how many rows, the first of them, and the values of the sentence in
``lint.findings.<code>`` of the catalogues. Nothing is changed here; cleaning and splitting (``dataset``) mend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.text.catalogue import translate
from core.training.datasets.mapping import Task
from core.training.datasets.splitting import SPLITS
from core.training.datasets.store import Version, read_rows
from core.training.watch import Watch

Severity = Literal["error", "warning", "hint"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")
LISTED = 20  # rows named by a finding


class SuspectLabel(Protocol):
    """A row whose label is doubted: ``given`` and ``suggested`` are class numbers, ``sureness`` 0..1."""

    @property
    def row(self) -> int: ...
    @property
    def given(self) -> int: ...
    @property
    def suggested(self) -> int: ...
    @property
    def sureness(self) -> float: ...


# (texts, class numbers, class names, watch) -> rows whose label is doubted, surest first.
LabelErrors = Callable[[Sequence[str], Sequence[int], Sequence[str], Watch], Sequence[SuspectLabel]]


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A row: its split and number there (from 0), and the line of the file that it came from (0 when not known).

    ``other``: the row that it clashes with, as ``split:number``; ``note``: what a person looks for in it.
    """

    split: str
    row: int
    file: int = 0
    line: int = 0
    other: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """``count`` rows (or classes, columns) are concerned; ``rows`` are the first of them."""

    code: str
    severity: Severity
    count: int
    rows: tuple[RowPlace, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        return translate(language, f"lint.findings.{self.code}", count=self.count, **self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class LintOptions:
    """``max_tokens``: what a model reads of a text; ``rare``: fewer training rows than these make a class rare.

    ``imbalance``: times that the largest class may be as large as the smallest. ``small``: fewer held-out rows than
    these measure little. ``personal``: look for personal data.
    """

    max_tokens: int = 128
    rare: int = 10
    imbalance: float = 10.0
    small: int = 50
    personal: bool = True
    near: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of all splits, one after another.

    ``split``: int8 [rows], number in ``SPLITS``; ``starts``: first row of each split.
    ``labels``: none, one or several a row. ``values``: cells of a tabular row, else empty. ``places``: (file, line).
    """

    texts: list[str]
    labels: list[tuple[str, ...]]
    values: list[Mapping[str, Any]]
    places: list[tuple[int, int]]
    split: NDArray[np.int8]
    starts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.split)

    def place(self, row: int, *, other: int = -1, note: str = "") -> RowPlace:
        number = int(self.split[row])
        file, line = self.places[row]
        clash = f"{SPLITS[self.split[other]]}:{other - self.starts[self.split[other]]}" if other >= 0 else ""
        return RowPlace(SPLITS[number], row - self.starts[number], file, line, clash, note)

    def listed(self, rows: Iterable[int]) -> tuple[RowPlace, ...]:
        return tuple(self.place(row) for row, _ in zip(rows, range(LISTED), strict=False))


Check = Callable[[Rows, LintOptions, Watch], Iterator[Finding]]


def lint_version(
    folder: Path, version: Version, watch: Watch, *, options: LintOptions | None = None,
    label_errors: LabelErrors | None = None,
) -> list[Finding]:  # fmt: skip
    """Findings of a stored version, the gravest first. Rows that augmentation made are not looked at."""
    if version.task == "image":
        return lint_classes_only(version, options or LintOptions())
    splits = {name: list(read_rows(folder, name, augmented=False)) for name in SPLITS}
    return lint_rows(splits, version.task, watch, columns=version.columns, options=options, label_errors=label_errors)


def lint_rows(
    splits: Mapping[str, Sequence[Mapping[str, Any]]], task: Task, watch: Watch, *, columns: Sequence[str] = (),
    options: LintOptions | None = None, label_errors: LabelErrors | None = None,
) -> list[Finding]:  # fmt: skip
    """Findings of records by split (as ``read_rows`` yields them); ``columns``: their text fields, or the features."""
    from core.training.datasets import lint_labels, lint_table, lint_texts

    options = options or LintOptions()
    rows = gather(splits, task, columns)
    checks: list[Check] = [*lint_labels.CHECKS]
    checks += lint_table.CHECKS if task == "tabular" else lint_texts.CHECKS
    findings: list[Finding] = []
    for number, check in enumerate(checks):
        watch.check()
        watch.step("lint", number, len(checks))
        findings += check(rows, options, watch)
    single = task == "text_classification" and all(len(labels) == 1 for labels in rows.labels)
    if label_errors is not None and single:
        findings += lint_labels.doubted(rows, label_errors, watch)
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), -finding.count))


def lint_classes_only(version: Version, options: LintOptions) -> list[Finding]:
    """What the counts of classes alone tell, for pictures."""
    from core.training.datasets import lint_labels

    labels: list[tuple[str, ...]] = []
    split: list[int] = []
    for number, name in enumerate(SPLITS):
        for label, count in version.class_counts[name].items():
            labels += [(label,)] * count
            split += [number] * count
    blank: list[Mapping[str, Any]] = [{}] * len(labels)
    rows = Rows([""] * len(labels), labels, blank, [(0, 0)] * len(labels), np.array(split, np.int8), _starts(split))
    found = [finding for check in lint_labels.CHECKS for finding in check(rows, options, _Silent())]
    return [Finding(one.code, one.severity, one.count, (), one.values) for one in found]


def gather(splits: Mapping[str, Sequence[Mapping[str, Any]]], task: Task, columns: Sequence[str]) -> Rows:
    """The records of all splits as ``Rows``."""
    texts, labels, values, places, split = [], [], [], [], []
    for number, name in enumerate(SPLITS):
        for record in splits.get(name, ()):
            texts.append("" if task == "tabular" else "\n".join(str(record[column]) for column in columns))
            labels.append(tuple(record["labels"]) if "labels" in record else _one(record))
            values.append(record.get("values", {}))
            places.append((record.get("file", 0), record.get("line", 0)))
            split.append(number)
    return Rows(texts, labels, values, places, np.array(split, np.int8), _starts(split))


def _one(record: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(record["label"]),) if "label" in record else ()


def _starts(split: Sequence[int]) -> tuple[int, ...]:
    counts = np.bincount(np.asarray(split, np.int64), minlength=len(SPLITS))
    return tuple(int(start) for start in np.r_[0, np.cumsum(counts)[:-1]])


class _Silent:
    """A watch for checks that take no time."""

    def check(self) -> None:
        return None

    def step(self, stage: str, done: int, total: int) -> None:
        return None

    def point(self, step: int, **values: float) -> None:
        return None

    def sample(self, step: int, text: str) -> None:
        return None

    def say(self, line: str) -> None:
        return None
