"""A batch: a table of briefs becomes a draft each, written by the worker."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services import jobs, knowledge
from core.services.application import Application
from core.services.content import batch_job, models, templates, voices
from core.services.content.models import ModelView
from core.services.content.templates import Template
from core.services.content.views import WriteRequest
from core.services.views import JobView, Upload
from pages.shared.content_batch_result import draw_result
from pages.shared.content_words import model_name, why_not
from pages.shared.errors import errors_shown, stored_error
from pages.shared.job_progress import BADGES
from pages.shared.language import language, tr
from pages.shared.parts import notice
from pages.shared.quota_left import left_note
from pages.shared.watching import watched
from pages.shared.wording import language_name, when

SECONDS = 1.0
SHOWN = 5  # batches


def draw(app: Application, actor: Actor) -> None:
    st.markdown(tr("content.batch.lead"))
    _form(app, actor)
    found = jobs.list_jobs(app, actor, kind=batch_job.KIND, limit=SHOWN)
    running = [job for job in found if not job.finished]
    if running:
        _running(app, actor, running)
    for job in found:
        if job.finished:
            with st.container(border=True, key=f"batch-{job.id}"):
                _heading(app, actor, job)
                if job.error:
                    st.error(stored_error(job.error), icon=":material/error:")
                draw_result(app, actor, job)


def _running(app: Application, actor: Actor, running: list[JobView]) -> None:
    """Drawn again and again; the page as a whole once one of them has ended."""

    def poll() -> None:
        now = [jobs.get_job(app, actor, job.id) for job in running]
        if any(job.finished for job in now):
            st.rerun(scope="app")
        for job in now:
            with st.container(border=True, key=f"batch-{job.id}"):
                _heading(app, actor, job)
                if not job.worker_alive:
                    st.warning(tr("common.worker_down"), icon=":material/warning:")
                share = job.done / job.total if job.total else 0.0
                st.progress(min(1.0, share), text=tr("content.batch.progress", done=job.done, total=job.total))

    watched(app, actor, poll, every=SECONDS, key="batches-running")


def _heading(app: Application, actor: Actor, job: JobView) -> None:
    colour, icon = BADGES[job.state]
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


def _form(app: Application, actor: Actor) -> None:
    listed = {one.id: one for one in templates.list_templates(app, actor, language())}
    if "batch-template" not in st.session_state and (can := _writable(app, actor, listed)):
        st.session_state["batch-template"] = can
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
            base = _sources(app, actor, template)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            offered = models.offers(app, actor, template, str(spoken), sources=base is not None)
            usable = {one.model.key: one.model for one in offered if one.fit.level != "cannot"}
            model = _model(usable, f"{template.id}-{spoken}-{base or 0}")
            voice = _voice(app, actor, model)
            length = st.number_input(
                tr("content.write.length"), min_value=20, max_value=600, value=120, step=20, key="batch-length",
                help=tr("content.write.length_help"),
            )  # fmt: skip
            seed = st.number_input(
                tr("content.write.seed"), min_value=0, max_value=2**32 - 1, value=None, step=1, key="batch-seed",
                help=tr("content.batch.seed_help"),
            )  # fmt: skip
        if not usable:
            for offer in offered:
                st.caption(f"**{model_name(offer.model)}** · {why_not(offer, str(spoken))}")
        request = WriteRequest(
            template.id, {}, "zh" if spoken == "zh" else "en", model, base, voice, variants=1, max_tokens=int(length),
            seed=None if seed is None else int(seed),
        )  # fmt: skip
        _file(app, actor, template, request)


def _writable(app: Application, actor: Actor, listed: dict[str, Template]) -> str:
    """The first template that some model here can do as the form stands at first; "" for none."""
    found, bases = models.list_models(app, actor), bool(knowledge.list_knowledge_bases(app, actor))
    for one in listed.values():
        spoken = language() if language() in one.languages else one.languages[0]
        offered = models.offers(app, actor, one, spoken, sources=bases and one.quotes, models=found)
        if any(offer.fit.level == "can" for offer in offered):
            return one.id
    return ""


def _sources(app: Application, actor: Actor, template: Template) -> int | None:
    bases = {base.id: base.name for base in knowledge.list_knowledge_bases(app, actor)}
    if not bases:
        return None
    chosen: int = st.selectbox(
        tr("content.write.sources"), [0, *bases], index=1 if template.quotes else 0,
        key=f"batch-base-{template.id}", help=tr("content.write.sources_help"),
        format_func=lambda number: bases[number] if number else tr("content.write.no_sources"),
    )  # fmt: skip
    return chosen or None


def _model(usable: dict[str, ModelView], about: str) -> str:
    return str(
        st.selectbox(
            tr("content.write.model"), list(usable), key=f"batch-model-{about}", disabled=not usable,
            format_func=lambda key: model_name(usable[key]), placeholder=tr("content.batch.no_model"),
        )
        or ""
    )  # fmt: skip


def _voice(app: Application, actor: Actor, model: str) -> int | None:
    found = voices.list_voices(app, actor)
    fitting = {one.id: one.name for one in found if one.state == "ready" and one.model == model}
    if not fitting:
        return None
    chosen: int = st.selectbox(
        tr("content.write.voice"), [0, *fitting], key=f"batch-voice-{model}", help=tr("content.write.voice_help"),
        format_func=lambda number: fitting[number] if number else tr("content.write.no_voice"),
    )  # fmt: skip
    return chosen or None


def _file(app: Application, actor: Actor, template: Template, request: WriteRequest) -> None:
    names = ", ".join(f"`{field.name}`" + ("\\*" if field.required else "") for field in template.fields)
    st.caption(tr("content.batch.columns", names=names))
    st.download_button(
        tr("content.batch.example"), lambda: batch_job.example_file(template), file_name=f"{template.id}.csv",
        mime="text/csv", key=f"batch-example-{template.id}", icon=":material/download:", type="tertiary",
        on_click="ignore",
    )  # fmt: skip
    turn = st.session_state.get("batch.turn", 0)  # a new key empties the box once its file was taken
    given = st.file_uploader(
        tr("content.batch.file"), type=["csv", "tsv", "xlsx", "jsonl"], key=f"batch-file-{turn}",
        max_upload_size=app.settings.max_file_mb,
    )  # fmt: skip
    left_note(app, actor, "tokens")
    if st.button(
        tr("content.batch.start"), key="batch-start", type="primary", icon=":material/play_arrow:",
        disabled=given is None or not request.model,
    ) and given is not None:  # fmt: skip
        with errors_shown():
            batch_job.start_batch(app, actor, request, Upload(given.name, given.getvalue()))
            st.session_state["batch.turn"] = turn + 1
            notice(tr("content.batch.started"))
            st.rerun()
