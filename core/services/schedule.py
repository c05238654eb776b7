"""Opening hours of the workspace: when a person is on duty, in the workspace's own time zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.access.actor import Actor, Permission
from core.assistant.opening_hours import DAYS as DAYS
from core.assistant.opening_hours import OpeningHours, parse_hours
from core.db.tables import Workspace, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, NotFound
from core.services.application import Application

DAY_MINUTES = 24 * 60


def opening_hours(app: Application, actor: Actor) -> dict[str, Any]:
    """``always`` (bool), ``zone``, ``days`` ({"mon": [["09:00", "17:00"], ...], ...}; UTC and empty where always open),
    ``hours`` (the same as one line of text) and ``holidays`` (ISO dates)."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        return shown(own_workspace(rows).settings.get("opening_hours") or {})


def set_opening_hours(app: Application, actor: Actor, schedule: Mapping[str, Any]) -> None:
    """Stores a schedule as :func:`opening_hours` returns it.

    ``hours`` (a text such as ``mon-fri 09:00-18:00``) counts where ``days`` are not given. An empty text or ``always``
    means always open, a day without times closed.
    Raises BadInput (hours.*) saying what cannot be read; nothing is stored then.
    """
    actor.require(Permission.WORKSPACE)
    stored = checked(schedule)
    with app.database.write(actor.workspace_id) as rows:
        workspace = own_workspace(rows)
        workspace.settings = {**workspace.settings, "opening_hours": stored}


def is_open_now(app: Application, actor: Actor, *, now: datetime | None = None) -> tuple[bool, datetime | None]:
    """Whether somebody is on duty, and else when somebody is next (in the workspace's zone; None: no time is known)."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        return duty(rows, now or utc_now())


def duty(rows: Rows, now: datetime) -> tuple[bool, datetime | None]:
    """The same for services that stand in a unit of work already."""
    hours = schedule_of(own_workspace(rows))
    return (True, None) if hours.is_open(now) else (False, hours.next_opening(now))


def own_workspace(rows: Rows) -> Workspace:
    """The workspace in which ``rows`` work. Raises NotFound."""
    found = rows.session.get(Workspace, rows.workspace_id)
    if found is None:
        raise NotFound("not_found", what="workspace", id=rows.workspace_id)
    return found


def schedule_of(workspace: Workspace) -> OpeningHours:
    """The stored schedule; always open where none is stored."""
    stored = workspace.settings.get("opening_hours") or {}
    return _parse(stored) if stored else parse_hours("", "UTC")


def checked(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored for ``schedule``. Raises BadInput."""
    if not isinstance(schedule, Mapping):
        raise BadInput("hours.span", span=str(schedule)[:80])
    zone = str(schedule.get("zone") or "UTC")
    holidays = [str(day).strip() for day in schedule.get("holidays") or () if str(day).strip()]
    days = schedule.get("days")
    if schedule.get("always") or (days is None and not str(schedule.get("hours") or "").strip()):
        parse_hours("", zone, holidays)
        return {"zone": zone, "holidays": holidays}
    if days is None:
        week = parse_hours(str(schedule["hours"]), zone, holidays).week
        days = {day: [[_clock(a), _clock(b)] for a, b in spans] for day, spans in zip(DAYS, week, strict=True)}
    if unknown := [str(day) for day in days if day not in DAYS]:
        raise BadInput("hours.day", day=", ".join(unknown))
    stored = {
        "zone": zone,
        "holidays": holidays,
        "days": {d: [list(map(str, s)) for s in days.get(d) or ()] for d in DAYS},
    }
    _parse(stored)
    return stored


def _parse(stored: Mapping[str, Any]) -> OpeningHours:
    zone, holidays, days = str(stored.get("zone") or "UTC"), stored.get("holidays") or (), stored.get("days")
    text = _text(days) if days else ""
    hours = parse_hours(text, zone, holidays)
    if days and not text:  # closed every day, which an empty text would read as always open
        return OpeningHours(ZoneInfo(zone), ((),) * 7, frozenset(map(date.fromisoformat, holidays)))
    return hours


def _text(days: Mapping[str, Any]) -> str:
    return "; ".join(f"{day} " + ", ".join("-".join(span) for span in days[day]) for day in DAYS if days.get(day))


def shown(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored schedule as people see it."""
    days = stored.get("days")
    return {
        "always": not days,
        "zone": str(stored.get("zone") or "UTC"),
        "days": {day: [list(span) for span in (days or {}).get(day, ())] for day in DAYS},
        "hours": _text(days) if days else "",
        "holidays": list(stored.get("holidays") or ()),
    }


@dataclass(frozen=True, slots=True)
class Span:
    """The same opening time on some days, as people think of a week. Times as ``09:00``; ``24:00`` is the day's end."""

    days: tuple[str, ...]
    start: str
    end: str


def spans_of(days: Mapping[str, Sequence[Sequence[str]]]) -> list[Span]:
    """A week as few spans: the same times on Monday and Tuesday are one. The earliest day comes first."""
    found: dict[tuple[str, str], list[str]] = {}
    for day in DAYS:
        for start, end in days.get(day) or ():
            found.setdefault((start, end), []).append(day)
    spans = [Span(tuple(names), start, end) for (start, end), names in found.items()]
    return sorted(spans, key=lambda span: (DAYS.index(span.days[0]), span.start, span.end))


def days_of(spans: Iterable[Span]) -> dict[str, list[list[str]]]:
    """The other way: every day with its times in order. Raises BadInput (hours.*): times that overlap or are none."""
    days: dict[str, list[list[str]]] = {day: [] for day in DAYS}
    for span in spans:
        for day in span.days:
            if day not in days:
                raise BadInput("hours.day", day=day)
            days[day].append([span.start, span.end])
    for times in days.values():
        times.sort()
    _parse({"days": days})
    return days


def _clock(minutes: int) -> str:
    kept = minutes if minutes <= DAY_MINUTES else minutes - DAY_MINUTES
    return f"{kept // 60:02d}:{kept % 60:02d}"


def as_utc(moment: datetime | None) -> str | None:
    """A moment as it is kept in JSON: ISO, UTC."""
    return moment.astimezone(UTC).isoformat() if moment is not None else None
