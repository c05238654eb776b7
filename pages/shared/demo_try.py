"""What a guest may try beside the chat: a text to judge, a text to be written, a list for what they look for."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.services.application import Application
from core.services.links import trying
from core.services.links.guests import Guest
from core.services.sentiment.one import POLARITIES
from pages.shared.errors import errors_shown
from pages.shared.guest import spent_note
from pages.shared.language import language, tr
from pages.shared.recommend_cards import CARD_WIDTH, facts, styles, tile
from pages.shared.sentiment_words import label_badge, label_name
from pages.shared.studio_charts import plot_bars
from pages.shared.wording import percent, plain

LONGEST = trying.LONGEST


def sentiment(app: Application, guest: Guest) -> None:
    _greeting(guest)
    with st.form("guest-sentiment", border=False):
        text = st.text_area(tr("sentiment.one.text"), key="guest-text", height=120, max_chars=LONGEST)
        pressed = _go(guest, "links.guest.judge", "guest-judge")
    if pressed:
        with errors_shown(), st.spinner(tr("sentiment.one.working")):
            _keep("sentiment", trying.try_sentiment(app, guest.actor, text or ""))
    scored = _kept("sentiment")
    if scored is None:
        return
    found = scored.judgement
    with st.container(border=True, key="guest-result", gap="small"):
        st.markdown(f"> {plain(scored.text)}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            label_badge(found.label)
            st.markdown(f"**{tr('sentiment.one.sure', percent=percent(found.confidence))}**", width="content")
        chances = zip(POLARITIES, found.probabilities, strict=True)
        rows = [{"name": label_name(name), "value": value} for name, value in chances]
        plot_bars(rows, key="guest-chances", title=tr("sentiment.one.probability"), percent=True)


def content(app: Application, guest: Guest) -> None:
    _greeting(guest)
    template = None
    with errors_shown():
        template = trying.guest_template(app, guest.actor, language())
    if template is None:
        return
    st.subheader(plain(template.title), anchor=False)
    if template.help:
        st.caption(plain(template.help))
    values: dict[str, str] = {}
    with st.form("guest-content", border=False):
        for field in template.fields:
            label = plain(field.label or field.name) + (" \\*" if field.required else "")
            draw = st.text_area if field.kind == "text" else st.text_input
            given = draw(label, key=f"guest-field-{field.name}", placeholder=field.example, max_chars=500)
            values[field.name] = given or ""
        pressed = _go(guest, "content.write.go", "guest-write")
    if pressed:
        spoken = language() if language() in template.languages else template.languages[0]
        with errors_shown(), st.spinner(tr("links.guest.writing")):
            _keep("content", trying.try_content(app, guest.actor, values, "zh" if spoken == "zh" else "en"))
    draft = _kept("content")
    if draft is not None:
        with st.container(border=True, key="guest-result"):
            for variant in draft.variants:
                st.text(variant.text)
            st.caption(tr("links.guest.written_by", model=draft.model_name))


def recommendations(app: Application, guest: Guest) -> None:
    _greeting(guest)
    with st.form("guest-recommend", border=False):
        words = st.text_input(tr("links.guest.looking_for"), key="guest-words", max_chars=300)
        pressed = _go(guest, "links.guest.recommend", "guest-recommend-go")
    if pressed:
        with errors_shown(), st.spinner(tr("links.guest.looking")):
            _keep("recommend", trying.try_recommend(app, guest.actor, words or ""))
    offers = _kept("recommend")
    if offers is None:
        return
    styles()
    if not offers.offers:
        st.info(tr("links.guest.nothing_found"), icon=":material/search_off:")
    with st.container(horizontal=True, key="guest-result"):
        for number, offer in enumerate(offers.offers):
            with st.container(width=CARD_WIDTH, key=f"guest-offer-{number}", gap="xsmall"):
                tile(offer.item)
                facts(offer.item, {})


def _greeting(guest: Guest) -> None:
    if guest.link.greeting:
        st.markdown(plain(guest.link.greeting))


def _go(guest: Guest, label: str, key: str) -> bool:
    spent = guest.link.state == "spent"
    spent_note(guest.link)
    return bool(st.form_submit_button(tr(label), key=key, type="primary", disabled=spent))


def _keep(page: str, found: Any) -> None:
    """Kept for the session and drawn in the next run, whose header counts what is left."""
    st.session_state[f"guest.{page}"] = found
    st.rerun()


def _kept(page: str) -> Any:
    return st.session_state.get(f"guest.{page}")
