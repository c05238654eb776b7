"""What was typed and not sent: of one person in one workspace, for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.db.tables import utc_now
from core.db.unsent_tables import UnsentText
from core.services import unsent
from core.services.application import Application
from tests.integration.services.conftest import Shop


def test_a_text_belongs_to_one_person_in_one_workspace(app: Application, shop: Shop, rival: Shop) -> None:
    ann = shop.owner()
    bob = replace(ann, visitor="bob")
    unsent.keep_text(app, ann, "page/box", "one")
    unsent.keep_text(app, ann, "page/box", "two")
    unsent.keep_text(app, ann, "page/other", "")
    assert unsent.kept_texts(app, ann) == {"page/box": "two", "page/other": ""}
    assert unsent.kept_texts(app, bob) == {}
    assert unsent.kept_texts(app, replace(rival.owner(), visitor=ann.visitor)) == {}
    unsent.forget_texts(app, bob, ["page/box"])
    assert unsent.kept_texts(app, ann)["page/box"] == "two"
    unsent.forget_texts(app, ann, ["page/box", "page/nowhere"])
    assert unsent.kept_texts(app, ann) == {"page/other": ""}


def test_old_and_countless_texts_go(app: Application, shop: Shop) -> None:
    ann = shop.owner()
    unsent.keep_text(app, ann, "old", "x")
    with app.database.write(ann.workspace_id) as rows:
        rows.update(UnsentText, changed_at=utc_now() - unsent.KEPT - timedelta(seconds=1))
    assert unsent.kept_texts(app, ann) == {}
    for number in range(unsent.MOST + 2):
        unsent.keep_text(app, ann, f"box {number}", "x" * (unsent.LONGEST + 5 if number == 0 else 1))
    with app.database.read(ann.workspace_id) as rows:
        assert rows.count(UnsentText) <= unsent.MOST + 1
        assert rows.count(UnsentText, UnsentText.place == "old") == 0
    kept = unsent.kept_texts(app, ann)
    assert f"box {unsent.MOST + 1}" in kept
    assert "box 0" not in kept
