"""The form of a link with a preview that follows every keystroke that is entered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from core.access.actor import Actor
from core.errors import NotFound
from core.services import knowledge
from core.services.application import Application
from core.services.content import models, templates
from core.services.links import making
from core.services.links.views import PAGES, LinkRequest, LinkView
from core.services.recommend.catalogues import list_catalogues
from pages.shared.errors import errors_shown
from pages.shared.language import NAMES, language, tr
from pages.shared.links_place import PLACE, keep_made
from pages.shared.links_preview import preview
from pages.shared.parts import notice

COLOUR = "#0B7A75"
FIRST_DAYS = 14
# As a number, not as an emptied field: a field that may be empty has no default of its own, and its first value, put
# into the session, is lost when the page runs again before the browser has it. The link would then have no limit.
NO_LIMIT = 0


def draw(app: Application, actor: Actor) -> None:
    link = _edited(app, actor)
    if link is not None and link.state == "revoked":
        link = None
    start = making.request_of(link) if link else LinkRequest(name="", colour=COLOUR, expires_at=_days(FIRST_DAYS))
    mark = f"link-{link.id if link else 'new'}"
    if link is not None:
        st.subheader(tr("links.form.changing"), anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        request = _terms(app, actor, start, mark)
        request = _looks(request, start, link, mark)
        request = _guards(request, start, link, mark)
        label = tr("common.save") if link else tr("links.form.make")
        with st.container(horizontal=True):
            pressed = st.button(label, key=f"{mark}-go", type="primary", icon=":material/share:")
            if link is not None:
                st.button(tr("common.cancel"), key=f"{mark}-cancel", type="tertiary", on_click=_back)
    with right:
        preview(request, link)
    if pressed:
        with left, errors_shown():
            _store(app, actor, request, link)


def _edited(app: Application, actor: Actor) -> LinkView | None:
    number = PLACE.opened("edit")
    if not number.isdecimal():
        return None
    try:
        return making.get_link(app, actor, int(number))
    except NotFound:
        return None


def _back() -> None:
    PLACE.go("list", edit="")


def _store(app: Application, actor: Actor, request: LinkRequest, link: LinkView | None) -> None:
    if link is None:
        keep_made(making.make_link(app, actor, request))
        for key in [key for key in st.session_state if str(key).startswith("link-new-")]:
            del st.session_state[key]
    else:
        making.change_link(app, actor, link.id, request)
        notice(tr("common.saved"))
    PLACE.go("list", edit="")
    st.rerun()


def _terms(app: Application, actor: Actor, start: LinkRequest, mark: str) -> LinkRequest:
    """Who it is for, what it opens, how far."""
    name = st.text_input(
        tr("links.form.name"), value=start.name, key=f"{mark}-name", max_chars=200,
        placeholder=tr("links.form.name_example"), help=tr("links.form.name_help"),
    )  # fmt: skip
    pages = st.pills(
        tr("links.form.pages"), PAGES, selection_mode="multi", default=list(start.pages), key=f"{mark}-pages",
        format_func=lambda page: tr(f"links.page.{page}"),
    )  # fmt: skip
    chosen = tuple(pages or ())
    subjects = _subjects(app, actor, start, chosen, mark)
    first, second, third = st.columns(3)
    with first:
        endless = st.session_state.get(f"{mark}-endless", start.expires_at is None)
        day = st.date_input(
            tr("links.form.expires"), value=_day(start.expires_at) or _day(_days(FIRST_DAYS)), key=f"{mark}-expires",
            format="YYYY-MM-DD", help=tr("links.form.expires_help"), disabled=endless,
        )  # fmt: skip
        st.checkbox(tr("links.form.endless"), value=start.expires_at is None, key=f"{mark}-endless")
    with second:
        messages = st.number_input(
            tr("links.form.most_messages"), value=start.most_messages or NO_LIMIT, min_value=NO_LIMIT, step=10,
            key=f"{mark}-messages", help=tr("links.form.empty_help"),
        )  # fmt: skip
    with third:
        people = st.number_input(
            tr("links.form.most_people"), value=start.most_people or NO_LIMIT, min_value=NO_LIMIT, step=1,
            key=f"{mark}-people", help=tr("links.form.people_help"),
        )  # fmt: skip
    same_day = day == _day(start.expires_at)
    expires = None if endless else start.expires_at if same_day else _end_of(day)
    return LinkRequest(
        name=name or "", pages=chosen, expires_at=expires, most_messages=messages or None, most_people=people or None,
        **subjects,
    )  # fmt: skip


def _subjects(app: Application, actor: Actor, start: LinkRequest, pages: tuple[str, ...], mark: str) -> dict[str, Any]:
    """What the chosen pages are about."""
    found: dict[str, Any] = {}
    if "chat" in pages:
        bases = {base.id: base.name for base in knowledge.list_knowledge_bases(app, actor)}
        found["knowledge_base_id"] = _choice("base", bases, start.knowledge_base_id, mark)
    if "content" in pages:
        found["template"] = _choice("template", _templates(app, actor), start.template, mark) or ""
    if "recommend" in pages:
        catalogues = {one.id: one.name for one in list_catalogues(app, actor)}
        found["catalogue_id"] = _choice("catalogue", catalogues, start.catalogue_id, mark)
    return found


def _choice(name: str, offered: dict[Any, str], known: Any, mark: str) -> Any:
    if not offered:
        st.warning(tr(f"links.form.no_{name}"), icon=":material/info:")
        return None
    at = list(offered).index(known) if known in offered else 0
    return st.selectbox(
        tr(f"links.form.{name}"), list(offered), index=at, key=f"{mark}-{name}", format_func=lambda one: offered[one]
    )


def _templates(app: Application, actor: Actor) -> dict[str, str]:
    """Templates that some model here can write: a guest must not meet one that nobody can."""
    found = models.list_models(app, actor)
    return {
        one.id: one.title
        for one in templates.list_templates(app, actor, language())
        if any(
            offer.fit.level == "can"
            for spoken in one.languages
            for offer in models.offers(app, actor, one, spoken, sources=False, models=found)
        )
    }


def _looks(request: LinkRequest, start: LinkRequest, link: LinkView | None, mark: str) -> LinkRequest:
    st.markdown(f"##### {tr('links.form.looks')}")
    title = st.text_input(
        tr("links.form.title"), value=start.title, key=f"{mark}-title", max_chars=120,
        placeholder=tr("links.guest.title"),
    )  # fmt: skip
    greeting = st.text_area(
        tr("links.form.greeting"), value=start.greeting, key=f"{mark}-greeting", max_chars=600, height=80,
        placeholder=tr("chat.greeting"),
    )  # fmt: skip
    first, second = st.columns([1, 3], vertical_alignment="bottom")
    with first:
        colour = st.color_picker(tr("links.form.colour"), value=start.colour or COLOUR, key=f"{mark}-colour")
    with second:
        spoken = st.segmented_control(
            tr("links.form.language"), ["auto", *NAMES], default=start.language, required=True, key=f"{mark}-language",
            format_func=lambda code: NAMES.get(code, tr("links.form.auto")),
        )  # fmt: skip
    given = st.file_uploader(tr("links.form.logo"), type=["png", "jpg", "jpeg", "webp"], key=f"{mark}-logo")
    logo = given.getvalue() if given is not None else None
    if link is not None and link.logo and logo is None and st.checkbox(tr("links.form.logo_away"), key=f"{mark}-away"):
        logo = b""
    return replace(
        request, title=title or "", greeting=greeting or "", colour=colour, language=spoken or "auto", logo=logo
    )


def _guards(request: LinkRequest, start: LinkRequest, link: LinkView | None, mark: str) -> LinkRequest:
    has = link is not None and link.has_password
    with st.expander(tr("links.form.guards"), icon=":material/shield:", expanded=has or bool(start.sites)):
        password: str | None = st.text_input(
            tr("links.form.password_new" if has else "links.form.password"), type="password", key=f"{mark}-password",
            max_chars=200, autocomplete="new-password", help=tr("links.form.password_help"),
        )  # fmt: skip
        password = password or None
        if has and password is None and st.checkbox(tr("links.form.password_away"), key=f"{mark}-open"):
            password = ""
        sites = st.text_area(
            tr("links.form.sites"), value="\n".join(start.sites), key=f"{mark}-sites", height=80,
            placeholder="https://shop.example", help=tr("links.form.sites_help"),
        )  # fmt: skip
    return replace(request, password=password, sites=tuple((sites or "").split()))


def _zone() -> ZoneInfo:
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _days(number: int) -> datetime:
    return _end_of((datetime.now(UTC) + timedelta(days=number)).astimezone(_zone()).date())


def _end_of(day: date) -> datetime:
    """The last minute of a day as the owner's browser counts days."""
    return datetime.combine(day, time(23, 59), _zone()).astimezone(UTC)


def _day(moment: datetime | None) -> date | None:
    return moment.astimezone(_zone()).date() if moment else None
