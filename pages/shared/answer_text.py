"""Text with numbered citations inside it that can be clicked. Text only: nothing of it is ever read as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.types import Answer
from pages.shared.language import tr

FOLDER = Path(__file__).resolve().parent / "static"


def draw_answer_text(answer: Answer, *, key: str) -> int | None:
    """Draws the answer; returns the number of the citation that was just clicked."""
    parts = sentence_parts(answer)
    titles = [f"{c.document} · {tr('chat.source.page', page=c.page)}" for c in answer.citations]
    return _draw(parts, titles, key=key)


def draw_text(text: str, *, key: str) -> None:
    """Words of a person or of an FAQ entry, with working web addresses."""
    _draw([{"text": text, "gap": "", "citations": [], "unsupported": False}], [], key=key)


def sentence_parts(answer: Answer) -> list[dict[str, Any]]:
    """The sentences in order with what stands between them in the answer's text, and what no source supports marked."""
    text = answer.text or ""
    if not answer.sentences:
        return [{"text": text, "gap": "", "citations": list(range(len(answer.citations))), "unsupported": False}]
    parts: list[dict[str, Any]] = []
    end = 0
    for sentence in answer.sentences:
        start = text.find(sentence.text, end)
        gap = text[end:start] if start >= end else "\n"
        end = start + len(sentence.text) if start >= end else end
        parts.append(
            {
                "text": sentence.text,
                "gap": gap if parts else "",
                "citations": list(sentence.citations),
                "unsupported": not sentence.citations,
            }
        )
    return parts


def scroll_to_end(message_id: int) -> None:
    """Brings the newest message into view, once for each: opening a conversation shows where it stands."""
    component = st.components.v2.component("pilotlight_end", js=(FOLDER / "end.js").read_text(encoding="utf-8"))
    component(key="chat-end", data={"message": message_id}, height=1)


def _draw(parts: Sequence[dict[str, Any]], titles: Sequence[str], *, key: str) -> int | None:
    component = st.components.v2.component(
        "pilotlight_answer",
        css=(FOLDER / "answer.css").read_text(encoding="utf-8"),
        js=(FOLDER / "answer.js").read_text(encoding="utf-8"),
    )
    words = {"open": tr("chat.source.open"), "unsupported": tr("chat.unsupported")}
    data = {"parts": list(parts), "titles": list(titles), "words": words}
    clicked = component(key=key, data=data, on_cite_change=lambda: None).cite
    return int(clicked) if clicked is not None else None
