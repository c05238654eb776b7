"""Everything that was written: found again, opened, exported, turned into data for training."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.errors import NotFound
from core.services.application import Application
from core.services.content import drafts, exporting, templates
from core.services.content.views import DraftView
from pages.shared import content_draft
from pages.shared.content_place import go, open_draft, opened_draft
from pages.shared.content_words import key_name
from pages.shared.errors import errors_shown, show_error
from pages.shared.language import language, tr
from pages.shared.parts import empty_state
from pages.shared.wording import counted, plain, when

SHOWN = 220  # characters of a text in the list


def draw(app: Application, actor: Actor) -> None:
    if not actor.may(Permission.CONTENT) and (number := opened_draft()):
        _read(app, actor, number)
        return
    listed = {one.id: one.title for one in templates.list_templates(app, actor, language())}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        find = st.text_input(
            tr("content.history.find"), key="history-find", icon=":material/search:", persist_state="session"
        )
        template = st.selectbox(
            tr("content.write.template"), ["", *listed], key="history-template", persist_state="session",
            format_func=lambda name: listed.get(name) or tr("content.history.all"),
        )  # fmt: skip
        favourites = st.toggle(tr("content.history.favourites"), key="history-favourites", persist_state="session")
    wanted = {"find": find or "", "template": template or "", "favourites": bool(favourites)}
    total = drafts.list_drafts(app, actor, size=1, **wanted).total
    if not total:
        filtered = any(wanted.values())
        empty_state("content.history.none" if filtered else "content.history.empty", icon=":material/history:")
        return
    _actions(app, actor, wanted, total)
    first = _pager(total)
    for draft in drafts.list_drafts(app, actor, first=first, **wanted).drafts:
        _row(app, actor, draft, listed)


def _read(app: Application, actor: Actor, draft_id: int) -> None:
    """One draft, for who writes none: who does goes on with it under the form."""
    back = tr("content.history.back")
    st.button(
        back, key="history-back", icon=":material/arrow_back:", type="tertiary", on_click=open_draft, args=(None,)
    )
    try:
        draft = drafts.get_draft(app, actor, draft_id)
    except NotFound as error:
        show_error(error)
        return
    content_draft.draw(app, actor, draft)


def _pager(total: int) -> int:
    from pages.shared.parts import pager

    return pager(total, drafts.PAGE, key="history-page")


def _actions(app: Application, actor: Actor, wanted: dict[str, object], total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(counted("content.history.count", total), width="content")
        st.space("stretch")
        with st.popover(tr("content.history.export"), icon=":material/download:"):
            _exports(app, actor, wanted)


def _exports(app: Application, actor: Actor, wanted: dict[str, object]) -> None:
    st.caption(tr("content.history.export_help"))
    for format, label in content_draft.FORMATS.items():
        if st.button(label, key=f"history-export-{format}", width="stretch"):
            with errors_shown():
                found = drafts.list_drafts(app, actor, size=exporting.MOST, **wanted).drafts  # type: ignore[arg-type]
                only = bool(wanted["favourites"])
                made = exporting.export_drafts(app, actor, [one.id for one in found], format, favourites=only)
                st.session_state["history-made"] = made
    if st.button(tr("content.history.preferences"), key="history-preferences", width="stretch"):
        with errors_shown():
            st.session_state["history-made"] = drafts.preference_file(app, actor)
    st.caption(tr("content.history.preferences_help"))
    if made := st.session_state.get("history-made"):
        st.download_button(
            tr("content.history.save", name=made[0]), made[1], file_name=made[0], key="history-download",
            type="primary", on_click="ignore",
        )  # fmt: skip


def _row(app: Application, actor: Actor, draft: DraftView, listed: dict[str, str]) -> None:
    with st.container(key=f"row-draft-{draft.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                plain(draft.title) or "–", key=f"open-draft-{draft.id}", type="tertiary",
                icon=":material/arrow_outward:",
                on_click=_open if actor.may(Permission.CONTENT) else open_draft, args=(draft.id,),
            )  # fmt: skip
            if any(one.favourite for one in draft.variants):
                st.badge(tr("content.history.favourite"), color="primary", icon=":material/star:")
            if draft.state != "done":
                st.badge(tr(f"content.state.{draft.state}"), color="red" if draft.state == "failed" else "gray")
        facts = [listed.get(draft.template, draft.template), key_name(draft.model, draft.model_name)]
        facts += [tr("content.draft.seed", seed=draft.settings.get("seed", "")), when(draft.created_at)]
        st.caption(plain(" · ".join(str(fact) for fact in facts)))
        shown = next((one.text for one in draft.variants if one.favourite), "")
        shown = " ".join((shown or (draft.variants[0].text if draft.variants else "")).split())
        st.markdown(plain(shown[:SHOWN] + ("…" if len(shown) > SHOWN else "")))


def _open(draft_id: int) -> None:
    st.session_state["write.again"] = draft_id
    open_draft(draft_id)
    go("write")
