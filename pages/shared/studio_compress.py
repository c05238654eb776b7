"""Smaller variants of a version: ordered here, measured beside the original in one run."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.errors import PilotlightError
from core.services.application import Application
from core.services.studio import compression, runs
from core.services.studio.views import ModelVersionView, RunView
from pages.shared import studio_compress_run
from pages.shared.errors import errors_shown, show_error, stored_error
from pages.shared.language import tr
from pages.shared.studio_place import go
from pages.shared.studio_polling import polled
from pages.shared.studio_words import FINISHED, moves, named
from pages.shared.wording import when

MOST = 500


def draw(app: Application, actor: Actor, version: ModelVersionView) -> None:
    st.caption(tr("studio.compress.lead"))
    try:
        variants = compression.variants_for(app, actor, version.id)
    except PilotlightError as error:
        show_error(error)
        return
    if not variants:
        st.info(tr("studio.compress.no_variants"), icon=":material/info:")
    elif actor.may(Permission.STUDIO):
        _order(app, actor, version, variants)
    mine = [
        run for run in runs.list_runs(app, actor, recipes=("compress",), limit=MOST) if _is_of(run.args, version.id)
    ]
    if not mine:
        return
    newest = mine[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{tr('studio.compress.last')}**", width="content")
        st.caption(when(newest.created_at), width="content")
        st.button(
            f"{tr('studio.run')} #{newest.id}",
            key=f"compress-run-{newest.id}",
            type="tertiary",
            on_click=go,
            args=("runs",),
            kwargs={"run": newest.id, "compare": None},
        )

    def show(view: RunView) -> None:
        if view.state not in FINISHED:
            stage = named("studio.stage", view.stage) if view.stage else tr("studio.stage.start")
            share = view.done / view.total if view.total else 0.0
            st.progress(min(1.0, share), text=f"{stage} {view.done:,} / {view.total:,}" if view.total else stage)
        if view.state == "failed":
            st.error(stored_error(view.error), icon=":material/error:")
        studio_compress_run.table(app, actor, view)

    polled(app, actor, lambda: runs.get_run(app, actor, newest.id), show, moves, key=f"compress-poll-{newest.id}")


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
