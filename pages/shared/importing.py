"""Rows from a CSV, XLSX or JSONL file: a popover that takes the file and says what became of each line."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.services.rows_file import ImportReport
from core.services.views import Upload
from pages.shared.errors import errors_shown, stored_error
from pages.shared.language import tr

SHOWN_SKIPPED = 20


def import_popover(label: str, text: str, take: Callable[[Upload], ImportReport], *, key: str) -> None:
    with st.popover(label, icon=":material/upload_file:", key=f"{key}-open"):
        st.markdown(text)
        turn = st.session_state.get(f"{key}.turn", 0)
        file = st.file_uploader(
            label, type=["csv", "tsv", "xlsx", "jsonl", "ndjson"], key=f"{key}-{turn}", label_visibility="collapsed"
        )
        if file and st.button(tr("common.import_run"), key=f"{key}-run", type="primary"):
            with errors_shown():
                st.session_state[f"{key}.report"] = take(Upload(name=file.name, data=file.getvalue()))
                st.session_state[f"{key}.turn"] = turn + 1
                st.rerun()
    report: ImportReport | None = st.session_state.pop(f"{key}.report", None)
    if report:
        st.success(tr("common.imported", added=report.added, updated=report.updated), icon=":material/check_circle:")
        for line, code in report.skipped[:SHOWN_SKIPPED]:
            st.warning(tr("common.skipped", line=line, reason=stored_error({"code": code})), icon=":material/warning:")
        if len(report.skipped) > SHOWN_SKIPPED:
            st.caption(tr("common.and_more", n=len(report.skipped) - SHOWN_SKIPPED))
