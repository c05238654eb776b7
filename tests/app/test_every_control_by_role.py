"""What a role may not do is not offered: every control that a page leaves enabled is used, and nothing is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.access.actor import Actor, Permission, Role
from core.bootstrap import build, local_actor
from core.errors import PilotlightError
from core.models.hub import ModelHub
from core.services.application import Application
from core.settings import Settings
from pages.shared import guard as guard_module
from pages.shared.application import use_application
from pages.shared.navigation import ICONS, opens
from tests.app.conftest import VISITOR, OpenPage
from tests.app.whole_workspace import fill
from tests.conftest import NewPlace

# Each page's sections with the session's key of the control that chooses them.
SECTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "knowledge": ("knowledge.section", ("documents", "faq", "review", "test", "settings")),
    "quality": ("quality.section", ("run", "questions")),
    "inbox": ("inbox.state", ("waiting", "answered", "closed", "settings")),
    "sentiment": ("sentiment.section", ("one", "files", "lane", "customers", "watches")),
    "content": ("content.section", ("write", "history", "voices", "batch", "templates", "brand")),
    "recommend": ("recommend.section", ("people", "data", "wizard", "rules", "experiment", "fresh")),
    "studio": ("studio.section", ("data", "train", "runs", "models", "serving")),
}
# What else can be open in a section.
OPENED: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("content", "history"): [{"content.draft": 1}],
    ("sentiment", "files"): [{"sentiment.open": {"batch": "1"}}],
    ("studio", "data"): [{"studio.open": {"data": "1"}}],
    ("studio", "runs"): [{"studio.open": {"run": str(number)}} for number in (1, 2, 3)],
    ("studio", "models"): [{"studio.open": {"model": "1"}}],
}
LATE = re.compile("delete|discard|reject|cancel|retract|roll-back|forget|yes$")
QUIET = ("home", "report")  # pages where there may be nothing to press
LEAVING = ("sign-out",)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, models: ModelHub, new_place: NewPlace) -> Iterator[Settings]:
    with new_place(tmp_path_factory.mktemp("whole")) as settings:
        app = build(settings, models=models)
        fill(app, local_actor(app, VISITOR))
        app.queue.close()
        app.database.engine.dispose()
        yield settings


@pytest.fixture
def settings(filled: Settings, tmp_path: Path, new_place: NewPlace) -> Iterator[Settings]:
    """A copy of the filled workspace."""
    with new_place(tmp_path / "copy", like=filled) as place:
        yield place


class Walk:
    """Uses each kind of control once (``delete-7`` and ``delete-8`` are one kind), also those that a click brings."""

    def __init__(self, open_page: OpenPage, refused: list[str]) -> None:
        self.open, self.refused = open_page, refused
        self.used: set[tuple[str, str]] = set()
        self.found: list[str] = []
        self.uploads: list[str] = []  # where a file could be dropped

    def page(self, name: str) -> None:
        key, sections = SECTIONS.get(name, ("", ("",)))
        for section in sections:
            for state in [{}, *OPENED.get((name, section), [])]:
                self._place(name, section, {**({key: section} if key else {}), **state})

    def _place(self, name: str, section: str, state: dict[str, Any]) -> None:
        page = self._opened(name, state)
        while True:
            if (control := self._next(page, f"{name}/{section}")) is None:
                page = self._opened(name, state)  # a click may have led elsewhere
                if (control := self._next(page, f"{name}/{section}")) is None:
                    return
            self.used.add((f"{name}/{section}", _kind(control)))
            _use(control)
            page.run(timeout=120)
            self._note(f"{name} {state} {control.key}")
            assert not page.exception, (name, state, control.key, page.exception[0].value)

    def _opened(self, name: str, state: dict[str, Any]) -> AppTest:
        page = self.open(name, **state)
        self._note(f"{name} {state}")
        self.uploads += [f"{name} {state}: {one.label}" for one in page.file_uploader if not one.disabled]
        return page

    def _next(self, page: AppTest, place: str) -> Any:
        controls = [*page.button, *page.toggle, *page.checkbox, *page.feedback]
        free = [one for one in controls if not one.disabled and (place, _kind(one)) not in self.used]
        staying = [one for one in free if not str(one.key).startswith(LEAVING)]
        return min(staying, key=lambda one: bool(LATE.search(str(one.key))), default=None)

    def _note(self, what: str) -> None:
        self.found += [f"{what}: took {permission}" for permission in self.refused]
        self.refused.clear()


def _kind(control: Any) -> str:
    return re.sub(r"[0-9a-f]{12,}|\d+", "#", str(control.key))


def _use(control: Any) -> None:
    if control.type == "button":
        control.click()
    elif control.type == "feedback":
        control.set_value(1)
    else:
        control.set_value(not control.value)


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The permissions that the actor was found not to have, whoever shows or hides the error."""
    noted: list[str] = []
    require = Actor.require

    def noting(self: Actor, permission: Permission) -> None:
        if not self.may(permission):
            noted.append(permission.value)
        require(self, permission)

    monkeypatch.setattr(Actor, "require", noting)
    return noted


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a download would make is made at once: no browser asks for it here."""
    button = st.download_button

    def at_once(label: str, data: Any, *given: Any, **named: Any) -> bool:
        if callable(data):
            with suppress(PilotlightError):  # noted by ``refused``
                data = data()
        return button(label, "" if callable(data) else data, *given, **named)

    monkeypatch.setattr(st, "download_button", at_once)


def become(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    def somebody(app: Application, visitor: str) -> Actor:
        return replace(local_actor(app, visitor), role=role)

    monkeypatch.setattr(guard_module, "local_actor", somebody)


def walks() -> list[Any]:
    """Each role with each of its pages; an editor, who may nearly everything, in the long run of the tests only."""
    marks = {Role.EDITOR: [pytest.mark.slow]}
    found = []
    for role in (Role.ANALYST, Role.AGENT, Role.EDITOR):
        mine = [name for name in ICONS if opens(Actor(1, VISITOR, role), name)]
        found += [pytest.param(role, name, marks=marks.get(role, []), id=f"{role}-{name}") for name in mine]
    return found


@pytest.mark.parametrize(("role", "name"), walks())
def test_nothing_that_is_offered_is_refused(
    open_page: OpenPage, app: Application, role: Role, name: str, monkeypatch: pytest.MonkeyPatch,
    refused: list[str], downloads: None,
) -> None:  # fmt: skip
    use_application(app)
    become(monkeypatch, role)
    walk = Walk(open_page, refused)
    walk.page(name)
    assert walk.found == []
    if role is Role.ANALYST:
        assert walk.uploads == []
    assert walk.used or name in QUIET, "a walk that saw nothing proves nothing"


def test_every_section_is_walked(open_page: OpenPage, app: Application) -> None:
    use_application(app)
    for name, (key, sections) in SECTIONS.items():
        control = next(one for one in open_page(name).button_group if one.key == key)
        assert len(control.options) == len(sections), f"{name} has sections that no role is walked through"
