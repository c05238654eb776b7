"""Which pages there are for whom. The frame knows every address: what stands behind it depends on who asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.access.actor import Actor, NotAllowed, Permission, Role
from core.services.application import Application
from pages.shared import guard
from pages.shared.errors import show_error
from pages.shared.language import take_language, tr

PAGES = Path(__file__).resolve().parent.parent

# Each page with its icon and what it takes to read it. Streamlit takes a page's file only by an absolute path here: the
# frame's own folder holds no pages.
ICONS = {
    "home": ":material/home:",
    "chat": ":material/forum:",
    "knowledge": ":material/library_books:",
    "quality": ":material/fact_check:",
    "inbox": ":material/inbox:",
    "sentiment": ":material/sentiment_satisfied:",
    "content": ":material/edit_note:",
    "recommend": ":material/recommend:",
    "studio": ":material/model_training:",
    "links": ":material/share:",
    "report": ":material/summarize:",
    "admin": ":material/admin_panel_settings:",
}
TAKES = {
    "home": Permission.REPORT,
    "chat": Permission.CHAT,
    "knowledge": Permission.KNOWLEDGE_READ,
    "quality": Permission.QUALITY_READ,
    "inbox": Permission.INBOX,
    "sentiment": Permission.SENTIMENT_READ,
    "content": Permission.CONTENT_READ,
    "recommend": Permission.RECOMMEND_READ,
    "studio": Permission.STUDIO_READ,
    "links": Permission.LINKS,
    "report": Permission.REPORT,
    "admin": Permission.MEMBERS,
}
# Who comes for one thing sees that one page, whatever else their role must read for it.
ONLY = {Role.AGENT: ("inbox",), Role.GUEST: ("chat",)}
LINKS = ("join", "reset")  # opened by a one-time link, signed in or not


@dataclass(frozen=True, slots=True)
class Door:
    """Who stands at the door. ``app`` is None when the product could not be built: the page then says why."""

    app: Application | None
    actor: Actor | None
    error: Exception | None = None


def at_the_door() -> Door:
    """Never raises: what goes wrong is what the page says."""
    app = None
    try:
        app = guard.application()
        actor = guard.whoever(app)
        take_language(app, actor)
        return Door(app, actor)
    except Exception as error:  # noqa: BLE001 - shown by the page, which logs it with its trace
        return Door(app, None, error)


def opens(actor: Actor, name: str) -> bool:
    """Whether this page is one of the actor's."""
    return name in ONLY.get(actor.role, TAKES) and actor.may(TAKES[name])


def open_to(door: Door) -> tuple[str, ...]:
    """The names of the pages that the person may open."""
    return tuple(name for name in ICONS if door.actor is not None and opens(door.actor, name))


def pages_of(door: Door) -> list[st.Page]:
    """The pages behind all known addresses; those of others are hidden and say who may open them."""
    if door.app is None or door.error is not None:
        return [_hidden(name, _failed(door)) for name in (*ICONS, *LINKS)]
    link_pages = [_hidden(name, _by_link(door.app, name)) for name in LINKS]
    if door.actor is None:
        return [*(_hidden(name, _entrance(door.app, name)) for name in ICONS), *link_pages]
    return [*(_page(door.actor, name) for name in ICONS), *link_pages]


def _page(actor: Actor, name: str) -> st.Page:
    if opens(actor, name):
        title = tr(f"common.nav.{name}")
        return st.Page(PAGES / f"{name}.py", title=title, icon=ICONS[name], url_path=name, default=name == "home")
    return _hidden(name, _first(actor) if name == "home" else _refused(actor, name))


def _hidden(name: str, draw: Callable[[], None]) -> st.Page:
    return st.Page(draw, title="Pilotlight", url_path=name, default=name == "home", visibility="hidden")


def _first(actor: Actor) -> Callable[[], None]:
    """The root address of who has no Home: their first page."""

    def draw() -> None:
        first = next(name for name in ICONS if opens(actor, name))
        st.switch_page(PAGES / f"{first}.py")

    return draw


def _refused(actor: Actor, name: str) -> Callable[[], None]:
    def draw() -> None:
        show_error(NotAllowed("not_allowed", role=actor.role.value, permission=TAKES[name].value))

    return draw


def _failed(door: Door) -> Callable[[], None]:
    def draw() -> None:
        if door.error is not None:
            show_error(door.error)

    return draw


def _entrance(app: Application, name: str) -> Callable[[], None]:
    def draw() -> None:
        from pages.shared import entrance

        entrance.draw(app, name)

    return draw


def _by_link(app: Application, name: str) -> Callable[[], None]:
    def draw() -> None:
        from pages.shared import entrance_links

        entrance_links.draw(app, name)

    return draw
