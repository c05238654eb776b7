"""The report "Did it learn?": what it holds, and its JSON. ``report_build`` makes it, ``report_html`` shows it.

The fields are the format: whoever changes them raises ``SCHEMA``.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from core.errors import BadInput
from core.evaluation.calibration import ReliabilityBin
from core.evaluation.classification import Scores
from core.evaluation.fairness import Fairness
from core.evaluation.intervals import Interval
from core.training.classification.folds import FoldScores

SCHEMA = 1
Measure = Literal["accuracy", "f1_macro", "auc"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of the catalogues: ``report.<key>`` with ``values``. Shares stand in 0..1 under names in ``shares``
    and changes of shares under names in ``changes``; both are shown as percent."""

    key: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)
    shares: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SideReport:
    """One model on the held-out rows. ``intervals`` by measure, 95 %; ``curve`` is that of its top class."""

    name: str
    scores: Scores
    intervals: Mapping[str, Interval]
    calibration_error: float
    curve: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The trained model less another one on the same rows. ``fixed`` and ``broken`` count rows that became right and
    wrong; ``chance`` is the exact McNemar p-value of that split."""

    other: str
    differences: Mapping[str, Interval]
    fixed: int
    broken: int
    chance: float


@dataclass(frozen=True, slots=True)
class Example:
    """One held-out row; ``probability`` is that of the class it was given."""

    row: int
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the confusion matrix with some of its rows, the surest first."""

    gold: int
    predicted: int
    rows: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class SliceReport:
    """Accuracy on the rows of one kind: ``family`` length, language or negation."""

    family: str
    name: str
    rows: int
    before: Interval
    after: Interval
    change: Interval


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A skill that was not trained, before and after. ``lower_is_better`` for losses; ``share``: shown as percent."""

    name: str
    rows: int
    before: float
    after: float
    change: Interval
    lower_is_better: bool = False
    share: bool = True

    @property
    def worse(self) -> bool:
        return self.change.above_zero if self.lower_is_better else self.change.below_zero


@dataclass(frozen=True, slots=True)
class Report:
    """``verdict`` in one sentence, ``notes`` what else one must know; all figures are of ``rows`` held-out rows."""

    name: str
    labels: tuple[str, ...]
    rows: int
    multi_label: bool
    primary: Measure
    verdict: Statement
    notes: tuple[Statement, ...]
    before: SideReport
    after: SideReport
    others: tuple[SideReport, ...]
    comparisons: tuple[Comparison, ...]
    cells: tuple[Cell, ...]
    slices: tuple[SliceReport, ...]
    forgetting: tuple[Forgetting, ...]
    folds: tuple[FoldScores, ...]
    fairness: tuple[Fairness, ...]
    data: Mapping[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA


def to_json(report: Report) -> str:
    """The report as JSON, keys sorted. Raises ValueError for a figure that is not finite."""
    return json.dumps(asdict(report), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)


def from_json(text: str) -> Report:
    """Raises BadInput (networks.report_schema) for a report of another format."""
    data = json.loads(text)
    found = data.get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        raise BadInput("networks.report_schema", found=found, expected=SCHEMA)
    report: Report = _built(Report, data)
    return report


def _built(kind: Any, data: Any) -> Any:
    """``data`` of JSON as ``kind``: dataclasses, tuples, mappings and None are what a report is made of."""
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{name: _built(hints[name], value) for name, value in data.items()})
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = [one for one in arguments if one is not type(None)]
        return None if data is None else _built(inner[0], data) if len(inner) == 1 else data
    if origin is tuple:
        return tuple(_built(arguments[0], one) for one in data)
    if isinstance(data, dict) and arguments:
        return {name: _built(arguments[1], value) for name, value in data.items()}
    return data
