"""The studio's pictures: curves of runs, shares of labels, bounds before and after, calibration, confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from pages.shared.language import tr
from pages.shared.studio_words import ink, is_share, metric_name

BEFORE, AFTER = "#8A938F", "#1E958E"
MOST_POINTS = 400  # of one curve in a picture; more cannot be told apart
LEGEND_LETTERS = 20
FEW_POINTS = 40  # up to which each point is marked

Curve = Sequence[tuple[int, float]]


def families(names: Sequence[str]) -> dict[str, list[str]]:
    """Curves that share an axis: losses, figures that are shares, and each other kind by itself."""
    found: dict[str, list[str]] = {}
    for name in names:
        family = "loss" if "loss" in name else "shares" if is_share(name) or name.endswith("auc") else name
        found.setdefault(family, []).append(name)
    order = {"loss": 0, "shares": 1}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], 2), item[0])))


def thinned(curve: Curve) -> Curve:
    """Every n-th point and the last, so that a long run draws as fast as a short one."""
    every = -(-len(curve) // MOST_POINTS)
    return curve if every <= 1 else [*curve[:-1:every], curve[-1]]


def plot_curves(curves: Mapping[str, Curve], *, key: str, names: Mapping[str, str] | None = None) -> None:
    """One picture a family. ``names``: what the lines are called, where that is not the curve's own name."""
    shown = {name: curve for name, curve in curves.items() if curve}
    grouped = {"": list(shown)} if names is not None else families(list(shown))
    with st.grid(1 if len(grouped) == 1 else "auto", min_column_width=320, key=f"curves-{key}", gap="small"):
        for family, members in grouped.items():
            rows = [
                {"step": step, "value": value, "curve": (names or {}).get(name) or metric_name(name)}
                for name in members
                for step, value in thinned(shown[name])
            ]
            if rows:
                _lines(rows, percent=family == "shares", key=f"{key}-{family}")


def _lines(rows: list[dict[str, Any]], *, percent: bool, key: str) -> None:
    order = list(dict.fromkeys(row["curve"] for row in rows))
    few = len(rows) <= FEW_POINTS * len(order)
    shape = ".1%" if percent else ".4~g"
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(strokeWidth=2, point={"size": 28} if few else False)
        .encode(
            x=alt.X("step:Q", title=tr("studio.step"), axis=alt.Axis(tickMinStep=1, format="~s")),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format="%" if percent else "~g")),
            color=alt.Color(
                "curve:N",
                title=None,
                sort=order,
                scale=alt.Scale(domain=order),
                legend=alt.Legend(orient="top", labelLimit=260, columns=_columns(order)),
            ),
            tooltip=[
                alt.Tooltip("curve:N", title=tr("studio.curve")),
                alt.Tooltip("step:Q", title=tr("studio.step")),
                alt.Tooltip("value:Q", title=tr("studio.value"), format=shape),
            ],
        )
        .properties(height=300)
    )
    st.altair_chart(chart, width="stretch", key=f"chart-{key}", alt=", ".join(order))


def _columns(names: Sequence[str]) -> int:
    """Of a legend above a picture that may be as narrow as a phone: what does not fit there is cut off."""
    letters = max((sum(2 if ord(one) > 0x2E7F else 1 for one in name) for name in names), default=0)
    return 1 if len(names) > 3 or letters > LEGEND_LETTERS else 2


def plot_bars(rows: Sequence[Mapping[str, Any]], *, key: str, title: str, percent: bool = False) -> None:
    """Lying bars: ``rows`` hold name, value and, where several stand together, part."""
    frame = pd.DataFrame(rows)
    order = list(dict.fromkeys(frame["name"]))
    parts = list(dict.fromkeys(frame["part"])) if "part" in frame else []
    shape = "%" if percent else ".2~f" if any(isinstance(value, float) for value in frame["value"]) else ",.0f"
    scale = alt.Scale(domain=[0, 1]) if percent else alt.Undefined
    encoding: dict[str, Any] = {
        "y": alt.Y("name:N", title=None, sort=order, axis=alt.Axis(labelLimit=150)),
        "x": alt.X("value:Q", title=title, scale=scale, axis=alt.Axis(format=shape, tickCount=6)),
        "tooltip": [
            alt.Tooltip("name:N", title=tr("studio.name")),
            *([alt.Tooltip("part:N", title=tr("studio.part"))] if parts else []),
            alt.Tooltip("value:Q", title=title, format=".1%" if percent else shape),
        ],
    }
    if parts:
        encoding["color"] = alt.Color("part:N", title=None, sort=parts, legend=alt.Legend(orient="top"))
        encoding["order"] = alt.Order("place:Q")
        frame["place"] = [parts.index(part) for part in frame["part"]]
    bars = alt.Chart(frame).mark_bar(cornerRadiusEnd=3, **({} if parts else {"color": AFTER})).encode(**encoding)
    st.altair_chart(
        bars.properties(height=32 * len(order) + (130 if parts else 70)), width="stretch", key=f"bars-{key}", alt=title
    )


def plot_bounds(rows: Sequence[tuple[str, Mapping[str, float], Mapping[str, float]]], *, key: str, title: str) -> None:
    """A point with its 95 % bounds before and after, one pair a line; intervals as value, low and high."""
    before, after = tr("report.column.before"), tr("report.column.after")
    frame = pd.DataFrame(
        [
            {"name": name, "side": side, **{part: interval[part] for part in ("value", "low", "high")}}
            for name, first, second in rows
            for side, interval in ((before, first), (after, second))
        ]
    )
    colour = alt.Color(
        "side:N",
        title=None,
        scale=alt.Scale(domain=[before, after], range=[BEFORE, AFTER]),
        legend=alt.Legend(orient="top"),
    )
    base = alt.Chart(frame).encode(
        y=alt.Y("name:N", title=None, sort=[name for name, _, _ in rows], axis=alt.Axis(labelLimit=170)),
        yOffset=alt.YOffset("side:N", sort=[before, after]),
        color=colour,
        tooltip=[
            alt.Tooltip("name:N", title=tr("studio.name")),
            alt.Tooltip("side:N", title=tr("studio.part")),
            *(alt.Tooltip(f"{part}:Q", title=tr(f"studio.{part}"), format=".1%") for part in ("value", "low", "high")),
        ],
    )
    axis = alt.Axis(format="%")
    lines = base.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("low:Q", title=None, axis=axis, scale=alt.Scale(zero=False)), x2="high:Q"
    )
    points = base.mark_circle(size=80, opacity=1).encode(x=alt.X("value:Q", title=None, axis=axis))
    height = 44 * len(rows) + 110
    st.altair_chart((lines + points).properties(height=height), width="stretch", key=f"bounds-{key}", alt=title)


def plot_calibration(sides: Sequence[tuple[str, Sequence[Mapping[str, Any]]]], *, key: str) -> None:
    """Promised against happened; ``sides`` are (name, bins), the former model first."""
    rows = [
        {
            "side": name,
            "promised": one["promised"],
            "rows": one["rows"],
            **{part: one["happened"][part] for part in ("value", "low", "high")},
        }
        for name, bins in sides
        for one in bins
    ]
    names = [name for name, _ in sides]
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("promised:Q", title=tr("report.column.promised"), scale=scale, axis=alt.Axis(format="%")),
        color=alt.Color(
            "side:N",
            title=None,
            scale=alt.Scale(domain=names, range=[BEFORE, AFTER][-len(names) :]),
            legend=alt.Legend(orient="top", symbolOpacity=1),
        ),
        tooltip=[
            alt.Tooltip("side:N", title=tr("studio.part")),
            alt.Tooltip("promised:Q", title=tr("report.column.promised"), format=".1%"),
            alt.Tooltip("value:Q", title=tr("report.column.happened"), format=".1%"),
            alt.Tooltip("rows:Q", title=tr("report.column.rows")),
        ],
    )
    happened = tr("report.column.happened")
    bounds = base.mark_rule(opacity=0.45).encode(y=alt.Y("low:Q", title=happened, scale=scale), y2="high:Q")
    lines = base.mark_line(point={"size": 50}).encode(
        y=alt.Y("value:Q", title=happened, scale=scale, axis=alt.Axis(format="%"))
    )
    ideal = (
        alt.Chart(pd.DataFrame([{"x": 0.0, "y": 0.0}, {"x": 1.0, "y": 1.0}]))
        .mark_line(strokeDash=[5, 5], color="#8A938F", strokeWidth=1.2)
        .encode(x="x:Q", y="y:Q")
    )
    st.altair_chart(
        (ideal + bounds + lines).properties(height=380),
        width="stretch",
        key=f"calibration-{key}",
        alt=tr("report.section.calibration"),
    )


def confusion_chart(labels: Sequence[str], cells: Sequence[Mapping[str, Any]], totals: Sequence[int]) -> alt.LayerChart:
    """Counts of gold (rows) against predicted (columns), darker for a larger share of the row; a cell can be chosen
    (selection ``cell`` by the fields gold and predicted, class numbers)."""
    counts = {(cell["gold"], cell["predicted"]): cell["rows"] for cell in cells}
    rows = []
    for gold, label in enumerate(labels):
        for predicted, other in enumerate(labels):
            count = counts.get((gold, predicted), 0)
            part = count / totals[gold] if totals[gold] else 0.0
            rows.append(
                {
                    "gold": gold,
                    "predicted": predicted,
                    "truly": label,
                    "said": other,
                    "rows": count,
                    "share": part,
                    "text": str(count) if count else "",
                    "dark": part > 0.55,
                }
            )
    chosen = alt.selection_point(name="cell", fields=["gold", "predicted"], empty=False)
    axis = alt.Axis(labelLimit=110, labelAngle=0 if len(labels) <= 4 else -40)
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("said:N", sort=list(labels), title=tr("report.column.predicted"), axis=axis),
        y=alt.Y("truly:N", sort=list(labels), title=tr("report.column.gold"), axis=alt.Axis(labelLimit=110)),
        tooltip=[
            alt.Tooltip("truly:N", title=tr("report.column.gold")),
            alt.Tooltip("said:N", title=tr("report.column.predicted")),
            alt.Tooltip("rows:Q", title=tr("report.column.rows")),
            alt.Tooltip("share:Q", title=tr("studio.share_of_row"), format=".1%"),
        ],
    )
    boxes = (
        base.mark_rect(color=AFTER, cornerRadius=3, cursor="pointer")
        .encode(
            opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.07, 0.95]), legend=None),
            stroke=alt.condition(chosen, alt.value("#E09F3E"), alt.value(None)),
            strokeWidth=alt.condition(chosen, alt.value(3), alt.value(0)),
        )
        .add_params(chosen)
    )
    numbers = base.mark_text(fontSize=13, cursor="pointer").encode(
        text="text:N", color=alt.condition("datum.dark", alt.value("#FFFFFF"), alt.value(ink()))
    )
    return (boxes + numbers).properties(height=max(200, 44 * len(labels) + 70))
