"""One data set: its versions, what became of the rows of each, what the lint found, and the rows themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.studio import data_sets
from core.services.studio.views import DataSetVersionView, DataSetView
from pages.shared import studio_findings, studio_rows
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.job_progress import job_panel
from pages.shared.language import tr
from pages.shared.parts import notice
from pages.shared.studio_charts import plot_bars
from pages.shared.studio_place import go
from pages.shared.studio_run import pairs
from pages.shared.studio_words import named, split_name, value_text
from pages.shared.wording import counted, plain, when

SPLITS = ("train", "validation", "test")
MOST_LABELS = 30


def splits(version: DataSetVersionView) -> dict[str, int]:
    """Rows by split."""
    return {name: int(version.counts.get("splits", {}).get(name, 0)) for name in SPLITS}


def draw(app: Application, actor: Actor, one: DataSetView) -> None:
    st.button(
        tr("studio.data.back"),
        key="data-back",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=go,
        kwargs={"data": None},
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="data-head"):
        st.subheader(plain(one.name), anchor=False, width="content")
        st.badge(named("studio.tasks", one.task), color="gray")
        st.space("stretch")
        if actor.may(Permission.STUDIO):
            _actions(one)
    if one.note:
        st.caption(plain(one.note))
    versions = data_sets.list_versions(app, actor, one.id)
    if not versions or versions[0].state != "ready":
        job_panel(app, actor, None, (data_sets.KIND,), key="data-set")  # type: ignore[arg-type]
    if not versions:
        st.caption(tr("studio.data.no_version"))
        return
    version = _chosen(versions)
    if version.state == "ready":
        _ready(app, actor, version)
    else:
        st.caption(tr("studio.data.failed_help" if version.state == "failed" else "studio.data.building_help"))
    draw_dialog(
        f"delete-data-{one.id}",
        tr("studio.data.delete"),
        lambda: _ask_delete(app, actor, one),
        icon=":material/delete:",
    )


def _actions(one: DataSetView) -> None:
    if one.latest:
        st.button(
            tr("studio.data.train"),
            key=f"data-train-{one.id}",
            type="primary",
            icon=":material/model_training:",
            on_click=go,
            args=("train",),
            kwargs={"learn": one.latest.id},
        )
    with st.popover(
        "", icon=":material/more_horiz:", key=f"data-menu-{one.id}", type="tertiary", help=tr("studio.data.menu")
    ):
        st.button(
            tr("studio.data.new_version"),
            key=f"data-version-{one.id}",
            icon=":material/upload_file:",
            width="stretch",
            on_click=_new_version,
            args=(one,),
        )
        st.button(
            tr("studio.data.delete"),
            key=f"delete-data-{one.id}",
            icon=":material/delete:",
            width="stretch",
            on_click=open_dialog,
            args=(f"delete-data-{one.id}",),
        )


def _new_version(one: DataSetView) -> None:
    st.session_state["new-data-for"] = (one.name, one.task)
    go("data", file="new")


def _chosen(versions: list[DataSetVersionView]) -> DataSetVersionView:
    if len(versions) == 1:
        return versions[0]
    by_id = {version.id: version for version in versions}
    key = f"data-version-of-{versions[0].data_set_id}"
    if st.session_state.get(key) not in by_id:
        st.session_state[key] = next((v.id for v in versions if v.state == "ready"), versions[0].id)
    number = st.selectbox(
        tr("studio.data.version_label"),
        list(by_id),
        key=key,
        width=340,
        format_func=lambda n: " · ".join(
            [
                tr("studio.data.version", n=by_id[n].number),
                when(by_id[n].created_at),
                *([] if by_id[n].state == "ready" else [named("studio.data.states", by_id[n].state)]),
            ]
        ),
    )
    return by_id[number]


def _ready(app: Application, actor: Actor, version: DataSetVersionView) -> None:
    rows = splits(version)
    st.caption(
        " · ".join(
            [
                tr("studio.data.version", n=version.number),
                plain(version.source),
                when(version.created_at),
                tr("studio.data.digest", digest=version.digest[:12]),
            ]
        )
    )
    with st.grid(min_column_width=130, key=f"data-counts-{version.id}", gap="small"):
        for name in SPLITS:
            st.metric(split_name(name), f"{rows[name]:,}", border=True)
        if augmented := int(version.counts.get("augmented", 0)):
            st.metric(tr("studio.data.augmented"), f"{augmented:,}", border=True, help=tr("studio.data.augmented_help"))
        dropped = sum(int(count) for count in version.counts.get("dropped", {}).values())
        st.metric(tr("studio.data.dropped"), f"{dropped:,}", border=True)
    _dropped(version)
    studio_findings.draw(app, actor, version)
    _labels(version)
    studio_rows.draw(app, actor, version, rows)
    _made_with(version)


def _dropped(version: DataSetVersionView) -> None:
    dropped: Mapping[str, Any] = version.counts.get("dropped", {})
    lines: Mapping[str, Any] = version.counts.get("dropped_lines", {})
    personal: Mapping[str, Any] = version.counts.get("personal", {})
    if not any(dropped.values()) and not any(personal.values()):
        return
    with st.container(border=True, key=f"data-dropped-{version.id}", gap="xxsmall"):
        st.markdown(f"**{tr('studio.data.what_became')}**")
        for reason, count in sorted(dropped.items(), key=lambda item: -int(item[1])):
            if not count:
                continue
            named_lines = ", ".join(
                str(line[1] if isinstance(line, list | tuple) else line) for line in lines.get(reason, [])[:8]
            )
            said = {"rows": counted("studio.data.rows", int(count)), "why": studio_findings.reason(reason)}
            line = tr("studio.data.left_out", **said) + (
                tr("studio.data.at_lines", lines=named_lines) if named_lines else ""
            )
            st.markdown(f"- {plain(line)}")
        for kind, count in sorted(personal.items()):
            if count:
                st.markdown(f"- {tr('studio.data.masked', n=count, kind=named('studio.personal', kind))}")


def _labels(version: DataSetVersionView) -> None:
    counts: Mapping[str, Mapping[str, int]] = version.counts.get("class_counts", {})
    totals: dict[str, int] = {}
    for name in SPLITS:
        for label, count in counts.get(name, {}).items():
            totals[label] = totals.get(label, 0) + int(count)
    if not totals:
        return
    st.markdown(f"**{tr('studio.data.labels', n=len(totals))}**")
    shown = sorted(totals, key=lambda label: -totals[label])[:MOST_LABELS]
    bars = [
        {"name": label, "value": int(counts.get(name, {}).get(label, 0)), "part": split_name(name)}
        for label in shown
        for name in SPLITS
        if counts.get(name, {}).get(label)
    ]
    plot_bars(bars, key=f"labels-{version.id}", title=tr("studio.data.rows_title"))
    if len(totals) > MOST_LABELS:
        st.caption(tr("common.and_more", n=len(totals) - MOST_LABELS))


def _made_with(version: DataSetVersionView) -> None:
    """Columns and options, so that the same file gives the same version again."""
    with st.expander(tr("studio.data.made_with"), icon=":material/tune:", key=f"data-made-{version.id}"):
        rows = {tr("studio.data.source"): version.source}
        for part, column in dict(version.mapping.get("columns", {})).items():
            rows[named("studio.upload.parts", part)] = value_text(column)
        for group, options in dict(version.mapping.get("options", {})).items():
            if isinstance(options, Mapping):
                for name, value in options.items():
                    rows[f"{named('studio.upload.groups', group)}: {named('studio.upload.options', name)}"] = (
                        value_text(value)
                    )
            else:
                rows[named("studio.upload.groups", group)] = value_text(options)
        pairs(rows, key=f"made-{version.id}")


def _ask_delete(app: Application, actor: Actor, one: DataSetView) -> None:
    st.markdown(tr("studio.data.delete_sure", name=plain(one.name)))
    if st.button(tr("studio.data.delete_yes"), key="delete-data-yes", type="primary"):
        with errors_shown():
            data_sets.delete_data_set(app, actor, one.id)
            notice(tr("studio.data.deleted", name=plain(one.name)))
            close_dialog()
            go(data=None)
            st.rerun()
