"""Names and figures of the studio as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.services.studio.views import RunView
from core.text.catalogue import catalogue
from pages.shared.job_progress import BADGES
from pages.shared.language import language, tr

FINISHED = frozenset({"done", "failed", "cancelled"})
# The measure a list shows of a run or version: the first of these that it has.
_MEASURES = ("accuracy", "f1_macro", "f1_micro", "auc", "ndcg", "mrr", "recall_at_1", "perplexity", "loss")
MAIN = tuple(f"{split}{name}" for split in ("test_", "", "validation_") for name in _MEASURES)
_SHARES = ("accuracy", "f1_", "precision", "recall", "calibration_error", "ece", "lost", "share", "top_")
_FEWER_IS_BETTER = ("loss", "perplexity", "error", "ece", "brier", "seconds", "bits_per")


def named(prefix: str, name: str) -> str:
    """The word for ``name``; one that has no word yet is shown by its own name."""
    return catalogue(language()).get(f"{prefix}.{name}", name.replace("_", " "))


def metric_name(name: str) -> str:
    """ "Accuracy (validation)" for ``validation_accuracy``."""
    for split in ("validation", "test", "train"):
        if name.startswith(f"{split}_"):
            return tr(
                "studio.metric_of", metric=_measure(name.removeprefix(f"{split}_")), split=tr(f"studio.split.{split}")
            )
    return _measure(name)


def _measure(name: str) -> str:
    words = catalogue(language())
    keys = (f"studio.metric.{name}", f"report.measure.{name}", f"figures.measures.{name}")
    return next((words[key] for key in keys if key in words), name.replace("_", " "))


def split_name(split: str) -> str:
    """ "Training", as a heading."""
    return named("studio.split", split).capitalize()


def judged(metrics: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The figures of the held-out rows; all figures, where there are none of those."""
    figures = [(n, v) for n, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)]
    return [pair for pair in figures if pair[0].startswith("test_")] or figures


def is_share(name: str) -> bool:
    """Is the figure of that name a share of 1, shown as percent?"""
    return any(part in name for part in _SHARES)


def fewer_is_better(name: str) -> bool:
    return any(part in name for part in _FEWER_IS_BETTER)


def metric_value(name: str, value: Any) -> str:
    """Percent for shares, else three places that count."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "–" if value is None else str(value)
    if is_share(name):
        return share(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def share(value: float) -> str:
    return tr("report.percent", value=f"{100 * value:.1f}")


def main_metric(metrics: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Name and value of the measure that stands for all in a list."""
    for name in MAIN:
        if isinstance(metrics.get(name), int | float):
            return name, metrics[name]
    return next(((n, v) for n, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)), None)


def main_figure(metrics: Mapping[str, Any]) -> str:
    found = main_metric(metrics)
    return f"{metric_name(found[0])} {metric_value(*found)}" if found else ""


def lasting(seconds: float) -> str:
    """ "40 s", "3 min 5 s", "2 h 10 min"."""
    whole = max(1, round(seconds))
    if whole < 60:
        return tr("studio.time.s", s=whole)
    if whole < 3600:
        return tr("studio.time.min", m=whole // 60, s=whole % 60)
    return tr("studio.time.h", h=whole // 3600, m=whole % 3600 // 60)


def moves(run: RunView) -> bool:
    """Does the run still wait or work?"""
    return run.state not in FINISHED


def ran_for(run: RunView) -> str:
    return lasting((run.finished_at - run.started_at).total_seconds()) if run.started_at and run.finished_at else ""


def state_badge(state: str) -> None:
    colour, icon = BADGES.get(state, ("gray", ":material/help:"))
    st.badge(named("common.job", state), color=colour, icon=icon)  # type: ignore[arg-type]


def value_text(value: Any) -> str:
    """An argument as people write it."""
    if isinstance(value, bool):
        return tr("studio.yes" if value else "studio.no")
    if value is None or value == "" or value == [] or value == {}:
        return "–"
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {one}" for name, one in value.items())
    if isinstance(value, str):
        return catalogue(language()).get(f"studio.choices.{value}", value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def argument_label(name: str) -> str:
    return catalogue(language()).get(f"recipes.args.{name}.label", name.replace("_", " "))


def recipe_name(name: str) -> str:
    return catalogue(language()).get(f"recipes.names.{name}.label", name.replace("_", " "))


def ink() -> str:
    """The colour of text on a chart, where the theme does not set it."""
    return "#E4ECEA" if st.context.theme.type == "dark" else "#1C2B2E"
