"""The owner's switch: items of a catalogue below answers of this knowledge base."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.services import chat_offers
from core.services.application import Application
from core.services.recommend.catalogues import list_catalogues
from core.services.views import KnowledgeBaseView
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import PAGES, notice
from pages.shared.wording import plain


def draw(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    st.subheader(tr("offers.title"), anchor=False)
    st.caption(tr("offers.help"))
    found = {one.id: one for one in list_catalogues(app, actor)} if actor.may(Permission.RECOMMEND_READ) else {}
    now = base.settings.get(chat_offers.SETTING)
    chosen = now if now in found else None
    if not found:
        st.caption(tr("offers.no_catalogue"))
        st.page_link(str(PAGES / "recommend.py"), label=tr("offers.to_catalogues"), icon=":material/recommend:")
        return
    wanted = st.toggle(tr("offers.switch"), value=chosen is not None, key=f"offers-on-{base.id}")
    catalogue = st.selectbox(
        tr("offers.catalogue"), list(found), key=f"offers-catalogue-{base.id}", disabled=not wanted,
        index=list(found).index(chosen) if chosen else 0, format_func=lambda number: plain(found[number].name),
    )  # fmt: skip
    after = catalogue if wanted else None
    if st.button(tr("common.save"), key=f"offers-save-{base.id}", disabled=after == chosen):
        with errors_shown():
            chat_offers.set_offers(app, actor, base.id, after)
            notice(tr("offers.saved_on" if after else "offers.saved_off"))
            st.rerun()
