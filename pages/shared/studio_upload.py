"""From a file to a data set version: what stands in it, what it is for, which column is what, and how it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.studio import data_sets
from core.services.studio.views import ColumnView, StoredUpload, UploadPreview
from core.services.views import Upload
from pages.shared import studio_example, studio_options
from pages.shared.errors import errors_shown, show_error, stored_error
from pages.shared.language import tr
from pages.shared.studio_place import go, opened_text
from pages.shared.studio_words import named
from pages.shared.wording import counted, plain, size

TYPES = ["csv", "tsv", "jsonl", "ndjson", "json", "xlsx", "xlsm", "txt", "text", "md", "zip"]
TASKS = ("text_classification", "sentence_pair", "language_model", "prompt_response", "tabular", "image")
# Parts that columns play, by task: those that must be played, then those that may.
PARTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "text_classification": (("text", "label"), ("together", "split")),
    "sentence_pair": (("first", "second"), ("label", "together", "split")),
    "language_model": (("text",), ("split",)),
    "prompt_response": (("prompt", "response"), ("split",)),
    "tabular": (("label",), ("together", "split")),
    "image": (("label",), ("split",)),
}
GROUPED = {"text_classification", "tabular"}
_FILE = re.compile(r"([0-9a-f]{64})\.(\d{1,12})\.(.{1,200})", re.DOTALL)


def draw(app: Application, actor: Actor) -> None:
    st.button(tr("studio.data.back"), key="upload-back", icon=":material/arrow_back:", type="tertiary", on_click=_leave)
    name, task = st.session_state.get("new-data-for", ("", ""))
    st.subheader(
        f"{tr('studio.upload.title_version', name=plain(name)) if name else tr('studio.upload.title')}", anchor=False
    )
    found = _FILE.fullmatch(opened_text("file"))
    if not found:
        _take_file(app, actor)
        return
    stored = StoredUpload(found[1], found[3], int(found[2]))
    with st.container(key="upload-wizard", gap="small"):
        preview = _preview(app, actor, stored)
        if preview is not None:
            _wizard(app, actor, preview, name, task)


def _leave() -> None:
    st.session_state.pop("new-data-for", None)
    go(file=None)


def _take_file(app: Application, actor: Actor) -> None:
    st.markdown(tr("studio.upload.lead"))
    file = st.file_uploader(
        tr("studio.upload.drop", limit=app.settings.max_file_mb),
        type=TYPES,
        key="upload-file",
        max_upload_size=app.settings.max_file_mb,
        help=tr("studio.upload.drop_help"),
    )
    if file is not None:
        with errors_shown(), st.spinner(tr("studio.upload.reading")):
            preview = data_sets.preview_upload(app, actor, Upload(name=file.name, data=file.getvalue()))
            stored = preview.file
            st.session_state["upload-preview"] = ((stored.sha256, ()), preview)
            go(file=f"{stored.sha256}.{stored.size}.{stored.name}")
            st.rerun()
    studio_example.button(app, actor)


def _preview(app: Application, actor: Actor, stored: StoredUpload) -> UploadPreview | None:
    """Step 1: the file as it was understood; read again when the person corrects how."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="upload-what"):
        st.markdown(f":material/description: **{plain(stored.name)}**", width="content")
        st.caption(size(stored.size), width="content")
        st.button(
            tr("studio.upload.other"),
            key="upload-other",
            type="tertiary",
            icon=":material/swap_horiz:",
            on_click=go,
            kwargs={"file": "new"},
        )
    read = st.session_state.get("upload-read", {}).get(stored.sha256, {})
    about = (stored.sha256, tuple(sorted(read.items())))
    held = st.session_state.get("upload-preview")
    if held is None or held[0] != about:
        try:
            with st.spinner(tr("studio.upload.reading")):
                found = data_sets.preview_upload(app, actor, stored, read=read)  # type: ignore[arg-type]
            held = st.session_state["upload-preview"] = (about, found)
        except Exception as error:  # noqa: BLE001 - shown; the person corrects the reading below or takes another file
            show_error(error)
            studio_options.reading(stored, read, None)
            return None
    preview: UploadPreview = held[1]
    st.caption(
        " · ".join(
            [
                counted("studio.data.rows", preview.rows),
                counted("studio.upload.columns", len(preview.columns)),
                preview.format.upper(),
                *([preview.encoding] if preview.encoding else []),
            ]
        )
    )
    _problems(preview)
    config = {column.name: st.column_config.TextColumn(help=_about(column)) for column in preview.columns}
    st.dataframe(
        [dict(row) for row in preview.head],
        hide_index=True,
        width="stretch",
        key="upload-head",
        height=min(38 * (len(preview.head) + 1), 320),
        column_config=config,
    )
    studio_options.reading(stored, read, preview)
    return preview


def _problems(preview: UploadPreview) -> None:
    if not preview.bad_rows:
        return
    with st.expander(
        counted("studio.upload.bad_rows", preview.bad_rows), icon=":material/warning:", key="upload-problems"
    ):
        for problem in preview.problems:
            st.caption(plain(stored_error(problem)))
        if preview.bad_rows > len(preview.problems):
            st.caption(tr("common.and_more", n=preview.bad_rows - len(preview.problems)))


def _about(column: ColumnView) -> str:
    distinct = "1000+" if column.distinct is None else str(column.distinct)
    return tr(
        "studio.upload.about", kind=named("studio.upload.kinds", column.kind), filled=column.filled, distinct=distinct
    )


def _wizard(app: Application, actor: Actor, preview: UploadPreview, name: str, task: str) -> None:
    mark = preview.file.sha256[:10]
    task = _task(preview, task, mark)
    mapping = _columns(preview, task, mark)
    options, held_out = studio_options.draw(preview, task, mark)
    st.markdown(f"#### {tr('studio.upload.step_name')}")
    stem = PurePosixPath(preview.file.name).stem[: data_sets.LONGEST_NAME]
    called = st.text_input(
        tr("studio.upload.name"),
        value=name or stem,
        key=f"up-name-{mark}",
        max_chars=data_sets.LONGEST_NAME,
        disabled=bool(name),
        help=tr("studio.upload.name_help"),
    )
    with st.container(horizontal=True):
        note = st.text_input(tr("studio.upload.note"), key=f"up-note-{mark}", max_chars=500)
        licence = st.text_input(
            tr("studio.upload.licence"), key=f"up-licence-{mark}", max_chars=200, help=tr("studio.upload.licence_help")
        )
    missing = [part for part in PARTS[task][0] if not mapping.get(part)]
    if mapping.get("features") == []:
        missing.append("features")
    if missing:
        parts = tr("studio.why.comma").join(named("studio.upload.parts", part) for part in missing)
        st.caption(f":orange[:material/warning: {tr('studio.upload.missing', parts=parts)}]")
    if st.button(
        tr("studio.upload.make"),
        key=f"up-make-{mark}",
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(missing),
    ):
        with errors_shown():
            said = {**options, **{key: value for key, value in (("note", note), ("licence", licence)) if value}}
            extra: dict[str, Any] = {"held_out": held_out} if held_out else {}
            data_sets.start_data_set(app, actor, called or "", task, preview.file, mapping, said, **extra)
            kept = " ".join((called or "").split())
            made = next((one for one in data_sets.list_data_sets(app, actor) if one.name == kept), None)
            st.session_state.pop("new-data-for", None)
            st.session_state.pop("upload-preview", None)
            go("data", data=made.id if made else None, file=None)
            st.rerun()


def likeliest_task(preview: UploadPreview) -> str:
    """What the file looks like it is for."""
    guesses = preview.guesses
    kinds = {column.name: column.kind for column in preview.columns}
    if preview.format == "text" and "language_model" in guesses:
        return "language_model"
    for task in ("text_classification", "prompt_response", "sentence_pair"):
        named_parts = [column for column in guesses.get(task, {}).values() if isinstance(column, str)]
        if named_parts and any(kinds.get(column) == "text" for column in named_parts):
            return task
    if len(preview.columns) > 100 and "image" in guesses:
        return "image"
    return next((task for task in ("tabular", *TASKS) if task in guesses), "text_classification")


def _task(preview: UploadPreview, fixed: str, mark: str) -> str:
    st.markdown(f"#### {tr('studio.upload.step_task')}")
    if fixed:
        st.caption(tr("studio.upload.task_fixed", task=named("studio.tasks", fixed)))
        return fixed
    guess = likeliest_task(preview)
    tasks = tuple(preview.guesses) if preview.format == "zip" else TASKS
    chosen = st.radio(
        tr("studio.upload.task"),
        tasks,
        index=tasks.index(guess),
        key=f"up-task-{mark}",
        label_visibility="collapsed",
        format_func=lambda task: (
            named("studio.tasks", task) + (f" {tr('studio.upload.guess')}" if task == guess else "")
        ),
        captions=[named("studio.tasks_help", task) for task in tasks],
    )
    return str(chosen)


def _columns(preview: UploadPreview, task: str, mark: str) -> dict[str, Any]:
    """Part -> column, and what else says how the columns are meant."""
    if preview.format == "zip":
        return dict(preview.guesses.get(task, {}))  # the folders are the labels; there are no columns to choose
    st.markdown(f"#### {tr('studio.upload.step_columns')}")
    names = [column.name for column in preview.columns]
    guess, mapping = preview.guesses.get(task, {}), dict[str, Any]()
    needed, optional = PARTS[task]
    with st.grid(min_column_width=200, key=f"up-columns-{task}", gap="small"):
        for part in (*needed, *optional):
            column = _column(part, names, str(guess.get(part, "")), f"up-{task}-{part}-{mark}", must=part in needed)
            if column:
                mapping[part] = column
    taken = set(mapping.values())
    if task == "tabular":
        free = [name for name in names if name not in taken]
        chosen = st.multiselect(
            tr("studio.upload.parts.features"),
            free,
            default=free,
            key=f"up-features-{mark}",
            placeholder=tr("studio.none_chosen"),
            help=tr("studio.upload.features_help"),
        )
        if set(chosen) != set(free):
            mapping["features"] = [name for name in free if name in chosen]
    others = [name for name in names if name not in taken]
    if task in GROUPED and others:
        groups = st.multiselect(
            tr("studio.upload.parts.groups"),
            others,
            key=f"up-groups-{task}-{mark}",
            placeholder=tr("studio.none_chosen"),
            help=tr("studio.upload.groups_help"),
            max_selections=5,
        )
        if groups:
            mapping["groups"] = groups
    if task == "text_classification":
        mapping |= _several(mark)
    scored = task == "sentence_pair" and bool(mapping.get("label"))
    if scored and st.toggle(tr("studio.upload.score"), key=f"up-score-{mark}", help=tr("studio.upload.score_help")):
        mapping["label_kind"] = "score"
    return mapping


def _column(part: str, names: list[str], guess: str, key: str, *, must: bool) -> str:
    options = names if must else ["", *names]
    return (
        st.selectbox(
            named("studio.upload.parts", part),
            options,
            index=options.index(guess) if guess in options else None if must else 0,
            key=key,
            help=named("studio.upload.parts_help", part),
            format_func=lambda name: name or tr("studio.upload.no_column"),
            placeholder=tr("studio.upload.choose"),
        )
        or ""
    )


def _several(mark: str) -> dict[str, Any]:
    with st.container(horizontal=True, vertical_alignment="center"):
        if not st.toggle(tr("studio.upload.several"), key=f"up-several-{mark}", help=tr("studio.upload.several_help")):
            return {}
        separator = st.text_input(
            tr("studio.upload.separator"), value="|", key=f"up-separator-{mark}", max_chars=3, width=110
        )
    return {"multi_label": True, "separator": separator or "|"}
