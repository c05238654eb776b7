"""What the studio hands to pages and the command line: plain data, detached from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class DataSetView:
    """``versions``: how many are ready; ``latest``: the newest of them, None before the first."""

    id: int
    name: str
    task: str
    note: str
    versions: int
    latest: DataSetVersionView | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DataSetVersionView:
    """``counts``: rows by split, dropped rows by reason, rows by label. ``findings``: of the lint."""

    id: int
    data_set_id: int
    data_set: str
    task: str
    number: int
    state: str
    digest: str
    source: str
    counts: Mapping[str, Any]
    mapping: Mapping[str, Any]
    findings: tuple[Mapping[str, Any], ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RunView:
    """A run in a list. ``done`` of ``total`` in ``stage`` while it works; ``version_id`` once it made a model."""

    id: int
    name: str
    recipe: str
    state: str
    data_set: str
    data_set_version_id: int | None
    job_id: int | None
    stage: str
    done: int
    total: int
    args: Mapping[str, Any]
    metrics: Mapping[str, Any]
    estimate: Mapping[str, Any]
    error: Mapping[str, Any]
    libraries: Mapping[str, Any]
    version_id: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunEvents:
    """What a run said. ``curves``: name -> [(step, value)]; ``samples``: (step, text); ``log``: (time, line)."""

    curves: Mapping[str, tuple[tuple[int, float], ...]]
    samples: tuple[tuple[int, str], ...]
    log: tuple[tuple[datetime, str], ...]


@dataclass(frozen=True, slots=True)
class ModelVersionView:
    """``serves``: the tasks it serves now, with the share of requests. ``gate``: parity with its parent."""

    id: int
    name: str
    number: int
    kind: str
    variant: str
    size_bytes: int
    metrics: Mapping[str, Any]
    gate: Mapping[str, Any]
    run_id: int | None
    parent_id: int | None
    data_set: str
    serves: Mapping[str, float]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PromotionView:
    """One line of a task's history; in force while ``ended_at`` is None."""

    id: int
    task: str
    version_id: int
    version: str
    share: float
    by: str
    created_at: datetime
    ended_at: datetime | None


# --- data sets ---


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """A file that was stored by its hash; stands for the upload from then on."""

    sha256: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column of an uploaded file. ``kind``: empty, integer, number, boolean, date, category or text; ``distinct``
    is None beyond a thousand values."""

    name: str
    kind: str
    filled: int
    distinct: int | None
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UploadPreview:
    """What stands in a file before anything is made of it.

    ``head``: the first rows by column. ``guesses``: task -> mapping (part -> column), for each task the file could
    serve; what ``start_data_set`` takes. ``sheets``: of a workbook. ``problems``: ``{"code", "values"}`` of the first
    rows that cannot be used, as errors are kept; ``bad_rows`` counts all of them.
    """

    file: StoredUpload
    format: str
    encoding: str
    rows: int
    columns: tuple[ColumnView, ...]
    head: tuple[Mapping[str, str], ...]
    guesses: Mapping[str, Mapping[str, Any]]
    sheets: tuple[str, ...] = ()
    problems: tuple[Mapping[str, Any], ...] = ()
    bad_rows: int = 0


@dataclass(frozen=True, slots=True)
class RowsPage:
    """Rows of one split of a data set version: ``page`` counts from 0, ``total`` rows in all."""

    split: str
    page: int
    total: int
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]


# --- recipes ---


@dataclass(frozen=True, slots=True)
class ArgumentView:
    """One field of a recipe's form.

    ``kind``: whole (int), number (float), choice, switch (bool), text, list (of whole numbers or words) or mapping.
    ``help_key``: catalogue key of its label is ``<help_key>.label``, of its help ``<help_key>.help``. ``advanced``:
    shown folded away.
    """

    name: str
    kind: str
    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    help_key: str = ""
    advanced: bool = False


@dataclass(frozen=True, slots=True)
class RecipeView:
    """Something that can be trained. ``base``: name of the argument that takes a base model, "" where there is none.
    ``tunable``: arguments that tuning searches unless told otherwise."""

    name: str
    tasks: tuple[str, ...]
    kind: str
    arguments: tuple[ArgumentView, ...]
    base: str = ""
    tunable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BaseModelView:
    """A model to start from. ``value`` is what the recipe's base argument takes; ``origin``: folder, package, cache,
    hub, starter or version. ``here``: False where it would have to be downloaded (or cannot be had: ``note``)."""

    value: str
    name: str
    origin: str
    languages: tuple[str, ...]
    licence: str
    here: bool
    note: str = ""
    megabytes: int = 0  # of a download
    revision: str = ""  # of the hub: the one commit that is meant


# --- runs ---


@dataclass(frozen=True, slots=True)
class EstimateView:
    """Of the pre-flight. ``advice``: error-like code and values of what would fit, empty when ``fits``."""

    fits: bool
    seconds: float
    memory_bytes: int
    free_memory_bytes: int
    disk_bytes: int
    free_disk_bytes: int
    rows: int
    steps: int
    advice: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Runs side by side. ``metrics``: name -> a value a run (None where a run has none); ``arguments``: those that
    differ, name -> a value a run; ``curves``: name -> a curve a run."""

    runs: tuple[RunView, ...]
    metrics: Mapping[str, tuple[float | None, ...]]
    arguments: Mapping[str, tuple[Any, ...]]
    curves: Mapping[str, tuple[tuple[tuple[int, float], ...], ...]]


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial of a tuning run: complete, pruned, failed or running."""

    number: int
    state: str
    value: float | None
    arguments: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class TuningView:
    """``best`` is a trial's number; ``arguments`` are the whole arguments to train with. ``importance``: share of the
    differences that each argument explains, empty before enough trials."""

    run_id: int
    metric: str
    trials: tuple[TrialView, ...]
    best: int | None
    arguments: Mapping[str, Any]
    importance: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VariantView:
    """One line of the table of a compression run. ``lost``: accuracy less than the original's, a share."""

    variant: str
    size_bytes: int
    texts_per_second: float
    accuracy: float
    lost: float
    passed: bool
    version_id: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class LabelScore:
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Tried:
    """What a model says of one input. ``labels``: the likeliest first; ``text``: what a language model wrote, or the
    score of a pair as text."""

    input: str
    label: str = ""
    labels: tuple[LabelScore, ...] = ()
    text: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % bounds, None where there are none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``dropped``: rows that could not be used, by reason."""

    model: str
    rows: int
    dropped: Mapping[str, int]
    figures: Mapping[str, Figure]
