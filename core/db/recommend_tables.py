"""Tables of recommendations: catalogues, items, interactions, models, what they serve, rules, lists and experiments.

Items and interactions are rows that come in live; a data version says how far they reached when something was made of
them (``last_interaction_id``: rows are only ever added). Ids of people and items are the owner's own texts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.tables import Base, Dated, Scoped, UtcDateTime

ID = 200  # longest id of a person or an item, in characters


class RecommendCatalogue(Scoped, Dated, Base):
    """A catalogue by name, and what serves its lists.

    ``rules`` are those in force, as they stood when they were published; the draft stands in RecommendRule.
    """

    __tablename__ = "recommend_catalogue"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # currency, offered in customer service
    rules: Mapped[list[Any]] = mapped_column(JSON, default=list)
    rules_published_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    items_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    served_id: Mapped[int | None] = mapped_column(default=None)  # recommend_model in force; None: most popular
    previous_id: Mapped[int | None] = mapped_column(default=None)  # what a roll-back returns to
    served_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class CatalogueItem(Scoped, Dated, Base):
    """Something that can be recommended. ``code`` is the owner's id of it. A deleted one keeps its row, so that what
    people did with it can still be learnt from."""

    __tablename__ = "catalogue_item"
    __table_args__ = (UniqueConstraint("catalogue_id", "code"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    catalogue_id: Mapped[int] = mapped_column(ForeignKey("recommend_catalogue.id", ondelete="CASCADE"))
    code: Mapped[str] = mapped_column(String(ID))
    title: Mapped[str] = mapped_column(Text, default="")
    title_zh: Mapped[str] = mapped_column(Text, default="")  # in Chinese, where the owner gives both
    text: Mapped[str] = mapped_column(Text, default="")
    category: Mapped[str] = mapped_column(String(200), default="")
    price: Mapped[float | None] = mapped_column(default=None)
    image: Mapped[str] = mapped_column(String(1000), default="")
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    stock: Mapped[int | None] = mapped_column(default=None)  # None: not counted
    hidden: Mapped[bool] = mapped_column(default=False)
    added_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)  # when it came on sale, where known
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class Interaction(Scoped, Base):
    """Somebody did something with an item. Never changed; a wrong one is deleted. ``at`` is None where unknown."""

    __tablename__ = "interaction"
    __table_args__ = (
        Index("ix_interaction_person", "catalogue_id", "person", "id"),
        Index("ix_interaction_item", "catalogue_id", "item"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    catalogue_id: Mapped[int] = mapped_column(ForeignKey("recommend_catalogue.id", ondelete="CASCADE"))
    person: Mapped[str] = mapped_column(String(ID))
    item: Mapped[str] = mapped_column(String(ID))
    kind: Mapped[str] = mapped_column(String(40), default="")
    value: Mapped[float] = mapped_column(default=1.0)
    at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class CatalogueVersion(Scoped, Dated, Base):
    """What an import did to a catalogue's data: a version of it, with every row that was left out counted by reason."""

    __tablename__ = "catalogue_version"
    __table_args__ = (UniqueConstraint("catalogue_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    catalogue_id: Mapped[int] = mapped_column(ForeignKey("recommend_catalogue.id", ondelete="CASCADE"))
    number: Mapped[int]
    part: Mapped[str] = mapped_column(String(20))  # items, interactions
    source: Mapped[str] = mapped_column(String(400), default="")
    file_sha256: Mapped[str] = mapped_column(String(64), default="")
    mapping: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    last_interaction_id: Mapped[int] = mapped_column(default=0)


class RecommendComparison(Scoped, Dated, Base):
    """One run of the wizard: every model on the same splits, and the verdict. ``result`` as the job wrote it."""

    __tablename__ = "recommend_comparison"
    id: Mapped[int] = mapped_column(primary_key=True)
    catalogue_id: Mapped[int] = mapped_column(ForeignKey("recommend_catalogue.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), default=None)
    state: Mapped[str] = mapped_column(String(20), default="queued")  # queued running done failed cancelled
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    last_interaction_id: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class RecommendModel(Scoped, Dated, Base):
    """A model learnt from a catalogue's data, in a folder of its own."""

    __tablename__ = "recommend_model"
    __table_args__ = (UniqueConstraint("catalogue_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    catalogue_id: Mapped[int] = mapped_column(ForeignKey("recommend_catalogue.id", ondelete="CASCADE"))
    comparison_id: Mapped[int | None] = mapped_column(ForeignKey("recommend_comparison.id", ondelete="SET NULL"))
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(40))  # popular, ease, ...
    folder: Mapped[str] = mapped_column(String(400))  # relative to the data folder
    figures: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # of the comparison it came from
    interactions: Mapped[int] = mapped_column(default=0)
    last_interaction_id: Mapped[int] = mapped_column(default=0)
    as_of: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)  # newest interaction it has seen


class RecommendRule(Scoped, Dated, Base):
    """A business rule of the draft. In force are the copies in ``RecommendCatalogue.rules``."""

    __tablename__ = "recommend_rule"
    id: Mapped[int] = mapped_column(primary_key=True)
    catalogue_id: Mapped[int] = mapped_column(ForeignKey("recommend_catalogue.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(40))
    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    active: Mapped[bool] = mapped_column(default=True)


class RecommendFeedback(Scoped, Dated, Base):
    """What a person said of an item in a list: ``clicked`` or ``not_interested`` (it is never shown to them again)."""

    __tablename__ = "recommend_feedback"
    __table_args__ = (Index("ix_recommend_feedback_person", "catalogue_id", "person"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    catalogue_id: Mapped[int] = mapped_column(ForeignKey("recommend_catalogue.id", ondelete="CASCADE"))
    person: Mapped[str] = mapped_column(String(ID))
    item: Mapped[str] = mapped_column(String(ID))
    kind: Mapped[str] = mapped_column(String(20))
    shown_id: Mapped[int | None] = mapped_column(ForeignKey("recommend_shown.id", ondelete="SET NULL"), default=None)
    team: Mapped[str] = mapped_column(String(1), default="")  # of an interleaved list: whose item it was, a or b


class RecommendExperiment(Scoped, Dated, Base):
    """Two served settings side by side. ``arms``: "a" and "b", each a model and whether rules apply. ``design``: ab
    (a person gets one of them) or interleaving (a person gets both in one list).

    ``state``: running, stopped (by a person), won, lost, even (the plan ended), hurt (the guardrail; all get A again).
    """

    __tablename__ = "recommend_experiment"
    id: Mapped[int] = mapped_column(primary_key=True)
    catalogue_id: Mapped[int] = mapped_column(ForeignKey("recommend_catalogue.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20), default="running")
    design: Mapped[str] = mapped_column(String(20), default="ab")
    arms: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    plan: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # rate of false alarms, longest run, guardrail
    result: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class RecommendShown(Scoped, Dated, Base):
    """A list as it was shown to a person of an experiment."""

    __tablename__ = "recommend_shown"
    __table_args__ = (Index("ix_recommend_shown_experiment", "experiment_id", "arm", "person"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    catalogue_id: Mapped[int] = mapped_column(ForeignKey("recommend_catalogue.id", ondelete="CASCADE"), index=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("recommend_experiment.id", ondelete="CASCADE"))
    arm: Mapped[str] = mapped_column(String(1))  # a, b; i for an interleaved list
    person: Mapped[str] = mapped_column(String(ID))
    items: Mapped[list[str]] = mapped_column(JSON, default=list)
    teams: Mapped[str] = mapped_column(String(100), default="")  # of an interleaved list: a letter (a, b) a place
