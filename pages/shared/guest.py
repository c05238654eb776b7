"""The guest of a demo link on its own page: who the cookie says, the link's name and colours, what is left."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from core.errors import NotFound, PilotlightError
from core.services.application import Application
from core.services.links.guests import Guest, guest
from core.services.links.views import LinkView
from core.text.catalogue import LANGUAGES
from pages.shared.application import application
from pages.shared.errors import show_error
from pages.shared.language import STATE as LANGUAGE
from pages.shared.language import language, language_switch, tr
from pages.shared.parts import PAGES
from pages.shared.wording import counted, local, plain

GUEST_PAGE = "demo"
LOGO_HEIGHT = 56  # pixels


def guest_page() -> st.Page:
    """In every navigation, shown in none: only an address leads to it."""
    return st.Page(PAGES / f"{GUEST_PAGE}.py", title=tr("links.guest.tab"), url_path=GUEST_PAGE, visibility="hidden")


def guest_page_asked() -> bool:
    """Whether the browser stands at the guests' page; its owner tries a link there beside the app."""
    return urlsplit(st.context.url or "").path.rstrip("/").endswith(f"/{GUEST_PAGE}")


def cookies() -> Mapping[str, str]:
    return st.context.cookies


def enter() -> tuple[Application, Guest]:
    """Who is here. Stops the page with a polite sentence for a browser that holds no link, or one that is over."""
    try:
        app = application()
        found = guest(app, cookies(), embedded=bool(st.context.is_embedded))
        if found is None:
            raise NotFound("links.not_here")
    except PilotlightError as error:
        st.title(tr("links.door.closed"), anchor=False)
        show_error(error)
        st.stop()
    if found.link.language in LANGUAGES:
        st.session_state[LANGUAGE] = found.link.language
    return app, Guest(replace(found.actor, language=language()), found.link)


def guest_header(link: LinkView) -> None:
    """The link's own logo, title and colour; who reads what is asked; what is left."""
    name = link.title or tr("links.guest.title")
    st.set_page_config(page_title=name, page_icon=_icon(link), layout="wide")
    colours(link.colour)
    with st.container(key="guest-header", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if link.logo:
                st.image(link.logo, width=LOGO_HEIGHT, alt="")
            st.markdown(f"## {plain(name)}", width="stretch")
            if link.language == "auto":
                with st.container(width=190):
                    language_switch()
        st.caption(f":material/visibility: {tr('links.guest.seen')}")
        limits(link)


def _icon(link: LinkView) -> Any:
    """The link's logo in the browser's tab. Streamlit would fetch a named icon from elsewhere."""
    from PIL import Image

    return Image.open(io.BytesIO(link.logo)) if link.logo else str(PAGES / "shared" / "static" / "mark.svg")


def spent_note(link: LinkView) -> None:
    """That nothing is left, where a guest looks for what to do next."""
    if link.state == "spent":
        st.info(tr("errors.links.spent"), icon=":material/hourglass_disabled:")


def limits(link: LinkView) -> None:
    """What is left of messages, and until when; nothing where nothing is limited."""
    left = [] if link.messages_left is None else [counted("links.guest.left", link.messages_left)]
    if link.expires_at is not None:
        left.append(tr("links.guest.until", date=f"{local(link.expires_at):%Y-%m-%d %H:%M}"))
    if left:
        st.caption(" · ".join(left))


def colours(colour: str) -> None:
    """The link's colour on what can be pressed. ``colour`` was checked to be # and six hexadecimal digits."""
    if not colour:
        return
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    ink = "#1C2B2E" if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "#FFFFFF"
    st.html(
        f"<style>[data-testid='stBaseButton-primary'], [data-testid='stBaseButton-primaryFormSubmit'],"
        f" [data-testid='stChatInputSubmitButton']:not(:disabled)"
        f" {{ background: {colour} !important; border-color: {colour} !important; color: {ink} !important; }}"
        f" .st-key-guest-header {{ border-top: 4px solid {colour}; padding-top: 0.8rem; }}"
        f" .stChatMessage:has(> [aria-label='Chat message from user'])"
        f" {{ background: color-mix(in srgb, {colour} 12%, transparent); }}</style>"
    )
