"""The pictures of sentiment: shares by label, days, products; aspects; the curve of a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from pages.shared.language import tr
from pages.shared.sentiment_words import COLOURS, LABELS, aspect_name, label_name, label_scale

MOST_BARS = 15
WEEKLY = 100  # days from which weeks are drawn, months from five times as many

Counts = Mapping[str, Mapping[str, int]]


def plot_share(labels: Mapping[str, int], *, key: str) -> None:
    """One bar a label, its share of all rows."""
    total = sum(labels.values()) or 1
    rows = [{"label": label_name(n), "share": labels.get(n, 0) / total, "count": labels.get(n, 0)} for n in LABELS]
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            y=alt.Y("label:N", title=None, sort=[label_name(n) for n in LABELS], axis=alt.Axis(labelLimit=140)),
            x=alt.X("share:Q", title=None, axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("label:N", scale=alt.Scale(**label_scale()), legend=None),
            tooltip=[
                alt.Tooltip("label:N", title=tr("sentiment.files.labelled")),
                alt.Tooltip("count:Q", title=tr("sentiment.files.count"), format=","),
                alt.Tooltip("share:Q", title=tr("sentiment.files.share"), format=".1%"),
            ],
        )
        .properties(height=210)
    )
    st.altair_chart(chart, width="stretch", key=key, alt=tr("sentiment.files.by_label"))


def plot_days(days: Counts, *, key: str, title: str) -> None:
    """Counts by label over the days, weeks or months, stacked."""
    rows = [
        {"day": day, "label": label_name(label), "count": count, "place": LABELS.index(label)}
        for day, counts in by_period(days).items()
        for label, count in counts.items()
    ]
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar()
        .encode(
            x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=-40, labelOverlap=True)),
            y=alt.Y("count:Q", title=title, axis=alt.Axis(tickMinStep=1, format="~s")),
            color=alt.Color("label:N", title=None, scale=alt.Scale(**label_scale()), legend=alt.Legend(orient="top")),
            order=alt.Order("place:Q"),
            tooltip=[alt.Tooltip("day:O", title=tr("sentiment.files.day")), "label:N", "count:Q"],
        )
        .properties(height=270)
    )
    st.altair_chart(chart, width="stretch", key=key, alt=title)


def by_period(days: Counts) -> dict[str, dict[str, int]]:
    """The same counts by day, by week (its Monday) or by month, so that a picture never holds too many bars."""
    found: dict[str, dict[str, int]] = {}
    for day, counts in sorted(days.items()):
        period = day
        if len(days) > 5 * WEEKLY:
            period = day[:7]
        elif len(days) > WEEKLY:
            year, week, _ = _date(day).isocalendar()
            period = date.fromisocalendar(year, week, 1).isoformat()
        into = found.setdefault(period, {})
        for label, count in counts.items():
            into[label] = into.get(label, 0) + count
    return found


def _date(day: str) -> date:
    """The day; the last of its month for one that no calendar has (30 February)."""
    try:
        return date.fromisoformat(day)
    except ValueError:
        return date.fromisoformat(f"{day[:7]}-28")


def plot_groups(groups: Counts, *, key: str) -> None:
    """Shares by label of each product or channel, the most frequent first."""
    most = sorted(groups.items(), key=lambda item: -sum(item[1].values()))[:MOST_BARS]
    rows = [
        {
            "group": group[:40],
            "label": label_name(label),
            "count": counts.get(label, 0),
            "share": counts.get(label, 0) / sum(counts.values()),
            "place": place,
        }
        for group, counts in most
        for place, label in enumerate(LABELS)
    ]
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar()
        .encode(
            y=alt.Y(
                "group:N",
                title=None,
                sort=[group[:40] for group, _ in most],
                axis=alt.Axis(labelLimit=150, labelOverlap=False),
            ),
            x=alt.X("share:Q", title=None, axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("label:N", title=None, scale=alt.Scale(**label_scale()), legend=alt.Legend(orient="top")),
            order=alt.Order("place:Q"),
            tooltip=["group:N", "label:N", "count:Q", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(height=30 * len(most) + 110)
    )
    st.altair_chart(chart, width="stretch", key=key, alt=tr("sentiment.files.by_group"))


def plot_aspects(aspects: Sequence[Mapping[str, Any]], *, key: str) -> None:
    """Praise to the right and blame to the left of one line an aspect."""
    shown = aspects[:MOST_BARS]
    names = [aspect_name(str(row["aspect"])) for row in shown]
    sides = (("praised", "praise", 1, "positive"), ("blamed", "blame", -1, "negative"))
    rows = [
        {"aspect": name, "side": tr(f"sentiment.files.{word}"), "count": row[field], "value": sign * row[field]}
        for name, row in zip(names, shown, strict=True)
        for field, word, sign, _ in sides
    ]
    scale = alt.Scale(
        domain=[tr(f"sentiment.files.{word}") for _, word, _, _ in sides], range=[COLOURS[label] for *_, label in sides]
    )
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            y=alt.Y("aspect:N", title=None, sort=names, axis=alt.Axis(labelLimit=150)),
            x=alt.X("value:Q", title=None, axis=alt.Axis(labelExpr="abs(datum.value)", tickMinStep=1)),
            color=alt.Color("side:N", title=None, scale=scale, legend=alt.Legend(orient="top")),
            tooltip=["aspect:N", "side:N", "count:Q"],
        )
        .properties(height=30 * len(shown) + 80)
    )
    st.altair_chart(chart, width="stretch", key=key, alt=tr("sentiment.one.aspects"))


def plot_curve(scores: Sequence[float], bound: float | None, *, key: str) -> None:
    """The rolling score of a conversation, message by message, and the bound at which a person is asked in."""
    frame = pd.DataFrame({"message": list(range(1, len(scores) + 1)), "score": list(scores)})
    line = (
        alt.Chart(frame)
        .mark_line(point={"size": 45}, color=COLOURS["negative"], strokeWidth=2)
        .encode(
            x=alt.X("message:Q", title=tr("sentiment.mood.message"), axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("score:Q", title=tr("sentiment.mood.score"), scale=alt.Scale(domain=[0, 1])),
            tooltip=[alt.Tooltip("message:Q"), alt.Tooltip("score:Q", format=".2f")],
        )
    )
    layers = [line]
    if bound is not None:
        rule = alt.Chart(pd.DataFrame({"bound": [bound]})).mark_rule(strokeDash=[5, 4], color=COLOURS["uncertain"])
        layers.insert(0, rule.encode(y="bound:Q", tooltip=[alt.Tooltip("bound:Q", title=tr("sentiment.mood.bound"))]))
    st.altair_chart(alt.layer(*layers).properties(height=170), width="stretch", key=key, alt=tr("sentiment.mood.curve"))
