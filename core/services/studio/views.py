"""What the studio hands to pages and the command line: plain data, detached from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
