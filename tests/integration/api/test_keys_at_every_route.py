"""Every route of the API, taken from the specification: what it does with keys that do not open it, and with things of
another workspace. A route that is added is tested here by itself."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import httpx
import pytest

from core.access.actor import Permission
from core.api.v1 import api
from core.db.recommend_tables import CatalogueItem, Interaction, RecommendCatalogue, RecommendComparison
from core.db.studio_tables import DataSet, DataSetVersion, TrainingRun
from core.db.tables import Conversation, Document, Job, KnowledgeBase, utc_now
from core.services import keys
from tests.integration.api.conftest import Service

SPECIFICATION = api(lambda: pytest.fail("read only")).openapi()
ROUTES = {
    operation["operationId"]: (method.upper(), path)
    for path, methods in SPECIFICATION["paths"].items()
    for method, operation in methods.items()
}
# A body that fits each route that takes one; {kb}, {talk} and {version} are filled in with numbers of the workspace.
BODIES: dict[str, Any] = {
    "create_embeddings": {"model": "pilotlight-minilm-bilingual", "input": "hello"},
    "create_chat_completion": {"model": "knowledge-base:Help", "messages": [{"role": "user", "content": "hello"}]},
    "create_knowledge_base": {"name": "Another"},
    "ask": {"question": "How long is the warranty?", "conversation_id": "{talk}"},
    "judge_sentiment": {"texts": ["Lovely lamp."]},
    "generate": {"template": "support_reply", "values": {"message": "Where are refunds paid to?"},
                 "model": "documents", "knowledge_base_id": "{kb}"},
    "recommend": {"catalogue": "Shop", "person": "person-1"},
    "record_events": {"catalogue": "Shop", "events": [{"person": "person-1", "item": "lamp-1"}]},
    "create_catalogue": {"name": "Another"},
    "put_items": {"items": [{"id": "lamp-1", "title": "Lamp one"}]},
    "remove_items": {"items": ["no-such-lamp"]},
    "put_interactions": {"interactions": [{"user": "person-1", "item": "lamp-1"}]},
    "train_catalogue": {"models": ["neighbours"]},
    "serve_model": {"comparison_id": "{comparison}"},
    "start_run": {"recipe": "text_classifier", "data_set_version_id": "{version}"},
}  # fmt: skip
COUNTED = (KnowledgeBase, Document, Job, Conversation, TrainingRun, RecommendCatalogue, CatalogueItem, Interaction)
# These answer any key, each with what is its own.
OWN = {"list_models"}


@pytest.fixture(scope="module")
def numbers(service: Service) -> dict[str, int]:
    """Ids of the shop's things."""
    with service.app.database.write(service.shop.workspace) as rows:
        document = rows.find(Document)
        job = rows.find(Job)
        assert document is not None
        assert job is not None
        data_set = rows.add(DataSet(name="words", task="text_classification"))
        version = rows.add(DataSetVersion(data_set_id=data_set.id, number=1, state="ready"))
        run = rows.add(TrainingRun(name="run", recipe="classifier", state="done"))
        catalogue = rows.find(RecommendCatalogue)
        assert catalogue is not None
        compared = rows.add(RecommendComparison(catalogue_id=catalogue.id, state="failed"))
        talk = rows.add(Conversation(knowledge_base_id=service.shop.kb, visitor="key:1", language="en"))
        return {"knowledge_base_id": service.shop.kb, "kb": service.shop.kb, "document_id": document.id,
                "job_id": job.id, "run_id": run.id, "talk": talk.id, "version": version.id,
                "catalogue_id": catalogue.id, "comparison_id": compared.id, "comparison": compared.id}  # fmt: skip


def send(client: httpx.Client, name: str, numbers: dict[str, int]) -> httpx.Response:
    method, path = ROUTES[name]
    address = path.replace("{model}", "knowledge-base:Help").format(**numbers)
    more: dict[str, Any] = {}
    if name == "upload_documents":
        more["files"] = [("files", ("new.md", b"# New\n\nSomething new stands here."))]
    elif method == "POST" and not path.endswith("/cancel"):
        more["json"] = _filled(BODIES[name], numbers)
    return client.request(method, address, **more)


def _filled(value: Any, numbers: dict[str, int]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, numbers) for name, one in value.items()}
    if isinstance(value, str) and value.startswith("{"):
        return numbers[value.strip("{}")]
    return value


def code(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert answer.headers["x-request-id"]
    return str(error["code"])


@pytest.fixture(scope="module")
def closed(service: Service) -> dict[str, str]:
    """Keys that open nothing, by the code that says why."""
    revoked = service.make_key("ask", "documents")
    keys.revoke_key(service.app, service.shop.owner(), revoked.view.id)
    expired = service.make_key("ask", "documents", expires_at=utc_now() + timedelta(days=1))
    with service.app.database.write(service.shop.workspace) as rows:
        row = rows.get(keys.ApiKey, expired.view.id)
        row.expires_at = utc_now() - timedelta(seconds=1)
    return {"api.key_revoked": revoked.secret, "api.key_expired": expired.secret, "api.key_missing": ""}


@pytest.mark.parametrize("name", [*ROUTES])
def test_no_route_opens_to_a_key_that_does_not_fit(
    service: Service, numbers: dict[str, int], closed: dict[str, str], name: str
) -> None:
    for expected, key in closed.items():
        with service.client(key) as client:
            answer = send(client, name, numbers)
        assert (answer.status_code, code(answer)) == (401, expected)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.fixture(scope="module")
def narrow(service: Service) -> str:
    """A good key with a permission that no route asks for."""
    return service.make_key(Permission.REPORT).secret


@pytest.mark.parametrize("name", [one for one in ROUTES if one not in OWN])
def test_every_route_asks_for_a_permission(service: Service, numbers: dict[str, int], narrow: str, name: str) -> None:
    with service.client(narrow) as client:
        answer = send(client, name, numbers)
    assert answer.status_code in ((403,) if name != "get_model" else (404,)), answer.text


@pytest.mark.parametrize("name", [*ROUTES])
def test_nothing_of_another_workspace_is_reached(service: Service, numbers: dict[str, int], name: str) -> None:
    """The other workspace's key with this one's numbers and names: 404, or a list without them."""
    before = _counts(service)
    with service.client(service.rival_key) as client:
        answer = send(client, name, numbers)
    # What names nothing of the workspace works; it just is another workspace's.
    free = {"list_models", "list_knowledge_bases", "list_catalogues", "list_runs", "list_templates", "judge_sentiment",
            "create_embeddings", "create_knowledge_base", "create_catalogue",
            "create_chat_completion", "get_model"}  # fmt: skip
    if name not in free:
        assert answer.status_code == 404, answer.text
    assert "returns.md" not in answer.text
    assert '"Shop"' not in answer.text or answer.status_code == 404
    assert _counts(service) == before


def _counts(service: Service) -> list[int]:
    with service.app.database.read(service.shop.workspace) as rows:
        return [rows.count(table) for table in COUNTED]


def test_what_is_open_says_nothing_of_a_workspace(service: Service) -> None:
    with httpx.Client(base_url=f"{service.url}/v1", timeout=30) as client:
        specification = client.get("/openapi.json").json()
        page = client.get("/docs")
        nowhere = client.get("/nothing-here")
    assert specification["paths"].keys() == SPECIFICATION["paths"].keys()
    assert nowhere.status_code == 401
    assert "<script" not in page.text
    assert f'base_url="{service.url}/v1"' in html.unescape(page.text)
    assert "http://" not in page.text.replace(service.url, "").replace("http://127.0.0.1", "")
    assert "script-src" not in page.headers["content-security-policy"]
    assert all(path in page.text for path in specification["paths"])


def test_lists_of_the_own_workspace_are_there(service: Service, numbers: dict[str, int]) -> None:
    """The counterpart: the same requests with the right key are answered."""
    with service.client() as client:
        for name in ("list_knowledge_bases", "list_documents", "get_job", "list_runs", "get_run", "list_catalogues"):
            assert send(client, name, numbers).status_code == 200, name
        assert client.get("/nothing-here").status_code == 404
        assert client.put("/sentiment").status_code == 405
