"""A shop that speaks HTTP alone: a catalogue made, filled, learnt from, served, and taken away again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from core.bootstrap import runner
from core.services import quota
from tests.integration.api.conftest import Service

KINDS = ("tea", "tool")


def code(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "code", "param"}
    return str(error["code"])


def interactions() -> list[dict[str, Any]]:
    found = []
    for person in range(120):
        kind = KINDS[person % 2]
        for step in range(6):
            day = 1 + step * 4 + person % 4
            item = f"{kind}-{(person // 2 + step) % 8}"
            found.append({"user": f"p{person}", "item": item, "time": f"2026-01-{day:02d}T10:00:00", "kind": "buy"})
    return found


@pytest.mark.slow
def test_from_nothing_to_lists_by_http(service: Service) -> None:
    with service.client() as client:
        made = client.post("/catalogues", json={"name": "Tea 茶与工具", "currency": "£"})
        assert made.status_code == 201
        assert made.json()["items"] == 0
        at = f"/catalogues/{made.json()['id']}"
        assert code(client.post("/catalogues", json={"name": "Tea 茶与工具"})) == "recommend.catalogue_taken"
        assert code(client.post(f"{at}/train", json={})) == "recommend.no_items"

        shared = {"title_zh": "茶或工具", "price": 3.5, "tags": ["good", "a, b"], "stock": 2}
        items = [{"id": f"{kind}-{n}", "title": f"{kind} {n}", "category": kind, **shared}
                 for kind in KINDS for n in range(8)]  # fmt: skip
        done = client.post(f"{at}/items", json={"items": items}).json()
        assert (done["version"], done["read"], done["added"], done["updated"]) == (1, 16, 16, 0)
        done = client.post(f"{at}/items", json={"items": [{"id": "tea-0", "stock": 0}, {"id": "x", "price": 1}]}).json()
        assert (done["added"], done["updated"]) == (1, 1)
        assert client.post(f"{at}/items/remove", json={"items": ["x", "no-such"]}).json() == {"items": 1}

        events = interactions()
        done = client.post(f"{at}/interactions", json={"interactions": events}).json()
        assert (done["read"], done["added"]) == (720, 720)
        odd = [{"user": "emoji 🌱", "item": "tea-1"}, {"user": "p1", "item": "nowhere"},
               {"user": "p1", "item": "tea-2", "time": "2999-01-01T00:00:00Z"}, events[0]]  # fmt: skip
        done = client.post(f"{at}/interactions", json={"interactions": odd}).json()
        assert done["added"] == 1
        said = {one["code"]: one["count"] for one in done["findings"]}
        assert said["unknown_item"] == 1
        assert said["known_already"] == 1

        started = client.post(f"{at}/train", json={"models": ["neighbours"]})
        assert started.status_code == 202
        assert code(client.post(f"{at}/train", json={})) == "recommend.comparing"
        number = started.json()["id"]
        runner(service.app).run(started.json()["job_id"])
        found = client.get(f"{at}/comparisons/{number}").json()
        assert (found["state"], found["winner"], found["now"]) == ("done", "neighbours", {})
        assert "beats" in found["verdict"]
        assert set(found["figures"]) == {"popular", "neighbours"}
        assert client.get(f"/catalogues/{made.json()['id'] + 50}/comparisons/{number}").status_code == 404
        assert client.post(f"{at}/serve", json={"comparison_id": number}).json()["model"] == "neighbours"
        asked = {"catalogue": "Tea 茶与工具", "person": "p1", "k": 2}
        served = client.post("/recommendations", json=asked).json()
        assert served["model"] == "neighbours"
        assert all(one["item"].startswith("tool") for one in served["data"])
        offered = {one["item"]: one for one in client.post("/recommendations", json={**asked, "k": 20}).json()["data"]}
        assert "x" not in offered
        assert any(one["tags"] == ["good", "a, b"] for one in offered.values())
        assert client.delete(at).status_code == 204
        assert client.post("/recommendations", json=asked).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("items", {"items": []}, 422),
        ("items", {"items": [{"title": "no id"}]}, 422),
        ("items", {"items": [{"id": "a", "price": -1}]}, 422),
        ("items", {"items": [{"id": "a", "colour": "red"}]}, 422),
        ("items", {"items": [{"id": "n", "title": "\ud800"}]}, 422),
        ("items", {"items": [{"id": "a"}] * 1001}, 422),
        ("interactions", {"interactions": [{"user": "a"}]}, 422),
        ("interactions", {"interactions": [{"user": "a", "item": "b", "time": "yesterday"}]}, 422),
        ("train", {"models": ["magic"]}, 400),
        ("serve", {"comparison_id": 999}, 404),
    ],
)
def test_bad_input_has_the_one_shape_of_errors(service: Service, path: str, body: dict[str, Any], status: int) -> None:
    import json

    with service.client() as client:
        [shop] = [one for one in client.get("/catalogues").json()["data"] if one["name"] == "Shop"]
        answer = client.post(
            f"/catalogues/{shop['id']}/{path}", content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status, answer.text
        assert code(answer)


def test_training_by_http_keeps_to_the_quota_of_the_key(service: Service) -> None:
    owner = service.shop.owner()
    key = service.make_key("recommend")
    quota.set_quota(service.app, owner, "key", key.view.id, "training_seconds", "month", 0)
    with service.client(key.secret) as client:
        [shop] = [one for one in client.get("/catalogues").json()["data"] if one["name"] == "Shop"]
        answer = client.post(f"/catalogues/{shop['id']}/train", json={"models": ["neighbours"]})
        assert answer.status_code == 429
        assert code(answer).startswith("quota.")
