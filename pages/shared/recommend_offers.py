"""A list as cards: each with its reason, a way to say "this" or "not this", and where it stood before."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.recommend import feedback
from core.services.recommend.views import CatalogueView, ItemView, Offer, OfferList
from pages.shared import recommend_cards
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import notice
from pages.shared.recommend_words import percent
from pages.shared.wording import plain

WIDTH = 215  # pixels


def draw(
    app: Application, actor: Actor, catalogue: CatalogueView, person: str, made: OfferList,
    items: Mapping[str, ItemView], before: Mapping[str, int] | None,
) -> None:  # fmt: skip
    with st.grid(min_column_width=WIDTH, key="offers"):
        for place, offer in enumerate(made.offers, 1):
            with st.container(border=True, key=f"offer-{place}", gap="xsmall", height="stretch"):
                recommend_cards.tile(offer.item)
                recommend_cards.facts(offer.item, catalogue.settings)
                _moved(place, offer, before)
                st.caption(reason(offer, made, items))
                if person and actor.may(Permission.RECOMMEND):
                    _reactions(app, actor, catalogue, person, offer, made)


def _moved(place: int, offer: Offer, before: Mapping[str, int] | None) -> None:
    if before is None or before.get(offer.item.id) == place:
        return
    was = before.get(offer.item.id)
    if was is None:
        st.badge(tr("recommend.offer.new_here"), color="green", icon=":material/add:")
    else:
        st.badge(tr("recommend.offer.was", n=was), color="blue", icon=":material/swap_vert:")


def reason(offer: Offer, made: OfferList, items: Mapping[str, ItemView]) -> str:
    """Why it stands here, in words."""
    if not offer.reasons:
        return tr(f"recommend.offer.why_{made.basis if made.basis in ('popular', 'words') else 'pattern'}")
    parts = []
    for one in offer.reasons[:2]:
        name = items[one.item].called(language()) if one.item in items else one.item
        parts.append(tr("recommend.offer.part", item=plain(name), share=percent(one.share)))
    said = tr("recommend.offer.and").join(parts)
    if made.basis == "item":
        return tr("recommend.offer.why_item", list=said)
    return tr("recommend.offer.why_new" if offer.known_by == "content" else "recommend.offer.why", list=said)


def _reactions(
    app: Application, actor: Actor, catalogue: CatalogueView, person: str, offer: Offer, made: OfferList
) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        for reaction, icon in (("clicked", "ads_click"), ("not_interested", "do_not_disturb_on")):
            if st.button(
                tr(f"recommend.offer.{reaction}"),
                key=f"{reaction}-{offer.item.id}",
                icon=f":material/{icon}:",
                type="tertiary",
                help=tr(f"recommend.offer.{reaction}_help"),
            ):
                with errors_shown():
                    feedback.react(app, actor, catalogue.id, person, offer.item.id, reaction, shown_id=made.shown_id)
                    notice(tr(f"recommend.offer.{reaction}_done", item=offer.item.called(language())))
                    st.rerun()
