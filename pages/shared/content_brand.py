"""The rules of the brand: words that must not appear, and how long a text may be where it will stand."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.content import checking
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import notice


def draw(app: Application, actor: Actor) -> None:
    rules = checking.brand(app, actor)
    reads = not actor.may(Permission.CONTENT)
    with st.form("brand-form"):
        banned = st.text_area(
            tr("content.brand.banned"), "\n".join(rules["banned"]), key="brand-banned", height=160,
            help=tr("content.brand.banned_help"), disabled=reads,
        )  # fmt: skip
        st.markdown(f"**{tr('content.brand.limits')}**")
        limits = {}
        with st.grid(min_column_width=180, key="brand-limits"):
            for name, value in rules["limits"].items():
                limits[name] = int(
                    st.number_input(
                        tr(f"content.brand.channels.{name}"), 0, 100_000, int(value), 10, key=f"brand-limit-{name}",
                        disabled=reads,
                    )
                )  # fmt: skip
        st.caption(tr("content.brand.limits_help"))
        if st.form_submit_button(tr("common.save"), key="brand-save", type="primary", disabled=reads):
            with errors_shown():
                checking.save_brand(app, actor, banned=(banned or "").splitlines(), limits=limits)
                notice(tr("common.saved"))
                st.rerun()
