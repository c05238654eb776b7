""" "Did it learn?" of a model that sorts nothing into classes: pairs and language models, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.shared.language import tr
from pages.shared.studio_tables import table
from pages.shared.studio_words import fewer_is_better, named
from pages.shared.wording import plain

SAMPLES = 5


def draw(figures: Mapping[str, Any], *, key: str) -> None:
    measures: Mapping[str, Mapping[str, float]] = figures.get("measures", {})
    if measures:
        _verdict(measures)
        st.subheader(tr("report.section.measures"), anchor=False)
        st.caption(tr("studio.report.lead", rows=f"{figures.get('rows', 0):,}"))
        heads = [tr(f"figures.{name}") for name in ("measure", "before", "after", "change")]
        rows = [
            [named("figures.measures", name), f"{one['before']:.3f}", f"{one['after']:.3f}", _change(one)]
            for name, one in measures.items()
        ]
        table(rows, heads, key=f"figures-{key}")
    samples = list(figures.get("samples", ()))
    if samples:
        st.subheader(tr("figures.samples"), anchor=False)
        for place, sample in enumerate(samples[:SAMPLES]):
            with st.container(border=True, key=f"quote-figure-{key}-{place}"):
                st.text(str(sample))


def _verdict(measures: Mapping[str, Mapping[str, float]]) -> None:
    """By the paired bounds of the first measure."""
    name, first = next(iter(measures.items()))
    better, worse = first["low"] > 0, first["high"] < 0
    if fewer_is_better(name):
        better, worse = worse, better
    outcome = "learned" if better else "worse" if worse else "unsure"
    text = f"**{tr('figures.title')}** {plain(tr(f'figures.verdict.{outcome}'))}"
    if better:
        st.success(text, icon=":material/check_circle:")
    elif worse:
        st.error(text, icon=":material/trending_down:")
    else:
        st.warning(text, icon=":material/help:")


def _change(one: Mapping[str, float]) -> str:
    change = f"{one['after'] - one['before']:+.3f}  ({one['low']:+.3f} … {one['high']:+.3f})"
    return change.replace("-", "−")
