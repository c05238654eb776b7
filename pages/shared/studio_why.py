"""Why a model said what it said: words or columns that spoke for a label, and those that spoke against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.studio import reports
from core.services.studio.views import ModelVersionView, Tried
from pages.shared.choice_kept import keep_among
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.studio_charts import plot_bars
from pages.shared.wording import plain

NAMED = 5
COLUMNS = 10
FOR, AGAINST = "30, 149, 142", "194, 87, 78"


def text(app: Application, actor: Actor, version: ModelVersionView, one: Tried, *, key: str, at_once: bool) -> None:
    """Under a text that was tried: its words coloured by what they added."""
    label = _label(one, key, at_once=at_once)
    if label is None:
        return
    found = _kept(
        key, (version.id, one.input, label), lambda: reports.explain_text(app, actor, version.id, one.input, label)
    )
    if found is None:
        return
    words(one.input, label, found)


def words(whole: str, label: str, found: Any) -> None:
    """``whole`` with its words coloured by what they added to ``label``, and the strongest named below."""
    st.html(f'<p style="line-height:2;margin:0;overflow-wrap:anywhere">{_marked(whole, found.words)}</p>')
    _legend(label, [(word.word, word.weight) for word in found.words])
    if any(not word.read for word in found.words):
        st.caption(tr("studio.why.not_read"))
    if not found.said.close:
        st.caption(f":orange[:material/warning: {tr('studio.why.rough')}]")


def row(
    app: Application,
    actor: Actor,
    version: ModelVersionView,
    given: Mapping[str, Any],
    one: Tried,
    *,
    key: str,
    at_once: bool,
) -> None:
    """Under a row that was tried: what each column added."""
    label = _label(one, key, at_once=at_once)
    if label is None:
        return
    found = _kept(
        key, (version.id, str(given), label), lambda: reports.explain_row(app, actor, version.id, given, label)
    )
    if found is None:
        return
    columns = sorted(found.columns, key=lambda column: -abs(column.weight))[:COLUMNS]
    bars = [{"name": f"{column.column} = {column.value}", "value": round(column.weight, 4)} for column in columns]
    plot_bars(bars, key=f"why-{key}", title=tr("studio.why.columns", label=label))
    _legend(label, [(column.column, column.weight) for column in found.columns])


def _label(one: Tried, key: str, *, at_once: bool) -> str | None:
    """The label to explain; None until it is asked for."""
    labels = [score.label for score in one.labels] or ([one.label] if one.label else [])
    if not labels:
        return None
    if not at_once and not st.toggle(tr("studio.why.show"), key=f"why-show-{key}"):
        return None
    if len(labels) == 1:
        return labels[0]
    keep_among(f"why-label-{key}", labels)
    return st.selectbox(tr("studio.why.label"), labels, key=f"why-label-{key}", width=260)


def _kept(key: str, about: tuple[Any, ...], explain: Callable[[], Any]) -> Any:
    """Explaining takes a second: done once for the same question."""
    held = st.session_state.get("why", {})
    if key in held and held[key][0] == about:
        return held[key][1]
    found = None
    with errors_shown(), st.spinner(tr("studio.why.working")):
        found = explain()
        st.session_state["why"] = {**held, key: (about, found)}
    return found


def _marked(whole: str, words: Sequence[Any]) -> str:
    """The text with each word on a ground as deep as its weight; the rest as it stands. All of it escaped."""
    strongest = max((abs(word.weight) for word in words), default=0.0) or 1.0
    parts, at = [], 0
    for word in sorted(words, key=lambda word: word.start):
        parts.append(escape(whole[at : word.start]))
        shown, depth = escape(whole[word.start : word.end]), abs(word.weight) / strongest
        if word.read and depth >= 0.05:
            colour = FOR if word.weight > 0 else AGAINST
            line = "" if word.weight > 0 else ";text-decoration:underline dotted"
            style = f"background:rgba({colour},{0.1 + 0.55 * depth:.2f});border-radius:3px;padding:0.1em 0.12em{line}"
            shown = f'<span style="{style}" title="{word.weight:+.2f}">{shown}</span>'
        elif not word.read:
            shown = f'<span style="opacity:0.5">{shown}</span>'
        parts.append(shown)
        at = word.end
    return "".join([*parts, escape(whole[at:])]).replace("\n", "<br>")


def _legend(label: str, weights: Sequence[tuple[str, float]]) -> None:
    """The strongest in words, so that nothing hangs on colour alone."""
    ranked = sorted(weights, key=lambda pair: -abs(pair[1]))
    for key, sign in (("for", 1), ("against", -1)):
        words = [(word, weight) for word, weight in ranked if weight * sign > 0 and any(map(str.isalnum, word))]
        named = [f"{plain(word)} ({weight:+.2f})" for word, weight in words][:NAMED]
        if named:
            st.caption(tr(f"studio.why.{key}", label=plain(label), words=tr("studio.why.comma").join(named)))
