"""A page that stands open after a sign-out or a changed role: nothing of it works any more."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from core.access.actor import Actor, NotAllowed, Permission, Role
from core.db.content_tables import ContentDraft, ContentVariant
from core.services.application import Application
from core.services.content import drafts
from pages.shared import guard as guard_module
from tests.app.conftest import VISITOR, OpenPage, texts
from tests.conftest import ROOT


@pytest.fixture
def draft(app: Application, me: Actor) -> int:
    with app.database.write(me.workspace_id) as rows:
        number = rows.add(ContentDraft(template="dialogue", title="Scene", state="done", by=me.visitor)).id
        rows.add(ContentVariant(draft_id=number, number=1, text="O light upon the sill"))
    return number


def test_a_click_of_who_has_left_does_nothing(
    open_page: OpenPage, app: Application, me: Actor, draft: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The button's callback runs before the frame asks who is here, with the actor of the page as it was drawn."""
    monkeypatch.setattr(guard_module, "RECHECK", 0.0)
    page = open_page("content")
    button = next(one for one in page.button if str(one.key).startswith("delete-open-"))
    monkeypatch.setattr(guard_module, "actor_of", lambda *_: None)
    button.click().run()
    assert drafts.get_draft(app, me, draft).title == "Scene", "what was deleted was deleted by nobody"
    assert "O light upon the sill" not in texts(page)


def test_a_click_in_another_role_is_refused(
    open_page: OpenPage, app: Application, me: Actor, draft: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "RECHECK", 0.0)
    page = open_page("content")
    button = next(one for one in page.button if str(one.key).startswith("delete-open-"))
    analyst = replace(me, role=Role.ANALYST, visitor=VISITOR)
    monkeypatch.setattr(guard_module, "actor_of", lambda *_: analyst)
    button.click().run()
    assert drafts.get_draft(app, me, draft).title == "Scene"


def test_who_is_asked_again_is_refused_in_words(owner: Actor) -> None:
    gone = replace(owner, still=lambda: False)
    with pytest.raises(NotAllowed) as refused:
        gone.require(Permission.CHAT)
    assert "no longer signed in" in refused.value.sentence("en")
    replace(owner, still=lambda: True).require(Permission.CHAT)


def test_only_one_place_polls() -> None:
    """``watched`` asks who is here before each drawing; a fragment of one's own would not."""
    for path in sorted((ROOT / "pages").rglob("*.py")):
        if path.name == "watching.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [one.arg for one in node.keywords] if isinstance(node, ast.Call) else []
            assert "run_every" not in named, f"{path.name} polls by itself: use pages/shared/watching.py"
