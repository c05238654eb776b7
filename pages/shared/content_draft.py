"""A draft: its variants side by side while they are written, and afterwards with everything one does to them."""

from __future__ import annotations

import html
from functools import partial

import streamlit as st

from core.access.actor import Actor, Permission
from core.errors import NotFound
from core.services.application import Application
from core.services.content import checking, drafts, exporting, templates, writing
from core.services.content.facts import Claim
from core.services.content.views import DraftView, VariantView
from pages.shared import unsent
from pages.shared.content_place import open_draft
from pages.shared.content_words import key_name
from pages.shared.errors import errors_shown, stored_error
from pages.shared.language import language, tr
from pages.shared.parts import notice
from pages.shared.watching import watched
from pages.shared.wording import plain, when

SECONDS = 0.4
WIDTH = 240  # pixels of a variant at least
FORMATS = {"docx": "Word", "md": "Markdown", "csv": "CSV"}


def draw(app: Application, actor: Actor, draft: DraftView, *, key: str = "open") -> None:
    if draft.state == "writing":
        _live(app, actor, draft.id)
        return
    _heading(app, actor, draft, key)
    _notes(draft)
    with st.grid(min_column_width=WIDTH, key=f"variants-{key}-{draft.id}", gap="medium"):
        for variant in draft.variants:
            if variant.text.strip() or draft.state == "done":
                _variant(app, actor, draft, variant)
    if draft.sources:
        _sources(draft)


def _live(app: Application, actor: Actor, draft_id: int) -> None:
    """What is written so far, drawn again and again; the page as a whole when it has ended."""

    def poll() -> None:
        try:
            draft = drafts.get_draft(app, actor, draft_id)
        except NotFound:
            st.rerun(scope="app")
        if draft.state != "writing":
            st.rerun(scope="app")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(draft.title)}**", width="content")
            st.badge(tr("content.state.writing"), color="blue", icon=":material/progress_activity:")
            st.button(
                tr("content.draft.stop"), key=f"stop-{draft_id}", icon=":material/stop_circle:",
                on_click=_stop, args=(app, actor, draft_id),
            )  # fmt: skip
        with st.grid(min_column_width=WIDTH, key=f"writing-{draft_id}", gap="medium"):
            for variant in draft.variants:
                with st.container(border=True, key=f"quote-live-{variant.id}"):
                    st.caption(tr("content.draft.variant", n=variant.number))
                    st.text(variant.text or "…")

    watched(app, actor, poll, every=SECONDS, key=f"live-{draft_id}")


def _stop(app: Application, actor: Actor, draft_id: int) -> None:
    with errors_shown():
        writing.stop_writing(app, actor, draft_id)


def _heading(app: Application, actor: Actor, draft: DraftView, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"draft-head-{key}-{draft.id}"):
        st.markdown(f"**{plain(draft.title)}**", width="content")
        if draft.state != "done":
            st.badge(tr(f"content.state.{draft.state}"), color="red" if draft.state == "failed" else "gray")
        st.space("stretch")
        changes = actor.may(Permission.CONTENT)
        if changes:
            st.button(
                tr("content.draft.again"), key=f"again-{key}-{draft.id}", icon=":material/refresh:", type="tertiary",
                help=tr("content.draft.again_help"), on_click=_again, args=(draft.id,),
            )  # fmt: skip
        _export(app, actor, draft, key)
        if changes:
            _delete_menu(app, actor, draft, key)
    st.caption(_told(app, actor, draft))


def _delete_menu(app: Application, actor: Actor, draft: DraftView, key: str) -> None:
    with st.popover(tr("common.delete"), icon=":material/delete:", type="tertiary"):
        st.markdown(tr("content.draft.delete"))
        st.button(
            tr("common.delete"), key=f"delete-{key}-{draft.id}", type="primary", on_click=_delete,
            args=(app, actor, draft.id),
        )  # fmt: skip


def _told(app: Application, actor: Actor, draft: DraftView) -> str:
    settings = draft.settings
    facts = [_template_title(app, actor, draft.template), key_name(draft.model, draft.model_name)]
    if draft.model != "documents":  # nothing is drawn there
        facts.append(tr("content.draft.seed", seed=settings.get("seed", "")))
        facts.append(tr("content.draft.temperature", value=f"{settings.get('temperature', 0):g}"))
    return plain(" · ".join([*facts, when(draft.created_at)]))


def _template_title(app: Application, actor: Actor, template: str) -> str:
    try:
        return templates.get_template(app, actor, template, language()).title
    except NotFound:
        return tr("content.draft.template_gone")


def _again(draft_id: int) -> None:
    from pages.shared.content_place import go

    st.session_state["write.again"] = draft_id
    open_draft(draft_id)
    go("write")


def _delete(app: Application, actor: Actor, draft_id: int) -> None:
    with errors_shown():
        drafts.delete_draft(app, actor, draft_id)
        open_draft(None)
        notice(tr("content.draft.deleted"))


def _export(app: Application, actor: Actor, draft: DraftView, key: str) -> None:
    if not any(variant.text.strip() for variant in draft.variants):
        return
    with st.popover(tr("content.draft.export"), icon=":material/download:", type="tertiary"):
        for format, label in FORMATS.items():
            st.download_button(
                label, partial(_exported, app, actor, draft.id, format), file_name=exporting.file_name(format),
                key=f"export-{format}-{key}-{draft.id}", on_click="ignore", width="stretch",
            )  # fmt: skip


def _exported(app: Application, actor: Actor, draft_id: int, format: str) -> bytes:
    """Made when it is asked for: the page is drawn often."""
    return exporting.export_drafts(app, actor, [draft_id], format)[1]


def _notes(draft: DraftView) -> None:
    if draft.error:
        st.error(stored_error(draft.error), icon=":material/error:")
    for note in draft.notes:
        st.info(tr(f"content.notes.{note['code']}", **note["values"]), icon=":material/info:")


def _variant(app: Application, actor: Actor, draft: DraftView, variant: VariantView) -> None:
    editing = f"editing-{variant.id}"
    if unsent.is_kept(app, actor, drafts.edit_place(variant.id)):
        st.session_state[editing] = True
    with st.container(border=True, key=f"variant-{variant.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(tr("content.draft.variant", n=variant.number), width="content")
            if variant.edits:
                st.badge(tr("content.draft.edited"), color="primary", icon=":material/edit:")
            st.space("stretch")
            star = ":material/star:" if not variant.favourite else ":material/kid_star:"
            if actor.may(Permission.CONTENT):
                st.button(
                    "", key=f"favourite-{variant.id}", icon=star, type="primary" if variant.favourite else "tertiary",
                    help=tr("content.draft.favourite"), on_click=_favourite, args=(app, actor, variant),
                )  # fmt: skip
        if st.session_state.get(editing):
            _edit(app, actor, variant, editing)
        else:
            _text(draft, variant)
        _below(app, actor, draft, variant, editing)


def _text(draft: DraftView, variant: VariantView) -> None:
    """The text with unsupported claims marked."""
    found = checking.claims(draft, variant.text)
    if not found:
        with st.container(key=f"quote-variant-{variant.id}"):
            st.text(variant.text or tr("content.draft.nothing"))
        return
    st.html(f'<div class="source-text">{marked(variant.text, found)}</div>')
    st.caption(f":orange[:material/warning: {tr('content.claims.some', n=len(found))}]")


def marked(text: str, found: list[Claim]) -> str:
    """HTML of ``text`` with its claims marked, each with its kind as a tooltip."""
    parts, at = [], 0
    for claim in found:
        parts.append(html.escape(text[at : claim.start]))
        why = html.escape(tr(f"content.claims.{claim.kind}"), quote=True)
        parts.append(f'<mark class="claim-open" title="{why}">{html.escape(claim.text)}</mark>')
        at = claim.end
    return "".join([*parts, html.escape(text[at:])])


def _edit(app: Application, actor: Actor, variant: VariantView, editing: str) -> None:
    place, key = drafts.edit_place(variant.id), f"text-{variant.id}-{variant.edits}"
    keeping = unsent.kept(app, actor, place, key, gone=variant.text)
    st.session_state.setdefault(key, variant.text)
    text = st.text_area(tr("content.draft.text"), key=key, height=260, label_visibility="collapsed", **keeping)
    with st.container(horizontal=True):
        if st.button(tr("common.save"), key=f"save-{variant.id}", type="primary"):
            with errors_shown():
                drafts.edit_variant(app, actor, variant.id, text or "")
                unsent.forget(app, actor, place)
                st.session_state.pop(editing, None)
                notice(tr("common.saved"))
                st.rerun()
        st.button(tr("common.cancel"), key=f"leave-{variant.id}", on_click=_close, args=(app, actor, place, editing))


def _close(app: Application, actor: Actor, place: str, editing: str) -> None:
    unsent.forget(app, actor, place)
    st.session_state.pop(editing, None)


def _below(app: Application, actor: Actor, draft: DraftView, variant: VariantView, editing: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if actor.may(Permission.CONTENT) and not st.session_state.get(editing):
            st.button(
                tr("common.edit"), key=f"edit-{variant.id}", icon=":material/edit:", type="tertiary",
                on_click=st.session_state.__setitem__, args=(editing, True),
            )  # fmt: skip
        with st.popover(tr("content.draft.checks"), icon=":material/fact_check:", type="tertiary"):
            _checks(app, actor, draft, variant)
        if variant.edits:
            with st.popover(tr("content.draft.versions"), icon=":material/history:", type="tertiary"):
                _versions(app, actor, variant)
        st.feedback(
            "thumbs", key=f"rating-{variant.id}", default={1: 1, -1: 0}.get(variant.rating),
            on_change=_rate, args=(app, actor, variant.id), disabled=not actor.may(Permission.CONTENT),
        )  # fmt: skip
    if variant.reason == "length":
        st.caption(tr("content.draft.cut"))


def _checks(app: Application, actor: Actor, draft: DraftView, variant: VariantView) -> None:
    icons = {"good": ":green[:material/check_circle:]", "look": ":orange[:material/visibility:]"}
    for finding in checking.check(app, actor, draft, variant.text):
        told = tr(f"content.checks.{finding.code}", **{n: plain(str(v)) for n, v in finding.values.items()})
        st.markdown(f"{icons.get(finding.status, ':red[:material/error:]')} {told}")
    for claim in checking.claims(draft, variant.text):
        told = tr("content.claims.one", kind=tr(f"content.claims.{claim.kind}"), text=plain(claim.text))
        st.markdown(f":orange[:material/warning:] {told}")


def _versions(app: Application, actor: Actor, variant: VariantView) -> None:
    for number, text in drafts.list_versions(app, actor, variant.id):
        written = tr("content.draft.as_written") if number == 1 else tr("content.draft.version", n=number)
        st.caption(written)
        with st.container(key=f"quote-version-{variant.id}-{number}"):
            st.text(text)
        if actor.may(Permission.CONTENT):
            st.button(
                tr("content.draft.restore"), key=f"restore-{variant.id}-{number}", icon=":material/undo:",
                on_click=_restore, args=(app, actor, variant.id, number),
            )  # fmt: skip


def _restore(app: Application, actor: Actor, variant_id: int, number: int) -> None:
    with errors_shown():
        drafts.restore_version(app, actor, variant_id, number)


def _rate(app: Application, actor: Actor, variant_id: int) -> None:
    said = st.session_state.get(f"rating-{variant_id}")
    with errors_shown():
        drafts.rate(app, actor, variant_id, {1: 1, 0: -1}.get(said, 0))


def _favourite(app: Application, actor: Actor, variant: VariantView) -> None:
    with errors_shown():
        drafts.set_favourite(app, actor, variant.id, not variant.favourite)


def _sources(draft: DraftView) -> None:
    with st.expander(tr("content.draft.sources", n=len(draft.sources)), icon=":material/menu_book:"):
        for number, one in enumerate(draft.sources):
            st.caption(tr("content.draft.source", document=plain(str(one["document"])), page=one["page"]))
            with st.container(key=f"quote-source-{draft.id}-{number}"):
                st.text(str(one["text"]))
