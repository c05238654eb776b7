"""One message: who speaks, what is said with its sources, how sure it is, and what the reader thinks of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.source import dated
from core.services.views import MessageView
from core.types import Answer, Citation, Refusal, RefusalReason, Rung
from pages.shared.answer_text import draw_answer_text, draw_text
from pages.shared.chat_answering import ask_again
from pages.shared.chat_feedback import feedback
from pages.shared.chat_offers import offers_below
from pages.shared.chat_person import handoff_note
from pages.shared.chat_sources import open_source, source_drawer
from pages.shared.dialogs import open_dialog
from pages.shared.errors import stored_error
from pages.shared.language import tr
from pages.shared.wording import counted, plain, when

AVATARS = {
    "customer": ":material/person:",
    "assistant": ":material/local_fire_department:",
    "staff": ":material/support_agent:",
    "system": ":material/info:",
}
COLOURS = {
    Rung.FAQ: ("green", ":material/verified:"),
    Rung.DOCUMENT: ("primary", ":material/format_quote:"),
    Rung.MODEL: ("violet", ":material/auto_awesome:"),
    Rung.PERSON: ("blue", ":material/support_agent:"),
    Rung.REFUSAL: ("orange", ":material/help:"),
}


def draw_message(app: Application, actor: Actor, message: MessageView) -> None:
    name = "user" if message.role == "customer" else "assistant"
    with st.chat_message(name, avatar=AVATARS.get(message.role, AVATARS["system"])):
        if message.role == "customer":
            st.markdown(plain(message.text))
        elif message.role == "assistant":
            _assistant(app, actor, message)
        elif message.role == "staff":
            st.badge(tr("chat.rung.person"), icon=":material/support_agent:", color="blue")
            draw_text(message.text, key=f"text-{message.id}")
            st.caption(when(message.created_at))
        else:
            handoff_note(message)


def _assistant(app: Application, actor: Actor, message: MessageView) -> None:
    answer = message.answer
    if message.state == "answering":
        st.markdown(f":gray[{tr('chat.answering')}]")
        return
    if message.state == "failed":
        st.error(stored_error(message.detail.get("error", {})) or tr("common.failed_without_reason"))
    elif message.state == "stopped":
        if answer is not None and answer.refusal is None:
            _answer(app, actor, message, answer)
        elif message.text:
            draw_text(message.text, key=f"text-{message.id}")
        st.caption(tr("chat.stopped"))
    elif answer is not None and answer.rung is Rung.PERSON:
        _label(answer)
        draw_text(message.text, key=f"text-{message.id}")
    elif answer is not None and answer.refusal is not None:
        _refusal(app, actor, message, answer, answer.refusal)
    elif answer is not None:
        _answer(app, actor, message, answer)
    else:
        draw_text(message.text, key=f"text-{message.id}")
    if message.detail.get("offers"):
        offers_below(app, actor, message)
    if message.retry:
        label = tr("chat.again")
        st.button(label, key=f"again-{message.id}", icon=":material/refresh:", on_click=ask_again, args=(message.id,))


def _answer(app: Application, actor: Actor, message: MessageView, answer: Answer) -> None:
    if answer.rung is not Rung.SMALLTALK:
        _label(answer)
    clicked = draw_answer_text(answer, key=f"text-{message.id}")
    if answer.dropped:
        st.caption(counted("chat.dropped", answer.dropped))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"sources-{message.id}"):
        source_chips(answer.citations, name=f"source-{message.id}")
        if answer.rung is not Rung.SMALLTALK:
            feedback(app, actor, message)
    if clicked is not None:
        open_source(f"source-{message.id}", clicked)
    source_drawer(app, actor, answer.citations, f"source-{message.id}")


def _label(answer: Answer) -> None:
    colour, icon = COLOURS.get(answer.rung, ("gray", ":material/chat:"))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(tr(f"chat.rung.{answer.rung.value}"), icon=icon, color=colour)  # type: ignore[arg-type]
        if answer.rung in {Rung.DOCUMENT, Rung.MODEL}:
            st.caption(confidence_words(answer.confidence), width="content", help=tr("chat.confidence.help"))


def confidence_words(confidence: float) -> str:
    """How sure an answer is, in words; the bounds are ours, the number behind them is calibrated."""
    word = "high" if confidence >= 0.9 else "good" if confidence >= 0.75 else "fair" if confidence >= 0.5 else "low"
    return tr(f"chat.confidence.{word}", percent=f"{min(confidence, 0.99) * 100:.0f}")


def source_chips(citations: Sequence[Citation], *, name: str) -> None:
    """One button a document and page, which opens the drawer ``name`` there."""
    places: dict[tuple[str, int], list[int]] = {}
    for number, citation in enumerate(citations):
        places.setdefault((citation.document, citation.page), []).append(number)
    for (document, page), numbers in places.items():
        marks = ", ".join(str(number + 1) for number in numbers)
        st.button(
            f"{marks} · {plain(document)} · {tr('chat.source.page', page=page)}",
            key=f"{name}-{numbers[0]}",
            icon=":material/description:",
            help=tr("chat.source.open"),
            on_click=open_source,
            args=(name, numbers[0]),
        )


def _refusal(app: Application, actor: Actor, message: MessageView, answer: Answer, refusal: Refusal) -> None:
    _label(answer)
    st.markdown(tr(f"chat.refusal.{refusal.reason.value}"))
    name = f"source-{message.id}"
    if refusal.best:
        st.caption(tr(f"chat.best.{refusal.reason.value}"))
    whence = dated(app, actor, refusal.best) if refusal.best else {}
    for number, place in enumerate(refusal.best):
        with st.container(border=True, key=f"quote-{message.id}-{number}", gap="xsmall"):
            st.text(place.quote if len(place.quote) <= 400 else place.quote[:400] + "…")
            known = whence.get(place.version_id, "upload")
            date = tr(f"chat.source.dated.{known}", date=place.document_date) if place.document_date else ""
            facts = [plain(place.document), tr("chat.source.page", page=place.page), date]
            st.button(
                " · ".join(fact for fact in facts if fact),
                key=f"best-{message.id}-{number}",
                icon=":material/description:",
                type="tertiary",
                on_click=open_source,
                args=(name, number),
            )
    if refusal.reason is RefusalReason.CONTRADICTION and (later := _later(refusal.best, whence)):
        st.caption(tr("chat.later", document=plain(later)))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"ways-{message.id}"):
        st.button(
            tr("chat.person.ask"),
            key=f"person-{message.id}",
            icon=":material/support_agent:",
            on_click=open_dialog,
            args=("person",),
            kwargs={"reason": "refused"},
        )
        feedback(app, actor, message)
    source_drawer(app, actor, refusal.best, name)


def _later(places: Sequence[Citation], whence: Mapping[int, str]) -> str:
    """The document that is newer for certain: all print a date of their own, and its is the latest. '' if none is."""
    if len(places) < 2 or any(whence.get(place.version_id) != "printed" for place in places):
        return ""
    ordered = sorted(places, key=lambda place: place.document_date)
    newest, before = ordered[-1].document_date, ordered[-2].document_date
    # "2025-03" and "2025-03-14" say nothing about which is later.
    return "" if newest.startswith(before) else ordered[-1].document
