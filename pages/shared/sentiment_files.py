"""Files judged row by row: upload, columns, progress, and the list of what was judged."""

from __future__ import annotations

import re

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.sentiment import batches
from core.services.sentiment.batches import BatchView, TablePreview
from core.services.studio.views import StoredUpload
from core.services.views import Upload
from pages.shared import sentiment_results
from pages.shared.errors import errors_shown, show_error, stored_error
from pages.shared.job_progress import BADGES
from pages.shared.language import tr
from pages.shared.parts import confirm, empty_state
from pages.shared.quota_left import left_note
from pages.shared.sentiment_place import go, opened
from pages.shared.studio_polling import polled
from pages.shared.wording import counted, duration, plain, size, when

STAGES = frozenset({"read", "model", "score"})
_FILE = re.compile(r"([0-9a-f]{64})\.(\d{1,12})\.(.{1,200})", re.DOTALL)


def draw(app: Application, actor: Actor) -> None:
    chosen = opened("batch")
    if chosen.isdecimal() and len(chosen) < 18:
        _one(app, actor, int(chosen))
        return
    st.caption(tr("sentiment.files.lead"))
    found = _FILE.fullmatch(opened("file"))
    if found:
        _wizard(app, actor, StoredUpload(found[1], found[3], int(found[2])))
    else:
        if actor.may(Permission.SENTIMENT):
            _upload(app, actor)
        _list(app, actor)


def _upload(app: Application, actor: Actor) -> None:
    limit = app.settings.max_file_mb
    file = st.file_uploader(
        tr("sentiment.files.drop", limit=limit),
        type=list(batches.FORMATS),
        key="sentiment-upload",
        max_upload_size=limit,
    )
    if file is not None:
        with errors_shown(), st.spinner(tr("sentiment.files.reading")):
            found = batches.preview(app, actor, Upload(name=file.name, data=file.getvalue()))
            st.session_state["sentiment-preview"] = found
            go(file=f"{found.file.sha256}.{found.file.size}.{found.file.name}")
            st.rerun()


def _wizard(app: Application, actor: Actor, stored: StoredUpload) -> None:
    preview: TablePreview | None = st.session_state.get("sentiment-preview")
    if preview is None or preview.file.sha256 != stored.sha256:
        try:
            with st.spinner(tr("sentiment.files.reading")):
                preview = st.session_state["sentiment-preview"] = batches.preview(app, actor, stored)
        except Exception as error:  # noqa: BLE001 - shown; the person takes another file
            show_error(error)
            st.button(tr("sentiment.files.other"), key="sentiment-other", on_click=go, kwargs={"file": ""})
            return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/description: **{plain(stored.name)}**", width="content")
        st.caption(f"{size(stored.size)} · {counted('sentiment.files.rows', preview.rows)}", width="content")
        other = tr("sentiment.files.other")
        st.button(other, key="sentiment-other", type="tertiary", on_click=go, kwargs={"file": ""})
    if preview.bad_rows:
        st.warning(counted("sentiment.files.bad_rows", preview.bad_rows), icon=":material/warning:")
        for problem in preview.problems[:5]:
            st.caption(plain(stored_error(problem)))
    st.dataframe(list(preview.head), width="stretch", hide_index=True, height=220)
    _columns(app, actor, preview)


def _columns(app: Application, actor: Actor, preview: TablePreview) -> None:
    with st.form("sentiment-columns", border=False):
        chosen = {}
        with st.container(horizontal=True, gap="small"):
            for part in batches.PARTS:
                options = [*([] if part == "text" else [""]), *preview.columns]
                guess = preview.guess.get(part, "")
                chosen[part] = st.selectbox(
                    tr(f"sentiment.files.column.{part}"),
                    options,
                    index=options.index(guess) if guess in options else 0,
                    key=f"sentiment-column-{part}",
                    format_func=lambda name: name or tr("sentiment.files.none"),
                )
        aspects = st.checkbox(tr("sentiment.files.aspects"), value=True, key="sentiment-aspects")
        left_note(app, actor, "judged_texts")
        if st.form_submit_button(
            tr("sentiment.files.start"), key="sentiment-start", type="primary", icon=":material/play_arrow:"
        ):
            with errors_shown():
                columns = {part: name or "" for part, name in chosen.items()}
                batch_id = batches.start_batch(
                    app, actor, preview.file, columns, aspects=aspects, rows_known=preview.rows
                )
                go(file="", batch=str(batch_id))
                st.rerun()


def _list(app: Application, actor: Actor) -> None:
    found = batches.list_batches(app, actor)
    if not found:
        empty_state("sentiment.files.empty", icon=":material/table_rows:")
        return
    st.subheader(tr("sentiment.files.list"), anchor=False)
    for batch in found:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-batch-{batch.id}"):
            colour, icon = BADGES.get(batch.state, ("gray", ":material/help:"))
            st.badge(tr(f"common.job.{batch.state}"), color=colour, icon=icon)  # type: ignore[arg-type]
            st.markdown(f"**{plain(batch.name)}**", width="content")
            st.caption(f"{counted('sentiment.files.rows', batch.done)} · {when(batch.created_at)}", width="content")
            st.space("stretch")
            open_it = tr("sentiment.files.open")
            st.button(open_it, key=f"open-batch-{batch.id}", on_click=go, kwargs={"batch": str(batch.id)})


def _one(app: Application, actor: Actor, batch_id: int) -> None:
    st.button(
        tr("sentiment.files.back"),
        key="sentiment-back",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=go,
        kwargs={"batch": ""},
    )
    try:
        view = batches.get_batch(app, actor, batch_id)
    except Exception as error:  # noqa: BLE001 - shown; the list is one click away
        show_error(error)
        return
    st.subheader(plain(view.name), anchor=False)
    polled(
        app,
        actor,
        lambda: batches.get_batch(app, actor, batch_id),
        lambda now: _progress(app, actor, now),
        lambda now: not now.finished,
        key=f"batch-{batch_id}",
    )
    view = batches.get_batch(app, actor, batch_id)
    if view.finished:
        _end(app, actor, view)
        sentiment_results.draw(app, actor, view)


def _progress(app: Application, actor: Actor, view: BatchView) -> None:
    colour, icon = BADGES.get(view.state, ("gray", ":material/help:"))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"batch-state-{view.id}"):
        st.badge(tr(f"common.job.{view.state}"), color=colour, icon=icon)  # type: ignore[arg-type]
        if view.model:
            st.caption(tr("sentiment.files.model", model=plain(view.model)), width="content")
        if not view.finished and actor.may(Permission.SENTIMENT):
            st.space("stretch")
            if st.button(tr("sentiment.files.cancel"), key=f"cancel-batch-{view.id}", icon=":material/stop_circle:"):
                with errors_shown():
                    batches.cancel_batch(app, actor, view.id)
    if view.finished:
        return
    if not view.worker_alive:
        st.warning(tr("common.worker_down"), icon=":material/warning:")
    if view.stage != "score":
        share = view.done / view.total if view.total and view.stage == "read" else 0.0
        stage = tr(f"sentiment.files.stage.{view.stage}") if view.stage in STAGES else tr(f"common.job.{view.state}")
        st.progress(min(1.0, share), text=stage)
        return
    done = {"done": f"{view.done:,}", "total": f"{view.total:,}"}
    words = tr("sentiment.files.progress_start", **done)
    if view.left is not None:
        words = tr("sentiment.files.progress", **done, rate=f"{view.rate:,.0f}", left=duration(view.left))
    st.progress(min(1.0, view.done / view.total) if view.total else 0.0, text=words)


def _end(app: Application, actor: Actor, view: BatchView) -> None:
    if view.state == "failed" and view.error:
        st.error(stored_error(view.error), icon=":material/error:")
    if not actor.may(Permission.SENTIMENT):
        return
    with st.container(horizontal=True, gap="small"):
        if view.state in {"failed", "cancelled"} and st.button(
            tr("sentiment.files.resume"), key="sentiment-resume", icon=":material/play_arrow:", type="primary"
        ):
            with errors_shown():
                batches.resume_batch(app, actor, view.id)
                st.rerun()
        with st.popover(tr("sentiment.files.delete"), icon=":material/delete:", type="tertiary"):
            rows = int(view.summary.get("rows", 0))

            def delete() -> None:
                with errors_shown():
                    batches.delete_batch(app, actor, view.id)
                    go(batch="")
                    st.rerun()

            question = tr("sentiment.files.delete_ask", name=plain(view.name), n=rows)
            confirm(question, tr("sentiment.files.delete"), delete, key="sentiment-delete")
