"""Try a person: the list that somebody would get now, why, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.recommend import catalogues, people, serving
from core.services.recommend.serving import Asked
from core.services.recommend.views import CatalogueView, ItemView, OfferList
from pages.shared import recommend_offers
from pages.shared.errors import show_error
from pages.shared.language import language, tr
from pages.shared.parts import empty_state
from pages.shared.recommend_words import model_name
from pages.shared.wording import counted, plain, when

MODES = ("person", "item", "basket", "words")
ICONS = {"person": "person", "item": "category", "basket": "shopping_basket", "words": "chat"}
MOST_ITEMS = 5000  # offered in a choice of items


def draw(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    if not catalogue.items:
        empty_state("recommend.no_items", icon=":material/table_rows:")
        return
    if catalogue.served is None:
        st.info(tr("recommend.people.no_model"), icon=":material/auto_awesome:")
    mode = st.segmented_control(
        tr("recommend.people.mode"),
        MODES,
        key="people-mode",
        default="person",
        required=True,
        format_func=lambda name: f":material/{ICONS[name]}: {tr(f'recommend.people.{name}')}",
        label_visibility="collapsed",
        persist_state="session",
    )
    items = {one.id: one for one in catalogues.list_items(app, actor, catalogue.id, limit=MOST_ITEMS).rows}
    asked = _asked(app, actor, catalogue, mode or "person", items)
    if asked is None:
        return
    asked = _options(app, actor, catalogue, asked)
    try:
        made = serving.recommend(app, actor, catalogue.id, asked)
    except Exception as error:  # noqa: BLE001 - shown; the choice above stays as it is
        show_error(error)
        return
    _list(app, actor, catalogue, asked, made, items)


def _asked(
    app: Application, actor: Actor, catalogue: CatalogueView, mode: str, items: Mapping[str, ItemView]
) -> Asked | None:
    def title(code: str) -> str:
        return items[code].called(language()) if code in items else code

    if mode == "person":
        found = {one.id: one.events for one in people.list_people(app, actor, catalogue.id)}
        who = st.selectbox(
            tr("recommend.people.who"),
            list(found),
            key=f"who-{catalogue.id}",
            accept_new_options=True,
            index=0 if found else None,
            format_func=lambda one: (
                f"{one} · {counted('recommend.people.events', found[one])}" if one in found else str(one)
            ),
            help=tr("recommend.people.who_help"),
            placeholder=tr("recommend.people.who_new"),
            persist_state="session",
        )
        return Asked(person=str(who)) if who else None
    if mode == "item":
        code = st.selectbox(
            tr("recommend.people.which"), list(items), key=f"which-{catalogue.id}", format_func=title,
            persist_state="session",
        )  # fmt: skip
        return Asked(item=code) if code else None
    if mode == "basket":
        basket = st.multiselect(
            tr("recommend.people.basket_items"), list(items), key=f"basket-{catalogue.id}", format_func=title,
            placeholder=tr("recommend.people.basket_choose"), persist_state="session",
        )  # fmt: skip
        return Asked(basket=basket)
    words = st.text_input(
        tr("recommend.people.typed"), key=f"words-{catalogue.id}", placeholder=tr("recommend.people.typed_example"),
        max_chars=serving.LONGEST_WORDS,
    )  # fmt: skip
    return Asked(words=words or "")


def _options(app: Application, actor: Actor, catalogue: CatalogueView, asked: Asked) -> Asked:
    """How long, with or without rules, and what to leave out of the history to see what changes."""
    values: dict[str, Any] = {name: getattr(asked, name) for name in ("person", "item", "basket", "words")}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="people-options"):
        values["k"] = st.select_slider(
            tr("recommend.people.length"), (6, 10, 20, 40), value=10, key="people-k", width=200
        )
        if catalogue.rules and not st.toggle(
            counted("recommend.people.rules", len(catalogue.rules)), value=True, key="people-rules"
        ):
            values["rules"] = ()
    return Asked(**values, counts=False)


def _list(
    app: Application, actor: Actor, catalogue: CatalogueView, asked: Asked, made: OfferList,
    items: Mapping[str, ItemView],
) -> None:  # fmt: skip
    without: Sequence[str] = ()
    if asked.person and made.history:
        without = _history(app, actor, catalogue, asked.person, made.history, items)
    before: Mapping[str, int] | None = None
    if without:
        before = {offer.item.id: place for place, offer in enumerate(made.offers, 1)}
        values = {name: getattr(asked, name) for name in ("person", "item", "basket", "words", "k", "rules")}
        made = serving.recommend(app, actor, catalogue.id, Asked(**values, without=without, counts=False))
    st.markdown(f"#### {_heading(asked, made, items)}")
    st.caption(about(made))
    if not made.offers:
        st.info(tr("recommend.people.empty"), icon=":material/inbox:")
        return
    recommend_offers.draw(app, actor, catalogue, asked.person, made, items, before)
    if before:
        gone = [items[code].called(language()) for code in before if code not in {o.item.id for o in made.offers}]
        if gone:
            st.caption(tr("recommend.people.fell_out", list=", ".join(plain(one) for one in gone)))


def _heading(asked: Asked, made: OfferList, items: Mapping[str, ItemView]) -> str:
    if asked.item:
        return tr("recommend.people.like", item=plain(items[asked.item].called(language())))
    if asked.person and made.basis in ("history", "content"):
        return tr("recommend.people.for", person=plain(asked.person))
    return tr(f"recommend.basis.{made.basis}")


def about(made: OfferList) -> str:
    """Which model, how new, how quick, and what was left out: under every list."""
    parts = [tr("recommend.people.by", model=model_name(made.model))]
    if made.number:
        parts[0] += " " + tr("recommend.people.number", n=made.number)
    if made.data_as_of:
        parts.append(tr("recommend.people.as_of", when=when(made.data_as_of)))
    parts.append(tr("recommend.people.took", ms=f"{1000 * made.seconds:.0f}"))
    for name, count in (made.left_out or {}).items():
        if count:
            parts.append(counted(f"recommend.left_out.{name}", count))
    if made.arm:
        parts.append(tr("recommend.people.arm", arm=made.arm.upper()))
    return " · ".join(parts)


def _history(
    app: Application, actor: Actor, catalogue: CatalogueView, person: str, history: Sequence[str],
    items: Mapping[str, ItemView],
) -> Sequence[str]:  # fmt: skip
    """What this person did, and what-if: items taken out of it."""
    with st.expander(tr("recommend.people.history", n=len(history)), icon=":material/history:", key="people-history"):
        events = serving.person_events(app, actor, catalogue.id, person)
        for event in events[:12]:
            name = items[event.item].called(language()) if event.item in items else event.item
            moment = f" · {when(event.at)}" if event.at else ""
            st.markdown(f"{plain(name)} :gray[{plain(kind_name(event.kind))}{moment}]")
        if len(events) > 12:
            st.caption(tr("common.and_more", n=len(events) - 12))
    return st.multiselect(
        tr("recommend.people.what_if"),
        list(history),
        key=f"without-{catalogue.id}-{person}",
        format_func=lambda code: items[code].called(language()) if code in items else code,
        placeholder=tr("recommend.people.what_if_choose"),
        help=tr("recommend.people.what_if_help"),
    )


def kind_name(kind: str) -> str:
    from pages.shared.recommend_words import named

    return named("recommend.kind", kind) if kind else ""
