"""A file of items or interactions: dropped in, looked at, its columns named, and brought in by a job."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.recommend import importing
from core.services.recommend.views import CatalogueView
from core.services.studio.views import StoredUpload, UploadPreview
from core.services.views import Upload
from pages.shared import studio_options
from pages.shared.errors import errors_shown, show_error, stored_error
from pages.shared.language import tr
from pages.shared.parts import notice
from pages.shared.wording import counted, plain, size

TYPES = ["csv", "tsv", "jsonl", "ndjson", "json", "xlsx", "txt"]


def draw(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    """Two drop zones, or the wizard for the file that was dropped last."""
    opened: tuple[str, StoredUpload] | None = st.session_state.get(_state(catalogue))
    if opened is None:
        with st.grid(2, min_column_width=280, key="catalogue-files"):
            for part in importing.PARTS:
                with st.container(border=True, key=f"take-{part}"):
                    _take(app, actor, catalogue, part)
        return
    part, stored = opened
    with st.container(border=True, key="column-wizard", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":material/description: **{plain(stored.name)}**", width="content")
            st.caption(f"{tr(f'recommend.parts_of.{part}')} · {size(stored.size)}", width="content")
            st.space("stretch")
            if st.button(tr("recommend.upload.other"), key="upload-close", icon=":material/close:", type="tertiary"):
                _close(catalogue)
                st.rerun()
        preview = _preview(app, actor, stored)
        if preview is not None:
            _wizard(app, actor, catalogue, part, preview)


def _state(catalogue: CatalogueView) -> str:
    return f"recommend.file.{catalogue.id}"


def _close(catalogue: CatalogueView) -> None:
    st.session_state.pop(_state(catalogue), None)
    st.session_state["recommend.upload.turn"] = st.session_state.get("recommend.upload.turn", 0) + 1


def _take(app: Application, actor: Actor, catalogue: CatalogueView, part: str) -> None:
    st.markdown(f"**{tr(f'recommend.upload.{part}')}**")
    st.caption(tr(f"recommend.upload.{part}_help"))
    turn = st.session_state.get("recommend.upload.turn", 0)
    file = st.file_uploader(
        tr(f"recommend.upload.{part}"),
        type=TYPES,
        key=f"file-{part}-{turn}",
        max_upload_size=app.settings.max_file_mb,
        label_visibility="collapsed",
    )
    if file is not None:
        with errors_shown(), st.spinner(tr("studio.upload.reading")):
            preview = importing.preview_file(app, actor, Upload(name=file.name, data=file.getvalue()))
            st.session_state[_state(catalogue)] = (part, preview.file)
            st.session_state["recommend.preview"] = ((preview.file.sha256, ()), preview)
            st.rerun()


def _preview(app: Application, actor: Actor, stored: StoredUpload) -> UploadPreview | None:
    read = st.session_state.get("upload-read", {}).get(stored.sha256, {})
    about = (stored.sha256, tuple(sorted(read.items())))
    held = st.session_state.get("recommend.preview")
    if held is None or held[0] != about:
        try:
            with st.spinner(tr("studio.upload.reading")):
                found = importing.preview_file(app, actor, stored, read=read)
            held = st.session_state["recommend.preview"] = (about, found)
        except Exception as error:  # noqa: BLE001 - shown; the person corrects the reading below or takes another file
            show_error(error)
            studio_options.reading(stored, read, None)
            return None
    preview: UploadPreview = held[1]
    st.caption(
        " · ".join(
            [counted("studio.data.rows", preview.rows), counted("studio.upload.columns", len(preview.columns))]
            + [preview.format.upper()]
            + ([preview.encoding] if preview.encoding else [])
        )
    )
    if preview.bad_rows:
        with st.expander(counted("studio.upload.bad_rows", preview.bad_rows), icon=":material/warning:"):
            for problem in preview.problems:
                st.caption(plain(stored_error(problem)))
    rows = [dict(row) for row in preview.head]
    st.dataframe(rows, hide_index=True, width="stretch", key="file-head", height=min(38 * (len(rows) + 1), 240))
    studio_options.reading(stored, read, preview)
    return preview


def _wizard(app: Application, actor: Actor, catalogue: CatalogueView, part: str, preview: UploadPreview) -> None:
    st.markdown(f"#### {tr('recommend.upload.columns')}")
    mark = f"{part}-{preview.file.sha256[:10]}"
    names = [column.name for column in preview.columns]
    guess = preview.guesses.get(part, {})
    mapping: dict[str, str] = {}
    with st.grid(min_column_width=180, key="column-grid", gap="small"):
        for one in importing.PARTS[part]:
            must = one in importing.NEEDED[part]
            options = names if must else ["", *names]
            guessed = guess.get(one, "")
            mapping[one] = (
                st.selectbox(
                    tr(f"recommend.column.{one}") + (" *" if must else ""),
                    options,
                    index=options.index(guessed) if guessed in options else None if must else 0,
                    key=f"column-{one}-{mark}",
                    help=tr(f"recommend.column_help.{one}"),
                    format_func=lambda name: name or tr("studio.upload.no_column"),
                    placeholder=tr("studio.upload.choose"),
                )
                or ""
            )
    said = _options(catalogue, part, preview, mapping, mark)
    missing = [tr(f"recommend.column.{one}") for one in importing.NEEDED[part] if not mapping[one]]
    if missing:
        st.caption(f":orange[:material/warning: {tr('recommend.upload.missing', list=', '.join(missing))}]")
    if st.button(
        tr("recommend.upload.start"),
        key="import-start",
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(missing),
    ):
        with errors_shown():
            importing.start_import(app, actor, catalogue.id, part, preview.file, mapping, said)
            notice(tr("recommend.upload.started"))
            _close(catalogue)
            st.rerun()


def _options(
    catalogue: CatalogueView, part: str, preview: UploadPreview, mapping: dict[str, str], mark: str
) -> dict[str, object]:
    """What else says how the file is meant, as ``start_import`` takes it."""
    said: dict[str, object] = {}
    if read := st.session_state.get("upload-read", {}).get(preview.file.sha256):
        said["read"] = dict(read)
    if part != "interactions":
        return said
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if mapping.get("value"):
            least = st.number_input(
                tr("recommend.upload.least"),
                value=None,
                key=f"least-{mark}",
                help=tr("recommend.upload.least_help"),
                width=220,
                placeholder=tr("recommend.upload.least_all"),
            )
            if least is not None:
                said["least_value"] = float(least)
        bots = st.toggle(
            tr("recommend.upload.keep_bots"), key=f"bots-{mark}", help=tr("recommend.upload.keep_bots_help")
        )
        if bots:
            said["keep_bots"] = True
        if catalogue.items and st.toggle(
            tr("recommend.upload.add_unknown"), key=f"unknown-{mark}", help=tr("recommend.upload.add_unknown_help")
        ):
            said["add_unknown"] = True
    return said
