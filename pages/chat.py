"""Customer service: ask, read the answer with its sources, talk to a person."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.CHAT)

from core.services import conversations  # noqa: E402 - guard() is the page's first statement
from pages.shared.answer_text import scroll_to_end  # noqa: E402
from pages.shared.chat_answering import answer_again, answer_now, examples, question_box, take_question  # noqa: E402
from pages.shared.chat_list import (  # noqa: E402
    NEW,
    conversation_header,
    conversation_list,
    current_conversation,
    my_conversations,
    open_conversation,
)
from pages.shared.chat_message import draw_message  # noqa: E402
from pages.shared.chat_person import follow_answers, person_bar  # noqa: E402
from pages.shared.knowledge_choice import choose_knowledge_base, take_new_choice  # noqa: E402
from pages.shared.language import tr  # noqa: E402
from pages.shared.parts import empty_state  # noqa: E402
from pages.shared.quota_left import left_note  # noqa: E402

PAGE = 50

take_new_choice()
mine = my_conversations(app, actor)
current = current_conversation(app, actor, mine)
base = choose_knowledge_base(app, actor, label_visible=True, sidebar=True, on_change=lambda: open_conversation(NEW))
conversation_list(app, actor, mine, current)

with st.container(key="chat-page"):
    conversation_header(app, actor, current)
    if base is None:
        empty_state("chat.no_knowledge_base", icon=":material/library_books:", link="knowledge")
        st.stop()

    limit_key = f"chat.limit.{current.id if current else 0}"
    limit = st.session_state.get(limit_key, PAGE)
    shown = conversations.messages(app, actor, current.id, limit=limit + 1) if current else []
    if len(shown) > limit:
        shown = shown[1:]
        if st.button(tr("chat.earlier"), key="chat-earlier", icon=":material/history:", type="tertiary"):
            st.session_state[limit_key] = limit + PAGE
            st.rerun()
    for message in shown:
        draw_message(app, actor, message)
    if shown:
        scroll_to_end(shown[-1].id)

    with st.bottom, st.container(key="chat-bottom"):
        person_bar(app, actor, base, current, shown)
        left_note(app, actor, "messages")
        typed = question_box(tr("chat.placeholder"))

    answer_again(app, actor)
    question = typed or take_question()
    if question:
        answer_now(app, actor, base, current, question)
    elif not shown:
        examples(app, actor, base)
    follow_answers(app, actor, current, shown)
