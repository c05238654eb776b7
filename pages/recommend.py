"""Recommendations: data, the wizard, lists for a person, rules, an experiment, and how fresh it all is."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.RECOMMEND_READ)

from pages.shared import (  # noqa: E402 - guard() is the page's first statement
    recommend_cards,
    recommend_data,
    recommend_experiment,
    recommend_fresh,
    recommend_people,
    recommend_rules,
    recommend_wizard,
)
from pages.shared.language import tr  # noqa: E402
from pages.shared.parts import empty_state, show_notices, title  # noqa: E402
from pages.shared.reading import sections_for  # noqa: E402
from pages.shared.recommend_choice import choose_catalogue, new_catalogue_form, take_new_choice  # noqa: E402
from pages.shared.recommend_place import SECTION, read_address, section_chosen, write_address  # noqa: E402

SECTIONS = {
    "people": recommend_people.draw,
    "data": recommend_data.draw,
    "wizard": recommend_wizard.draw,
    "rules": recommend_rules.draw,
    "experiment": recommend_experiment.draw,
    "fresh": recommend_fresh.draw,
}
ICONS = {
    "people": "person_search",
    "data": "table_rows",
    "wizard": "auto_awesome",
    "rules": "rule",
    "experiment": "science",
    "fresh": "update",
}

show_notices()
take_new_choice()
read_address()
recommend_cards.styles()
title("recommend")
with st.container(horizontal=True, vertical_alignment="bottom", key="catalogue-choice"):
    with st.container(width="stretch"):
        catalogue = choose_catalogue(app, actor)
    if catalogue and actor.may(Permission.RECOMMEND):
        with st.popover(tr("recommend.new"), icon=":material/add:", key="new-catalogue"):
            new_catalogue_form(app, actor, key="catalogue-new")
if catalogue is None:
    empty_state(
        "recommend.none",
        icon=":material/recommend:",
        action=(lambda: new_catalogue_form(app, actor, key="catalogue-first"))
        if actor.may(Permission.RECOMMEND)
        else None,
    )
    st.stop()
if SECTION not in st.session_state:
    st.session_state[SECTION] = "people" if catalogue.items and catalogue.interactions else "data"
shown = sections_for(actor, Permission.RECOMMEND, SECTIONS, writers=("fresh",), key=SECTION)
section = st.segmented_control(
    tr("recommend.section"),
    shown,
    key=SECTION,
    required=True,
    format_func=lambda name: f":material/{ICONS[name]}: {tr(f'recommend.sections.{name}')}",
    label_visibility="collapsed",
    on_change=section_chosen,
    persist_state="session",
)
write_address()
SECTIONS[section or "data"](app, actor, catalogue)
