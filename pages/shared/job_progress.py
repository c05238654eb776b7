"""A job as it really stands, polled while it runs and no longer. Leaving the page changes nothing about it."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from core.access.actor import Actor, Permission
from core.services import jobs
from core.services.application import Application
from core.services.views import JobFileView, JobView
from core.text.catalogue import catalogue
from pages.shared.errors import errors_shown, stored_error
from pages.shared.language import language, tr
from pages.shared.watching import watched
from pages.shared.wording import plain, size, when

SECONDS = 1.0
SHOWN_FILES = 30
BADGES = {
    "queued": ("gray", ":material/schedule:"),
    "running": ("blue", ":material/progress_activity:"),
    "done": ("green", ":material/check:"),
    "held": ("orange", ":material/policy:"),
    "unchanged": ("gray", ":material/equal:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("gray", ":material/cancel:"),
}


def job_panel(app: Application, actor: Actor, knowledge_base_id: int, kinds: tuple[str, ...], *, key: str) -> None:
    """The jobs of these kinds that run, else the last one that ended; and the last that ended badly. Until put away."""
    found = [job for job in jobs.list_jobs(app, actor, knowledge_base_id, limit=20) if job.kind in kinds]
    put_away = st.session_state.get(f"{key}.put_away", 0)
    ended = [job for job in found if job.id > put_away and _recent(job)]
    # After a cancelled upload its finished files are still built: what was cancelled must not vanish behind that.
    bad = [job for job in ended if job.state in {"failed", "cancelled"}][:1]
    shown = [job for job in found if not job.finished] or ended[:1]
    shown += [job for job in bad if job not in shown]
    if not shown:
        return
    running = any(not job.finished for job in shown)

    def poll() -> None:
        views = [jobs.get_job(app, actor, job.id) for job in reversed(shown)]
        for view in views:
            _draw(app, actor, view, key=f"{key}-{view.id}", put_away=f"{key}.put_away")
        if running and all(view.finished for view in views):
            st.rerun(scope="app")

    watched(app, actor, poll, every=SECONDS if running else None, key=f"{key}-{'run' if running else 'end'}")


def _recent(job: JobView) -> bool:
    return job.finished_at is not None and (datetime.now(UTC) - job.finished_at).total_seconds() < 3600


def _draw(app: Application, actor: Actor, job: JobView, *, key: str, put_away: str) -> None:
    with st.container(border=True, key=f"job-{key}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            colour, icon = BADGES.get(job.state, ("gray", ":material/help:"))
            st.badge(tr(f"common.job.{job.state}"), color=colour, icon=icon)  # type: ignore[arg-type]
            st.markdown(f"**{_named('common.job_kind', job.kind)}**", width="content")
            st.caption(when(job.created_at), width="content")
            st.space("stretch")
            _buttons(app, actor, job, key=key, put_away=put_away)
        if not job.finished and not job.worker_alive:
            st.warning(tr("common.worker_down"), icon=":material/warning:")
        if not job.finished:
            share = job.done / job.total if job.total else 0.0
            stage = _named("common.stage", job.stage) if job.stage else tr("common.stage.files")
            text = f"{stage} {job.done}/{job.total}" if job.total else stage
            st.progress(min(1.0, share), text=text)
        if job.state == "failed" and job.error:
            st.error(stored_error(job.error), icon=":material/error:")
        for line in job.files[:SHOWN_FILES]:
            _file(line)
        if len(job.files) > SHOWN_FILES:
            st.caption(tr("common.and_more", n=len(job.files) - SHOWN_FILES))


def _buttons(app: Application, actor: Actor, job: JobView, *, key: str, put_away: str) -> None:
    changes = actor.may(Permission.KNOWLEDGE_WRITE)
    if not job.finished:
        if changes and st.button(
            tr("common.cancel"), key=f"cancel-{key}", icon=":material/stop_circle:", type="tertiary"
        ):
            with errors_shown():
                jobs.cancel_job(app, actor, job.id)
                st.rerun(scope="app")
        return
    again = job.state in {"failed", "cancelled"} or any(line.state in {"failed", "cancelled"} for line in job.files)
    if (
        again
        and changes
        and st.button(tr("common.retry"), key=f"retry-{key}", icon=":material/refresh:", type="tertiary")
    ):
        with errors_shown():
            jobs.retry_job(app, actor, job.id)
            st.rerun(scope="app")
    if st.button(tr("common.put_away"), key=f"away-{key}", icon=":material/close:", type="tertiary"):
        st.session_state[put_away] = job.id
        st.rerun(scope="app")


def _file(line: JobFileView) -> None:
    colour, icon = BADGES.get(line.state, ("gray", ":material/help:"))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(tr(f"common.file.{line.state}"), color=colour, icon=icon)  # type: ignore[arg-type]
        st.markdown(plain(line.name), width="content")
        facts = [size(line.size)] if line.size else []
        if line.state == "running" and line.stage:
            count = f" {line.done}/{line.total}" if line.total > 1 else ""
            facts.append(_named("common.stage", line.stage) + count)
        st.caption(" · ".join(facts), width="content")
    if line.error:
        st.caption(f":{'red' if line.state == 'failed' else 'gray'}[{plain(stored_error(line.error))}]")


def _named(prefix: str, name: str) -> str:
    """The word for a kind or stage; a new one that has no word yet is shown by its own name."""
    key = f"{prefix}.{name}"
    return catalogue(language()).get(key, name.replace("_", " "))
