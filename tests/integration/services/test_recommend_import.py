"""Items and interactions from files: what is stored, what is left out, and that it is said."""

from __future__ import annotations

import json
from io import BytesIO

import pytest

from core.access.actor import Actor, Role
from core.bootstrap import runner
from core.db.recommend_tables import Interaction
from core.errors import BadInput, Conflict, NotFound
from core.services import jobs
from core.services.application import Application
from core.services.recommend import catalogues, importing
from core.services.views import Upload

ITEMS = "sku,title,名称,price,stock,tags\nA-1,Lamp,台灯,12.50,3,light|desk\nB 2,Chair 🪑,椅子,£80,,\n丙3,,茶杯,x,0,\n"


def bring_in(app: Application, owner: Actor, catalogue: int, part: str, name: str, data: bytes, **options: object):
    preview = importing.preview_file(app, owner, Upload(name, data))
    job = importing.start_import(app, owner, catalogue, part, preview.file, preview.guesses[part], options)
    runner(app).run(job)
    return jobs.get_job(app, owner, job)


@pytest.fixture
def catalogue(app: Application, owner: Actor) -> int:
    return catalogues.create_catalogue(app, owner, "Shop")


def codes(job: object) -> dict[str, int]:
    return {finding["code"]: finding["count"] for finding in job.result["findings"]}  # type: ignore[attr-defined]


def test_items_are_read_guessed_and_stored(app: Application, owner: Actor, catalogue: int) -> None:
    job = bring_in(app, owner, catalogue, "items", "items.csv", ITEMS.encode())
    assert job.state == "done"
    assert (job.result["added"], job.result["updated"]) == (3, 0)
    assert codes(job) == {"bad_price": 1}
    lamp, chair, cup = catalogues.list_items(app, owner, catalogue).rows
    assert (lamp.id, lamp.price, lamp.stock, lamp.tags) == ("A-1", 12.5, 3, ("light", "desk"))
    assert (chair.id, chair.price, chair.stock, chair.called("en")) == ("B 2", 80.0, None, "Chair 🪑")
    assert (cup.id, cup.called("zh"), cup.stock, cup.price) == ("丙3", "茶杯", 0, None)


def test_items_brought_in_again_keep_what_the_file_has_no_column_for(
    app: Application, owner: Actor, catalogue: int
) -> None:
    bring_in(app, owner, catalogue, "items", "items.csv", ITEMS.encode())
    catalogues.delete_items(app, owner, catalogue, ["A-1"])
    job = bring_in(app, owner, catalogue, "items", "prices.csv", b"sku,price\nA-1,9\n")
    assert (job.result["added"], job.result["updated"]) == (0, 1)
    back = catalogues.list_items(app, owner, catalogue, search="lamp").rows[0]
    assert (back.title, back.title_zh, back.price, back.tags) == ("Lamp", "台灯", 9.0, ("light", "desk"))


def test_what_is_wrong_with_interactions_is_counted(app: Application, owner: Actor, catalogue: int) -> None:
    bring_in(app, owner, catalogue, "items", "items.csv", ITEMS.encode())
    lines = ["user,item,time,kind"]
    lines += ["ann 🌸,A-1,2026-01-02 10:00,view", "ann 🌸,A-1,2026-01-02 10:00,view", "ann 🌸,B 2,2026-01-03,purchase"]
    lines += ["bob,nothing,2026-01-02,view", ",A-1,2026-01-02,view", "bob,丙3,2199-01-01,view", "bob,丙3,soon,view"]
    job = bring_in(app, owner, catalogue, "interactions", "events.csv", "\n".join(lines).encode())
    found = codes(job)
    assert job.result["added"] == 2
    assert {name: found[name] for name in ("duplicate", "unknown_item", "incomplete", "future_time", "bad_time")} == {
        "duplicate": 1, "unknown_item": 1, "incomplete": 1, "future_time": 1, "bad_time": 1,
    }  # fmt: skip
    view = catalogues.get_catalogue(app, owner, catalogue)
    assert (view.interactions, view.people) == (2, 1)
    assert f"{view.as_of:%Y-%m-%d}" == "2026-01-03"


def test_the_same_file_twice_adds_nothing(app: Application, owner: Actor, catalogue: int) -> None:
    events = b"user\titem\ttime\nann\tA\t2026-01-02\nbob\tA\t2026-01-03\n"
    assert bring_in(app, owner, catalogue, "interactions", "e.tsv", events).result["added"] == 2
    again = bring_in(app, owner, catalogue, "interactions", "e.tsv", events)
    assert again.result["added"] == 0
    assert codes(again)["known_already"] == 2
    assert [one.number for one in catalogues.list_versions(app, owner, catalogue)] == [2, 1]


def test_without_items_the_events_name_them(app: Application, owner: Actor, catalogue: int) -> None:
    events = "\n".join(json.dumps({"user": n, "item": f"m{n % 2}", "rating": n}) for n in range(1, 5))
    bring_in(app, owner, catalogue, "interactions", "e.jsonl", events.encode(), least_value=3)
    assert {item.id for item in catalogues.list_items(app, owner, catalogue).rows} == {"m0", "m1"}
    with app.database.read(owner.workspace_id) as rows:
        values = {row.person: row.value for row in rows.all(rows.select(Interaction))}
    assert values == {"1": 0.0, "2": 0.0, "3": 1.0, "4": 1.0}


def test_a_workbook_is_read(app: Application, owner: Actor, catalogue: int) -> None:
    from openpyxl import Workbook

    book, out = Workbook(), BytesIO()
    for row in (("用户", "商品", "时间"), (17, "甲", "2026-01-05"), (18, "乙", "2026-01-06")):
        book.active.append(row)
    book.save(out)
    job = bring_in(app, owner, catalogue, "interactions", "记录.xlsx", out.getvalue())
    assert job.result["added"] == 2
    with app.database.read(owner.workspace_id) as rows:
        assert {row.person for row in rows.all(rows.select(Interaction))} == {"17", "18"}


def test_a_mapping_that_lacks_a_column_is_refused(app: Application, owner: Actor, catalogue: int) -> None:
    file = importing.preview_file(app, owner, Upload("e.csv", b"a,b\n1,2\n")).file
    with pytest.raises(BadInput, match="item"):
        importing.start_import(app, owner, catalogue, "interactions", file, {"user": "a"})
    job = importing.start_import(app, owner, catalogue, "interactions", file, {"user": "a", "item": "gone"})
    runner(app).run(job)
    view = jobs.get_job(app, owner, job)
    assert (view.state, view.error["code"]) == ("failed", "recommend.column_gone")


def test_names_are_single_and_catalogues_can_be_deleted(app: Application, owner: Actor, catalogue: int) -> None:
    with pytest.raises(Conflict, match="Shop"):
        catalogues.create_catalogue(app, owner, " Shop ")
    with pytest.raises(BadInput):
        catalogues.create_catalogue(app, owner, "   ")
    bring_in(app, owner, catalogue, "items", "items.csv", ITEMS.encode())
    catalogues.delete_catalogue(app, owner, catalogue)
    with pytest.raises(NotFound, match="Shop"):
        catalogues.find_catalogue(app, owner, "Shop")


def test_a_customer_may_not_bring_in_anything(app: Application, owner: Actor, catalogue: int) -> None:
    from dataclasses import replace

    with pytest.raises(Exception, match="may not"):
        catalogues.list_catalogues(app, replace(owner, role=Role.GUEST))
