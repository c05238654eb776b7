"""Rules: a draft in order, each tested when it is saved, all of them when they are published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.recommend import catalogues, ruling
from core.services.recommend.ruling import RuleView
from core.services.recommend.views import CatalogueView, ItemView
from pages.shared import recommend_rule_form
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import empty_state, notice
from pages.shared.recommend_people import MOST_ITEMS
from pages.shared.wording import plain, when

ICONS = {
    "exclude": "block", "boost": "trending_up", "cap": "filter_3", "in_stock": "inventory_2", "price": "sell",
    "fresh": "fiber_new", "diversity": "palette",
}  # fmt: skip


def draw(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    if not catalogue.items:
        empty_state("recommend.no_items", icon=":material/table_rows:")
        return
    items = {one.id: one for one in catalogues.list_items(app, actor, catalogue.id, limit=MOST_ITEMS).rows}
    draft = ruling.list_rules(app, actor, catalogue.id)
    st.markdown(tr("recommend.rules.lead"))
    _publish(app, actor, catalogue, draft)
    with st.container(key="rule-list", gap="xxsmall"):
        for place, rule in enumerate(draft):
            _row(app, actor, catalogue, rule, place, len(draft), items)
    if not draft:
        st.caption(tr("recommend.rules.none"))
    if actor.may(Permission.RECOMMEND):
        recommend_rule_form.draw(app, actor, catalogue, items)


def _publish(app: Application, actor: Actor, catalogue: CatalogueView, draft: list[RuleView]) -> None:
    changed = [rule.spec for rule in draft if rule.active] != [dict(one) for one in catalogue.rules]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="rule-publish"):
        if catalogue.rules_published_at:
            st.badge(
                tr("recommend.rules.in_force", n=len(catalogue.rules), when=when(catalogue.rules_published_at)),
                color="green", icon=":material/check:",
            )  # fmt: skip
        if not changed:
            return
        st.badge(tr("recommend.rules.changed"), color="orange", icon=":material/edit:")
        if actor.may(Permission.RECOMMEND) and st.button(
            tr("recommend.rules.publish"), key="rules-publish", type="primary", icon=":material/publish:"
        ):
            with errors_shown():
                ruling.publish_rules(app, actor, catalogue.id)
                notice(tr("recommend.rules.published"))
                st.rerun()


def _row(
    app: Application, actor: Actor, catalogue: CatalogueView, rule: RuleView, place: int, count: int,
    items: Mapping[str, ItemView],
) -> None:  # fmt: skip
    with (
        st.container(key=f"row-rule-{rule.id}"),
        st.container(horizontal=True, vertical_alignment="center", gap="small"),
    ):
        st.markdown(f"**{place + 1}.** :material/{ICONS[rule.kind]}: **{plain(rule.name)}**", width="content")
        st.caption(said(rule.kind, rule.values, items), width="content")
        st.space("stretch")
        if not actor.may(Permission.RECOMMEND):
            if not rule.active:
                st.badge(tr("recommend.rules.off"), color="gray")
            return
        active = st.toggle(
            tr("recommend.rules.active"), value=rule.active, key=f"rule-active-{rule.id}-{rule.active}",
        )  # fmt: skip
        if active != rule.active:
            with errors_shown():
                ruling.set_active(app, actor, catalogue.id, rule.id, active)
                st.rerun()
        for name, by, icon, blocked in (
            ("up", -1, "arrow_upward", place == 0),
            ("down", 1, "arrow_downward", place == count - 1),
        ):
            if st.button(
                "", key=f"rule-{name}-{rule.id}", icon=f":material/{icon}:", type="tertiary", disabled=blocked,
                help=tr(f"recommend.rules.{name}"),
            ):  # fmt: skip
                with errors_shown():
                    ruling.move_rule(app, actor, catalogue.id, rule.id, by)
                    st.rerun()
        if st.button(
            "", key=f"rule-delete-{rule.id}", icon=":material/delete:", type="tertiary", help=tr("common.delete")
        ):
            with errors_shown():
                ruling.delete_rule(app, actor, catalogue.id, rule.id)
                st.rerun()


def said(kind: str, values: Mapping[str, Any], items: Mapping[str, ItemView]) -> str:
    """What a rule does, in words."""
    things = [items[code].called(language()) if code in items else code for code in values.get("items", ())]
    things += [*values.get("categories", ()), *(f"#{tag}" for tag in values.get("tags", ()))]
    listed = plain(", ".join(things[:4]) + (" …" if len(things) > 4 else ""))
    if kind == "boost" and values["strength"] < 0:
        return tr("recommend.rule_said.demote", list=listed, strength=f"{-values['strength']:g}")
    if kind == "price":
        low, high = values["low"], values["high"]
        return tr(
            "recommend.rule_said.price",
            low="–" if low is None else f"{low:g}",
            high="–" if high is None else f"{high:g}",
        )
    figures = {name: f"{value:g}" for name, value in values.items() if isinstance(value, int | float)}
    return tr(f"recommend.rule_said.{kind}", **{"list": listed, **figures})
