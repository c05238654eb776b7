"""How a data set version is made: how the file is read, what is cleaned and masked, the split, varied copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.services.studio.views import StoredUpload, UploadPreview
from core.services.views import Upload
from pages.shared.language import tr

WRITTEN = {"language_model", "prompt_response"}  # tasks whose lines are kept and may repeat
TEXTS = {"text_classification", "sentence_pair", "language_model", "prompt_response"}
LABELLED = {"text_classification"}  # where the lint looks for wrong labels
DELIMITERS = {"": "", ",": ",", ";": ";", "\t": "Tab", "|": "|"}
ENCODINGS = ("", "utf-8", "gb18030", "big5", "utf-16", "latin-1")
HEADER = (None, True, False)
CUTS = ("line", "blank", "whole")


def reading(stored: StoredUpload, read: Mapping[str, Any], preview: UploadPreview | None) -> None:
    """Corrections to how the file is read; each takes effect at once."""
    kind = preview.format if preview else ""
    mark = stored.sha256[:10]
    with (
        st.expander(
            tr("studio.upload.reading_options"),
            icon=":material/tune:",
            key=f"up-reading-{mark}",
            expanded=preview is None,
        ),
        st.grid(min_column_width=180, gap="small", key="up-reading-grid"),
    ):
        chosen: dict[str, Any] = {}
        if preview and len(preview.sheets) > 1:
            sheet = st.selectbox(tr("studio.upload.sheet"), preview.sheets, key=f"up-sheet-{mark}")
            chosen["sheet"] = sheet if sheet != preview.sheets[0] else ""
        if kind != "text":
            chosen["header"] = st.selectbox(
                tr("studio.upload.header"),
                HEADER,
                key=f"up-header-{mark}",
                format_func=lambda value: tr(
                    f"studio.upload.header_{'auto' if value is None else 'yes' if value else 'no'}"
                ),
            )
        if kind in {"csv", ""}:
            chosen["delimiter"] = st.selectbox(
                tr("studio.upload.delimiter"),
                list(DELIMITERS),
                key=f"up-delimiter-{mark}",
                format_func=lambda mark: DELIMITERS[mark] or tr("studio.upload.auto"),
            )
        if kind != "xlsx":
            chosen["encoding"] = st.selectbox(
                tr("studio.upload.encoding"),
                ENCODINGS,
                key=f"up-encoding-{mark}",
                format_func=lambda name: name or tr("studio.upload.auto"),
            )
        if kind == "text":
            cut = st.selectbox(
                tr("studio.upload.cut"),
                CUTS,
                key=f"up-cut-{mark}",
                format_func=lambda name: tr(f"studio.upload.cuts.{name}"),
            )
            chosen["split"] = cut if cut != "line" else ""
    corrected = {name: value for name, value in chosen.items() if value not in ("", None)}
    if corrected != dict(read):
        st.session_state.setdefault("upload-read", {})[stored.sha256] = corrected
        st.rerun()


def draw(preview: UploadPreview, task: str, mark: str) -> tuple[dict[str, Any], dict[str, Upload]]:
    """The options as ``start_data_set`` takes them, and files held out by the person."""
    st.markdown(f"#### {tr('studio.upload.step_options')}")
    read = dict(st.session_state.get("upload-read", {}).get(preview.file.sha256, {}))
    options: dict[str, Any] = {}
    if task == "image":
        options["image"] = _pictures(mark)
    else:
        options["clean"] = _clean(task, mark)
    options["split"] = _split(task, mark)
    if read:
        options["read"] = read
    if task in TEXTS and (augment := _augment(mark)):
        options["augment"] = augment
    if task in LABELLED:
        doubt = tr("studio.upload.label_errors")
        options["label_errors"] = st.toggle(
            doubt, value=True, key=f"up-doubt-{mark}", help=tr("studio.upload.label_errors_help")
        )
    if preview.format == "zip":
        return options, {}
    return options, _held_out(mark)


def _pictures(mark: str) -> dict[str, Any]:
    with st.grid(min_column_width=180, gap="small", key="up-pictures"):
        side = st.number_input(
            tr("studio.upload.options.size"), 8, 64, 28, 4, key=f"up-size-{mark}", help=tr("studio.upload.size_help")
        )
        channels = st.selectbox(
            tr("studio.upload.options.channels"),
            (1, 3),
            key=f"up-channels-{mark}",
            format_func=lambda n: tr(f"studio.upload.channels_{n}"),
        )
    return {"size": int(side or 28), "channels": int(channels)}


def _clean(task: str, mark: str) -> dict[str, Any]:
    written = task in WRITTEN
    key = f"{task}-{mark}"
    clean: dict[str, Any] = {"keep_lines": written}
    with st.grid(min_column_width=260, gap="small", key=f"up-clean-{task}"):
        clean["duplicates"] = st.toggle(
            tr("studio.upload.options.duplicates"),
            value=not written,
            key=f"up-duplicates-{key}",
            help=tr("studio.upload.duplicates_help"),
        )
        clean["near_duplicates"] = st.toggle(
            tr("studio.upload.options.near_duplicates"), key=f"up-near-{key}", help=tr("studio.upload.near_help")
        )
        clean["mask"] = st.toggle(
            tr("studio.upload.options.mask"), key=f"up-mask-{key}", help=tr("studio.upload.mask_help")
        )
        clean["markup"] = st.toggle(
            tr("studio.upload.options.markup"), key=f"up-markup-{key}", help=tr("studio.upload.markup_help")
        )
    with (
        st.expander(tr("studio.upload.more_cleaning"), icon=":material/cleaning_services:", key=f"up-more-{key}"),
        st.grid(min_column_width=180, gap="small", key=f"up-more-grid-{task}"),
    ):
        clean["least"] = int(
            st.number_input(
                tr("studio.upload.options.least"),
                0,
                10_000,
                1,
                1,
                key=f"up-least-{key}",
                help=tr("studio.upload.least_help"),
            )
            or 0
        )
        clean["most"] = int(
            st.number_input(
                tr("studio.upload.options.most"),
                0,
                1_000_000,
                0,
                100,
                key=f"up-most-{key}",
                help=tr("studio.upload.most_help"),
            )
            or 0
        )
        clean["form"] = st.selectbox(
            tr("studio.upload.options.form"),
            ("NFC", "NFKC", "none"),
            key=f"up-form-{key}",
            format_func=lambda name: tr(f"studio.upload.forms.{name}"),
            help=tr("studio.upload.form_help"),
        )
    return clean


def _split(task: str, mark: str) -> dict[str, Any]:
    key = f"{task}-{mark}"
    with st.grid(min_column_width=180, gap="small", key=f"up-split-{task}"):
        validation = st.number_input(
            tr("studio.upload.options.validation"),
            1,
            60,
            10,
            1,
            key=f"up-validation-{key}",
            help=tr("studio.upload.validation_help"),
        )
        test = st.number_input(
            tr("studio.upload.options.test"), 0, 60, 10, 1, key=f"up-test-{key}", help=tr("studio.upload.test_help")
        )
        seed = st.number_input(
            tr("studio.upload.options.seed"),
            0,
            2**31 - 1,
            0,
            1,
            key=f"up-seed-{key}",
            help=tr("studio.upload.seed_help"),
        )
    st.caption(tr("studio.upload.shares", train=100 - int(validation or 0) - int(test or 0)))
    return {"validation": (validation or 0) / 100, "test": (test or 0) / 100, "seed": int(seed or 0)}


def _augment(mark: str) -> dict[str, Any] | None:
    if not st.toggle(tr("studio.upload.augment"), key=f"up-augment-{mark}", help=tr("studio.upload.augment_help")):
        return None
    with st.grid(min_column_width=150, gap="small", key="up-augment-grid"):
        copies = st.number_input(tr("studio.upload.options.copies"), 1, 10, 1, 1, key=f"up-copies-{mark}")
        shares = {
            name: (
                st.number_input(
                    tr(f"studio.upload.options.{name}"),
                    0,
                    50,
                    default,
                    1,
                    key=f"up-{name}-{mark}",
                    help=tr(f"studio.upload.{name}_help"),
                )
                or 0
            )
            / 100
            for name, default in (("swap", 10), ("delete", 10), ("noise", 5))
        }
    return {"copies": int(copies or 1), **shares}


def _held_out(mark: str) -> dict[str, Upload]:
    """Files for validation or test that somebody else has drawn, e.g. of a public benchmark."""
    found: dict[str, Upload] = {}
    with st.expander(tr("studio.upload.held_out"), icon=":material/lab_profile:", key=f"up-held-out-{mark}"):
        st.caption(tr("studio.upload.held_out_help"))
        for split in ("validation", "test"):
            file = st.file_uploader(
                tr(f"studio.upload.held_out_{split}"),
                key=f"up-file-{split}-{mark}",
                type=["csv", "tsv", "jsonl", "ndjson", "json", "xlsx", "txt"],
            )
            if file is not None:
                found[split] = Upload(file.name, file.getvalue())
    return found
