"""Admin, privacy: what is masked, how long things are kept, and everything that is known of one person."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.keeping.persons import PersonalRows, erase_person, export_person, find_person
from core.services.keeping.retention import Due, preview
from core.services.privacy import KINDS, LONGEST, Privacy, privacy, save_privacy
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import notice
from pages.shared.wording import when

COUNTED = ("conversations", "messages", "handoffs", "sentiment", "demo_uses", "recommendations", "unsent")


def draw(app: Application, actor: Actor) -> None:
    """The whole section. The actor must be allowed to change the workspace."""
    kept = privacy(app, actor)
    left, right = st.columns(2, gap="medium")
    with left:
        _masking(app, actor, kept)
        _encryption(app)
    with right:
        _retention(app, actor, kept)
    _person(app, actor)


def _masking(app: Application, actor: Actor, kept: Privacy) -> None:
    with st.container(border=True, key="card-masking"):
        st.markdown(f"**{tr('privacy.masking')}**")
        st.caption(tr("privacy.masking_lead"))
        for name in ("mask_endpoint", "mask_training"):
            st.toggle(
                tr(f"privacy.{name}"),
                value=getattr(kept, name),
                key=f"privacy-{name}",
                help=tr(f"privacy.{name}_help"),
                on_change=_switch,
                args=(app, actor, name),
            )
        logs = "privacy.logs_masked" if app.settings.mask_logs else "privacy.logs_plain"
        st.caption(tr(logs))


def _switch(app: Application, actor: Actor, name: str) -> None:
    with errors_shown():
        save_privacy(app, actor, **{name: bool(st.session_state[f"privacy-{name}"])})
        notice(tr("common.saved"))


def _encryption(app: Application) -> None:
    on = bool(app.settings.encryption_key.get_secret_value() or app.settings.encryption_key_file)
    with st.container(border=True, key="card-encryption"):
        st.markdown(f"**{tr('privacy.encryption')}**")
        if on:
            st.badge(tr("privacy.encryption_on"), icon=":material/lock:", color="green")
        else:
            st.badge(tr("privacy.encryption_off"), icon=":material/lock_open:", color="gray")
        st.caption(tr("privacy.encryption_on_lead" if on else "privacy.encryption_off_lead"))


def _retention(app: Application, actor: Actor, kept: Privacy) -> None:
    with st.container(border=True, key="card-retention"):
        st.markdown(f"**{tr('privacy.retention')}**")
        st.caption(tr("privacy.retention_lead"))
        days = {
            kind: int(
                st.number_input(
                    tr(f"privacy.kinds.{kind}"),
                    min_value=0,
                    max_value=LONGEST,
                    value=kept.days[kind],
                    step=1,
                    key=f"privacy-days-{kind}",
                )
            )
            for kind in KINDS
        }
        due = [one for one in preview(app, actor, days) if one.number]
        for one in due:
            st.markdown(_going(one))
        if not due and any(days.values()):
            st.caption(tr("privacy.nothing_due"))
        if st.button(tr("common.save"), key="privacy-days-save", type="primary", disabled=days == kept.days):
            with errors_shown():
                save_privacy(app, actor, days=days)
                notice(tr("common.saved"))
                st.rerun()


def _going(one: Due) -> str:
    kind = tr(f"privacy.kinds.{one.kind}")
    oldest = when(one.oldest) if one.oldest else ""
    return f":material/auto_delete: {tr('privacy.going', kind=kind, number=f'{one.number:,}', oldest=oldest)}"


def _person(app: Application, actor: Actor) -> None:
    with st.container(border=True, key="card-person"):
        st.markdown(f"**{tr('privacy.person')}**")
        st.caption(tr("privacy.person_lead"))
        with st.form("privacy-person", border=False):
            left, right = st.columns([4, 1], vertical_alignment="bottom")
            words = left.text_input(
                tr("privacy.words"), key="privacy-words", placeholder="anna@example.com · 13812345678", max_chars=200
            )
            asked = right.form_submit_button(tr("privacy.look"), icon=":material/search:", width="stretch")
        if asked:
            st.session_state.pop("privacy-found", None)
            with errors_shown():
                st.session_state["privacy-found"] = (words.strip(), find_person(app, actor, words))
        if found := st.session_state.get("privacy-found"):
            _found(app, actor, *found)


def _found(app: Application, actor: Actor, words: str, counts: PersonalRows) -> None:
    if not counts.total:
        st.info(tr("privacy.nobody", words=_quoted(words)), icon=":material/person_off:")
        return
    st.markdown(tr("privacy.found", words=_quoted(words)))
    with st.container(horizontal=True):
        for name in COUNTED:
            st.metric(tr(f"privacy.counted.{name}"), f"{getattr(counts, name):,}", width="content")
    with st.container(horizontal=True):
        st.download_button(
            tr("privacy.export"),
            lambda: export_person(app, actor, words),
            file_name="person.zip",
            mime="application/zip",
            icon=":material/download:",
            key="privacy-export",
            on_click="ignore",
        )
        with st.popover(tr("privacy.erase"), icon=":material/delete:", key="privacy-erase"):
            st.markdown(tr("privacy.erase_sure", number=f"{counts.total:,}"))
            st.button(
                tr("privacy.erase_now"),
                key="privacy-erase-now",
                type="primary",
                icon=":material/delete:",
                on_click=_erase,
                args=(app, actor, words, counts),
            )


def _erase(app: Application, actor: Actor, words: str, counts: PersonalRows) -> None:
    with errors_shown():
        gone = erase_person(app, actor, words, expected=counts.total)
        st.session_state.pop("privacy-found", None)
        notice(tr("privacy.erased", number=f"{gone.total:,}"))


def _quoted(words: str) -> str:
    """What a person typed, as text and not as Markdown."""
    return "`" + words.replace("`", "'") + "`"
