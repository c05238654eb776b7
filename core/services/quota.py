"""How much is used, and how much may be: by a workspace, a member, a key, a demo link; a day, a month, in all.

Counting and checking are one statement on one row, so that two requests at once cannot both take what is left.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import func
from sqlalchemy.dialects import postgresql, sqlite

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.db.api_tables import ApiKey, Quota, Usage
from core.db.tables import Document, DocumentVersion, Job, JobFile, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, OverLimit
from core.jobs.context import JobContext
from core.services.application import Application

Metric = Literal["messages", "tokens", "judged_texts", "documents", "storage_bytes", "training_seconds"]
METRICS: tuple[Metric, ...] = (
    "messages", "tokens", "judged_texts", "documents", "storage_bytes", "training_seconds",
)  # fmt: skip
SUBJECTS = ("workspace", "account", "key", "link")
PERIODS = ("day", "month", "all")
EACH = 0  # subject_id of a quota that holds for each one of its kind
# Their amount is known before, so that it must fit whole; of the others the last request may go beyond the limit.
_EXACT = frozenset({"messages", "judged_texts", "documents", "storage_bytes"})
_HELD = frozenset({"documents", "storage_bytes"})  # what is deleted comes back to the workspace

Subject = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Left:
    """One quota and how it stands. ``opens_at``: when it begins anew, None for one that never does."""

    id: int
    subject: str
    subject_id: int
    metric: str
    period: str
    used: int
    most: int
    opens_at: datetime | None

    @property
    def left(self) -> int:
        return max(0, self.most - self.used)


@dataclass(frozen=True, slots=True)
class UsedLine:
    """What one subject used of a metric: today, this month, and since counting began."""

    subject: str
    subject_id: int
    metric: str
    day: int
    month: int
    all: int


def subjects_of(actor: Actor) -> tuple[Subject, ...]:
    """On whose accounts an actor spends, the widest first."""
    narrow = (("account", actor.account_id), ("key", actor.key_id), ("link", actor.link_id))
    return (("workspace", actor.workspace_id), *((kind, found) for kind, found in narrow if found is not None))


def spend(app: Application, actor: Actor, metric: Metric, amount: int = 1) -> None:
    """Counts ``amount`` for everyone :func:`subjects_of` names. Raises OverLimit, and then counts nothing."""
    with app.database.write(actor.workspace_id) as rows:
        spend_in(rows, subjects_of(actor), metric, amount)


def spend_in(rows: Rows, subjects: Sequence[Subject], metric: Metric, amount: int = 1) -> None:
    """The same inside the unit of work that does what is counted."""
    now = utc_now()
    for subject in subjects:
        quotas = {one.period: one for one in _quotas(rows, subject, metric)}
        for period, stamp in _stamps(now).items():
            used = _add(rows, subject, metric, stamp, amount)
            quota = quotas.get(period)
            if quota is None:
                continue
            if _held(subject, metric, period):
                used = _measure(rows, metric) + amount
            if used > quota.most and (metric in _EXACT or used - amount >= quota.most):
                raise _over(_left(quota, subject, used - amount, now), amount)


def note(rows: Rows, subjects: Sequence[Subject], metric: Metric, amount: int) -> None:
    """Counts what was used whatever the limits say; below 0 gives back what was reserved and not needed."""
    for subject in subjects:
        for stamp in _stamps(utc_now()).values():
            _add(rows, subject, metric, stamp, amount)


def check(app: Application, workspace_id: int, subjects: Sequence[Subject], metric: Metric, amount: int = 1) -> None:
    """Raises OverLimit when less than ``amount`` is left, and counts nothing."""
    with app.database.read(workspace_id) as rows:
        for one in _standing(rows, subjects):
            if one.metric == metric and one.left < amount:
                raise _over(one, amount)


@contextmanager
def training_time(app: Application, context: JobContext) -> Iterator[None]:
    """Counts a training job's time against whoever asked for it (``subjects`` of its arguments), however it ends.
    Raises OverLimit when none was left before."""
    asked = context.arguments.get("subjects") or [("workspace", context.workspace_id)]
    subjects = [(str(kind), int(number)) for kind, number in asked]
    check(app, context.workspace_id, subjects, "training_seconds")
    begun = time.monotonic()
    try:
        yield
    finally:
        with app.database.write(context.workspace_id) as rows:
            note(rows, subjects, "training_seconds", round(time.monotonic() - begun))


def left(app: Application, actor: Actor) -> tuple[Left, ...]:
    """Every quota that holds for this actor, as it stands. Needs no permission: it is about oneself."""
    with app.database.read(actor.workspace_id) as rows:
        return _standing(rows, subjects_of(actor))


def _standing(rows: Rows, subjects: Sequence[Subject]) -> tuple[Left, ...]:
    now, found = utc_now(), []
    for subject in subjects:
        for metric in METRICS:
            for quota in _quotas(rows, subject, metric):
                used = _used(rows, subject, metric, quota.period, now)
                found.append(_left(quota, subject, used, now))
    return tuple(found)


def _left(quota: Quota, subject: Subject, used: int, now: datetime) -> Left:
    opens = _opens(quota.period, now)
    return Left(quota.id, subject[0], subject[1], quota.metric, quota.period, used, quota.most, opens)


def _quotas(rows: Rows, subject: Subject, metric: str) -> list[Quota]:
    """Its own quotas, and for periods without one those of each of its kind."""
    kind, number = subject
    ids = (number, EACH) if kind != "workspace" else (number,)
    mine = rows.all(rows.select(Quota, Quota.subject == kind, Quota.subject_id.in_(ids), Quota.metric == metric))
    own = {one.period for one in mine if one.subject_id == number}
    return [one for one in mine if one.subject_id == number or one.period not in own]


def _stamps(now: datetime) -> dict[str, str]:
    return {"day": f"{now:%Y-%m-%d}", "month": f"{now:%Y-%m}", "all": "all"}


def _opens(period: str, now: datetime) -> datetime | None:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        return midnight + timedelta(days=1)
    return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1) if period == "month" else None


def _add(rows: Rows, subject: Subject, metric: str, stamp: str, amount: int) -> int:
    """Adds to a counter in one statement, which holds its row until the unit of work ends; what it stands at then."""
    dialect = postgresql if rows.session.get_bind().dialect.name == "postgresql" else sqlite
    row = {
        "workspace_id": rows.workspace_id, "subject": subject[0], "subject_id": subject[1], "metric": metric,
        "period": stamp,
    }  # fmt: skip
    adding = dialect.insert(Usage).values(**row, amount=max(0, amount))
    more = func.max if dialect is sqlite else func.greatest
    statement = adding.on_conflict_do_update(
        index_elements=list(row), set_={"amount": more(0, Usage.amount + amount)}
    ).returning(Usage.amount)
    return int(rows.session.execute(statement).scalar_one())


def _held(subject: Subject, metric: str, period: str) -> bool:
    return subject[0] == "workspace" and metric in _HELD and period == "all"


def _used(rows: Rows, subject: Subject, metric: str, period: str, now: datetime) -> int:
    if _held(subject, metric, period):
        return _measure(rows, metric)
    mine = Usage.subject == subject[0], Usage.subject_id == subject[1], Usage.metric == metric
    row = rows.find(Usage, *mine, Usage.period == _stamps(now)[period])
    return row.amount if row is not None else 0


def _measure(rows: Rows, metric: str) -> int:
    """Documents (or bytes of originals) that a workspace holds, those that wait to be read included."""
    waiting = rows.columns(JobFile, func.count() if metric == "documents" else func.sum(JobFile.size)).where(
        JobFile.job_id == Job.id, Job.kind == "ingest", JobFile.state == "queued"
    )
    alive = Document.deleted_at.is_(None)
    if metric == "documents":
        stored = rows.columns(Document, func.count(), where=[alive])
    else:
        stored = rows.columns(DocumentVersion, func.sum(DocumentVersion.size)).where(
            DocumentVersion.document_id == Document.id, alive
        )
    return sum(int(rows.session.scalar(one) or 0) for one in (waiting, stored))


def _over(quota: Left, amount: int) -> OverLimit:
    """That the limit is reached, or that ``amount`` does not fit into what is left of it."""
    opens = f"{quota.opens_at:%Y-%m-%d %H:%M}" if quota.opens_at is not None else ""
    values = {"subject": quota.subject, "metric": quota.metric, "most": quota.most, "used": quota.used}
    code = ("small" if quota.left else "reached") if quota.metric in _EXACT and amount > 1 else "reached"
    family = {"small": ("quota.small", "quota.small_all"), "reached": ("quota.renews", "quota.all")}[code]
    return OverLimit(family[0] if opens else family[1], **values, opens=opens, needed=amount)


# --- the owner's side ---


def set_quota(
    app: Application, actor: Actor, subject: str, subject_id: int, metric: str, period: str, most: int | None
) -> None:
    """At most ``most`` from now on; None takes the limit away. ``subject_id`` 0: each one of its kind.

    Raises BadInput for a metric, subject or period that there is not, or an amount below 0.
    """
    actor.require(Permission.KEYS)
    for name, known in ((subject, SUBJECTS), (metric, METRICS), (period, PERIODS)):
        if name not in known:
            raise BadInput("quota.metric", name=name[:40], known=", ".join(known))
    if most is not None and not 0 <= most < 1 << 60:
        raise BadInput("quota.amount", most=most)
    number = actor.workspace_id if subject == "workspace" else subject_id
    mine = Quota.subject == subject, Quota.subject_id == number, Quota.metric == metric, Quota.period == period
    target = f"{subject}:{number} {metric} / {period}"
    with app.database.write(actor.workspace_id) as rows:
        row = rows.find(Quota, *mine)
        if most is None:
            if row is not None:
                rows.delete(Quota, Quota.id == row.id)
                record(rows, actor, "quota.removed", target, before=row.most)
            return
        before = row.most if row is not None else None
        if row is not None:
            row.most = most
        else:
            values = {"subject": subject, "subject_id": number, "metric": metric, "period": period, "most": most}
            rows.add(Quota(**values))
        record(rows, actor, "quota.set", target, before=before, most=most)


def list_quotas(app: Application, actor: Actor) -> tuple[Left, ...]:
    """All quotas of the workspace; one for each of a kind stands at 0 used."""
    actor.require(Permission.REPORT)
    now = utc_now()
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(Quota).order_by(Quota.subject, Quota.metric, Quota.period))
        return tuple(
            _left(one, s := (one.subject, one.subject_id), _used(rows, s, one.metric, one.period, now), now)
            for one in found
        )


def usage(app: Application, actor: Actor) -> list[UsedLine]:
    """What was used by whom."""
    actor.require(Permission.REPORT)
    stamps = _stamps(utc_now())
    amounts: dict[tuple[str, int, str], dict[str, int]] = {}
    with app.database.read(actor.workspace_id) as rows:
        columns = (Usage.subject, Usage.subject_id, Usage.metric, Usage.period, Usage.amount)
        where = [Usage.period.in_(list(stamps.values()))]
        for kind, number, metric, stamp, amount in rows.session.execute(rows.columns(Usage, *columns, where=where)):
            amounts.setdefault((kind, number, metric), {})[stamp] = amount
        held = {metric: _measure(rows, metric) for metric in _HELD}
    lines = []
    for (kind, number, metric), found in sorted(amounts.items()):
        day, month, every = (found.get(stamps[period], 0) for period in PERIODS)
        if _held((kind, number), metric, "all"):
            every = held[metric]
        lines.append(UsedLine(kind, number, metric, day, month, every))
    return lines


def names(app: Application, actor: Actor) -> dict[Subject, str]:
    """The names of the workspace's keys, by which a limit or a line of usage is shown."""
    actor.require(Permission.REPORT)
    with app.database.read(actor.workspace_id) as rows:
        return {("key", row.id): row.name for row in rows.all(rows.select(ApiKey).order_by(ApiKey.id))}


def per_day(app: Application, actor: Actor, metric: Metric, days: int = 30) -> list[tuple[str, int]]:
    """What the whole workspace used on each of the last days, the oldest first."""
    actor.require(Permission.REPORT)
    now = utc_now()
    wanted = [f"{now - timedelta(days=back):%Y-%m-%d}" for back in range(days - 1, -1, -1)]
    with app.database.read(actor.workspace_id) as rows:
        mine = Usage.subject == "workspace", Usage.metric == metric, Usage.period.in_(wanted)
        found = {row.period: row.amount for row in rows.all(rows.select(Usage, *mine))}
    return [(day, found.get(day, 0)) for day in wanted]
