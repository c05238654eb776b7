"""Model versions: the list, and one of them with its report, a trial, its smaller variants and its card."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.errors import NotFound
from core.services.application import Application
from core.services.studio import registry
from core.services.studio.views import ModelVersionView
from pages.shared import studio_model
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice, pager
from pages.shared.studio_place import go, opened
from pages.shared.studio_words import main_figure, named
from pages.shared.wording import counted, percent, plain, size, when

PER_PAGE = 20


def draw(app: Application, actor: Actor) -> None:
    if number := opened("model"):
        try:
            view = registry.get_version(app, actor, number)
        except NotFound:
            go(model=None)
            notice(tr("studio.models.gone"))
            st.rerun()
        studio_model.draw(app, actor, view)
        return
    found = registry.list_versions(app, actor)
    if not found:
        empty_state(
            "studio.models.none",
            icon=":material/deployed_code:",
            action=_to_train if actor.may(Permission.STUDIO) else None,
        )
        return
    shown = _filtered(found)
    st.caption(counted("studio.models.count", len(found)))
    if not shown:
        st.caption(tr("studio.none_such"))
    offset = (st.session_state.get("models-page", 1) - 1) * PER_PAGE
    with st.container(key="model-list", gap="xxsmall"):
        for version in shown[offset if offset < len(shown) else 0 :][:PER_PAGE]:
            _row(version)
    pager(len(shown), PER_PAGE, key="models-page")


def _to_train() -> None:
    st.button(
        tr("studio.models.to_train"),
        key="models-to-train",
        type="primary",
        icon=":material/model_training:",
        on_click=go,
        args=("train",),
    )


def _filtered(found: list[ModelVersionView]) -> list[ModelVersionView]:
    with st.container(horizontal=True, vertical_alignment="bottom", key="models-filter"):
        search = st.text_input(
            tr("studio.models.search"),
            key="models-search",
            type="search",
            icon=":material/search:",
            placeholder=tr("studio.models.search"),
            label_visibility="collapsed",
        )
        kinds = ["", *sorted({version.kind for version in found})]
        if st.session_state.get("models-kind", "") not in kinds:
            st.session_state["models-kind"] = ""
        kind = st.selectbox(
            tr("studio.kind"),
            kinds,
            key="models-kind",
            label_visibility="collapsed",
            width=190,
            format_func=lambda name: named("studio.kinds", name) if name else tr("studio.models.all_kinds"),
        )
    words = (search or "").lower().split()
    return [
        version
        for version in found
        if (not kind or version.kind == kind)
        and all(
            word in f"{version.name} {version.number} {version.data_set} {version.variant}".lower() for word in words
        )
    ]


def _row(version: ModelVersionView) -> None:
    with st.container(key=f"row-model-{version.id}", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                f"**{plain(version.name)} {version.number}**",
                key=f"open-model-{version.id}",
                type="tertiary",
                wrap=True,
                on_click=go,
                kwargs={"model": version.id},
            )
            badges(version)
        facts = [named("studio.kinds", version.kind), size(version.size_bytes), plain(main_figure(version.metrics))]
        facts += [plain(version.data_set), when(version.created_at)]
        st.caption(" · ".join(fact for fact in facts if fact))


def badges(version: ModelVersionView) -> None:
    """What it is and does: its variant, the tasks it serves, its parity gate."""
    if version.variant not in {"", "fp32"}:
        st.badge(named("studio.variants", version.variant), color="gray", icon=":material/compress:")
    if version.gate:
        passed = bool(version.gate.get("passed"))
        st.badge(
            tr("studio.models.gate_passed" if passed else "studio.models.gate_failed"),
            color="green" if passed else "red",
            icon=":material/check:" if passed else ":material/block:",
        )
    for task, part in version.serves.items():
        name = named("studio.serves", task)
        if part >= 1:
            st.badge(tr("studio.models.serves", task=name), color="green", icon=":material/rocket_launch:")
        else:
            st.badge(
                tr("studio.models.canary", task=name, share=percent(part)), color="orange", icon=":material/science:"
            )
