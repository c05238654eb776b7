"""The lane of doubtful texts: one at a time, by keys, until the labels make a data set."""

from __future__ import annotations

import streamlit as st

from core.access.actor import ALLOWED, Actor, Permission
from core.services.application import Application
from core.services.sentiment import lane
from core.services.sentiment.lane import LaneView, TaskView
from pages.shared import unsent
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice, page_link
from pages.shared.sentiment_words import LABELS, label_name
from pages.shared.wording import counted, percent, plain

KEYS = dict(zip(LABELS[:3], "123", strict=True))
ICONS = {"negative": "sentiment_dissatisfied", "neutral": "sentiment_neutral", "positive": "sentiment_satisfied"}


def draw(app: Application, actor: Actor) -> None:
    st.caption(tr("sentiment.lane.lead"))
    keeping = unsent.kept(app, actor, "sentiment/lane-person", "lane-person")
    if actor.account_id is not None:
        st.session_state.setdefault("lane-person", actor.name)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        person = st.text_input(
            tr("sentiment.lane.person"),
            key="lane-person",
            max_chars=80,
            help=tr("sentiment.lane.person_help"),
            width=260,
            persist_state="session",
            **keeping,
        )
        second = st.toggle(tr("sentiment.lane.second"), key="lane-second", persist_state="session")
    person = (person or "").strip()
    if not person:
        st.info(tr("sentiment.lane.person_needed"), icon=":material/badge:")
    else:
        with errors_shown():
            task = lane.next_task(app, actor, person, second=bool(second))
            if task is None:
                empty_state("sentiment.lane.empty", icon=":material/done_all:")
                _take_back(app, actor, person)
            else:
                _label(app, actor, task, person)
    with errors_shown():
        _standing(app, actor, lane.lane(app, actor, person))


def _label(app: Application, actor: Actor, task: TaskView, person: str) -> None:
    with st.container(border=True, key="lane-text"):
        st.markdown(f"#### {plain(task.text)}")
        facts = [tr("sentiment.lane.from", source=plain(task.source))] if task.source else []
        # What the model leans to is told only to the first, whose answer the second checks.
        if not task.answers and task.said:
            facts.append(
                tr("sentiment.lane.said", label=label_name(task.said).lower(), percent=percent(task.confidence))
            )
        st.caption(" · ".join(facts))
    with st.container(horizontal=True, gap="small", key="lane-keys"):
        for label, shortcut in KEYS.items():
            if st.button(label_name(label), key=f"lane-{label}", icon=f":material/{ICONS[label]}:", shortcut=shortcut):
                _answer(app, actor, task.id, person, label)
        if st.button(tr("sentiment.lane.set_aside"), key="lane-aside", shortcut="0", type="tertiary"):
            _answer(app, actor, task.id, person, "set_aside")
        _take_back(app, actor, person)


def _answer(app: Application, actor: Actor, task_id: int, person: str, label: str) -> None:
    with errors_shown():
        lane.answer(app, actor, task_id, person, label)
        st.rerun()


def _take_back(app: Application, actor: Actor, person: str) -> None:
    if st.button(tr("sentiment.lane.back"), key="lane-back", shortcut="u", type="tertiary", icon=":material/undo:"):
        with errors_shown():
            if lane.take_back(app, actor, person) is not None:
                notice(tr("sentiment.lane.taken_back"))
            st.rerun()


def _standing(app: Application, actor: Actor, view: LaneView) -> None:
    if not view.labelled and not view.open:
        return
    with st.grid(4, min_column_width=150, key="lane-numbers", gap="small"):
        st.metric(tr("sentiment.lane.open"), view.open, border=True)
        st.metric(tr("sentiment.lane.labelled"), view.labelled, border=True)
        st.metric(tr("sentiment.lane.both"), view.both, border=True)
        help_text = tr("sentiment.lane.kappa_none")
        if view.pair is not None:
            help_text = tr("sentiment.lane.kappa_help", a=view.pair[0], b=view.pair[1], n=view.shared)
        shown = "–" if view.kappa is None else f"{view.kappa:.2f}"
        st.metric(tr("sentiment.lane.kappa"), shown, border=True, help=help_text)
    if view.people:
        st.caption(
            f"{tr('sentiment.lane.people')}: " + " · ".join(f"{plain(name)} {count}" for name, count in view.people)
        )
    if view.disagreed:
        st.caption(counted("sentiment.lane.disagreed", view.disagreed))
    if view.labelled and Permission.STUDIO in ALLOWED[actor.role]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if st.button(tr("sentiment.lane.make"), key="lane-make", icon=":material/dataset:", type="primary"):
                with errors_shown():
                    lane.to_data_set(app, actor)
                    notice(tr("sentiment.lane.made", name=lane.DATA_SET))
                    st.rerun()
            page_link("studio", label=tr("sentiment.lane.to_studio"), icon=":material/arrow_forward:")
