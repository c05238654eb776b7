"""Which version serves which task: promote, try on a share of the requests, roll back, and what happened before."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.studio import registry
from core.services.studio.views import ModelVersionView, PromotionView
from pages.shared.choice_kept import keep_among
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice
from pages.shared.studio_place import go
from pages.shared.studio_words import main_metric, metric_value, named
from pages.shared.wording import local, percent, plain, when

SHARES = (1, 5, 10, 25, 50)
HISTORY = 30


def draw(app: Application, actor: Actor) -> None:
    st.caption(tr("studio.serving.lead"))
    versions = registry.list_versions(app, actor)
    history = registry.list_promotions(app, actor, limit=500)
    if not versions and not history:
        empty_state(
            "studio.serving.none",
            icon=":material/rocket_launch:",
            action=_to_train if actor.may(Permission.STUDIO) else None,
        )
        return
    for task, kinds in registry.TASKS.items():
        fitting = [version for version in versions if version.kind in kinds]
        past = [one for one in history if one.task == task]
        if fitting or past:
            _task(app, actor, task, fitting, past)
    without = [task for task, kinds in registry.TASKS.items() if not any(v.kind in kinds for v in versions)]
    without = [task for task in without if not any(one.task == task for one in history)]
    if without:
        st.caption(
            tr("studio.serving.without", tasks=tr("studio.why.comma").join(named("studio.serves", t) for t in without))
        )


def _to_train() -> None:
    st.button(
        tr("studio.models.to_train"),
        key="serving-to-train",
        type="primary",
        icon=":material/model_training:",
        on_click=go,
        args=("train",),
    )


def _task(
    app: Application, actor: Actor, task: str, fitting: list[ModelVersionView], past: list[PromotionView]
) -> None:
    in_force = [one for one in past if one.ended_at is None]
    full = next((one for one in in_force if one.share >= 1), None)
    canary = next((one for one in in_force if one.share < 1), None)
    with st.container(border=True, key=f"serving-{task}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.subheader(named("studio.serves", task), anchor=False, width="content")
            st.space("stretch")
            if in_force and actor.may(Permission.STUDIO):
                label = tr("studio.serving.end_canary" if canary else "studio.serving.roll_back")
                if st.button(
                    label, key=f"roll-back-{task}", icon=":material/undo:", help=tr("studio.serving.roll_back_help")
                ):
                    _roll_back(app, actor, task, canary is not None, past)
        st.caption(named("studio.serves_help", task))
        if full is None:
            st.caption(tr("studio.serving.nothing"))
        else:
            _serving(full, 1.0 - (canary.share if canary else 0.0), "green", ":material/rocket_launch:")
        if canary:
            _serving(canary, canary.share, "orange", ":material/science:")
        if fitting and actor.may(Permission.STUDIO):
            _promote(app, actor, task, fitting, serves=full is not None)
        if past:
            _history(task, past)


def _serving(one: PromotionView, part: float, colour: str, icon: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"now-{one.task}-{one.id}"):
        st.badge(percent(part), color=colour, icon=icon)  # type: ignore[arg-type]
        st.button(
            f"**{plain(one.version)}**",
            key=f"serves-{one.task}-{one.id}",
            type="tertiary",
            on_click=go,
            args=("models",),
            kwargs={"model": one.version_id},
        )
        st.caption(tr("studio.serving.since", when=when(one.created_at)), width="content")


def _promote(app: Application, actor: Actor, task: str, fitting: list[ModelVersionView], *, serves: bool) -> None:
    by_id = {version.id: version for version in fitting}
    box = f"promote-version-{task}"
    keep_among(box, by_id)
    with st.grid(min_column_width=240, gap="small", key=f"promote-{task}"):
        chosen = st.selectbox(
            tr("studio.serving.version"), list(by_id), key=box, format_func=lambda n: _named(by_id[n])
        )
        part = st.selectbox(
            tr("studio.serving.share"),
            [100, *SHARES[::-1]] if serves else [100],
            key=f"promote-share-{task}",
            format_func=_part,
            help=tr("studio.serving.share_help"),
        )
    if st.button(
        tr("studio.serving.promote"), key=f"promote-go-{task}", type="primary", icon=":material/rocket_launch:"
    ):
        with errors_shown():
            registry.promote(app, actor, task, int(chosen), share=int(part) / 100)
            notice(tr("studio.serving.promoted", name=plain(f"{by_id[chosen].name} {by_id[chosen].number}")))
            st.rerun()


def _part(percents: int) -> str:
    return tr("studio.serving.all") if percents == 100 else tr("studio.serving.canary", share=percent(percents / 100))


def _named(version: ModelVersionView) -> str:
    facts = [f"{version.name} {version.number}"]
    if version.variant not in {"", "fp32"}:
        facts.append(named("studio.variants", version.variant))
    if version.gate and not version.gate.get("passed"):
        facts.append(tr("studio.models.gate_failed"))
    found = main_metric(version.metrics)  # what it is of is written where the version is opened; here room is short
    return " · ".join([*facts, metric_value(*found)] if found else facts)


def _roll_back(app: Application, actor: Actor, task: str, canary: bool, past: list[PromotionView]) -> None:
    with errors_shown():
        now = registry.roll_back(app, actor, task)
        name = next((one.version for one in past if one.version_id == now), "")
        key = "canary_ended" if canary else "rolled_back" if now else "rolled_back_to_nothing"
        notice(tr(f"studio.serving.{key}", name=plain(name)))
        st.rerun()


def _history(task: str, past: list[PromotionView]) -> None:
    with st.expander(tr("studio.serving.history", n=len(past)), icon=":material/history:", key=f"history-{task}"):
        frame = pd.DataFrame(
            [
                [
                    one.version,
                    percent(one.share),
                    f"{local(one.created_at):%Y-%m-%d %H:%M}",
                    f"{local(one.ended_at):%Y-%m-%d %H:%M}" if one.ended_at else tr("studio.serving.now"),
                ]
                for one in past[:HISTORY]
            ],
            columns=[tr(f"studio.serving.columns.{name}") for name in ("version", "share", "from", "to")],
        )
        st.dataframe(frame, hide_index=True, key=f"history-table-{task}", width="stretch")
