"""The wizard: a verdict that is right by construction, served with one click; cancelled, killed and gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.access.actor import Actor
from core.bootstrap import runner
from core.db.recommend_tables import RecommendComparison
from core.errors import BadInput, Conflict
from core.services import jobs
from core.services.application import Application
from core.services.recommend import catalogues, importing, serving, wizard
from core.services.recommend.views import ComparisonView
from core.services.recommend.wording import verdict_sentence
from core.services.studio.uploads import store_upload
from core.services.views import Upload
from core.training.watch import Quiet
from tests.integration.test_worker import worker_process

QUICK = ("popular", "recent", "neighbours", "ease")


def fill(app: Application, owner: Actor, lines: list[str], name: str = "Shop") -> int:
    number = catalogues.create_catalogue(app, owner, name)
    stored = store_upload(app, Upload("events.csv", "\n".join(["user,item,time", *lines]).encode()))
    mapping = {"user": "user", "item": "item", "time": "time"}
    importing.import_file(app, owner.workspace_id, number, "interactions", stored, mapping, {}, Quiet())
    return number


def two_tastes(people: int = 120) -> list[str]:
    """Everybody likes six of the eight items of one of two sides, in the days of one month."""
    events = []
    for person in range(people):
        side = "tea" if person % 2 else "tool"
        for step in range(6):
            events.append(f"p{person},{side}-{(person // 2 + step) % 8},2026-01-{1 + step * 4 + person % 4:02d}")
    return events


def compared(app: Application, owner: Actor, catalogue: int) -> ComparisonView:
    number = wizard.start_comparison(app, owner, catalogue, models=QUICK)
    runner(app).run(wizard.get_comparison(app, owner, number).job_id or 0)
    return wizard.get_comparison(app, owner, number)


def test_what_is_better_by_construction_wins_and_is_served(app: Application, owner: Actor) -> None:
    number = fill(app, owner, two_tastes())
    view = compared(app, owner, number)
    assert view.state == "done"
    verdict = view.result["verdict"]
    assert verdict["code"] == "beats"
    assert verdict["model"] in {"neighbours", "ease"}
    assert set(view.result["splits"]) == {view.result["main"], "random"}
    for cell in view.result["splits"].values():
        assert set(cell["results"]) == set(QUICK)
        assert cell["protocol"]["ranking"] == "full"
        for figures in cell["results"].values():
            assert figures["ndcg"]["low"] <= figures["ndcg"]["value"] <= figures["ndcg"]["high"]
    for language, word in (("en", "beats"), ("zh", "好")):
        assert word in verdict_sentence(verdict, language)
    wizard.serve_winner(app, owner, view.id)
    made = serving.recommend(app, owner, number, serving.Asked(person="p1", k=2))
    assert made.model == verdict["model"]
    assert all(offer.item.id.startswith("tea") for offer in made.offers)
    again = wizard.list_comparisons(app, owner, number)
    assert [one.id for one in again] == [view.id]


@pytest.mark.parametrize(
    "lines",
    [
        ["only,a,2026-01-01"],
        [f"only,i{n},2026-01-{n:02d}" for n in range(1, 20)],
        [f"p{n},same,2026-01-02" for n in range(50)],
        [f"p{n},i{n % 7},2026-01-02" for n in range(300)],
    ],
    ids=["one event", "one person", "one item", "one event a person"],
)
def test_too_little_data_is_said_and_popularity_serves(app: Application, owner: Actor, lines: list[str]) -> None:
    number = fill(app, owner, lines)
    view = compared(app, owner, number)
    assert view.state == "done"
    assert view.result["verdict"]["code"] == "too_little"
    assert "too little" in verdict_sentence(view.result["verdict"], "en")
    wizard.serve_winner(app, owner, view.id)
    serving.recommend(app, owner, number, serving.Asked(person="somebody"))


def test_a_waiting_comparison_can_be_cancelled_and_another_begun(app: Application, owner: Actor) -> None:
    with pytest.raises(BadInput, match="no items"):
        wizard.start_comparison(app, owner, catalogues.create_catalogue(app, owner, "Empty"))
    number = fill(app, owner, two_tastes(20))
    with pytest.raises(BadInput, match="nonsense"):
        wizard.start_comparison(app, owner, number, models=("nonsense",))
    first = wizard.start_comparison(app, owner, number, models=QUICK)
    with pytest.raises(Conflict):
        wizard.start_comparison(app, owner, number, models=QUICK)
    with pytest.raises(Conflict):
        wizard.serve_winner(app, owner, first)
    jobs.cancel_job(app, owner, wizard.get_comparison(app, owner, first).job_id or 0)
    assert wizard.get_comparison(app, owner, first).state == "cancelled"
    assert compared(app, owner, number).state == "done"


@pytest.mark.slow
def test_a_killed_worker_s_comparison_goes_on(app: Application, owner: Actor, model_folder: Path) -> None:
    number = fill(app, owner, two_tastes())
    comparison = wizard.start_comparison(app, owner, number, models=(*QUICK, "als", "blend"))

    def results() -> dict[str, dict[str, object]]:
        with app.database.read(owner.workspace_id) as rows:
            return {
                kind: cell["results"]
                for kind, cell in rows.get(RecommendComparison, comparison).result.get("splits", {}).items()
            }

    with worker_process(app, model_folder) as worker:
        _wait(lambda: sum(map(len, results().values())) >= 2)
        worker.kill()
        worker.wait()
    before = results()
    assert wizard.get_comparison(app, owner, comparison).state == "running"
    with worker_process(app, model_folder):
        _wait(lambda: wizard.get_comparison(app, owner, comparison).state == "done")
    after = results()
    for kind, cell in before.items():
        for name, figures in cell.items():
            assert after[kind][name] == figures, "what was measured before the kill is not measured again"
    assert wizard.get_comparison(app, owner, comparison).result["verdict"]["code"] == "beats"


def _wait(holds: Callable[[], bool], seconds: float = 280) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.1)
