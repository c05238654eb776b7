"""Voices: a memory of the company's texts for a model, what it changes in figures, and the way to fine-tuning."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.services import jobs, knowledge
from core.services.application import Application
from core.services.content import exporting, models, voices
from core.services.content.voices import VoiceView
from core.services.views import Upload
from pages.shared.content_words import model_name
from pages.shared.errors import errors_shown, stored_error
from pages.shared.language import tr
from pages.shared.parts import PAGES, notice, page_link
from pages.shared.watching import watched
from pages.shared.wording import plain, when

SECONDS = 1.0
STATES = {
    "queued": ("gray", ":material/schedule:"),
    "building": ("blue", ":material/progress_activity:"),
    "ready": ("green", ":material/check:"),
    "failed": ("red", ":material/error:"),
}


def draw(app: Application, actor: Actor) -> None:
    st.markdown(tr("content.voices.lead"))
    if actor.may(Permission.CONTENT):
        _form(app, actor)
    found = voices.list_voices(app, actor)
    moving = any(one.state in ("queued", "building") for one in found)

    def poll() -> None:
        now = voices.list_voices(app, actor)
        for one in now:
            _voice(app, actor, one)
        if moving and not any(one.state in ("queued", "building") for one in now):
            st.rerun(scope="app")

    watched(app, actor, poll, every=SECONDS if moving else None, key=f"voices-{'run' if moving else 'still'}")


def _form(app: Application, actor: Actor) -> None:
    local = {one.key: one for one in models.list_models(app, actor) if one.origin not in ("documents", "configured")}
    if not local:
        st.info(tr("content.voices.no_model"), icon=":material/info:")
        return
    bases = {base.id: base.name for base in knowledge.list_knowledge_bases(app, actor)}
    with st.container(border=True, key="voice-form"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(tr("content.voices.name"), key="voice-name", max_chars=200)
            model = st.selectbox(
                tr("content.write.model"),
                list(local),
                key="voice-model",
                format_func=lambda key: model_name(local[key]),
            )
        chosen = st.multiselect(
            tr("content.voices.bases"), list(bases), key="voice-bases", format_func=lambda number: bases[number]
        )
        given = st.file_uploader(
            tr("content.voices.files"), accept_multiple_files=True, key="voice-files",
            help=tr("content.voices.files_help"), max_upload_size=app.settings.max_file_mb,
        )  # fmt: skip
        if st.button(tr("content.voices.make"), key="voice-make", type="primary", icon=":material/memory:"):
            with errors_shown():
                uploads = [Upload(file.name, file.getvalue()) for file in given or ()]
                voices.start_voice(app, actor, name or "", str(model), knowledge_base_ids=chosen, uploads=uploads)
                notice(tr("content.voices.started"))
                st.rerun()


def _voice(app: Application, actor: Actor, voice: VoiceView) -> None:
    colour, icon = STATES[voice.state]
    with st.container(border=True, key=f"voice-{voice.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(voice.name)}**", width="content")
            st.badge(tr(f"content.voices.state.{voice.state}"), color=colour, icon=icon)  # type: ignore[arg-type]
            st.caption(plain(f"{voice.model.partition(':')[2]} · {when(voice.created_at)}"), width="content")
        st.caption(plain(_made_of(voice)))
        if voice.state in ("queued", "building") and voice.job_id:
            _progress(app, actor, voice.job_id)
        if voice.state == "failed":
            st.error(stored_error(voice.error), icon=":material/error:")
        if voice.state == "ready":
            _figures(voice)
        if actor.may(Permission.CONTENT):
            _buttons(app, actor, voice)


def _made_of(voice: VoiceView) -> str:
    names = [str(one["name"]) for one in (*voice.sources.get("knowledge_bases", ()), *voice.sources.get("files", ()))]
    return tr("content.voices.made_of", names=tr("content.comma").join(names))


def _progress(app: Application, actor: Actor, job_id: int) -> None:
    job = jobs.get_job(app, actor, job_id)
    if not job.worker_alive:
        st.warning(tr("common.worker_down"), icon=":material/warning:")
    share = job.done / job.total if job.total else 0.0
    st.progress(min(1.0, share), text=tr("content.voices.reading", done=job.done, total=job.total))


def _figures(voice: VoiceView) -> None:
    figures = voice.figures
    before, after = float(figures["before"]), float(figures["after"])
    with st.grid(min_column_width=170, key=f"voice-figures-{voice.id}"):
        st.metric(tr("content.voices.before"), f"{before:.1f}", help=tr("content.voices.perplexity_help"))
        st.metric(
            tr("content.voices.after"), f"{after:.1f}", delta=f"{100 * (after / before - 1):+.0f} %",
            delta_color="inverse",
        )  # fmt: skip
        st.metric(tr("content.voices.tokens"), f"{figures['keys']:,}")
        st.metric(tr("content.voices.seconds"), f"{figures['seconds']:.0f} s")
    st.caption(
        tr(
            "content.voices.judged", test=f"{figures['test_tokens']:,}", weight=f"{figures['weight']:g}",
            temperature=f"{figures['temperature']:g}",
        )
    )  # fmt: skip
    if after > 0.95 * before:
        st.warning(tr("content.voices.little"), icon=":material/info:")


def _buttons(app: Application, actor: Actor, voice: VoiceView) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        made = st.session_state.get(f"tuned-{voice.id}")
        if not made and actor.may(Permission.STUDIO) and st.button(
            tr("content.voices.tune"), key=f"tune-{voice.id}", icon=":material/model_training:", type="tertiary",
            help=tr("content.voices.tune_help"),
        ):  # fmt: skip
            with errors_shown():
                exporting.fine_tune(app, actor, voice.id)
                st.session_state[f"tuned-{voice.id}"] = True
                st.switch_page(PAGES / "studio.py", query_params={"show": "data"})
        if made:
            page_link("studio", label=tr("content.voices.to_studio"), icon=":material/arrow_forward:")
        with st.popover(tr("common.delete"), icon=":material/delete:", type="tertiary"):
            st.markdown(tr("content.voices.delete"))
            if st.button(tr("common.delete"), key=f"voice-delete-{voice.id}", type="primary"):
                with errors_shown():
                    voices.delete_voice(app, actor, voice.id)
                    st.rerun(scope="app")
