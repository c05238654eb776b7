"""The gate before the routes: bodies, rates, requests at once, languages, faults. In this process, on the real app."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from core.api.v1 import api
from core.api.v1.errors import language_of
from core.errors import BadInput
from core.services import keys, knowledge
from core.services.application import Application
from core.settings import Settings
from tests.integration.api.conftest import Service
from tests.integration.services.conftest import Shop, open_shop

Make = Callable[[Settings], Application]


def served(make_application: Make, settings: Settings, **changes: Any) -> tuple[Application, Shop, str]:
    app = make_application(settings.model_copy(update=changes))
    shop = open_shop(app, "gate")
    return app, shop, keys.make_key(app, shop.owner(), "gate", ["ask", "documents"]).secret


def client(app: Application, key: str, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=api(lambda: app), raise_app_exceptions=False)
    return httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {key}", **headers}
    )


async def test_more_requests_a_minute_than_allowed_wait(make_application: Make, settings: Settings) -> None:
    app, shop, key = served(make_application, settings, api_per_minute=3)
    other = keys.make_key(app, shop.owner(), "other", ["ask"]).secret
    async with client(app, key) as mine:
        answers = [await mine.get("/knowledge-bases") for _ in range(4)]
        again = await mine.get("/knowledge-bases", headers={"Authorization": f"Bearer {other}"})
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert [one.headers["x-ratelimit-remaining"] for one in answers[:3]] == ["2", "1", "0"]
    assert answers[3].json()["error"]["code"] == "api.rate_key"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    assert again.status_code == 200


async def test_an_address_has_a_limit_and_guessing_keys_a_lower_one(make_application: Make, settings: Settings) -> None:
    app, _, key = served(make_application, settings, api_per_minute_address=60)
    async with client(app, "plk_" + "x" * 43) as stranger:
        codes = [(await stranger.get("/models")).json()["error"]["code"] for _ in range(4)]
        assert codes == ["api.key_unknown"] * 3 + ["api.rate_guesses"]
        blocked = await stranger.get("/models", headers={"Authorization": f"Bearer {key}"})
        assert blocked.status_code == 429  # whoever guesses learns nothing from a right guess either
        # 5 of the 60 are spent. A new minute may begin meanwhile; nobody gets more than 120 within two.
        answers = [await stranger.get("/docs") for _ in range(125)]
    refused = [number for number, one in enumerate(answers, 1) if one.status_code == 429]
    assert refused[0] > 55
    assert answers[refused[0] - 1].json()["error"]["code"] == "api.rate_address"


def slow_lists(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Semaphore, threading.Event]:
    """Lists of knowledge bases wait for the event; the semaphore counts those that wait."""
    waiting, go = threading.Semaphore(0), threading.Event()
    listed = knowledge.list_knowledge_bases

    def slow(*given: Any) -> Any:
        waiting.release()
        go.wait(30)
        return listed(*given)

    monkeypatch.setattr(knowledge, "list_knowledge_bases", slow)
    return waiting, go


async def test_only_so_many_are_answered_at_once(
    make_application: Make, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _, key = served(make_application, settings, api_at_once=2)
    waiting, go = slow_lists(monkeypatch)
    async with client(app, key) as mine:
        two = [asyncio.create_task(mine.get("/knowledge-bases")) for _ in range(2)]
        for _ in two:
            await asyncio.to_thread(waiting.acquire, timeout=30)
        third = await mine.get("/knowledge-bases")
        go.set()
        assert [(await one).status_code for one in two] == [200, 200]
        assert (await mine.get("/knowledge-bases")).status_code == 200
    assert (third.status_code, third.json()["error"]["code"]) == (429, "api.busy")
    assert third.headers["retry-after"] == "1"


async def test_one_key_does_not_take_every_place(
    make_application: Make, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, shop, key = served(make_application, settings, api_at_once=4)
    other = keys.make_key(app, shop.owner(), "other", ["ask", "documents"]).secret
    waiting, go = slow_lists(monkeypatch)
    theirs = {"Authorization": f"Bearer {other}"}
    async with client(app, key) as mine:
        three = [asyncio.create_task(mine.get("/knowledge-bases")) for _ in range(3)]
        for _ in three:
            await asyncio.to_thread(waiting.acquire, timeout=30)
        fourth = await mine.get("/knowledge-bases")
        another = asyncio.create_task(mine.get("/knowledge-bases", headers=theirs))
        assert await asyncio.to_thread(waiting.acquire, timeout=30), "another key finds a place"
        go.set()
        assert [(await one).status_code for one in (*three, another)] == [200] * 4
        assert (await mine.get("/knowledge-bases")).status_code == 200
    assert (fourth.status_code, fourth.json()["error"]["code"]) == (429, "api.busy_key")


@pytest.mark.parametrize("told", [True, False])
async def test_a_body_that_is_too_large_is_not_read(make_application: Make, settings: Settings, told: bool) -> None:
    app, shop, key = served(make_application, settings, max_file_mb=1)
    sent = 0

    async def endless(begin: bytes = b"") -> AsyncIterator[bytes]:
        nonlocal sent
        yield begin
        for _ in range(64):
            sent += 1 << 20
            yield b" " * (1 << 20)

    length = {"Content-Length": str(64 << 20)} if told else {}
    async with client(app, key, **length) as mine:
        small = await mine.post("/sentiment", content=endless(), headers={"Content-Type": "application/json"})
        assert (small.status_code, small.json()["error"]["code"]) == (413, "api.too_large")
        part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.md"\r\n\r\n'
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        upload = await mine.post(f"/knowledge-bases/{shop.kb}/documents", content=endless(part), headers=form)
    assert upload.status_code == 413
    assert sent < 16 << 20
    assert "2 MiB" in upload.json()["error"]["message"]


async def test_an_unexpected_fault_says_nothing_but_its_number(
    make_application: Make, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _, key = served(make_application, settings)

    def broken(*_given: Any) -> Any:
        raise ZeroDivisionError("the secret inside")

    monkeypatch.setattr(knowledge, "list_knowledge_bases", broken)
    async with client(app, key) as mine:
        answer = await mine.get("/knowledge-bases")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "api.failed")
    assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
    assert "secret" not in answer.text
    assert "ZeroDivision" not in answer.text


async def test_a_product_that_cannot_be_built_says_why(settings: Settings) -> None:
    def broken() -> Application:
        raise BadInput("settings_unknown", keys="PILOTLIGHT_PROT")

    transport = httpx.ASGITransport(app=api(broken))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as anybody:
        answer = await anybody.get("/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "settings_unknown")


async def test_errors_speak_the_callers_language(make_application: Make, settings: Settings) -> None:
    app, _, key = served(make_application, settings)
    async with client(app, key, **{"Accept-Language": "fr, zh-CN;q=0.9, en;q=0.3"}) as mine:
        gone = await mine.get("/jobs/77")
        wrong = await mine.get("/jobs/none")
        nowhere = await mine.get("/nothing")
    assert "编号" in gone.json()["error"]["message"]
    assert wrong.json()["error"]["param"] == "job_id"
    assert "不符合" in wrong.json()["error"]["message"]
    assert "地址" in nowhere.json()["error"]["message"]


@pytest.mark.parametrize(
    ("header", "language"),
    [("", "en"), ("zh", "zh"), ("en;q=0.2,zh-Hant-TW;q=0.7", "zh"), ("de", "en"), ("zh;q=0", "en"), ("zh;q=x", "en")],
)
def test_the_language_is_what_the_header_likes_best(header: str, language: str) -> None:
    assert language_of(header) == language


@pytest.mark.parametrize("text", ["\ud800", "a\x00b"])
async def test_what_is_no_text_is_refused(make_application: Make, settings: Settings, text: str) -> None:
    app, shop, key = served(make_application, settings)
    async with client(app, key, **{"Content-Type": "application/json"}) as mine:
        asked = await mine.post(f"/knowledge-bases/{shop.kb}/ask", content=_json({"question": text}))
        named = await mine.post("/knowledge-bases", content=_json({text: 1}))
    assert (asked.status_code, named.status_code) == (422, 422)
    assert asked.json()["error"]["param"] == "question"


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value).encode("ascii")


def test_the_api_asks_for_its_application_only_when_it_serves() -> None:
    api(lambda: pytest.fail("not yet"))


def test_an_address_with_a_line_break_is_answered_in_our_shape(service: Service) -> None:
    answer = httpx.get(f"{service.url}/v1/models/a%0Ab", headers={"Authorization": f"Bearer {service.key}"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"]
