"""Smaller variants of a version: ordered here, measured beside the original in one run."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.errors import PilotlightError
from core.services.application import Application
from core.services.studio import compression, runs
from core.services.studio.views import ModelVersionView
from pages.shared import studio_compress_run
from pages.shared.errors import errors_shown, show_error
from pages.shared.language import tr
from pages.shared.studio_place import go
from pages.shared.studio_words import FINISHED, named
from pages.shared.wording import when

MOST = 500
SECONDS = 1.0


def draw(app: Application, actor: Actor, version: ModelVersionView) -> None:
    st.caption(tr("studio.compress.lead"))
    try:
        variants = compression.variants_for(app, actor, version.id)
    except PilotlightError as error:
        show_error(error)
        return
    if not variants:
        st.info(tr("studio.compress.no_variants"), icon=":material/info:")
    else:
        _order(app, actor, version, variants)
    mine = [
        run for run in runs.list_runs(app, actor, recipes=("compress",), limit=MOST) if _is_of(run.args, version.id)
    ]
    if not mine:
        return
    newest = mine[0]
    running = newest.state not in FINISHED

    @st.fragment(run_every=SECONDS if running else None, key=f"compress-{newest.id}-{'run' if running else 'end'}")
    def poll() -> None:
        view = runs.get_run(app, actor, newest.id)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{tr('studio.compress.last')}**", width="content")
            st.caption(when(view.created_at), width="content")
            st.button(
                f"{tr('studio.run')} #{view.id}",
                key=f"compress-run-{view.id}",
                type="tertiary",
                on_click=go,
                args=("runs",),
                kwargs={"run": view.id, "compare": None},
            )
        if view.state not in FINISHED:
            stage = named("studio.stage", view.stage) if view.stage else tr("studio.stage.start")
            share = view.done / view.total if view.total else 0.0
            st.progress(min(1.0, share), text=f"{stage} {view.done:,} / {view.total:,}" if view.total else stage)
        studio_compress_run.table(app, actor, view)
        if running and view.state in FINISHED:
            st.rerun(scope="app")

    poll()


def _is_of(args: object, version_id: int) -> bool:
    return isinstance(args, dict) and version_id in (args.get("version_id"), args.get("version"), args.get("parent_id"))


def _order(app: Application, actor: Actor, version: ModelVersionView, variants: tuple[str, ...]) -> None:
    with st.form(f"compress-{version.id}"):
        chosen = st.pills(
            tr("studio.compress.variants"),
            variants,
            selection_mode="multi",
            default=list(variants),
            key=f"compress-variants-{version.id}",
            format_func=lambda name: named("studio.variants", name),
            help=tr("studio.compress.variants_help"),
            on_change=None,
        )
        limit = st.number_input(
            tr("studio.compress.limit"),
            0.0,
            50.0,
            100 * compression.LIMIT,
            0.5,
            format="%.1f",
            key=f"compress-limit-{version.id}",
            help=tr("studio.compress.limit_help"),
            width=260,
        )
        if st.form_submit_button(
            tr("studio.compress.go"), key=f"compress-go-{version.id}", type="primary", icon=":material/compress:"
        ):
            with errors_shown():
                compression.start_compression(
                    app, actor, version.id, variants=list(chosen or ()), limit=(limit or 0) / 100
                )
                st.rerun()
