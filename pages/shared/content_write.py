"""The brief: a template, its fields, a model and settings; below it the draft that is open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.errors import NotFound
from core.services import knowledge
from core.services.application import Application
from core.services.content import drafts, models, templates, voices, writing
from core.services.content.models import Offer
from core.services.content.templates import Template
from core.services.content.views import DraftView, WriteRequest
from pages.shared import content_draft, unsent
from pages.shared.choice_kept import keep_among
from pages.shared.content_place import open_draft, opened_draft
from pages.shared.content_words import model_name, why_not
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.quota_left import left_note
from pages.shared.wording import language_name

TEMPLATE, LANGUAGE, BASE, MODEL, VOICE = (
    f"write.{name}" for name in ("template", "language", "base", "model", "voice")
)
PLACE = "content/write/"  # of what is kept until it is sent, before a widget's key
SETTINGS: dict[str, Any] = {"variants": 3, "length": 120, "temperature": 0.8, "top_p": 0.95, "repetition": 1.1}
RANGES: dict[str, tuple[Any, Any]] = {
    "variants": (1, 8), "length": (20, 600), "temperature": (0.0, 1.5), "top_p": (0.1, 1.0), "repetition": (1.0, 2.0),
}  # fmt: skip


def draw(app: Application, actor: Actor) -> None:
    current = _current(app, actor)
    if again := st.session_state.pop("write.again", None):
        asked = drafts.get_draft(app, actor, again)
        _sent(app, actor, asked.template)  # the brief that is taken replaces what was begun
        _fill(app, actor, asked)
    elif current is not None and TEMPLATE not in st.session_state:
        _fill(app, actor, current)  # a reload: the brief comes back from the database
    request = _brief(app, actor)
    if request is not None:
        with errors_shown():
            open_draft(writing.start_writing(app, actor, request))
            _sent(app, actor, request.template)
            st.rerun()
    if current is not None:
        content_draft.draw(app, actor, current)


def _current(app: Application, actor: Actor) -> DraftView | None:
    number = opened_draft()
    if number is None:
        return drafts.newest_draft(app, actor)
    if not number:
        return None
    try:
        return drafts.get_draft(app, actor, number)
    except NotFound:
        open_draft(None)
        return None


def _fill(app: Application, actor: Actor, draft: DraftView) -> None:
    """Puts a draft's brief and settings into the form, but for what was changed there and not sent."""
    known = {one.id for one in templates.list_templates(app, actor, language())}
    if draft.template not in known:
        return
    form = {TEMPLATE: draft.template, LANGUAGE: draft.language, BASE: draft.knowledge_base_id or 0}
    form |= {MODEL: draft.model, VOICE: draft.voice_id or 0}
    form |= {_key(draft.template, name): value for name, value in draft.values.items()}
    names = {"variants": "variants", "length": "max_tokens", "temperature": "temperature", "top_p": "top_p"}
    for name, stored in {**names, "repetition": "repetition_penalty"}.items():
        # What the CLI or the API was asked for may lie beyond the sliders.
        least, most = RANGES[name]
        form[f"write.{name}"] = min(most, max(least, type(most)(draft.settings.get(stored, SETTINGS[name]))))
    for key, value in form.items():
        if not unsent.is_kept(app, actor, PLACE + key):
            st.session_state[key] = value


def _key(template: str, name: str) -> str:
    return f"brief-{template}-{name}"


def _kept(app: Application, actor: Actor, key: str, read: Callable[[str], Any] = str) -> dict[str, Any]:
    return unsent.kept(app, actor, PLACE + key, key, read)


def _sent(app: Application, actor: Actor, template: str) -> None:
    """The form stands in a draft now; briefs that were begun for other templates wait on."""
    unsent.forget(app, actor, f"{PLACE}write.", PLACE + _key(template, ""))


def _brief(app: Application, actor: Actor) -> WriteRequest | None:
    """The form; a request when its button was pressed."""
    listed = templates.list_templates(app, actor, language())
    found = models.list_models(app, actor)
    bases = {base.id: base.name for base in knowledge.list_knowledge_bases(app, actor)}
    with st.container(border=True, key="brief"):
        template, spoken = _what(app, actor, listed, found, sources=bool(bases))
        base = _sources(app, actor, bases, template)
        offered = models.offers(app, actor, template, spoken, sources=base is not None, models=found)
        if all(offer.fit.level == "cannot" for offer in offered):
            can = _writable(app, actor, listed, spoken, found, sources=bool(bases))
            _nobody(app, actor, template, spoken, offered, can)
            return None
        values = _values(app, actor, template)
        model = _model(app, actor, offered)
        voice = _voice(app, actor, model)
        settings = _settings(app, actor, model)
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = st.button(tr("content.write.go"), key="write-go", type="primary", icon=":material/edit_note:")
            st.caption(tr("content.write.kept"), width="content")
        left_note(app, actor, "tokens")
    if not pressed:
        return None
    return WriteRequest(template.id, values, "zh" if spoken == "zh" else "en", model.model.key, base, voice, **settings)


def _what(
    app: Application, actor: Actor, listed: Sequence[Template], found: Sequence[models.ModelView], *, sources: bool
) -> tuple[Template, str]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by_id = {one.id: one for one in listed}
        keeping = _kept(app, actor, TEMPLATE)
        if st.session_state.get(TEMPLATE) not in by_id:
            can = _writable(app, actor, listed, language(), found, sources=sources)
            st.session_state[TEMPLATE] = (can or listed)[0].id
        chosen = by_id[
            st.selectbox(
                tr("content.write.template"), list(by_id), key=TEMPLATE, format_func=lambda name: by_id[name].title,
                persist_state="session", **keeping,
            )
        ]  # fmt: skip
        keeping = _kept(app, actor, LANGUAGE)
        if st.session_state.get(LANGUAGE) not in chosen.languages:
            st.session_state[LANGUAGE] = language() if language() in chosen.languages else chosen.languages[0]
        spoken = st.segmented_control(
            tr("content.write.language"), chosen.languages, key=LANGUAGE, required=True, format_func=language_name,
            persist_state="session", **keeping,
        )  # fmt: skip
    worded = templates.get_template(app, actor, chosen.id, language())
    st.caption(worded.help or " ")
    return worded, str(spoken or chosen.languages[0])


def _sources(app: Application, actor: Actor, bases: dict[int, str], template: Template) -> int | None:
    if not bases:
        return None
    keeping = _kept(app, actor, BASE, int)
    if BASE in st.session_state:
        keep_among(BASE, (0, *bases))
    if template.quotes and BASE not in st.session_state:
        st.session_state[BASE] = next(iter(bases))
    chosen: int = st.selectbox(
        tr("content.write.sources"), [0, *bases], key=BASE, help=tr("content.write.sources_help"),
        format_func=lambda number: bases[number] if number else tr("content.write.no_sources"),
        persist_state="session", **keeping,
    )  # fmt: skip
    return chosen or None


def _writable(
    app: Application, actor: Actor, listed: Sequence[Template], spoken: str, found: Sequence[models.ModelView],
    *, sources: bool,
) -> list[Template]:  # fmt: skip
    """Templates that some model here can do; those that quote with the documents there are."""
    return [
        one
        for one in listed
        if any(
            offer.fit.level == "can"
            for offer in models.offers(app, actor, one, spoken, sources=sources and one.quotes, models=found)
        )
    ]


def _nobody(
    app: Application, actor: Actor, template: Template, spoken: str, offered: Sequence[Offer], can: Sequence[Template]
) -> None:
    """No model can do it: why, what to do about it, and what can be done now."""
    with st.container(key="write-nobody"):
        st.warning(tr("content.nobody.title", title=template.title), icon=":material/psychology_alt:")
        for offer in offered:
            st.caption(f"**{model_name(offer.model)}** · {why_not(offer, spoken)}")
        st.markdown(tr("content.nobody.do"))
        if can:
            st.markdown(tr("content.nobody.instead"))
            with st.container(horizontal=True):
                for one in can:
                    st.button(one.title, key=f"instead-{one.id}", on_click=_choose, args=(app, actor, one.id))


def _choose(app: Application, actor: Actor, template: str) -> None:
    st.session_state[TEMPLATE] = template
    unsent.keep_now(app, actor, PLACE + TEMPLATE, TEMPLATE)


def _values(app: Application, actor: Actor, template: Template) -> dict[str, str]:
    values = {}
    long = [field for field in template.fields if field.kind == "text"]
    short = [field for field in template.fields if field.kind == "line"]
    for field in long:
        key = _key(template.id, field.name)
        values[field.name] = st.text_area(
            _label(field.label, field.required), key=key, height=92, placeholder=field.example,
            persist_state="session", **_kept(app, actor, key),
        ) or ""  # fmt: skip
    if short:
        with st.grid(min_column_width=200, key=f"fields-{template.id}"):
            for field in short:
                key = _key(template.id, field.name)
                values[field.name] = st.text_input(
                    _label(field.label, field.required), key=key, placeholder=field.example,
                    persist_state="session", **_kept(app, actor, key),
                ) or ""  # fmt: skip
    return values


def _label(label: str, required: bool) -> str:
    return f"{label} \\*" if required else label


def _model(app: Application, actor: Actor, offered: Sequence[Offer]) -> Offer:
    usable = {offer.model.key: offer for offer in offered if offer.fit.level != "cannot"}
    keeping = _kept(app, actor, MODEL)
    keep_among(MODEL, usable)
    chosen = usable[
        st.selectbox(
            tr("content.write.model"), list(usable), key=MODEL, persist_state="session", **keeping,
            format_func=lambda key: model_name(usable[key].model)
            + (f" · {tr('content.write.untested')}" if usable[key].fit.level == "untested" else ""),
        )
    ]  # fmt: skip
    if chosen.model.origin == "starter":
        st.caption(tr("content.write.starter"))
    return chosen


def _voice(app: Application, actor: Actor, model: Offer) -> int | None:
    found = voices.list_voices(app, actor)
    fitting = {one.id: one.name for one in found if one.state == "ready" and one.model == model.model.key}
    if not fitting:
        return None
    keeping = _kept(app, actor, VOICE, int)
    keep_among(VOICE, (0, *fitting))
    chosen: int = st.selectbox(
        tr("content.write.voice"), [0, *fitting], key=VOICE, persist_state="session", **keeping,
        format_func=lambda number: fitting[number] if number else tr("content.write.no_voice"),
        help=tr("content.write.voice_help"),
    )  # fmt: skip
    return chosen or None


def _settings(app: Application, actor: Actor, model: Offer) -> dict[str, Any]:
    keep: dict[str, dict[str, Any]] = {
        name: {"key": f"write.{name}", "persist_state": "session", **_kept(app, actor, f"write.{name}", type(value))}
        for name, value in {**SETTINGS, "seed": 0}.items()
    }
    for name, value in SETTINGS.items():
        st.session_state.setdefault(f"write.{name}", value)
    seed_help = tr(f"content.write.seed_help{'_chat' if model.model.abilities.kind == 'chat' else ''}")
    with (
        st.expander(tr("content.write.settings"), icon=":material/tune:", key="write-settings"),
        st.grid(min_column_width=200, key="write-sliders"),
    ):
        variants = st.slider(tr("content.write.variants"), *RANGES["variants"], **keep["variants"])
        length = st.slider(
            tr("content.write.length"),
            *RANGES["length"],
            step=20,
            help=tr("content.write.length_help"),
            **keep["length"],
        )
        temperature = st.slider(
            tr("content.write.temperature"), *RANGES["temperature"], step=0.05,
            help=tr("content.write.temperature_help"), **keep["temperature"],
        )  # fmt: skip
        top_p = st.slider(tr("content.write.top_p"), *RANGES["top_p"], step=0.05, **keep["top_p"])
        repetition = st.slider(
            tr("content.write.repetition"), *RANGES["repetition"], step=0.05, help=tr("content.write.repetition_help"),
            **keep["repetition"],
        )  # fmt: skip
        seed = st.number_input(
            tr("content.write.seed"), min_value=0, max_value=2**32 - 1, value=None, step=1, help=seed_help,
            **keep["seed"],
        )  # fmt: skip
    return {
        "variants": int(variants), "max_tokens": int(length), "temperature": float(temperature),
        "top_p": float(top_p), "repetition_penalty": float(repetition), "seed": None if seed is None else int(seed),
    }  # fmt: skip
