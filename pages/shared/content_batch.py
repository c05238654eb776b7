"""A batch: a table of briefs becomes a draft each, written by the worker."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.access.actor import Actor
from core.services import jobs
from core.services.application import Application
from core.services.content import batch_job, drafts, exporting, models, templates
from core.services.content.views import WriteRequest
from core.services.views import JobView, Upload
from pages.shared.content_draft import FORMATS
from pages.shared.content_words import model_name
from pages.shared.errors import errors_shown, stored_error
from pages.shared.job_progress import BADGES
from pages.shared.language import language, tr
from pages.shared.parts import notice
from pages.shared.watching import watched
from pages.shared.wording import language_name, plain, when

SECONDS = 1.0
SHOWN = 5  # batches
SHOWN_ROWS = 50


def draw(app: Application, actor: Actor) -> None:
    st.markdown(tr("content.batch.lead"))
    _form(app, actor)
    found = jobs.list_jobs(app, actor, kind=batch_job.KIND, limit=SHOWN)
    running = any(not job.finished for job in found)

    def poll() -> None:
        now = [jobs.get_job(app, actor, job.id) for job in found]
        for job in now:
            _batch(app, actor, job)
        if running and all(job.finished for job in now):
            st.rerun(scope="app")

    watched(app, actor, poll, every=SECONDS if running else None, key=f"batches-{'run' if running else 'still'}")


def _form(app: Application, actor: Actor) -> None:
    listed = {one.id: one for one in templates.list_templates(app, actor, language())}
    with st.container(border=True, key="batch-form"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            template = listed[
                st.selectbox(
                    tr("content.write.template"), list(listed), key="batch-template",
                    format_func=lambda name: listed[name].title, persist_state="session",
                )
            ]  # fmt: skip
            spoken = st.selectbox(
                tr("content.write.language"), template.languages, key=f"batch-language-{template.id}",
                index=template.languages.index(language()) if language() in template.languages else 0,
                format_func=language_name,
            )  # fmt: skip
            offered = models.offers(app, actor, template, str(spoken), sources=False)
            usable = {one.model.key: one.model for one in offered if one.fit.level != "cannot"}
            model = st.selectbox(
                tr("content.write.model"), list(usable), key=f"batch-model-{template.id}-{spoken}",
                format_func=lambda key: model_name(usable[key]), placeholder=tr("content.batch.no_model"),
                disabled=not usable,
            )  # fmt: skip
            seed = st.number_input(
                tr("content.write.seed"), min_value=0, max_value=2**32 - 1, value=None, step=1, key="batch-seed"
            )
        names = ", ".join(f"`{field.name}`" + ("\\*" if field.required else "") for field in template.fields)
        st.caption(tr("content.batch.columns", names=names))
        given = st.file_uploader(
            tr("content.batch.file"), type=["csv", "tsv", "xlsx", "jsonl"], key="batch-file",
            max_upload_size=app.settings.max_file_mb,
        )  # fmt: skip
        if st.button(
            tr("content.batch.start"), key="batch-start", type="primary", icon=":material/play_arrow:",
            disabled=given is None or not usable,
        ) and given is not None:  # fmt: skip
            request = WriteRequest(
                template.id, {}, "zh" if spoken == "zh" else "en", str(model), variants=1,
                seed=None if seed is None else int(seed),
            )  # fmt: skip
            with errors_shown():
                batch_job.start_batch(app, actor, request, Upload(given.name, given.getvalue()))
                notice(tr("content.batch.started"))
                st.rerun()


def _batch(app: Application, actor: Actor, job: JobView) -> None:
    colour, icon = BADGES[job.state]
    with st.container(border=True, key=f"batch-{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(tr(f"common.job.{job.state}"), color=colour, icon=icon)  # type: ignore[arg-type]
            st.markdown(f"**{tr('content.batch.name', n=job.id)}**", width="content")
            st.caption(when(job.created_at), width="content")
            st.space("stretch")
            if not job.finished and st.button(
                tr("common.cancel"), key=f"batch-cancel-{job.id}", icon=":material/stop_circle:", type="tertiary"
            ):
                jobs.cancel_job(app, actor, job.id)
                st.rerun(scope="app")
        if not job.finished:
            if not job.worker_alive:
                st.warning(tr("common.worker_down"), icon=":material/warning:")
            share = job.done / job.total if job.total else 0.0
            st.progress(min(1.0, share), text=tr("content.batch.progress", done=job.done, total=job.total))
            return
        if job.error:
            st.error(stored_error(job.error), icon=":material/error:")
        _result(app, actor, job)


def _result(app: Application, actor: Actor, job: JobView) -> None:
    result = job.result
    if result:
        st.caption(tr("content.batch.result", written=result.get("written", 0), briefs=result.get("briefs", 0)))
    for one in list(result.get("failed", ()))[:SHOWN_ROWS]:
        st.caption(f":red[{tr('content.batch.row', n=one['row'])}] {plain(stored_error(one['error']))}")
    made = drafts.list_drafts(app, actor, job_id=job.id, size=SHOWN_ROWS)
    if not made.total:
        return
    with st.expander(tr("content.batch.texts", n=made.total), key=f"batch-texts-{job.id}"):
        rows = [{"title": one.title, "text": one.variants[0].text if one.variants else ""} for one in made.drafts]
        columns = {"title": tr("content.batch.brief"), "text": tr("content.draft.text")}
        st.dataframe(
            [{columns[name]: value for name, value in row.items()} for row in rows], hide_index=True, width="stretch"
        )
    with st.container(horizontal=True):
        for format, label in FORMATS.items():
            st.download_button(
                label, partial(_exported, app, actor, job.id, format), file_name=exporting.file_name(format),
                key=f"batch-{format}-{job.id}", icon=":material/download:", type="tertiary", on_click="ignore",
            )  # fmt: skip


def _exported(app: Application, actor: Actor, job_id: int, format: str) -> bytes:
    """Made when it is asked for: a batch may be long."""
    return exporting.export_job(app, actor, job_id, format)[1]
