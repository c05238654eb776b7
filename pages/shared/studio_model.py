"""One model version: where it comes from, what is known of it, and what can be done with it."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.errors import PilotlightError
from core.services.application import Application
from core.services.studio import registry, reports, runs
from core.services.studio.views import ModelVersionView
from pages.shared import studio_compress, studio_report, studio_try
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown, show_error
from pages.shared.language import language, tr
from pages.shared.parts import notice
from pages.shared.studio_place import go
from pages.shared.studio_words import judged, metric_name, metric_value, named
from pages.shared.wording import percent, plain, size, when

PARTS = ("report", "try", "compress", "card")
MOST = 500


def draw(app: Application, actor: Actor, version: ModelVersionView) -> None:
    st.button(
        tr("studio.models.back"),
        key="model-back",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=go,
        kwargs={"model": None},
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="model-head"):
        st.subheader(f"{plain(version.name)} {version.number}", anchor=False, width="content")
        st.badge(named("studio.kinds", version.kind), color="gray")
        st.space("stretch")
        _actions(app, actor, version)
    st.caption(
        " · ".join([named("studio.variants", version.variant or "fp32"), _on_disk(version), when(version.created_at)])
    )
    _gate(version)
    _lineage(app, actor, version)
    _metrics(version)
    part = st.segmented_control(
        tr("studio.models.part"),
        PARTS,
        key="model-part",
        default=None if "model-part" in st.session_state else "report",
        required=True,
        format_func=lambda name: tr(f"studio.models.parts.{name}"),
        label_visibility="collapsed",
        persist_state="session",
    )
    if part == "try":
        studio_try.draw(app, actor, version)
    elif part == "compress":
        studio_compress.draw(app, actor, version)
    elif part == "card":
        _card(app, actor, version)
    else:
        _report(app, actor, version)
    draw_dialog(
        f"delete-model-{version.id}",
        tr("studio.models.delete"),
        lambda: _ask_delete(app, actor, version),
        icon=":material/delete:",
    )


def _actions(app: Application, actor: Actor, version: ModelVersionView) -> None:
    tasks = [task for task, kinds in registry.TASKS.items() if version.kind in kinds]
    if tasks and actor.may(Permission.STUDIO):
        st.button(
            tr("studio.models.to_serving"),
            key=f"to-serving-{version.id}",
            icon=":material/rocket_launch:",
            on_click=_to_serving,
            args=(tasks[0], version.id),
        )
    with st.popover(
        "", icon=":material/more_horiz:", key=f"model-menu-{version.id}", type="tertiary", help=tr("studio.models.menu")
    ):
        if registry.version_report(app, actor, version.id):
            for kind, mime in (("html", "text/html"), ("json", "application/json")):
                st.download_button(
                    tr(f"studio.models.report_{kind}"),
                    data=lambda kind=kind: _exported(app, actor, version, kind),
                    key=f"report-{kind}-{version.id}",
                    file_name=f"report-{version.id}.{kind}",
                    mime=mime,
                    icon=":material/download:",
                    width="stretch",
                    on_click="ignore",
                )
        st.download_button(
            tr("studio.models.download_card"),
            data=lambda: reports.model_card(app, actor, version.id),
            key=f"card-file-{version.id}",
            file_name=f"model-card-{version.id}.md",
            mime="text/markdown",
            icon=":material/download:",
            width="stretch",
            on_click="ignore",
        )
        if actor.may(Permission.STUDIO):
            st.button(
                tr("studio.models.delete"),
                key=f"delete-model-{version.id}",
                icon=":material/delete:",
                width="stretch",
                on_click=open_dialog,
                args=(f"delete-model-{version.id}",),
            )


def _to_serving(task: str, version_id: int) -> None:
    st.session_state[f"promote-version-{task}"] = version_id
    go("serving")


def _exported(app: Application, actor: Actor, version: ModelVersionView, kind: str) -> str:
    if kind == "html":
        return reports.report_html(app, actor, version.id, language())
    return reports.report_json(app, actor, version.id)


def _gate(version: ModelVersionView) -> None:
    if not version.gate:
        return
    lost, limit = (float(version.gate.get(name, 0.0)) for name in ("lost", "limit"))
    key = "passed" if version.gate.get("passed") else "failed"
    text = tr(f"studio.models.gate_{key}_long", lost=f"{100 * lost:.1f}", limit=f"{100 * limit:.1f}")
    (st.success if key == "passed" else st.error)(
        text, icon=":material/check:" if key == "passed" else ":material/block:"
    )


def _lineage(app: Application, actor: Actor, version: ModelVersionView) -> None:
    """Data set -> run -> version -> what uses it, each a way there."""
    everyone = registry.list_versions(app, actor)
    parent = next((other for other in everyone if other.id == version.parent_id), None)
    children = [other for other in everyone if other.parent_id == version.id]
    with st.container(border=True, key=f"lineage-{version.id}", gap="xxsmall"):
        st.caption(tr("studio.models.lineage"))
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"lineage-way-{version.id}"):
            _from(app, actor, version)
            if parent:
                _step(
                    f"{parent.name} {parent.number}",
                    f"to-parent-{parent.id}",
                    ":material/deployed_code:",
                    "models",
                    model=parent.id,
                )
                _arrow()
            st.markdown(f"**:material/deployed_code: {plain(version.name)} {version.number}**", width="content")
            if children or version.serves:
                _arrow()
            for child in children:
                name = f"{child.name} {child.number} ({named('studio.variants', child.variant)})"
                _step(name, f"to-child-{child.id}", ":material/compress:", "models", model=child.id)
            for task, part in version.serves.items():
                name = named("studio.serves", task) + ("" if part >= 1 else f" {percent(part)}")
                _step(name, f"to-task-{task}", ":material/rocket_launch:", "serving")
        if not version.serves and not children:
            st.caption(tr("studio.models.unused"))


def _on_disk(version: ModelVersionView) -> str:
    return tr("studio.models.on_disk", size=size(version.size_bytes))


def _from(app: Application, actor: Actor, version: ModelVersionView) -> None:
    run = next((run for run in runs.list_runs(app, actor, limit=MOST) if run.id == version.run_id), None)
    if version.data_set:
        target = {"data": _data_set_id(app, actor, run.data_set_version_id)} if run and run.data_set_version_id else {}
        _step(version.data_set, f"to-data-{version.id}", ":material/table_rows:", "data", **target)
        _arrow()
    if run:
        _step(f"{tr('studio.run')} #{run.id}", f"to-run-{run.id}", ":material/timeline:", "runs", run=run.id, compare=0)
        _arrow()


def _data_set_id(app: Application, actor: Actor, version_id: int) -> int:
    from core.services.studio.data_sets import get_data_set_version

    return get_data_set_version(app, actor, version_id).data_set_id


def _step(label: str, key: str, icon: str, section: str, **what: int) -> None:
    st.button(plain(label), key=key, icon=icon, type="tertiary", on_click=go, args=(section,), kwargs=what)


def _arrow() -> None:
    st.markdown(":gray[:material/arrow_right_alt:]", width="content")


def _metrics(version: ModelVersionView) -> None:
    numbers = judged(version.metrics)
    if numbers:
        with st.grid(min_column_width=150, key=f"model-metrics-{version.id}", gap="small"):
            for name, value in numbers[:8]:
                st.metric(metric_name(name), metric_value(name, value))


def _report(app: Application, actor: Actor, version: ModelVersionView) -> None:
    report = registry.version_report(app, actor, version.id)
    if not report and version.parent_id:
        st.info(tr("studio.report.of_parent"), icon=":material/info:")
        st.button(
            tr("studio.report.to_parent"),
            key=f"report-parent-{version.id}",
            icon=":material/deployed_code:",
            on_click=go,
            args=("models",),
            kwargs={"model": version.parent_id},
        )
        return
    if not report:
        st.info(tr("studio.report.none"), icon=":material/info:")
        return
    studio_report.draw(report, key=f"{version.id}")


def _card(app: Application, actor: Actor, version: ModelVersionView) -> None:
    try:
        card = reports.model_card(app, actor, version.id)
    except PilotlightError as error:
        show_error(error)
        return
    with st.container(border=True, key=f"card-{version.id}"):
        # Names and labels come from people: a card must not bring pictures or links into the page.
        st.markdown(card.replace("![", "!\\[").replace("](", "]\\(").replace("$", "\\$"))


def _ask_delete(app: Application, actor: Actor, version: ModelVersionView) -> None:
    st.markdown(tr("studio.models.delete_sure", name=f"{plain(version.name)} {version.number}"))
    if st.button(tr("studio.models.delete_yes"), key="delete-model-yes", type="primary"):
        with errors_shown():
            registry.delete_version(app, actor, version.id)
            notice(tr("studio.models.deleted", name=f"{plain(version.name)} {version.number}"))
            close_dialog()
            go(model=None)
            st.rerun()
