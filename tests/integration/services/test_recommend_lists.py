"""Lists, feedback, rules and experiments on a small shop whose right answers are known by construction."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from core.access.actor import Actor
from core.bootstrap import build, local_actor
from core.db.recommend_tables import CatalogueItem, Interaction, RecommendFeedback, RecommendShown
from core.db.tables import utc_now
from core.errors import BadInput, Conflict, NotFound
from core.recommend.build import create
from core.services.application import Application
from core.services.recommend import catalogues, experimenting, feedback, people, ruling, serving, versions
from core.services.recommend.importing import newest_interaction
from core.services.recommend.serving import Asked
from core.services.recommend.snapshot import read_interactions, snapshot
from core.settings import Settings
from tests.conftest import NewPlace

TEAS, TOOLS = [f"tea-{n}" for n in range(6)], [f"tool-{n}" for n in range(6)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, new_place: NewPlace) -> Iterator[Settings]:
    """Sixty people who like teas or tools, never both, and a model that has learnt it; made once."""
    with new_place(tmp_path_factory.mktemp("shop")) as settings:
        _fill(build(settings))
        yield settings


def _fill(app: Application) -> None:
    owner = local_actor(app, "owner")
    number = catalogues.create_catalogue(app, owner, "Shop")
    events = []
    for person in range(60):
        side = TEAS if person % 2 else TOOLS
        for step in range(3):
            events.append({"person": f"p{person}", "item": side[(person // 2 + step) % 6], "at": utc_now()})
    with app.database.write(1) as rows:
        for place, code in enumerate(TEAS + TOOLS):
            rows.add(
                CatalogueItem(
                    catalogue_id=number, code=code, title=f"{code.replace('-', ' ')} 商品", category=code[:3],
                    price=float(place), stock=0 if code == "tea-5" else None,
                )
            )  # fmt: skip
        whole = {"catalogue_id": number, "workspace_id": 1, "kind": "view", "value": 1.0}
        rows.session.execute(insert(Interaction), [{**whole, **event} for event in events])
    with app.database.read(1) as rows:
        items, last = snapshot(app, rows, number).items, newest_interaction(rows, number)
        data = read_interactions(rows, number, items, last)
    model = versions.store_model(app, 1, number, create("neighbours").fit(data, items), last_interaction_id=last)
    versions.serve_model(app, owner, number, model)
    app.queue.close()
    app.database.engine.dispose()


@pytest.fixture
def shop(
    made: Settings, tmp_path: Path, new_place: NewPlace, make_application: Callable[[Settings], Application]
) -> Iterator[Application]:
    with new_place(tmp_path / "shop", like=made) as settings:
        yield make_application(settings)


@pytest.fixture
def me(shop: Application) -> Actor:
    return local_actor(shop, "owner")


def listed(app: Application, me: Actor, **asked: object) -> list[str]:
    return [offer.item.id for offer in serving.recommend(app, me, 1, Asked(**asked)).offers]  # type: ignore[arg-type]


def test_a_person_gets_what_goes_with_their_own_and_nothing_seen(shop: Application, me: Actor) -> None:
    made = serving.recommend(shop, me, 1, Asked(person="p1", k=3))
    assert {offer.item.id for offer in made.offers} == {"tea-3", "tea-4", "tea-5"}
    assert (made.basis, made.model, made.number, made.left_out) == (
        "history",
        "neighbours",
        1,
        {"seen": 3, "hidden": 0},
    )
    assert made.data_as_of is not None
    for offer in made.offers:
        assert offer.reasons
        assert {one.item for one in offer.reasons} <= {"tea-0", "tea-1", "tea-2"}
    assert len(people.list_people(shop, me, 1, search="p5")) == 11


def test_a_new_interaction_is_part_of_the_next_list(shop: Application, me: Actor) -> None:
    before = serving.recommend(shop, me, 1, Asked(person="newcomer", k=3))
    assert (before.basis, before.model, before.number) == ("popular", "popular", 0)
    feedback.record_event(shop, me, 1, "newcomer", "tool-0", kind="purchase")
    after = serving.recommend(shop, me, 1, Asked(person="newcomer", k=3))
    assert after.basis == "history"
    assert all(offer.item.id.startswith("tool") for offer in after.offers)
    assert "tool-0" not in [offer.item.id for offer in after.offers]


def test_reactions_change_the_next_list(shop: Application, me: Actor) -> None:
    first = listed(shop, me, person="p1", k=3)
    feedback.react(shop, me, 1, "p1", first[0], "not_interested")
    assert first[0] not in listed(shop, me, person="p1", k=12)
    feedback.react(shop, me, 1, "newcomer", "tool-1", "clicked")
    assert listed(shop, me, person="newcomer", k=2)[0].startswith("tool")
    with pytest.raises(BadInput, match="clicked"):
        feedback.react(shop, me, 1, "p1", "tea-0", "loved")


def test_what_if_leaves_the_data_alone(shop: Application, me: Actor) -> None:
    feedback.record_event(shop, me, 1, "p1", "tool-0")
    mixed = listed(shop, me, person="p1", k=9)
    assert any(code.startswith("tool") for code in mixed[:6])
    without = listed(shop, me, person="p1", k=3, without=["tool-0"])
    assert set(without) == {"tea-3", "tea-4", "tea-5"}
    assert "tool-0" not in listed(shop, me, person="p1", k=12, without=["tool-0"])
    assert listed(shop, me, person="p1", k=9) == mixed


def test_hidden_and_deleted_items_are_never_shown(shop: Application, me: Actor) -> None:
    catalogues.set_hidden(shop, me, 1, ["tea-3"], True)
    catalogues.delete_items(shop, me, 1, ["tea-4"])
    for asked in ({"person": "p1"}, {"item": "tea-0"}, {"basket": ["tea-0"]}, {"words": "tea 4"}, {"person": "nobody"}):
        assert not {"tea-3", "tea-4"} & set(listed(shop, me, k=12, **asked)), asked
    catalogues.set_hidden(shop, me, 1, ["tea-3"], False)
    assert "tea-3" in listed(shop, me, person="p1", k=3)


def test_items_baskets_and_words_have_lists(shop: Application, me: Actor) -> None:
    assert all(code.startswith("tool") for code in listed(shop, me, item="tool-0", k=4))
    assert all(code.startswith("tea") for code in listed(shop, me, basket=["tea-0", "tea-1"], k=4))
    assert listed(shop, me, words="tool", k=3)[0].startswith("tool")
    with pytest.raises(NotFound, match="nothing"):
        listed(shop, me, item="nothing")
    with pytest.raises(BadInput, match="100"):
        listed(shop, me, person="p1", k=101)


def test_an_item_newer_than_the_model_is_offered_for_what_it_says(shop: Application, me: Actor) -> None:
    with shop.database.write(1) as rows:
        rows.add(CatalogueItem(catalogue_id=1, code="tea-new", title="tea 商品", category="tea"))
    made = serving.recommend(shop, me, 1, Asked(person="p1", k=12))
    [new] = [offer for offer in made.offers if offer.item.id == "tea-new"]
    assert new.known_by == "content"
    feedback.record_event(shop, me, 1, "latecomer", "tea-new")
    assert "tea-new" not in listed(shop, me, person="latecomer", k=12)


def test_without_a_model_or_its_files_popularity_serves(shop: Application, me: Actor) -> None:
    versions.serve_model(shop, me, 1, None)
    made = serving.recommend(shop, me, 1, Asked(person="p1", k=3))
    assert (made.basis, made.model) == ("popular", "popular")
    assert not {"tea-0", "tea-1", "tea-2"} & {offer.item.id for offer in made.offers}
    versions.roll_back(shop, me, 1)
    [model] = versions.list_models(shop, me, 1)
    assert model.serving
    shutil.rmtree(shop.settings.data_dir / "recommend" / "1" / "1" / "models")
    shop.caches.clear()
    assert serving.recommend(shop, me, 1, Asked(person="p1", k=3)).model == "popular"


def test_an_empty_catalogue_gives_an_empty_list(shop: Application, me: Actor) -> None:
    number = catalogues.create_catalogue(shop, me, "Empty 空")
    for asked in (Asked(person="x"), Asked(words="anything"), Asked()):
        assert serving.recommend(shop, me, number, asked).offers == ()


def test_rules_are_tested_saved_and_published(shop: Application, me: Actor) -> None:
    number, said = ruling.save_rule(shop, me, 1, "Only what is there", "in_stock", {})
    assert said.code == "passed"
    assert "tea-5" in listed(shop, me, person="p1", k=3), "a draft is not in force"
    ruling.publish_rules(shop, me, 1)
    assert "tea-5" not in listed(shop, me, person="p1", k=12)
    assert "tea-5" in listed(shop, me, person="p1", k=3, rules=())
    with pytest.raises(Conflict, match="nothing to show"):
        ruling.save_rule(shop, me, 1, "Nothing", "exclude", {"categories": ["tea", "too"]})
    with pytest.raises(BadInput):
        ruling.save_rule(shop, me, 1, "Cap", "cap", {"most": 0})
    cap, _ = ruling.save_rule(shop, me, 1, "Two of each", "cap", {"most": 2})
    ruling.move_rule(shop, me, 1, cap, -1)
    assert [rule.id for rule in ruling.list_rules(shop, me, 1)] == [cap, number]
    ruling.set_active(shop, me, 1, number, False)
    ruling.publish_rules(shop, me, 1)
    assert len(listed(shop, me, person="p1", k=12)) == 4
    ruling.delete_rule(shop, me, 1, cap)
    assert [rule.id for rule in ruling.list_rules(shop, me, 1)] == [number]


def people_of(shop: Application, experiment: int, arm: str, count: int, *, clicked: int, refused: int) -> None:
    """Puts what ``count`` people did straight into the tables: as many lists would take minutes."""
    with shop.database.write(1) as rows:
        for number in range(count):
            person = f"{arm}{number}"
            shown = rows.add(
                RecommendShown(catalogue_id=1, experiment_id=experiment, arm=arm, person=person, items=["tea-0"])
            )
            for kind, most in (("clicked", clicked), ("not_interested", refused)):
                if number < most:
                    rows.add(
                        RecommendFeedback(catalogue_id=1, person=person, item="tea-0", kind=kind, shown_id=shown.id)
                    )


def test_an_experiment_serves_both_sides_and_ends_by_its_rule(shop: Application, me: Actor) -> None:
    with pytest.raises(BadInput, match="same"):
        [model] = versions.list_models(shop, me, 1)
        experimenting.start_experiment(shop, me, 1, "Same", model_id=model.id)
    number = experimenting.start_experiment(shop, me, 1, "Popular?", model_id=None, expected=0.1)
    with pytest.raises(Conflict):
        experimenting.start_experiment(shop, me, 1, "Another", model_id=None)
    made = {
        person: serving.recommend(shop, me, 1, Asked(person=person)) for person in ("p1", "p2", "p3", "p4", "p5", "p6")
    }
    assert {one.arm for one in made.values()} == {"a", "b"}
    for person, one in made.items():
        assert one.model == ("neighbours" if one.arm == "a" else "popular")
        assert serving.recommend(shop, me, 1, Asked(person=person)).arm == one.arm
    looked = serving.recommend(shop, me, 1, Asked(person="p1", counts=False))
    assert looked.shown_id is None
    people_of(shop, number, "a", 400, clicked=60, refused=10)
    people_of(shop, number, "b", 400, clicked=160, refused=10)
    [view] = experimenting.list_experiments(shop, me, 1)
    assert view.state == "won"
    assert view.result["effect"][1] > 0
    assert serving.recommend(shop, me, 1, Asked(person="p1")).arm == "", "everybody has A until B is served"


def test_a_hurt_guardrail_gives_everybody_a_again(shop: Application, me: Actor) -> None:
    number = experimenting.start_experiment(shop, me, 1, "Risky", model_id=None, expected=0.1)
    people_of(shop, number, "a", 300, clicked=60, refused=3)
    people_of(shop, number, "b", 300, clicked=60, refused=90)
    shown = next(one for n in range(60) if (one := serving.recommend(shop, me, 1, Asked(person=f"p{n}"))).arm == "b")
    person = next(f"p{n}" for n in range(60) if serving.recommend(shop, me, 1, Asked(person=f"p{n}")).arm == "b")
    feedback.react(shop, me, 1, person, shown.offers[0].item.id, "not_interested", shown_id=shown.shown_id)
    [view] = experimenting.list_experiments(shop, me, 1)
    assert view.state == "hurt"
    assert serving.recommend(shop, me, 1, Asked(person=person)).model == "neighbours"


def voted(shop: Application, experiment: int, team: str, count: int, *, kind: str = "clicked") -> None:
    """People who were shown a list and reacted to what ``team`` drafted, straight into the tables."""
    with shop.database.write(1) as rows:
        for number in range(count):
            person = f"{team}-{kind}-{number}"
            shown = rows.add(
                RecommendShown(
                    catalogue_id=1, experiment_id=experiment, arm="i", person=person, items=["tea-0"], teams=team
                )
            )
            feedback = {"person": person, "item": "tea-0", "kind": kind, "shown_id": shown.id, "team": team}
            rows.add(RecommendFeedback(catalogue_id=1, **feedback))


def test_an_interleaved_experiment_shows_both_in_one_list_and_counts_first_clicks(shop: Application, me: Actor) -> None:
    with pytest.raises(BadInput, match="interleaving"):
        experimenting.start_experiment(shop, me, 1, "Odd", model_id=None, design="duel")
    a = listed(shop, me, person="p1", k=6)
    b = listed(shop, me, person="p1", k=6, model_id=None)
    number = experimenting.start_experiment(shop, me, 1, "Both?", model_id=None, design="interleaving", expected=0.2)
    versions_of_b = serving.recommend(shop, me, 1, Asked(person="p1", k=6))
    assert (versions_of_b.arm, versions_of_b.model, versions_of_b.number) == ("i", "interleaved", 0)
    assert set(versions_of_b.teams) == {"a", "b"}
    assert abs(versions_of_b.teams.count("a") - versions_of_b.teams.count("b")) <= 1
    again = serving.recommend(shop, me, 1, Asked(person="p1", k=6))
    assert [o.item.id for o in again.offers] == [o.item.id for o in versions_of_b.offers]
    assert len({o.item.id for o in again.offers}) == 6
    assert {o.item.id for o in again.offers} & set(a)
    assert b
    firsts = [serving.recommend(shop, me, 1, Asked(person=f"p{n}", counts=False)).teams[0] for n in range(40)]
    assert 8 < firsts.count("b") < 32

    first, second = (again.offers[again.teams.index(team)].item.id for team in ("b", "a"))
    feedback.react(shop, me, 1, "p1", first, "clicked", shown_id=again.shown_id)
    feedback.react(shop, me, 1, "p1", second, "clicked", shown_id=again.shown_id)
    feedback.react(shop, me, 1, "p1", "tool-5", "clicked", shown_id=again.shown_id)
    [view] = experimenting.list_experiments(shop, me, 1)
    assert view.design == "interleaving"
    assert (view.result["arms"]["a"], view.result["arms"]["b"]) == (
        {"people": 1, "clicked": 0, "refused": 0},
        {"people": 1, "clicked": 1, "refused": 0},
    )
    voted(shop, number, "a", 60)
    voted(shop, number, "b", 140)
    [view] = experimenting.list_experiments(shop, me, 1)
    assert view.state == "won"
    assert 0 < view.result["effect"][1] < view.result["effect"][0] < view.result["effect"][2]
    assert serving.recommend(shop, me, 1, Asked(person="p1", k=6)).teams == ()


def test_a_hurt_guardrail_ends_interleaving_too(shop: Application, me: Actor) -> None:
    number = experimenting.start_experiment(shop, me, 1, "Risky", model_id=None, design="interleaving", expected=0.2)
    voted(shop, number, "b", 80)
    voted(shop, number, "a", 5, kind="not_interested")
    voted(shop, number, "b", 45, kind="not_interested")
    assert experimenting.look(shop, me, number) == "hurt"
    made = serving.recommend(shop, me, 1, Asked(person="p1"))
    assert (made.model, made.teams, made.arm) == ("neighbours", (), "")


def test_bad_events_are_refused_with_a_word(shop: Application, me: Actor) -> None:
    from datetime import timedelta

    with pytest.raises(NotFound, match="no-such"):
        feedback.record_event(shop, me, 1, "p1", "no-such")
    with pytest.raises(BadInput, match="200"):
        feedback.record_event(shop, me, 1, "x" * 201, "tea-0")
    with pytest.raises(BadInput, match="future"):
        feedback.record_event(shop, me, 1, "p1", "tea-0", at=utc_now() + timedelta(days=3))
    feedback.record_event(shop, me, 1, "小满 🌱 with spaces", "tea-0")
    assert all(code.startswith("tea") for code in listed(shop, me, person="小满 🌱 with spaces", k=3))
    assert feedback.forget_events(shop, me, 1, "小满 🌱 with spaces") == 1
