"""What each role sees of the pages: an analyst reads them all without a refusal, an agent has the inbox only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.access.actor import Actor, Role
from core.services.application import Application
from pages.shared import guard as guard_module
from pages.shared.navigation import ICONS, opens
from tests.app.conftest import OpenPage

As = Callable[[Role], None]


@pytest.fixture
def acting_as(monkeypatch: pytest.MonkeyPatch) -> As:
    real = guard_module.local_actor

    def become(role: Role) -> None:
        def somebody(app: Application, visitor: str) -> Actor:
            return replace(real(app, visitor), role=role)

        monkeypatch.setattr(guard_module, "local_actor", somebody)

    return become


@pytest.mark.parametrize(
    ("role", "pages"),
    [
        (Role.OWNER, list(ICONS)),
        (Role.EDITOR, [name for name in ICONS if name not in ("admin", "links")]),
        (Role.ANALYST, [name for name in ICONS if name not in ("admin", "inbox", "links")]),
        (Role.AGENT, ["inbox"]),
        (Role.GUEST, ["chat"]),
    ],
)
def test_the_pages_of_each_role(owner: Actor, role: Role, pages: list[str]) -> None:
    assert [name for name in ICONS if opens(replace(owner, role=role), name)] == pages


@pytest.mark.parametrize("name", [name for name in ICONS if name not in ("admin", "inbox", "links")])
def test_an_analyst_reads_a_page_without_a_refusal(
    open_page: OpenPage, handbook: int, acting_as: As, name: str
) -> None:
    acting_as(Role.ANALYST)
    page = open_page(name)
    assert [error.value for error in page.error] == []
