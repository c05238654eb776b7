"""The main script: names the pages, then runs the one that was asked for. Nothing that can fail stands above that."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared.account_menu import account_menu
from pages.shared.dialogs import close_dialog
from pages.shared.guest import GUEST_PAGE, guest_page, guest_page_asked
from pages.shared.language import language_switch, tr
from pages.shared.navigation import at_the_door, open_to, pages_of

STATIC = Path(__file__).resolve().parent / "static"


def run() -> None:
    st.set_page_config(page_title="Pilotlight", page_icon=str(STATIC / "mark.svg"), layout="wide")
    door = at_the_door()
    st.session_state["pages.open"] = open_to(door)
    hidden = door.actor is None or guest_page_asked()
    page = st.navigation([guest_page(), *pages_of(door)], position="hidden" if hidden else "sidebar")
    if st.session_state.get("page") != page.url_path:
        st.session_state["page"] = page.url_path
        close_dialog()
    st.html(STATIC / "style.css")
    # Streamlit has this one word of its own on the drop zone, in English only.
    st.html(
        f"<style>[data-testid='stFileUploaderDropzone'] button {{ --choose: '{tr('common.choose_file')}'; }}</style>"
    )
    if page.url_path == GUEST_PAGE:  # a guest sees the link's own name and marks
        page.run()
        return
    st.logo(STATIC / "logo.svg", size="large", icon_image=STATIC / "mark.svg")
    if door.actor:
        # Drawn first, so that it is there when a page fails; style.css puts it under what the page adds to the sidebar.
        with st.sidebar, st.container(key="sidebar-foot"):
            account_menu(door)
            language_switch(door.app, door.actor)
    page.run()


run()
