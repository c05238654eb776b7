"""Tables of the studio: data sets, runs, model versions and what they serve. Files stand under the data folder.

Lineage is data set version -> run -> model version -> promotion, each a foreign key, so that nothing in use can lose
what it was made from.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.encrypted import EncryptedJSON
from core.db.tables import Base, Dated, Scoped, UtcDateTime


class DataSet(Scoped, Dated, Base):
    """A data set by name. Its rows live in versions."""

    __tablename__ = "data_set"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    task: Mapped[str] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(Text, default="")


class DataSetVersion(Scoped, Dated, Base):
    """Rows as they were cleaned and split once; never changed afterwards. ``digest`` is the hash of their content."""

    __tablename__ = "data_set_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    data_set_id: Mapped[int] = mapped_column(ForeignKey("data_set.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(20), default="building")  # building ready failed
    digest: Mapped[str] = mapped_column(String(64), default="")
    source: Mapped[str] = mapped_column(String(400), default="")  # name of the file it came from
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # rows a split and label, rows dropped and why
    mapping: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # columns and options it was made with
    findings: Mapped[list[Any]] = mapped_column(EncryptedJSON("data_set_version.findings"), default=list)  # of the lint


class TrainingRun(Scoped, Dated, Base):
    """One training (or tuning, compression) with every argument. ``state`` is its job's, kept when the job is gone."""

    __tablename__ = "training_run"
    __table_args__ = (Index("ix_training_run_state", "workspace_id", "state"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    recipe: Mapped[str] = mapped_column(String(40))  # which trainer: core.services.recipes
    data_set_version_id: Mapped[int | None] = mapped_column(ForeignKey("data_set_version.id"), index=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    state: Mapped[str] = mapped_column(String(20), default="queued")  # queued running done failed cancelled
    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    libraries: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    metrics: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    estimate: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # of the pre-flight
    error: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class RunEvent(Scoped, Base):
    """What a run said while it worked: ``kind`` point (values of curves), sample (a text), log (a line)."""

    __tablename__ = "run_event"
    __table_args__ = (Index("ix_run_event_run", "run_id", "kind", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("training_run.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    step: Mapped[int] = mapped_column(default=0)
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ModelVersion(Scoped, Dated, Base):
    """A finished model: a sealed folder. ``parent_id`` is what it was compressed or distilled from."""

    __tablename__ = "model_version"
    __table_args__ = (UniqueConstraint("workspace_id", "name", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))  # core.models.manifest.Kind
    run_id: Mapped[int | None] = mapped_column(ForeignKey("training_run.id"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id"))
    folder: Mapped[str] = mapped_column(String(400))  # relative to the data folder
    variant: Mapped[str] = mapped_column(String(40), default="fp32")  # fp32 int8 onnx-int8 pruned distilled
    size_bytes: Mapped[int] = mapped_column(default=0)
    metrics: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    report: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, deferred=True)
    gate: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # parity with the parent: passed, lost, limit
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class Promotion(Scoped, Dated, Base):
    """Which version serves a task of the workspace, from when on and for which share of its requests.

    Rows are never changed but for ``ended_at``: the newest without it is in force, the one before is the rollback.
    A canary is a second row in force, with a share below 1.
    """

    __tablename__ = "promotion"
    __table_args__ = (Index("ix_promotion_task", "workspace_id", "task", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    task: Mapped[str] = mapped_column(String(40))  # sentiment intents generation ...
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"), index=True)
    share: Mapped[float] = mapped_column(default=1.0)
    by: Mapped[str] = mapped_column(String(80), default="")
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
