"""The Recommendations page, driven without a browser, on the demo's catalogue and real services."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.access.actor import Actor
from core.db.tables import Job
from core.services import jobs
from core.services.application import Application
from core.services.demo import FOLDER
from core.services.recommend import catalogues, experimenting, people, ruling, serving, wizard
from core.services.recommend.demo import load_demo_catalogue
from tests.app.conftest import OpenPage, texts

Work = Callable[[int], None]
SHORT = b"id,title,price\nx1,Lamp,5\nx2,Chair,6\n"


@pytest.fixture
def shop(app: Application, me: Actor) -> int:
    number = load_demo_catalogue(app, me, FOLDER, "Larkmoss")
    assert number is not None
    return number


def test_a_new_catalogue_takes_a_file_and_shows_its_items(
    open_page: OpenPage, app: Application, me: Actor, work: Work
) -> None:
    page = open_page("recommend")
    assert "No catalogue yet" in texts(page)
    page.text_input(key="catalogue-first-name").set_value("Web shop")
    page.button(key="catalogue-first-create").click().run()
    page.file_uploader(key="file-items-0").set_value([("shop.csv", SHORT, "text/csv")]).run()
    assert not page.error
    assert page.selectbox(key=next(b.key for b in page.selectbox if b.key.startswith("column-id-"))).value == "id"
    page.button(key="import-start").click().run()
    [job] = jobs.list_jobs(app, me, None, kind="recommend_import")
    work(job.id)
    page.run()
    said = texts(page)
    assert "2 rows read" in said
    assert "Lamp" in said
    assert "shop.csv" in said


def test_a_person_gets_cards_with_reasons_and_reacts(
    open_page: OpenPage, app: Application, me: Actor, shop: int
) -> None:
    page = open_page("recommend")
    said = texts(page)
    assert "By Item kNN (version 1)" in said
    assert "data as of 2026-02-28" in said
    assert "Because of" in said
    who = people.list_people(app, me, shop)[0].id
    first = serving.recommend(app, me, shop, serving.Asked(person=who)).offers[0].item
    page.button(key=f"not_interested-{first.id}").click().run()
    assert not [b for b in page.button if b.key == f"not_interested-{first.id}"]
    events = serving.person_events(app, me, shop, who)
    assert (events[0].item, events[0].kind) == (first.id, "not_interested")
    assert page.multiselect(key=f"without-{shop}-{who}").options
    assert not page.exception


def test_an_item_that_is_deleted_while_its_card_is_shown_is_no_error(
    open_page: OpenPage, app: Application, me: Actor, shop: int
) -> None:
    page = open_page("recommend")
    card = next(b for b in page.button if b.key.startswith("clicked-"))
    code = card.key.removeprefix("clicked-")
    catalogues.delete_items(app, me, shop, [code])
    card.click().run()
    assert not page.exception
    assert not [b for b in page.button if b.key == f"clicked-{code}"]
    assert [b for b in page.button if b.key.startswith("clicked-")]


def test_the_wizard_s_verdict_is_read_and_the_winner_served(
    open_page: OpenPage, app: Application, me: Actor, shop: int, work: Work
) -> None:
    [queued] = wizard.list_comparisons(app, me, shop)
    jobs.cancel_job(app, me, queued.job_id or 0)
    number = wizard.start_comparison(app, me, shop, models=("neighbours", "ease"))
    work(wizard.get_comparison(app, me, number).job_id or 0)
    page = open_page("recommend", **{"recommend.section": "wizard"})
    assert "beats “Most popular” by" in texts(page)
    page.button(key="winner-serve").click().run()
    served = catalogues.get_catalogue(app, me, shop).served
    assert served is not None
    assert served.name == wizard.get_comparison(app, me, number).result["verdict"]["model"]
    assert served.number > 1
    chinese = open_page("recommend", locale="zh-CN", **{"recommend.section": "wizard"})
    assert "好" in texts(chinese)


def test_models_are_chosen_one_by_one_and_the_one_that_learns_is_told(
    open_page: OpenPage, app: Application, me: Actor, shop: int
) -> None:
    [queued] = wizard.list_comparisons(app, me, shop)
    jobs.cancel_job(app, me, queued.job_id or 0)
    page = open_page("recommend", **{"recommend.section": "wizard"})
    page.radio(key="wizard-set").set_value("own").run()
    page.button(key="wizard-start").click().run()
    assert not page.error
    newest = wizard.list_comparisons(app, me, shop)[0]
    assert newest.options["models"] == ["popular", "ease", "sasrec", "bert4rec"]
    now = {
        "model": "bert4rec",
        "split": "time",
        "done": 30,
        "total": 120,
        "seconds_left": 90.0,
        "epoch": 3,
        "epochs": 12,
    }
    with app.database.write(me.workspace_id) as rows:
        job = rows.get(Job, newest.job_id or 0)
        job.state, job.result = "running", {"now": now}
    page.run()
    assert any("epoch 3 of at most 12" in str(one.proto) for one in page.get("progress"))
    assert "Still to come: Most popular, EASE, SASRec, BERT4Rec" in texts(page)
    page.button(key=f"cancel-wizard-jobs-{newest.job_id}").click().run()
    with app.database.read(me.workspace_id) as rows:
        assert rows.get(Job, newest.job_id or 0).cancel_requested


def test_a_rule_is_saved_tested_and_published(open_page: OpenPage, app: Application, me: Actor, shop: int) -> None:
    page = open_page("recommend", **{"recommend.section": "rules"})
    page.button(key="rule-save").click().run()
    assert [rule.kind for rule in ruling.list_rules(app, me, shop)] == ["in_stock"]
    page.button(key="rules-publish").click().run()
    assert not page.error
    assert len(catalogues.get_catalogue(app, me, shop).rules) == 1


def test_an_experiment_and_freshness_speak_both_languages(
    open_page: OpenPage, app: Application, me: Actor, shop: int
) -> None:
    experimenting.start_experiment(app, me, shop, "热门榜更好？", model_id=None)
    page = open_page("recommend", locale="zh-CN", **{"recommend.section": "experiment"})
    assert "尚无定论" in texts(page)
    [running] = experimenting.list_experiments(app, me, shop)
    experimenting.stop_experiment(app, me, running.id)
    page = open_page("recommend", **{"recommend.section": "experiment"})
    page.button_group(key="experiment-design").set_value("interleaving").run()
    assert "draft in turn" in texts(page)
    page.selectbox(key="experiment-b").select(None).run()
    page.button(key="experiment-start").click().run()
    assert not page.error
    assert experimenting.list_experiments(app, me, shop)[0].design == "interleaving"
    assert "Nobody has clicked anything" in texts(page)
    chinese = open_page("recommend", locale="zh-CN", **{"recommend.section": "experiment"})
    assert "交错排列" in texts(chinese)
    page = open_page("recommend", **{"recommend.section": "people"})
    assert "A and B, interleaved" in texts(page)
    page = open_page("recommend", **{"recommend.section": "fresh"})
    page.button(key="prove-go").click().run()
    assert any("Recorded and listed in" in str(one.value) for one in page.success)
