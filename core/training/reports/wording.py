"""Figures and sentences of a report in the reader's language."""

from __future__ import annotations

from typing import Any

from core.evaluation.intervals import Interval
from core.text.catalogue import catalogue, translate
from core.training.reports.report import Statement

_SHARES = ("accuracy", "f1_macro", "precision_macro", "recall_macro", "calibration_error")


def say(language: str, key: str, **values: Any) -> str:
    """The sentence ``report.<key>``."""
    return translate(language, f"report.{key}", **values)


def sentence(statement: Statement, language: str) -> str:
    """The statement as a person reads it."""
    values: dict[str, Any] = dict(statement.values)
    measure = str(values.get("measure", "accuracy"))
    for name in statement.shares:
        values[name] = figure(measure, float(values[name]), language)
    for name in statement.changes:
        values[name] = difference(measure, float(values[name]), language)
    for name in ("measure", "other", "name"):
        if name in values:
            values[name] = model_name(str(values[name]), language, "measure." if name == "measure" else "")
    if "slice" in values:
        values["slice"] = say(language, str(values["slice"]))
    for name, value in values.items():
        if isinstance(value, float):
            values[name] = f"{value:.3g}"
    return say(language, statement.key, **values)


def model_name(name: str, language: str, prefix: str = "") -> str:
    """A name that the catalogue knows (a measure, "most_frequent") in the reader's language, any other as it is."""
    return catalogue(language).get(f"report.{prefix}{name}", name)


def percent(share: float, language: str) -> str:
    return say(language, "percent", value=f"{100 * share:.1f}")


def difference(measure: str, change: float, language: str) -> str:
    """A change with its sign: +2.1 points for shares, +0.021 for what is none."""
    if measure in _SHARES:
        return say(language, "points", value=_signed(f"{100 * change:+.1f}"))
    return _signed(f"{change:+.3f}")


def figure(measure: str, value: float | None, language: str) -> str:
    """A value of ``measure``: percent for shares, three places for what is none."""
    if value is None:
        return say(language, "none")
    return percent(value, language) if measure in _SHARES else f"{value:.3f}"


def bounds(interval: Interval, measure: str = "accuracy", *, change: bool = False) -> str:
    """The bounds of an interval, as in "81.0–84.6", and of a change, as in "−0.4 … +2.1"."""
    scale, shape = (100, ".1f") if measure in _SHARES else (1, ".3f")
    low, high = (format(scale * edge, "+" * change + shape) for edge in (interval.low, interval.high))
    return f"{_signed(low)} … {_signed(high)}" if change else f"{low}–{high}"


def _signed(value: str) -> str:
    return value.replace("-", "−")
