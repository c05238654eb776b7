"""What a page shows to who may look and change nothing. Services refuse anyway; here it is said before the click."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import streamlit as st

from core.access.actor import Actor, Permission
from pages.shared.language import tr


def sections_for(
    actor: Actor, permission: Permission, sections: Iterable[str], *, writers: Collection[str], key: str
) -> list[str]:
    """The sections for this person: without those of ``writers`` for who lacks ``permission``, who is told so.
    ``key`` is the section control's; a section out of an address that is not theirs is forgotten.
    """
    if actor.may(permission):
        return list(sections)
    st.caption(f":material/visibility: {tr('people.reading_only')}")
    shown = [name for name in sections if name not in writers]
    if st.session_state.get(key) not in shown:
        st.session_state[key] = shown[0]
    return shown
