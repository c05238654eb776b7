"""Documents: drop files in, see them read, find them in a long list, delete them."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.services import knowledge
from core.services.application import Application
from core.services.ingest import start_ingest
from core.services.views import DocumentView, KnowledgeBaseView, Upload
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown, stored_error
from pages.shared.job_progress import job_panel
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice, pager
from pages.shared.quota_left import left_note
from pages.shared.wording import counted, language_name, plain, size, when

PER_PAGE = 25
TYPES = [
    "pdf", "docx", "pptx", "xlsx", "csv", "md", "markdown", "html", "htm", "txt", "eml", "zip",
    "png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff",
]  # fmt: skip
STATES = ("", "ready", "held", "processing", "failed")


def draw(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    if actor.may(Permission.KNOWLEDGE_WRITE):
        _upload(app, actor, base)
    job_panel(app, actor, base.id, ("ingest", "build", "rebuild"), key="ingest")
    if not base.documents:
        empty_state("knowledge.no_documents", icon=":material/upload_file:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="documents-filter"):
        search = st.text_input(
            tr("knowledge.search"),
            key="documents-search",
            type="search",
            icon=":material/search:",
            placeholder=tr("knowledge.search"),
            label_visibility="collapsed",
        )
        state = st.selectbox(
            tr("knowledge.state"),
            STATES,
            key="documents-state",
            format_func=lambda state: tr(f"knowledge.states.{state or 'all'}"),
            label_visibility="collapsed",
            width=200,
        )
    offset = (st.session_state.get("documents-page", 1) - 1) * PER_PAGE
    page = knowledge.list_documents(
        app, actor, base.id, search=search or "", state=state or "", limit=PER_PAGE, offset=offset
    )
    if not page.rows and offset:
        st.session_state["documents-page"] = 1
        st.rerun()
    st.caption(counted("knowledge.count", page.total))
    with st.container(key="documents", gap="xxsmall"):
        for document in page.rows:
            _row(app, actor, document)
    pager(page.total, PER_PAGE, key="documents-page")


def _upload(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    turn = st.session_state.get("upload.turn", 0)  # a new key empties the drop zone once its files are taken
    files = st.file_uploader(
        tr("knowledge.drop", limit=app.settings.max_file_mb),
        type=TYPES,
        accept_multiple_files=True,
        key=f"upload-{turn}",
        max_upload_size=app.settings.max_file_mb,
        help=tr("knowledge.drop_help", zip=app.settings.max_zip_mb),
    )
    left_note(app, actor, "documents", "storage_bytes")
    if files and st.button(
        counted("knowledge.add", len(files)), key="upload-start", type="primary", icon=":material/upload:"
    ):
        with errors_shown():
            start_ingest(app, actor, base.id, [Upload(name=file.name, data=file.getvalue()) for file in files])
            st.session_state["upload.turn"] = turn + 1
            st.rerun()


def _row(app: Application, actor: Actor, document: DocumentView) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-{document.id}"):
        with st.container(width="stretch", gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{plain(document.name)}**", width="content")
                _state(document)
            facts = [
                counted("knowledge.pages", document.pages),
                counted("knowledge.passages", document.passages),
                language_name(document.language),
                size(document.size),
                _dated(document),
            ]
            st.caption(" · ".join(fact for fact in facts if fact))
            for warning in document.warnings[:3]:
                st.caption(f":orange[:material/warning: {plain(stored_error({'code': warning}))}]")
        if actor.may(Permission.KNOWLEDGE_WRITE):
            st.button(
                "",
                key=f"delete-document-{document.id}",
                icon=":material/delete:",
                type="tertiary",
                help=tr("knowledge.delete"),
                on_click=open_dialog,
                args=(f"delete-document-{document.id}",),
            )
    draw_dialog(
        f"delete-document-{document.id}",
        tr("knowledge.delete"),
        lambda: _ask_delete(app, actor, document),
        icon=":material/delete:",
    )


def _dated(document: DocumentView) -> str:
    """Its own date where it has one; when it was uploaded, else."""
    if document.dated != "upload" and document.document_date:
        return tr(f"chat.source.dated.{document.dated}", date=document.document_date)
    return tr("knowledge.uploaded", when=when(document.updated_at))


def _state(document: DocumentView) -> None:
    if document.state == "held":
        st.badge(tr("knowledge.states.held"), color="orange", icon=":material/policy:")
    elif document.state == "failed":
        st.badge(tr("knowledge.states.failed"), color="red", icon=":material/error:")
    elif document.state == "processing":
        st.badge(tr("knowledge.states.processing"), color="blue", icon=":material/progress_activity:")
    elif document.live:
        st.badge(tr("knowledge.live"), color="green", icon=":material/check:")
    else:
        st.badge(tr("knowledge.not_yet_live"), color="gray", icon=":material/edit_note:")


def _ask_delete(app: Application, actor: Actor, document: DocumentView) -> None:
    st.markdown(tr("knowledge.delete_sure", name=plain(document.name)))
    if st.button(tr("knowledge.delete_yes"), key="delete-document-yes", type="primary"):
        with errors_shown():
            knowledge.delete_document(app, actor, document.id)
            notice(tr("knowledge.deleted", name=plain(document.name)))
            close_dialog()
            st.rerun()
