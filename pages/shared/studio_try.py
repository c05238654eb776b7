"""A model tried on inputs of one's own: what it says, how sure it is, and which words or columns made it say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.studio import data_sets, reports, runs
from core.services.studio.views import ModelVersionView, Tried
from pages.shared import studio_judge, studio_why
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.studio_charts import plot_bars
from pages.shared.studio_words import share
from pages.shared.wording import plain

MOST_TEXTS = 20
SHOWN_LABELS = 8
ROWS = 5
EXPLAINED = {"text_classifier", "lstm"}
PICTURES = ["png", "jpg", "jpeg", "bmp", "gif", "webp"]


def draw(app: Application, actor: Actor, version: ModelVersionView) -> None:
    kind = version.kind
    if kind in EXPLAINED:
        _texts(app, actor, version)
    elif kind in {"sentence_pair", "encoder"}:
        _pair(app, actor, version)
    elif kind == "language_model":
        _prompt(app, actor, version)
    elif kind == "tabular":
        _rows(app, actor, version)
    elif kind == "image":
        _pictures(app, actor, version)
    _results(app, actor, version)
    if actor.may(Permission.STUDIO):
        studio_judge.draw(app, actor, version)


def _say(app: Application, actor: Actor, version: ModelVersionView, inputs: Sequence[Any], **settings: Any) -> None:
    """Asks the model, and keeps what it said until the next time."""
    with errors_shown(), st.spinner(tr("studio.try.working")):
        found = reports.try_model(app, actor, version.id, inputs, **settings)
        st.session_state["tried"] = (version.id, list(inputs), found)


def _texts(app: Application, actor: Actor, version: ModelVersionView) -> None:
    with st.form(f"try-{version.id}", border=False):
        text = st.text_area(
            tr("studio.try.texts"),
            key=f"try-text-{version.id}",
            height=110,
            help=tr("studio.try.texts_help", n=MOST_TEXTS),
            placeholder=tr("studio.try.placeholder"),
            max_chars=20_000,
        )
        if st.form_submit_button(
            tr("studio.try.go"), key=f"try-go-{version.id}", type="primary", icon=":material/play_arrow:"
        ):
            lines = [line.strip() for line in (text or "").splitlines() if line.strip()][:MOST_TEXTS]
            if lines:
                _say(app, actor, version, lines)
            else:
                st.warning(tr("studio.try.empty"), icon=":material/edit:")


def _pair(app: Application, actor: Actor, version: ModelVersionView) -> None:
    with st.form(f"try-{version.id}", border=False):
        first = st.text_area(tr("studio.try.first"), key=f"try-first-{version.id}", height=80, max_chars=5000)
        second = st.text_area(
            tr("studio.try.second"),
            key=f"try-second-{version.id}",
            height=110,
            max_chars=20_000,
            help=tr("studio.try.second_help", n=MOST_TEXTS),
        )
        if st.form_submit_button(
            tr("studio.try.compare"), key=f"try-go-{version.id}", type="primary", icon=":material/play_arrow:"
        ):
            lines = [line.strip() for line in (second or "").splitlines() if line.strip()][:MOST_TEXTS]
            if lines and (first or "").strip():
                _say(app, actor, version, [((first or "").strip(), line) for line in lines])
            else:
                st.warning(tr("studio.try.empty_pair"), icon=":material/edit:")


def _prompt(app: Application, actor: Actor, version: ModelVersionView) -> None:
    with st.form(f"try-{version.id}", border=False):
        prompt = st.text_area(tr("studio.try.prompt"), key=f"try-prompt-{version.id}", height=90, max_chars=5000)
        with st.container(horizontal=True):
            maximum = st.slider(tr("studio.try.maximum"), 10, 300, 80, 10, key=f"try-maximum-{version.id}")
            temperature = st.slider(
                tr("studio.try.temperature"),
                0.0,
                1.5,
                0.8,
                0.1,
                key=f"try-temperature-{version.id}",
                help=tr("studio.try.temperature_help"),
            )
        if st.form_submit_button(
            tr("studio.try.write"), key=f"try-go-{version.id}", type="primary", icon=":material/edit_note:"
        ):
            _say(app, actor, version, [prompt or ""], max_tokens=int(maximum), temperature=float(temperature))


def _rows(app: Application, actor: Actor, version: ModelVersionView) -> None:
    """A few held-out rows to change: nobody wants to type twenty columns."""
    held = _held_out(app, actor, version)
    if not held:
        st.info(tr("studio.try.no_rows"), icon=":material/info:")
        return
    with st.form(f"try-{version.id}", border=False):
        st.caption(tr("studio.try.rows"))
        edited = st.data_editor(
            held, key=f"try-rows-{version.id}", num_rows="dynamic", width="stretch", hide_index=True
        )
        if st.form_submit_button(
            tr("studio.try.go"), key=f"try-go-{version.id}", type="primary", icon=":material/play_arrow:"
        ):
            _say(app, actor, version, [dict(row) for row in edited])


def _held_out(app: Application, actor: Actor, version: ModelVersionView) -> list[dict[str, Any]]:
    """Values of a few rows the model never saw, without the label."""
    with errors_shown():
        run = runs.get_run(app, actor, version.run_id) if version.run_id else None
        if run is None or run.data_set_version_id is None:
            return []
        data = data_sets.get_data_set_version(app, actor, run.data_set_version_id)
        split = "test" if data.counts.get("splits", {}).get("test") else "validation"
        columns = list(data.counts.get("columns", ()))
        rows = data_sets.sample_rows(app, actor, data.id, split, 0, ROWS).rows
        return [{name: row.get(name) for name in columns} for row in rows]
    return []


def _pictures(app: Application, actor: Actor, version: ModelVersionView) -> None:
    files = st.file_uploader(
        tr("studio.try.pictures"),
        type=PICTURES,
        accept_multiple_files=True,
        key=f"try-pictures-{version.id}",
        max_upload_size=app.settings.max_file_mb,
    )
    if files and st.button(
        tr("studio.try.go"), key=f"try-go-{version.id}", type="primary", icon=":material/play_arrow:"
    ):
        _say(app, actor, version, [(file.name, file.getvalue()) for file in files[:MOST_TEXTS]])


def _results(app: Application, actor: Actor, version: ModelVersionView) -> None:
    held = st.session_state.get("tried")
    if not held or held[0] != version.id:
        return
    _, inputs, found = held
    for place, one in enumerate(found):
        with st.container(border=True, key=f"tried-{version.id}-{place}"):
            _one(version, one, inputs[place], place, alone=len(found) == 1)
            if version.kind in EXPLAINED:
                studio_why.text(app, actor, version, one, key=f"{version.id}-{place}", at_once=len(found) == 1)
            elif version.kind == "tabular":
                studio_why.row(
                    app, actor, version, inputs[place], one, key=f"{version.id}-{place}", at_once=len(found) == 1
                )


def _one(version: ModelVersionView, one: Tried, given: Any, place: int, *, alone: bool) -> None:
    if version.kind == "image":
        st.image(given[1], width=96)
        st.caption(plain(one.input))
    elif version.kind == "tabular":
        st.caption(tr("studio.try.row", n=place + 1))
    elif version.kind == "language_model":
        with st.container(key=f"quote-tried-{version.id}-{place}"):
            st.text(one.text)
        return
    else:
        st.markdown(plain(one.input))
    if one.label:
        st.badge(one.label.replace("[", "(").replace("]", ")"), color="primary", icon=":material/label:")
    if one.score is not None and not one.labels:
        st.metric(tr("studio.try.score"), f"{one.score:.3f}")
    if one.labels and not alone:
        st.caption(
            " · ".join(f"{plain(score.label)} {share(score.probability)}" for score in one.labels[:SHOWN_LABELS])
        )
    elif one.labels:
        rows = [{"name": score.label, "value": score.probability} for score in one.labels[:SHOWN_LABELS]]
        plot_bars(rows, key=f"tried-{version.id}-{place}", title=tr("studio.try.probability"), percent=True)
