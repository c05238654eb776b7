"""One run: where it stands, its live curves, what it wrote and said, and everything needed to do it again."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import streamlit as st

from core.access.actor import Actor, Permission
from core.errors import NotFound
from core.services import jobs
from core.services.application import Application
from core.services.studio import runs
from core.services.studio.views import RunEvents, RunView
from pages.shared import studio_compress_run, studio_tuning
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown, stored_error
from pages.shared.language import tr
from pages.shared.parts import notice, pager
from pages.shared.studio_charts import plot_curves
from pages.shared.studio_place import go
from pages.shared.studio_polling import polled
from pages.shared.studio_words import (
    FINISHED,
    argument_label,
    judged,
    lasting,
    metric_name,
    metric_value,
    moves,
    named,
    ran_for,
    recipe_name,
    state_badge,
    value_text,
)
from pages.shared.wording import local, plain, size, when

SAMPLES_PER_PAGE = 5
LOG_LINES = 200
NOTHING = RunEvents({}, (), ())


def draw(app: Application, actor: Actor, run: RunView) -> None:
    st.button(
        tr("studio.runs.back"),
        key="run-back",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=go,
        kwargs={"run": None},
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run-head"):
        st.subheader(plain(run.name), anchor=False, width="content")
        st.badge(recipe_name(run.recipe), color="gray")
        st.space("stretch")
        _buttons(app, actor, run)
    facts = [f"#{run.id}", plain(run.data_set), when(run.created_at), ran_for(run)]
    st.caption(" · ".join(fact for fact in facts if fact))

    def show(now: RunView) -> None:
        _progress(app, actor, now)
        _body(app, actor, now, _said(app, actor, now.id))

    polled(app, actor, lambda: runs.get_run(app, actor, run.id), show, moves, key=f"run-poll-{run.id}")
    _provenance(run)
    draw_dialog(
        f"delete-run-{run.id}", tr("studio.runs.delete"), lambda: _ask_delete(app, actor, run), icon=":material/delete:"
    )


def _said(app: Application, actor: Actor, run_id: int) -> RunEvents:
    """What the run said so far: each poll asks only for what is new."""
    held, newest = st.session_state.get("run-said", {}).get(run_id, (NOTHING, 0))
    fresh, newest = runs.run_events(app, actor, run_id, newest)
    curves = {name: dict(points) for name, points in held.curves.items()}
    for name, points in fresh.curves.items():
        curves.setdefault(name, {}).update(points)
    said = RunEvents(
        {name: tuple(sorted(points.items())) for name, points in curves.items()},
        tuple(dict.fromkeys((*held.samples, *fresh.samples))),
        (*held.log, *fresh.log),
    )
    st.session_state["run-said"] = {run_id: (said, newest)}
    return said


def _progress(app: Application, actor: Actor, run: RunView) -> None:
    with st.container(border=True, key=f"run-state-{run.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            state_badge(run.state)
            if run.state == "running" and run.started_at:
                st.caption(tr("studio.runs.since", when=when(run.started_at)), width="content")
            if run.state not in FINISHED and (expected := run.estimate.get("seconds")):
                st.caption(tr("studio.runs.expected", time=lasting(float(expected))), width="content")
            if run.state == "done" and run.version_id and run.recipe not in {"tune", "compress"}:
                st.button(
                    tr("studio.runs.to_model"),
                    key=f"run-model-{run.id}",
                    icon=":material/deployed_code:",
                    type="primary",
                    on_click=go,
                    args=("models",),
                    kwargs={"model": run.version_id},
                )
        if run.state not in FINISHED:
            if run.job_id and not _worker_alive(app, actor, run.job_id):
                st.warning(tr("common.worker_down"), icon=":material/warning:")
            if run.state == "running" or run.total:
                stage = named("studio.stage", run.stage) if run.stage else tr("studio.stage.start")
                text = f"{stage} {run.done:,} / {run.total:,}" if run.total else stage
                st.progress(min(1.0, run.done / run.total) if run.total else 0.0, text=text)
        if run.state == "failed":
            st.error(stored_error(run.error), icon=":material/error:")
            if actor.may(Permission.STUDIO):
                st.caption(tr("studio.runs.retry_help"))
        if run.state == "cancelled":
            st.caption(tr("studio.runs.cancelled_help"))
        numbers = judged(run.metrics)
        if numbers:
            with st.grid(min_column_width=150, key=f"run-metrics-{run.id}", gap="small"):
                for name, value in numbers[:8]:
                    st.metric(metric_name(name), metric_value(name, value))


def _worker_alive(app: Application, actor: Actor, job_id: int) -> bool:
    try:
        return jobs.get_job(app, actor, job_id).worker_alive
    except NotFound:
        return True


def _body(app: Application, actor: Actor, run: RunView, said: RunEvents) -> None:
    if run.recipe == "tune":
        studio_tuning.trials(app, actor, run)
    if run.recipe == "compress":
        studio_compress_run.table(app, actor, run)
    if said.curves:
        plot_curves(said.curves, key=f"run-{run.id}")
    elif run.state == "running" and run.recipe not in {"compress"}:
        st.caption(tr("studio.runs.no_curves_yet"))
    if said.samples:
        with st.expander(
            tr("studio.runs.samples", n=len(said.samples)),
            icon=":material/notes:",
            expanded=True,
            key=f"run-samples-{run.id}",
        ):
            _samples(run, said)
    if said.log:
        with st.expander(
            tr("studio.runs.log", n=len(said.log)), icon=":material/receipt_long:", key=f"run-log-{run.id}"
        ):
            if len(said.log) > LOG_LINES:
                st.caption(tr("studio.runs.log_cut", n=LOG_LINES))
            lines = [f"{local(at):%H:%M:%S}  {line}" for at, line in said.log[-LOG_LINES:]]
            st.code("\n".join(lines), language=None, wrap_lines=True, height=320 if len(lines) > 12 else "content")


def _samples(run: RunView, said: RunEvents) -> None:
    newest = list(reversed(said.samples))
    offset = (st.session_state.get(f"samples-page-{run.id}", 1) - 1) * SAMPLES_PER_PAGE
    for place, (step, text) in enumerate(newest[offset : offset + SAMPLES_PER_PAGE]):
        st.caption(tr("studio.runs.sample_at", step=f"{step:,}"))
        with st.container(border=True, key=f"quote-sample-{run.id}-{place}"):
            st.text(text)
    pager(len(newest), SAMPLES_PER_PAGE, key=f"samples-page-{run.id}")


def _provenance(run: RunView) -> None:
    """What is needed to do the run again."""
    with st.expander(tr("studio.runs.arguments"), icon=":material/tune:", key=f"run-args-{run.id}"):
        rows = {argument_label(name): value_text(value) for name, value in run.args.items()}
        pairs(rows, key=f"args-{run.id}")
    estimate = {
        tr("studio.runs.estimated_time"): lasting(float(run.estimate["seconds"]))
        if run.estimate.get("seconds")
        else "",
        tr("studio.runs.estimated_memory"): size(int(run.estimate.get("memory_bytes") or 0)),
        tr("studio.runs.took"): ran_for(run),
    }
    if run.libraries or run.estimate:
        with st.expander(tr("studio.runs.libraries"), icon=":material/inventory_2:", key=f"run-libraries-{run.id}"):
            known = {name: value for name, value in estimate.items() if value and run.estimate}
            pairs({**known, **{name: str(value) for name, value in run.libraries.items()}}, key=f"libraries-{run.id}")


def pairs(rows: dict[str, str], *, key: str) -> None:
    """Names and values as a table that wraps on a phone."""
    if rows:
        with st.container(key=f"pairs-{key}"):
            st.table(
                {
                    tr("studio.name"): [plain(name) for name in rows],
                    tr("studio.value"): [plain(v) for v in rows.values()],
                },
                border="horizontal",
                hide_index=True,
                hide_header=True,
            )
    else:
        st.caption(tr("studio.none_such"))


def _buttons(app: Application, actor: Actor, run: RunView) -> None:
    changes = actor.may(Permission.STUDIO)
    if run.state not in FINISHED:
        if changes and st.button(tr("common.cancel"), key=f"cancel-run-{run.id}", icon=":material/stop_circle:"):
            with errors_shown():
                runs.cancel_run(app, actor, run.id)
                st.rerun()
        return
    if (
        changes
        and run.state in {"failed", "cancelled"}
        and st.button(tr("studio.runs.retry"), key=f"retry-run-{run.id}", icon=":material/resume:", type="primary")
    ):
        with errors_shown():
            runs.retry_run(app, actor, run.id)
            st.rerun()
    with st.popover(
        "", icon=":material/more_horiz:", key=f"run-menu-{run.id}", help=tr("studio.runs.menu"), type="tertiary"
    ):
        st.download_button(
            tr("studio.runs.tensorboard"),
            data=lambda: _tensorboard(app, actor, run),
            key=f"tensorboard-{run.id}",
            file_name=f"run-{run.id}-tensorboard.zip",
            mime="application/zip",
            icon=":material/download:",
            width="stretch",
            on_click="ignore",
        )
        if not changes:
            return
        if run.data_set_version_id and run.recipe not in {"tune", "compress"}:
            st.button(
                tr("studio.runs.again"),
                key=f"again-{run.id}",
                icon=":material/replay:",
                width="stretch",
                on_click=_again,
                args=(run,),
                help=tr("studio.runs.again_help"),
            )
        st.button(
            tr("studio.runs.delete"),
            key=f"delete-run-{run.id}",
            icon=":material/delete:",
            width="stretch",
            on_click=open_dialog,
            args=(f"delete-run-{run.id}",),
        )


def _again(run: RunView) -> None:
    """Opens the form with this run's arguments."""
    st.session_state["train-from"] = (run.recipe, dict(run.args))
    go("train", learn=run.data_set_version_id, recipe=run.recipe)


def _tensorboard(app: Application, actor: Actor, run: RunView) -> bytes:
    """A zip of the folder that ``tensorboard --logdir`` opens."""
    with tempfile.TemporaryDirectory() as folder:
        made = runs.export_tensorboard(app, actor, run.id, Path(folder))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(made.rglob("*")):
                if path.is_file():
                    archive.write(path, Path(made.name) / path.relative_to(made))
    return out.getvalue()


def _ask_delete(app: Application, actor: Actor, run: RunView) -> None:
    st.markdown(tr("studio.runs.delete_sure", name=plain(run.name)))
    if st.button(tr("studio.runs.delete_yes"), key="delete-run-yes", type="primary"):
        with errors_shown():
            runs.delete_run(app, actor, run.id)
            notice(tr("studio.runs.deleted", name=plain(run.name)))
            close_dialog()
            go(run=None)
            st.rerun()
