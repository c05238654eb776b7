""" "Did it learn?": the verdict in words first, then the figures behind it. Drawn from the stored report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from core.text.catalogue import catalogue
from pages.shared import studio_confusion, studio_figures
from pages.shared.language import language, tr
from pages.shared.studio_charts import plot_bounds, plot_calibration
from pages.shared.studio_tables import table
from pages.shared.studio_words import named
from pages.shared.wording import plain

Report = Mapping[str, Any]
SCHEMA = 1
GOOD, BAD = {"learned", "learned_little"}, {"worse", "no_better_than_guessing"}
MEASURES = (
    "accuracy",
    "f1_macro",
    "precision_macro",
    "recall_macro",
    "auc",
    "log_loss",
    "brier",
    "calibration_error",
)
SHARES = {"accuracy", "f1_macro", "precision_macro", "recall_macro", "calibration_error"}
FEW_CLASSES = 12


def draw(report: Report, *, key: str) -> None:
    if report.get("schema") != SCHEMA or "verdict" not in report:
        if figures := report.get("figures"):
            studio_figures.draw(figures, key=key)
        else:
            st.info(tr("studio.report.none"), icon=":material/info:")
        return
    _verdict(report)
    _measures(report, key)
    sections: tuple[tuple[str, bool, Callable[[Report, str], None]], ...] = (
        ("confusion", bool(report["cells"]), studio_confusion.draw),
        ("classes", True, _classes),
        ("calibration", bool(report["after"]["curve"]), _calibration),
        ("slices", bool(report["slices"]), _slices),
        ("forgetting", bool(report["forgetting"]), _forgetting),
        ("folds", bool(report["folds"]), _folds),
        ("fairness", bool(report["fairness"]), _fairness),
        ("data", bool(report["data"]), _data),
    )
    for name, there, part in sections:
        if there:
            st.subheader(tr(f"report.section.{name}"), anchor=False)
            part(report, key)


# --- words ---


def sentence(statement: Mapping[str, Any]) -> str:
    """A statement of the report as a person reads it; what came from the data stays as it is."""
    words, values = catalogue(language()), dict(statement["values"])
    for name in statement["shares"]:
        values[name] = percent(values[name])
    for name in statement["changes"]:
        values[name] = points(values[name])
    if "measure" in values:
        values["measure"] = words.get(f"report.measure.{values['measure']}", values["measure"])
    for name in ("other", "name"):
        if name in values:
            values[name] = _name(values[name])
    if "slice" in values:
        values["slice"] = words.get(f"report.{values['slice']}", values["slice"])
    shown = {name: f"{value:.3g}" if isinstance(value, float) else value for name, value in values.items()}
    return tr(f"report.{statement['key']}", **shown)


def percent(value: float) -> str:
    return tr("report.percent", value=f"{100 * value:.1f}")


def points(value: float) -> str:
    return tr("report.points", value=f"{100 * value:+.1f}".replace("-", "−"))


def _figure(measure: str, value: float | None) -> str:
    if value is None:
        return tr("report.none")
    return percent(value) if measure in SHARES else f"{value:.3f}"


def _bounds(interval: Mapping[str, float], *, change: bool = False, measure: str = "accuracy") -> str:
    if measure not in SHARES:
        low, high = (f"{interval[edge]:{'+' if change else ''}.3f}".replace("-", "−") for edge in ("low", "high"))
        return f"{low} … {high}" if change else f"{low}–{high}"
    low, high = (f"{100 * interval[edge]:{'+' if change else ''}.1f}".replace("-", "−") for edge in ("low", "high"))
    return f"{low} … {high}" if change else f"{low}–{high}"


def _with_bounds(interval: Mapping[str, float] | None) -> str:
    return tr("report.none") if interval is None else f"{percent(interval['value'])}  ({_bounds(interval)})"


def _change(interval: Mapping[str, float] | None, measure: str = "accuracy") -> str:
    if interval is None:
        return ""
    value = points(interval["value"]) if measure in SHARES else f"{interval['value']:+.3f}".replace("-", "−")
    return f"{value}  ({_bounds(interval, change=True, measure=measure)})"


def _name(model: str) -> str:
    words = catalogue(language())
    return words.get(f"report.{model}") or words.get(f"studio.report.models.{model}", model)


# --- parts ---


def _verdict(report: Report) -> None:
    outcome = str(report["verdict"]["key"]).removeprefix("verdict.")
    text = f"**{tr('report.title')}** {plain(sentence(report['verdict']))}"
    if outcome in GOOD:
        st.success(text, icon=":material/check_circle:")
    elif outcome in BAD:
        st.error(text, icon=":material/trending_down:")
    else:
        st.warning(text, icon=":material/help:")
    if report["notes"]:
        with st.container(border=True, key="report-notes"):
            st.markdown(f"**{tr('report.section.notes')}**")
            st.markdown("\n".join(f"- {plain(sentence(note))}" for note in report["notes"]))


def _measures(report: Report, key: str) -> None:
    st.subheader(tr("report.section.measures"), anchor=False)
    st.caption(tr("studio.report.lead", rows=f"{report['rows']:,}"))
    before, after, change = report["before"], report["after"], report["comparisons"][0]["differences"]
    shared = [name for name in MEASURES if name in after["intervals"] and name in before["intervals"]]
    if shared:
        rows = [(tr(f"report.measure.{name}"), before["intervals"][name], after["intervals"][name]) for name in shared]
        plot_bounds(rows, key=f"measures-{key}", title=tr("report.section.measures"))
    others = report["others"]
    heads = [
        tr("report.column.measure"),
        f"{tr('report.column.before')} ({_name(before['name'])})",
        tr("report.column.after"),
        tr("report.column.change"),
        *(_name(other["name"]) for other in others),
    ]
    lines = [
        [
            tr(f"report.measure.{name}"),
            _measured(before, name),
            _measured(after, name),
            _change(change.get(name), name),
            *(_measured(other, name) for other in others),
        ]
        for name in MEASURES
    ]
    table(lines, heads, key=f"measures-table-{key}")


def _measured(side: Mapping[str, Any], measure: str) -> str:
    value = side["calibration_error"] if measure == "calibration_error" else side["scores"][measure]
    interval = side["intervals"].get(measure)
    return _figure(measure, value) + (
        f"  ({_bounds(interval, measure=measure)})" if interval and value is not None else ""
    )


def _classes(report: Report, key: str) -> None:
    names = ("label", "precision", "recall", "f1", "before", "rows", "predicted")
    heads = [tr(f"report.column.{name}") for name in names]
    heads[4] = f"{tr('report.column.f1')}, {tr('report.column.before').lower()}"
    pairs = zip(report["before"]["scores"]["classes"], report["after"]["scores"]["classes"], strict=True)
    rows = [
        [
            after["label"],
            *map(percent, (after["precision"], after["recall"], after["f1"], before["f1"])),
            str(after["rows"]),
            str(after["predicted"]),
        ]
        for before, after in pairs
    ]
    if len(rows) > FEW_CLASSES:
        rows.sort(key=lambda row: float(row[3].split()[0].rstrip("%")))
        st.caption(tr("studio.report.weakest_first"))
    table(rows, heads, key=f"classes-{key}")


def _calibration(report: Report, key: str) -> None:
    st.caption(tr("studio.report.calibration_lead"))
    sides = [(tr(f"report.column.{side}"), report[side]["curve"]) for side in ("before", "after")]
    plot_calibration(sides, key=key)


def _slices(report: Report, key: str) -> None:
    named = [(tr(f"report.slice.{one['family']}.{one['name']}"), one) for one in report["slices"]]
    plot_bounds(
        [(name, one["before"], one["after"]) for name, one in named],
        key=f"slices-{key}",
        title=tr("report.section.slices"),
    )
    heads = [tr(f"report.column.{name}") for name in ("kind", "before", "after", "change", "rows")]
    rows = [
        [name, _with_bounds(one["before"]), _with_bounds(one["after"]), _change(one["change"]), str(one["rows"])]
        for name, one in named
    ]
    table(rows, heads, key=f"slices-table-{key}")


def _forgetting(report: Report, key: str) -> None:
    heads = [tr(f"report.column.{name}") for name in ("skill", "before", "after", "change", "rows")]
    rows = []
    for one in report["forgetting"]:
        show = percent if one["share"] else lambda value: f"{value:.3f}"
        change = one["change"]["value"]
        rows.append(
            [
                _name(one["name"]),
                show(one["before"]),
                show(one["after"]),
                points(change) if one["share"] else f"{change:+.3f}",
                str(one["rows"]),
            ]
        )
    table(rows, heads, key=f"forgetting-{key}")


def _folds(report: Report, key: str) -> None:
    heads = [tr(f"report.column.{name}") for name in ("measure", "mean", "deviation", "each")]
    rows = [
        [
            tr(f"report.measure.{one['measure']}"),
            _figure(one["measure"], one["mean"]),
            _figure(one["measure"], one["deviation"]),
            " · ".join(_figure(one["measure"], value) for value in one["values"]),
        ]
        for one in report["folds"]
    ]
    table(rows, heads, key=f"folds-{key}")


def _fairness(report: Report, key: str) -> None:
    rates = ("selected", "true_positive", "false_positive", "accuracy")
    for place, one in enumerate(report["fairness"]):
        st.markdown(f"**{plain(one['column'])}**")
        heads = [
            tr("report.column.group"),
            *(tr(f"report.column.{rate}", label=one["label"]) for rate in rates),
            tr("report.column.rows"),
        ]
        rows = [
            [group["group"], *(_with_bounds(group[rate]) for rate in rates), str(group["rows"])]
            for group in one["groups"]
        ]
        gaps = {gap["rate"]: _change(gap["difference"]) for gap in one["gaps"]}
        rows.append([tr("report.column.gap"), *(gaps.get(rate, "") for rate in rates), ""])
        table(rows, heads, key=f"fairness-{key}-{place}")
        if one["selection_ratio"] is not None:
            st.caption(tr("report.selection_ratio", label=plain(one["label"]), ratio=percent(one["selection_ratio"])))


def _data(report: Report, key: str) -> None:
    rows = [[named("studio.report.data", str(name)), str(value)] for name, value in report["data"].items()]
    table(rows, [tr("studio.name"), tr("studio.value")], key=f"data-{key}")
