"""From a question to its answer on the page: stored first, then streamed, then drawn from the database."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.access.actor import Actor
from core.services import ask, conversations, workspace
from core.services.application import Application
from core.services.relay import relayed
from core.services.views import ConversationView, KnowledgeBaseView
from pages.shared.chat_list import open_conversation
from pages.shared.dialogs import close_dialog
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import empty_state
from pages.shared.watching import watched
from pages.shared.wording import plain

NEXT = "chat.next_question"
AGAIN = "chat.answer_again"
EXAMPLES = 4
STOP_SECONDS = 1.0


def question_box(placeholder: str, *, disabled: bool = False) -> str | None:
    """The input at the foot of a chat, which becomes Stop while an answer is made.

    Whoever types there has closed the drawer. A question that follows at once overtakes that closing in Streamlit
    (fastReruns stops the run that would tell of it), and the drawer would stand open again over the answer.
    """
    return st.chat_input(
        placeholder,
        key="chat-input",
        submit_mode="stop",
        max_chars=2000,
        disabled=disabled,
        on_submit=close_dialog,
    )


def take_question() -> str:
    """A question that a button on the page put here."""
    return str(st.session_state.pop(NEXT, ""))


def ask_next(question: str) -> None:
    st.session_state[NEXT] = question


def answer_now(
    app: Application, actor: Actor, base: KnowledgeBaseView, current: ConversationView | None, question: str
) -> None:
    """Ends in a rerun that draws the stored messages, unless something failed: then its sentence stands here."""
    with errors_shown():
        number = current.id if current else conversations.start_conversation(app, actor, base.id)
        asked = ask.ask(app, actor, number, question)
        open_conversation(number)
        with st.chat_message("user", avatar=":material/person:"):
            st.markdown(plain(question))
        _speak(app, actor, asked)
        st.rerun()


def answer_again(app: Application, actor: Actor) -> None:
    """Makes a failed or stopped answer anew, in its place."""
    message_id = st.session_state.pop(AGAIN, None)
    if message_id is None:
        return
    with errors_shown():
        _speak(app, actor, ask.retry(app, actor, message_id))
        st.rerun()


def ask_again(message_id: int) -> None:
    st.session_state[AGAIN] = message_id


def _speak(app: Application, actor: Actor, asked: ask.Asked) -> None:
    redraw_after_stop(app, actor, asked.message_id)
    said = relayed(asked)
    try:
        with st.chat_message("assistant", avatar=":material/local_fire_department:"):
            box, shown = st.empty(), ""
            with st.spinner(tr("chat.searching")):
                text = _first(said, box)
            # Stop interrupts this script only where it draws: drawn at every tick, it does so while a model is silent.
            for piece in chain([text], said) if text else ():
                shown += piece or ""
                box.markdown(plain(shown))
    finally:
        # Stop ends this script in the middle of the stream: closing it is what records what was said so far.
        said.close()
    asked.result()


def redraw_after_stop(app: Application, actor: Actor, message_id: int) -> None:
    """Stop ends the script and nothing draws what it left: the browser's own clock asks for it then.

    While the script runs, Streamlit lets a fragment wait for its end.
    """

    def look() -> None:
        if conversations.message_state(app, actor, message_id) != "answering":
            st.rerun(scope="app")

    watched(app, actor, look, every=STOP_SECONDS, key="chat-stopped")


def _first(said: Iterator[str | None], box: DeltaGenerator) -> str:
    """The first words; '' for an answer that has none (a refusal)."""
    for piece in said:
        if piece:
            return piece
        box.empty()
    return ""


def examples(app: Application, actor: Actor, base: KnowledgeBaseView, *, welcome: str = "") -> None:
    """The empty conversation: a greeting (``welcome``, else the workspace's), and questions this knowledge base can
    answer."""
    if not base.documents and not base.faq_entries:
        empty_state("chat.nothing_to_answer_from", icon=":material/upload_file:", link="knowledge")
        return
    greeting = workspace.workspace_settings(app, actor).get("greeting") or {}
    with st.container(key="chat-empty"):
        with st.chat_message("assistant", avatar=":material/local_fire_department:"):
            st.markdown(plain(str(welcome or greeting.get(language()) or tr("chat.greeting"))))
        questions = ask.example_questions(app, actor, base.id, limit=EXAMPLES)
        if questions:
            st.caption(tr("chat.examples"))
        for number, question in enumerate(questions):
            st.button(
                plain(question),
                key=f"example-{number}",
                icon=":material/arrow_outward:",
                type="tertiary",
                on_click=ask_next,
                args=(question,),
            )
