"""Items below an answer: up to three cards, each with why it stands there, and what a click shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.services import chat_offers
from core.services.application import Application
from core.services.chat_offers import ChatOffer
from core.services.views import MessageView
from pages.shared import recommend_cards
from pages.shared.dialogs import dialog_values, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import notice
from pages.shared.wording import plain

ICONS = {"asked": "sell", "fits": "lightbulb", "answered": "format_quote"}


def offers_below(app: Application, actor: Actor, message: MessageView) -> None:
    found = chat_offers.offers_below(app, actor, message.id)
    if not found.offers:
        return
    settings = found.settings or {}
    recommend_cards.styles()
    with st.container(key=f"chat-offers-{message.id}", gap="xsmall"):
        st.caption(tr("offers.lead"))
        with st.grid(min_column_width=recommend_cards.CARD_WIDTH, key=f"chat-offer-grid-{message.id}"):
            for place, offer in enumerate(found.offers):
                with st.container(border=True, key=f"offer-chat-{message.id}-{place}", gap="xsmall", height="stretch"):
                    _card(app, actor, message, place, offer, settings)
    name = f"offer-{message.id}"
    shown = dialog_values(name)
    chosen = next((one for one in found.offers if shown and one.item.id == shown.get("item")), None)
    if chosen is not None:
        title = plain(chosen.item.called(language()))
        draw_dialog(name, title, lambda: _details(chosen, settings), icon=":material/sell:")


def _card(
    app: Application, actor: Actor, message: MessageView, place: int, offer: ChatOffer, settings: Mapping[str, Any]
) -> None:
    recommend_cards.tile(offer.item)
    recommend_cards.facts(offer.item, settings)
    st.caption(f":material/{ICONS.get(offer.why, 'sell')}: {tr(f'offers.why.{offer.why}')}")
    with st.container(horizontal=True, gap="xsmall"):
        if st.button(
            tr("offers.look"), key=f"offer-look-{message.id}-{place}", type="tertiary", icon=":material/visibility:"
        ):
            with errors_shown():
                chat_offers.react_to_offer(app, actor, message.id, offer.item.id)
                open_dialog(f"offer-{message.id}", item=offer.item.id)
                st.rerun()
        if st.button(
            tr("offers.no"), key=f"offer-no-{message.id}-{place}", type="tertiary", icon=":material/do_not_disturb_on:"
        ):
            with errors_shown():
                chat_offers.react_to_offer(app, actor, message.id, offer.item.id, "not_interested")
                notice(tr("offers.no_done"))
                st.rerun()


def _details(offer: ChatOffer, settings: Mapping[str, Any]) -> None:
    recommend_cards.tile(offer.item)
    recommend_cards.facts(offer.item, settings)
    if offer.item.text:
        st.markdown(plain(offer.item.text))
    with st.container(horizontal=True, gap="xsmall"):
        for tag in (offer.item.category, *offer.item.tags):
            if tag:
                st.badge(plain(tag), color="gray")
