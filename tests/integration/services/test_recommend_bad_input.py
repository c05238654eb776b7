"""Shops with next to nothing, odd ids, and things that go away meanwhile: a clear word and a sensible list."""

from __future__ import annotations

import pytest

from core.access.actor import Actor
from core.bootstrap import runner
from core.db.recommend_tables import CatalogueItem
from core.services.application import Application
from core.services.recommend import catalogues, feedback, serving, wizard
from core.services.recommend.serving import Asked
from core.services.recommend.wording import verdict_sentence

ODD = ("🌱 🌱", "a b", "名 称", "<b>x</b>", "a/b?c=d&e", "%00", "'; drop table item; --")


@pytest.fixture
def shop(app: Application, owner: Actor) -> int:
    number = catalogues.create_catalogue(app, owner, "Odd 🌱 shop")
    with app.database.write(owner.workspace_id) as rows:
        for code in ODD:
            rows.add(CatalogueItem(catalogue_id=number, code=code, title=f"Thing {code}", category="things"))
        rows.get(catalogues.RecommendCatalogue, number).items_changed_at = catalogues.utc_now()
    return number


def test_without_any_interaction_the_wizard_says_so_and_lists_are_there(
    app: Application, owner: Actor, shop: int
) -> None:
    number = wizard.start_comparison(app, owner, shop)
    runner(app).run(wizard.get_comparison(app, owner, number).job_id or 0)
    view = wizard.get_comparison(app, owner, number)
    assert (view.state, view.result["verdict"]["code"]) == ("done", "too_little")
    assert "too little" in verdict_sentence(view.result["verdict"], "en")
    wizard.serve_winner(app, owner, number)
    for asked in (Asked(), Asked(person="🌱 new"), Asked(words="a thing"), Asked(item=ODD[0]), Asked(basket=ODD[:2])):
        assert serving.recommend(app, owner, shop, asked).offers, asked


def test_odd_ids_are_learnt_from_and_listed(app: Application, owner: Actor, shop: int) -> None:
    for person in ODD:
        for item in ODD[:4]:
            feedback.record_event(app, owner, shop, f"p {person}", item)
    number = wizard.start_comparison(app, owner, shop, models=("neighbours", "ease"))
    runner(app).run(wizard.get_comparison(app, owner, number).job_id or 0)
    view = wizard.get_comparison(app, owner, number)
    assert view.state == "done"
    wizard.serve_compared(app, owner, number, "neighbours")
    for person in ODD:
        made = serving.recommend(app, owner, shop, Asked(person=f"p {person}"))
        assert {one.item.id for one in made.offers} == set(ODD[4:])


def test_an_item_that_is_deleted_while_a_list_is_shown_is_no_error(app: Application, owner: Actor, shop: int) -> None:
    shown = serving.recommend(app, owner, shop, Asked(person="ann")).offers[0].item.id
    catalogues.delete_items(app, owner, shop, [shown])
    feedback.react(app, owner, shop, "ann", shown, "clicked")
    after = serving.recommend(app, owner, shop, Asked(person="ann"))
    assert shown not in [one.item.id for one in after.offers]
    assert after.offers
    assert shown not in [one.item.id for one in serving.recommend(app, owner, shop, Asked(item=shown)).offers]
    assert serving.recommend(app, owner, shop, Asked(person="ann", without=[shown])).offers
    catalogues.delete_items(app, owner, shop, list(ODD))
    assert serving.recommend(app, owner, shop, Asked(person="ann")).offers == ()
