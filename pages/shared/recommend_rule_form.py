"""The form for a new rule: its kind, what it needs, and what its self-test said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.recommend import ruling
from core.services.recommend.views import CatalogueView, ItemView
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import notice

KINDS = ("in_stock", "cap", "diversity", "exclude", "boost", "price", "fresh")


def draw(app: Application, actor: Actor, catalogue: CatalogueView, items: Mapping[str, ItemView]) -> None:
    with st.expander(tr("recommend.rules.new"), icon=":material/add:", key="rule-new", expanded=not catalogue.rules):
        kind = st.selectbox(
            tr("recommend.rules.kind"), KINDS, key="rule-kind", format_func=lambda one: tr(f"recommend.rule_kind.{one}")
        )
        st.caption(tr(f"recommend.rule_about.{kind}"))
        name = st.text_input(
            tr("recommend.rules.name"), value=tr(f"recommend.rule_kind.{kind}"), key=f"rule-name-{kind}", max_chars=100
        )
        values = _values(str(kind), items)
        if st.button(tr("recommend.rules.save"), key="rule-save", type="primary", icon=":material/save:"):
            with errors_shown():
                _, said = ruling.save_rule(app, actor, catalogue.id, name or "", str(kind), values)
                notice(tr(f"recommend.rule_test.{said.code}", n=said.values.get("items", 0)))
                st.rerun()


def _values(kind: str, items: Mapping[str, ItemView]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if kind in ("exclude", "boost"):
        values = _things(kind, items)
    with st.container(horizontal=True, gap="medium"):
        if kind == "boost":
            values["strength"] = st.slider(
                tr("recommend.rules.strength"),
                -3.0,
                3.0,
                1.0,
                0.25,
                key="rule-boost",
                help=tr("recommend.rules.strength_help"),
            )
        elif kind == "cap":
            values["most"] = int(st.number_input(tr("recommend.rules.most"), 1, 100, 3, key="rule-cap"))
        elif kind == "diversity":
            values["strength"] = st.slider(tr("recommend.rules.different"), 0.0, 1.0, 0.3, 0.05, key="rule-diversity")
        elif kind == "fresh":
            values["days"] = int(st.number_input(tr("recommend.rules.days"), 1, 3650, 30, key="rule-days"))
            values["most"] = int(st.number_input(tr("recommend.rules.fresh_most"), 1, 100, 3, key="rule-fresh"))
        elif kind == "price":
            values["low"] = st.number_input(tr("recommend.rules.low"), 0.0, value=None, key="rule-low")
            values["high"] = st.number_input(tr("recommend.rules.high"), 0.0, value=None, key="rule-high")
            values["unknown"] = st.toggle(tr("recommend.rules.unknown"), value=True, key="rule-unknown")
    return values


def _things(kind: str, items: Mapping[str, ItemView]) -> dict[str, Any]:
    categories = sorted({one.category for one in items.values() if one.category})
    tags = sorted({tag for one in items.values() for tag in one.tags})
    return {
        "categories": st.multiselect(tr("recommend.rules.categories"), categories, key=f"rule-categories-{kind}"),
        "tags": st.multiselect(tr("recommend.rules.tags"), tags, key=f"rule-tags-{kind}"),
        "items": st.multiselect(
            tr("recommend.rules.items"), list(items), key=f"rule-items-{kind}",
            format_func=lambda code: items[code].called(language()),
        ),
    }  # fmt: skip
