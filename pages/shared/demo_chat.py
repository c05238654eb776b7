"""The product's chat for a guest: the link's knowledge base, its greeting, and an input while messages are left."""

from __future__ import annotations

import streamlit as st

from core.services import conversations
from core.services.application import Application
from core.services.links.guests import Guest
from core.services.links.trying import guest_base
from pages.shared.answer_text import scroll_to_end
from pages.shared.chat_answering import answer_again, answer_now, examples, question_box, take_question
from pages.shared.chat_list import conversation_header, conversation_list, current_conversation, my_conversations
from pages.shared.chat_message import draw_message
from pages.shared.chat_person import follow_answers, person_bar
from pages.shared.errors import errors_shown
from pages.shared.guest import spent_note
from pages.shared.language import tr

SHOWN = 200  # messages of a conversation


def draw(app: Application, guest: Guest) -> None:
    actor, link = guest.actor, guest.link
    base = None
    with errors_shown():
        base = guest_base(app, actor)
    if base is None:
        st.info(tr("errors.links.subject_gone"), icon=":material/info:")
        return
    mine = my_conversations(app, actor)
    current = current_conversation(app, actor, mine)
    conversation_list(app, actor, mine, current)
    with st.container(key="chat-page"):
        if current is not None:  # a new conversation has the link's own title above it
            conversation_header(app, actor, current)
        shown = conversations.messages(app, actor, current.id, limit=SHOWN) if current else []
        for message in shown:
            draw_message(app, actor, message)
        if shown:
            scroll_to_end(shown[-1].id)
        spent = link.state == "spent"
        with st.bottom, st.container(key="chat-bottom"):
            spent_note(link)
            person_bar(app, actor, base, current, shown)
            placeholder = tr("links.guest.nothing_left" if spent else "chat.placeholder")
            typed = question_box(placeholder, disabled=spent)
        answer_again(app, actor)
        question = typed or take_question()
        if question:
            answer_now(app, actor, base, current, question)
        elif not shown:
            examples(app, actor, base, welcome=link.greeting)
        follow_answers(app, actor, current, shown)
