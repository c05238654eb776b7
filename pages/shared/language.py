"""Which language the pages speak, and the words in it."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.people import accounts
from core.text.catalogue import LANGUAGES, translate
from pages.shared.visitor import LANGUAGE_COOKIE

STATE = "language"
NAMES = {"en": "English", "zh": "中文"}


def tr(key: str, **values: Any) -> str:
    """The sentence for ``key`` in the language of the page."""
    return translate(language(), key, **values)


def language() -> Literal["en", "zh"]:
    """The language chosen in the sidebar, else the address, the account (:func:`take_language`), the cookie, the
    settings, the browser, in that order."""
    for known in (st.session_state.get(STATE), st.query_params.get("lang"), st.context.cookies.get(LANGUAGE_COOKIE)):
        if known in LANGUAGES:
            return known  # type: ignore[return-value]
    return _of_settings() or ("zh" if (st.context.locale or "").lower().startswith("zh") else "en")


def _of_settings() -> Literal["en", "zh"] | None:
    from core.errors import PilotlightError
    from pages.shared.application import application

    try:
        chosen = application().settings.language
    except PilotlightError:
        return None  # the page itself reports it through guard()
    return None if chosen == "auto" else chosen


def take_language(app: Application | None, actor: Actor | None) -> None:
    """Begins a session in the language of the person's account, wherever they signed in."""
    if app is None or actor is None or actor.account_id is None or STATE in st.session_state:
        return
    if st.query_params.get("lang") in LANGUAGES:
        return
    kept = accounts.my_account(app, actor).language
    if kept in LANGUAGES:
        st.session_state[STATE] = kept


def language_switch(app: Application | None = None, actor: Actor | None = None) -> None:
    """Two buttons in the sidebar. The choice stays with the account of ``actor``, in the address, and from there in a
    cookie."""
    if STATE not in st.session_state:
        st.session_state[STATE] = language()
    st.segmented_control(
        "Language / 语言",
        LANGUAGES,
        key=STATE,
        required=True,
        format_func=NAMES.__getitem__,
        label_visibility="collapsed",
        on_change=_remember,
        args=(app, actor),
        persist_state="session",
        width="stretch",
    )
    if st.session_state.get("language.chosen") and st.query_params.get("lang") != st.session_state[STATE]:
        st.query_params["lang"] = st.session_state[STATE]


def _remember(app: Application | None, actor: Actor | None) -> None:
    st.session_state["language.chosen"] = True
    if app is not None and actor is not None and actor.account_id is not None:
        accounts.choose_language(app, actor, str(st.session_state[STATE]))
