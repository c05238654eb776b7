"""Retrieval test: one question, what each stage finds and how it scores it, and what the answer would be."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.retrieve import retrieval_test
from core.services.views import KnowledgeBaseView, RetrievalTest
from core.types import Citation, Found
from pages.shared.answer_text import draw_answer_text
from pages.shared.chat_message import confidence_words
from pages.shared.chat_sources import open_source, source_drawer
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import empty_state
from pages.shared.wording import plain

STAGES = ("lexical", "dense", "fused", "rerank")
SHOWN = 10


def draw(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    if base.live_version is None:
        empty_state("knowledge.test_empty", icon=":material/manage_search:")
        return
    with st.form("retrieval-test", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        question = st.text_input(
            tr("knowledge.test_question"),
            key="test-question",
            placeholder=tr("knowledge.test_placeholder"),
            max_chars=2000,
        )
        if st.form_submit_button(tr("knowledge.test_run"), key="test-run", type="primary", icon=":material/search:"):
            st.session_state["test.asked"] = (base.id, (question or "").strip())
    asked = st.session_state.get("test.asked", (0, ""))
    if asked[0] != base.id or not asked[1]:
        st.caption(tr("knowledge.test_lead"))
        return
    with errors_shown():
        with st.spinner(tr("chat.searching")):
            found = retrieval_test(app, actor, base.id, asked[1])
        _answer(app, actor, found)
        _stages(app, actor, found)


def _answer(app: Application, actor: Actor, found: RetrievalTest) -> None:
    answer = found.answer
    with st.container(border=True, key="test-answer"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(tr(f"chat.rung.{answer.rung.value}"), color="orange" if answer.refusal else "primary")
            needed = tr("knowledge.test_threshold", value=f"{found.threshold:.2f}")
            st.caption(f"{confidence_words(answer.confidence)} · {needed}", width="content")
        if answer.refusal:
            st.markdown(tr(f"chat.refusal.{answer.refusal.reason.value}"))
        elif (number := draw_answer_text(answer, key="test-answer-text")) is not None:
            open_source("test-answer", number)
        words = " · ".join(plain(word) for word in found.words[:40])
        st.caption(tr("knowledge.test_words", words=words or "–"))
    source_drawer(app, actor, answer.citations, "test-answer")


def _stages(app: Application, actor: Actor, found: RetrievalTest) -> None:
    names = [name for name in STAGES if name in found.stages]
    with st.grid(max(1, len(names)), min_column_width=260, key="stages", gap="small"):
        for name in names:
            with st.container(border=True, key=f"card-stage-{name}", gap="xsmall"):
                _head(name, found)
                rows = found.stages[name]
                if not rows:
                    st.caption(tr("knowledge.test_nothing"))
                for place, hit in enumerate(rows[:SHOWN]):
                    _hit(name, place, hit, found)
    if "rerank" not in found.stages:
        st.caption(tr("knowledge.test_no_rerank"))
    for name in names:
        hits = [_whole(hit) for hit in found.stages[name][:SHOWN]]
        source_drawer(app, actor, hits, f"test-{name}")


def _head(name: str, found: RetrievalTest) -> None:
    took = found.milliseconds.get(name)
    weight = found.weights.get(name)
    facts = [tr("knowledge.test_ms", ms=f"{took:.1f}")] if took is not None else []
    facts += [tr("knowledge.test_weight", weight=f"{weight:.2f}")] if weight is not None else []
    st.markdown(f"**{tr(f'knowledge.stage.{name}')}**", help=tr(f"knowledge.stage_help.{name}"))
    st.caption(" · ".join(facts) or " ")


def _hit(name: str, place: int, hit: Found, found: RetrievalTest) -> None:
    """One line of a stage: the way to the source, the score, and a bar that compares it with the stage's best."""
    score = hit.hit.score
    scores = [other.hit.score for other in found.stages[name]]
    low, high = min(0.0, *scores), max(scores)
    share = (score - low) / (high - low) if high > low else 0.0
    passage = hit.passage
    st.button(
        f"{place + 1}. {plain(passage.document_name)} · {tr('chat.source.page', page=passage.page)}",
        key=f"hit-{name}-{place}",
        type="tertiary",
        help=plain(passage.text[:500]),
        on_click=open_source,
        args=(f"test-{name}", place),
    )
    st.progress(max(0.0, min(1.0, share)), text=f"{score:.3f}")


def _whole(hit: Found) -> Citation:
    p = hit.passage
    return Citation(
        p.id,
        p.document_id,
        p.version_id,
        p.document_name,
        p.page,
        p.section,
        p.start,
        p.end,
        p.text,
        p.document_date,
        p.header,
    )
