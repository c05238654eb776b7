"""How a link will look to a guest, drawn as its owner types. Everything in it is text, never markup."""

from __future__ import annotations

import base64
from html import escape

import streamlit as st

from core.errors import PilotlightError
from core.services.links.logo import drawn_anew
from core.services.links.views import LinkRequest, LinkView
from core.text.catalogue import LANGUAGES, translate
from pages.shared.language import language, tr


def preview(request: LinkRequest, link: LinkView | None) -> None:
    st.caption(tr("links.form.preview"))
    spoken = request.language if request.language in LANGUAGES else language()

    def say(key: str) -> str:
        return escape(translate(spoken, key))

    picture = _picture(_logo(request, link))
    title = escape(request.title) or say("links.guest.title")
    greeting = escape(request.greeting) or say("chat.greeting")
    pages = "".join(f"<span>{say(f'links.page.{page}')}</span>" for page in request.pages)
    st.html(
        f'<div class="demo-preview" style="--accent:{escape(request.colour)}">'
        f'<div class="demo-preview-head">{picture}<b>{title}</b></div>'
        f"<small>{say('links.guest.seen')}</small>"
        f'<div class="demo-preview-pages">{pages if len(request.pages) > 1 else ""}</div>'
        f'<p class="demo-preview-says">{greeting}</p>'
        f'<div class="demo-preview-input"><span>{say("chat.placeholder")}</span><i></i></div></div>'
    )


def _logo(request: LinkRequest, link: LinkView | None) -> bytes | None:
    if request.logo is None:
        return link.logo if link else None
    if not request.logo:
        return None
    try:
        return drawn_anew(request.logo)
    except PilotlightError as error:
        st.warning(error.sentence(language()), icon=":material/image:")
        return None


def _picture(logo: bytes | None) -> str:
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(logo).decode()}">' if logo else ""
