"""One text judged: the label, how sure it is, the words that made it so, what is praised and blamed."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.sentiment import lane, one
from core.services.sentiment.model import sentiment_settings
from core.services.sentiment.one import POLARITIES, Scored
from pages.shared import studio_why, unsent
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import notice
from pages.shared.quota_left import left_note
from pages.shared.sentiment_place import go, opened
from pages.shared.sentiment_words import aspect_name, label_badge, label_name
from pages.shared.studio_charts import plot_bars
from pages.shared.wording import language_name, percent, plain

EXAMPLES = (
    "今天天气很好，我们去公园玩吧。",
    "This is a great product.",
    "屏幕很清楚，但是快递太慢了，客服也没人理。",
    "The battery is wonderful, but the delivery was two weeks late.",
)
KEPT_IN_ADDRESS = 600  # characters
BOX, PLACE = "sentiment-text", "sentiment/one"


def draw(app: Application, actor: Actor) -> None:
    keeping = unsent.kept(app, actor, PLACE, BOX, gone="")
    if BOX not in st.session_state and opened("text"):
        st.session_state[BOX] = opened("text")
    text = st.text_area(
        tr("sentiment.one.text"),
        key=BOX,
        height=120,
        max_chars=one.LONGEST,
        placeholder=tr("sentiment.one.placeholder"),
        help=tr("sentiment.one.cut"),
        **keeping,
    )
    go_on = st.button(
        tr("sentiment.one.go"), key="sentiment-go", type="primary", icon=":material/play_arrow:", shortcut="Ctrl+Enter"
    )
    left_note(app, actor, "judged_texts")
    with st.container(gap="xxsmall", key="sentiment-examples"):
        st.caption(tr("sentiment.one.examples"))
        for number, example in enumerate(EXAMPLES):
            st.button(
                plain(example), key=f"example-{number}", type="tertiary", on_click=_take,
                args=(app, actor, example), wrap=True,
            )  # fmt: skip
    text = (text or "").strip()
    asked = st.session_state.pop("sentiment-asked", False)
    if go_on and not text:
        st.warning(tr("sentiment.one.empty"), icon=":material/edit:")
        return
    if go_on or asked:
        short = len(text) <= KEPT_IN_ADDRESS
        go(text=text if short else "")
        if short:  # the address gives it back from now on; a long one stays where it is kept
            unsent.forget(app, actor, PLACE)
    held = st.session_state.get("sentiment-scored")
    if text and (go_on or asked or (held is None and text == opened("text"))):
        with errors_shown(), st.spinner(tr("sentiment.one.working")):
            held = st.session_state["sentiment-scored"] = one.score_text(app, actor, text)
    if held is not None:
        _result(app, actor, held)


def _take(app: Application, actor: Actor, example: str) -> None:
    unsent.forget(app, actor, PLACE)
    st.session_state[BOX] = example
    st.session_state["sentiment-asked"] = True


def _result(app: Application, actor: Actor, scored: Scored) -> None:
    found = scored.judgement
    with st.container(border=True, key="sentiment-result", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            label_badge(found.label)
            st.markdown(f"**{tr('sentiment.one.sure', percent=percent(found.confidence))}**", width="content")
            facts = tr("sentiment.one.facts", spoken=language_name(found.language), model=plain(scored.model))
            st.caption(facts, width="content")
        if found.label == "uncertain":
            bound = percent(sentiment_settings(app, actor).confident)
            st.caption(tr("sentiment.one.uncertain_help", percent=bound, label=label_name(found.likeliest)))
        rows = [
            {"name": label_name(name), "value": value}
            for name, value in zip(POLARITIES, found.probabilities, strict=True)
        ]
        plot_bars(rows, key="sentiment-chances", title=tr("sentiment.one.probability"), percent=True)
        if st.button(tr("sentiment.one.to_lane"), key="sentiment-to-lane", icon=":material/label:", type="tertiary"):
            with errors_shown():
                fresh = lane.add_text(app, actor, scored.text, found.likeliest, found.confidence)
                notice(tr("sentiment.one.in_lane" if fresh else "sentiment.one.in_lane_already"))
                st.rerun()
    _why(app, actor, scored)
    _aspects(app, actor, scored)


def _why(app: Application, actor: Actor, scored: Scored) -> None:
    """The sentence with its words coloured by what they added (integrated gradients)."""
    st.subheader(tr("sentiment.one.why"), anchor=False)
    likeliest = scored.judgement.likeliest
    chosen = st.segmented_control(
        tr("sentiment.one.why_for"),
        list(POLARITIES),
        default=likeliest,
        required=True,
        key=f"why-{likeliest}",
        format_func=label_name,
    )
    about = (scored.text, scored.model, chosen)
    held = st.session_state.get("sentiment-why")
    if held is None or held[0] != about:
        with errors_shown(), st.spinner(tr("studio.why.working")):
            held = st.session_state["sentiment-why"] = (
                about,
                one.explain_text(app, actor, scored.text, chosen or likeliest),
            )
    if held is not None and held[0] == about:
        studio_why.words(scored.text, label_name(chosen or likeliest), held[1])


def _aspects(app: Application, actor: Actor, scored: Scored) -> None:
    st.subheader(tr("sentiment.one.aspects"), anchor=False)
    with errors_shown():
        found = one.aspects_of(app, actor, scored.text)
        if not found:
            st.caption(tr("sentiment.one.no_aspects"))
        for mention in found:
            side = "praised" if mention.polarity == "positive" else "blamed"
            colour = "green" if side == "praised" else "red"
            name = plain(aspect_name(mention.aspect))
            st.markdown(f":{colour}[{tr(f'sentiment.one.{side}')}] **{name}** — {plain(mention.clause)}")
