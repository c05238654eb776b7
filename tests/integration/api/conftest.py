"""The real server process (``streamlit run app.py``) on data of its own: two workspaces, keys, documents, a shop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.bootstrap import build
from core.db.recommend_tables import CatalogueItem
from core.models.hub import ModelHub
from core.models.manifest import Manifest, write_manifest
from core.services import keys
from core.services.application import Application
from core.services.recommend.catalogues import create_catalogue
from core.services.recommend.feedback import record_event
from core.settings import Settings
from tests.conftest import NewDatabase
from tests.integration.services.conftest import RETURNS, Shop, lower_the_bar, open_shop, publish_texts
from tests.servers import fresh_web
from tests.tiny_models import tiny_gpt2

ALL = ("ask", "documents", "sentiment", "write", "recommend", "studio")


@dataclass
class Service:
    """``key`` opens everything of ``shop``; ``rival_key`` everything of another workspace."""

    url: str
    app: Application
    shop: Shop
    rival: Shop
    key: str
    rival_key: str

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        key = self.key if key is None else key
        given = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=f"{self.url}/v1", headers={**given, **headers}, timeout=60)

    def make_key(self, *scopes: str, **more: Any) -> keys.NewKey:
        return keys.make_key(self.app, self.shop.owner(), "narrow", scopes, **more)


ITEMS = [f"lamp-{number}" for number in range(8)]


def open_catalogue(app: Application, shop: Shop) -> None:
    """Eight lamps; the first ones were bought most. No model: most popular serves."""
    number = create_catalogue(app, shop.owner(), "Shop")
    with app.database.write(shop.workspace) as rows:
        rows.add_all([CatalogueItem(catalogue_id=number, code=one, title=f"Lamp {one}") for one in ITEMS])
    for place, item in enumerate(ITEMS):
        for person in range(8 - place):
            record_event(app, shop.owner(), number, f"person-{person}", item, kind="buy")


def _writer(folder: Path) -> Path:
    tiny_gpt2(folder / "tiny-writer", positions=256)
    facts = {"separator": "<|endoftext|>", "tasks": ["continuation"], "languages": ["en"]}
    write_manifest(folder / "tiny-writer", Manifest("language_model", "tiny-writer", facts=facts))
    return folder


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, models: ModelHub, model_folder: Path, new_database: NewDatabase
) -> Iterator[Service]:
    with new_database() as database_url:
        yield from _service(tmp_path_factory.mktemp("api"), models, model_folder, database_url)


def _service(root: Path, models: ModelHub, model_folder: Path, database_url: str) -> Iterator[Service]:
    models.encoder()  # exported now, so that the server finds it
    (root / "var").mkdir()
    (root / "var" / "models").symlink_to(model_folder / "models")
    folders = {"data_dir": root / "var", "index_dir": root / "indexes"}
    app = build(Settings(**folders, database_url=database_url, heartbeat_seconds=0.2, _env_file=None), models=models)
    shop, rival = open_shop(app, "lumen"), open_shop(app, "umbra")
    publish_texts(app, shop, returns=RETURNS)
    lower_the_bar(app, shop)
    open_catalogue(app, shop)
    made = [keys.make_key(app, one.owner(), "everything", ALL).secret for one in (shop, rival)]
    limits = {"API_PER_MINUTE": "100000", "API_PER_MINUTE_ADDRESS": "100000"}
    with fresh_web(root, database_url, MODELS_DIR=str(_writer(root / "writers")), **limits) as web:
        yield Service(web.url, app, shop, rival, *made)
    app.queue.close()
    app.database.engine.dispose()
