"""Numbers, times and names as people read them, in the language of the page; document text made safe to draw."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from pages.shared.language import language, tr

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@])")


def plain(text: str) -> str:
    """Markdown that draws ``text`` to the letter: a document must not bring images, links or formulas into a page."""
    return _SPECIAL.sub(r"\\\1", text).replace("\n", "  \n")


def size(count: int) -> str:
    """Bytes as a short size: 812 B, 3.4 KB, 1.2 MB."""
    if count < 1024:
        return f"{count} B"
    kilo = count / 1024
    return f"{kilo:.1f} KB" if kilo < 1024 else f"{kilo / 1024:.1f} MB"


def counted(key: str, n: int) -> str:
    """``key`` with its number; languages that say "1 page" and "2 pages" have ``<key>_one`` for the former."""
    return tr(f"{key}_one") if n == 1 else tr(key, n=n)


def percent(share: float) -> str:
    return f"{share * 100:.0f} %" if language() == "en" else f"{share * 100:.0f}%"


def local(moment: datetime) -> datetime:
    """``moment`` in the browser's time zone (UTC when the browser names none we know)."""
    try:
        return moment.astimezone(ZoneInfo(st.context.timezone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return moment.astimezone(UTC)


def when(moment: datetime) -> str:
    """ "5 minutes ago" within a day, else the date."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    if seconds < 60:
        return tr("common.time.now")
    if seconds < 3600:
        return tr("common.time.minutes", n=int(seconds // 60))
    if seconds < 24 * 3600:
        return tr("common.time.hours", n=int(seconds // 3600))
    return f"{local(moment):%Y-%m-%d}"


def clock(moment: datetime) -> str:
    """Day and time, for an appointment: "Mon 09:00, 2026-03-02"."""
    there = local(moment)
    return tr(
        "common.time.clock",
        day=tr(f"common.weekday.{there.weekday()}"),
        time=f"{there:%H:%M}",
        date=f"{there:%Y-%m-%d}",
    )


def duration(seconds: float) -> str:
    if seconds < 3600:
        return tr("common.time.lasting_minutes", n=max(1, int(seconds // 60)))
    if seconds < 48 * 3600:
        return tr("common.time.lasting_hours", n=int(seconds // 3600))
    return tr("common.time.lasting_days", n=int(seconds // (24 * 3600)))


def language_name(code: str) -> str:
    return tr(f"common.language.{code}") if code in {"en", "zh"} else code
