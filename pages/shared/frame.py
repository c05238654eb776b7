"""The main script: names the pages, then runs the one that was asked for. Nothing that can fail stands above that."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared.dialogs import close_dialog
from pages.shared.guest import GUEST_PAGE, guest_page, guest_page_asked
from pages.shared.language import language_switch, tr

PAGES = Path(__file__).resolve().parent.parent
STATIC = Path(__file__).resolve().parent / "static"

# Streamlit takes a page's file only by an absolute path here: this script's own folder holds no pages.
ICONS = {
    "home": ":material/home:",
    "chat": ":material/forum:",
    "knowledge": ":material/library_books:",
    "quality": ":material/fact_check:",
    "inbox": ":material/inbox:",
    "sentiment": ":material/sentiment_satisfied:",
    "content": ":material/edit_note:",
    "recommend": ":material/recommend:",
    "studio": ":material/model_training:",
    "links": ":material/share:",
    "report": ":material/summarize:",
}


def run() -> None:
    st.set_page_config(page_title="Pilotlight", page_icon=str(STATIC / "mark.svg"), layout="wide")
    page = st.navigation(
        [
            guest_page(),
            *(
                st.Page(
                    PAGES / f"{name}.py",
                    title=tr(f"common.nav.{name}"),
                    icon=icon,
                    url_path=name,
                    default=name == "home",
                )
                for name, icon in ICONS.items()
            ),
        ],
        position="hidden" if guest_page_asked() else "sidebar",
    )
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
    # Drawn first, so that it is there when a page fails; style.css puts it under what the page adds to the sidebar.
    with st.sidebar, st.container(key="sidebar-foot"):
        language_switch()
    page.run()


run()
