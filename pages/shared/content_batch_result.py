"""What a batch has written: a table with what its sources do not hold, rows that failed, one draft opened, files."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.content import batch_job, checking, drafts, exporting
from core.services.content.views import DraftView
from core.services.views import JobView
from pages.shared import content_draft
from pages.shared.content_draft import FORMATS
from pages.shared.errors import errors_shown, stored_error
from pages.shared.language import tr
from pages.shared.parts import pager
from pages.shared.wording import counted, plain

PER_PAGE = 20
SHOWN_FAILED = 20


def draw_result(app: Application, actor: Actor, job: JobView) -> None:
    if job.result:
        st.caption(tr("content.batch.result", written=job.result.get("written", 0), briefs=job.result.get("briefs", 0)))
    _failed(app, actor, job)
    total = drafts.list_drafts(app, actor, job_id=job.id, size=1).total
    if not total:
        return
    title = counted("content.batch.texts", total)
    shown = st.expander(title, key=f"batch-texts-{job.id}", on_change="rerun")
    if shown.open:  # the checks of a page of texts take a moment, so only of what is looked at
        with shown:
            _texts(app, actor, job, total)
    with st.container(horizontal=True):
        for format, label in FORMATS.items():
            st.download_button(
                label, partial(_exported, app, actor, job.id, format), file_name=exporting.file_name(format),
                key=f"batch-{format}-{job.id}", icon=":material/download:", type="tertiary", on_click="ignore",
            )  # fmt: skip


def _failed(app: Application, actor: Actor, job: JobView) -> None:
    failed = list(job.result.get("failed", ())) if job.result else []
    for one in failed[:SHOWN_FAILED]:
        st.caption(f":red[{tr('content.batch.row', n=one['row'])}] {plain(stored_error(one['error']))}")
    if len(failed) > SHOWN_FAILED:
        st.caption(tr("common.and_more", n=len(failed) - SHOWN_FAILED))
    again = bool(failed) or job.state in ("failed", "cancelled")
    if again and st.button(
        tr("content.batch.again"), key=f"batch-again-{job.id}", icon=":material/refresh:", type="tertiary",
        help=tr("content.batch.again_help"),
    ):  # fmt: skip
        with errors_shown():
            batch_job.write_failed_again(app, actor, job.id)
            st.rerun()


def _texts(app: Application, actor: Actor, job: JobView, total: int) -> None:
    first = pager(total, PER_PAGE, key=f"batch-page-{job.id}")
    made = drafts.list_drafts(app, actor, job_id=job.id, first=first, size=PER_PAGE).drafts
    st.caption(tr("content.batch.open_help"))
    chosen = st.dataframe(
        [_cells(app, actor, draft) for draft in made],
        hide_index=True, width="stretch", key=f"batch-table-{job.id}-{first}", on_select="rerun",
        selection_mode="single-row",
        column_config={
            tr("content.batch.number"): st.column_config.NumberColumn(width=50),
            tr("content.batch.brief"): st.column_config.TextColumn(width=150),
            tr("content.draft.text"): st.column_config.TextColumn(width=260),
        },
    )  # fmt: skip
    rows = chosen.selection.rows if chosen is not None else []
    if rows and rows[0] < len(made):
        content_draft.draw(app, actor, made[rows[0]], key=f"batch-{job.id}")


def _cells(app: Application, actor: Actor, draft: DraftView) -> dict[str, Any]:
    text = draft.variants[0].text if draft.variants else ""
    cells: dict[str, Any] = {
        tr("content.batch.number"): draft.number,
        tr("content.batch.brief"): draft.title,
        tr("content.draft.text"): text,
    }
    if draft.sources:
        open_claims = ", ".join(claim.text.strip() for claim in checking.claims(draft, text))
        cells[tr("content.batch.claims")] = open_claims or tr("content.batch.no_claims")
    found = checking.check(app, actor, draft, text, tone=False)
    told = [tr(f"content.checks.{one.code}", **one.values) for one in found if one.status != "good"]
    cells[tr("content.draft.checks")] = "; ".join(told) or tr("content.batch.checked")
    return cells


def _exported(app: Application, actor: Actor, job_id: int, format: str) -> bytes:
    """Made when it is asked for: a batch may be long."""
    return exporting.export_job(app, actor, job_id, format)[1]
