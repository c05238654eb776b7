"""What tests share: settings on a temporary folder, a real application on a migrated SQLite file, the public data."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.access.actor import Actor
from core.bootstrap import build, local_actor
from core.models.hub import ModelHub
from core.services.application import Application
from core.settings import Settings
from tests.postgresql import PostgreSql, start_postgresql

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = Path(os.environ.get("PILOTLIGHT_SHARED_DATA", ROOT.parent / "shared" / "data"))

# `make test-postgresql`: the tests that ask for settings or an application get a database on PostgreSQL.
ON_POSTGRESQL = os.environ.pop("PILOTLIGHT_TEST_DATABASE", "sqlite") == "postgresql"

# Whoever builds an application from the environment during the tests must not touch a developer's own data.
STRAY = tempfile.mkdtemp(prefix="pilotlight-tests-")
atexit.register(shutil.rmtree, STRAY, ignore_errors=True)
OURS = {"PILOTLIGHT_DATA_DIR": f"{STRAY}/var", "PILOTLIGHT_INDEX_DIR": f"{STRAY}/indexes"}
os.environ.update(OURS)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own PILOTLIGHT_ variables must not change what tests see."""
    for key in list(os.environ):
        if key.startswith("PILOTLIGHT_") and key not in {"PILOTLIGHT_SHARED_DATA", *OURS}:
            monkeypatch.delenv(key)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported encoders, made once for all tests of all processes; TEST_MODELS_DIR keeps them between runs."""
    kept = os.environ.get("TEST_MODELS_DIR")
    if kept:
        return Path(kept)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return tmp_path_factory.mktemp("models")
    shared = tmp_path_factory.getbasetemp().parent / "models"  # the exports themselves are made under a file's lock
    shared.mkdir(exist_ok=True)
    return shared


@pytest.fixture(scope="session")
def models(model_folder: Path) -> ModelHub:
    """The real packaged encoder, loaded once a test session."""
    return ModelHub(Settings(data_dir=model_folder, _env_file=None))


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        data_dir=tmp_path / "var",
        index_dir=tmp_path / "indexes",
        heartbeat_seconds=0.2,
        database_url=database_url,
        _env_file=None,
    )


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Empty for SQLite in the test's own folder, or a database of its own on PostgreSQL."""
    if ON_POSTGRESQL:
        with request.getfixturevalue("postgresql").database() as url:
            yield url
    else:
        yield ""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """A real PostgreSQL of this session, stopped and removed at its end."""
    with start_postgresql() as server:
        yield server


@pytest.fixture
def make_application(models: ModelHub) -> Iterator[Callable[[Settings], Application]]:
    """Builds real applications that share the loaded models."""
    made: list[Application] = []

    def make(settings: Settings) -> Application:
        app = build(settings, models=models)
        made.append(app)
        return app

    yield make
    for app in made:
        app.queue.close()
        app.database.engine.dispose()


@pytest.fixture
def app(settings: Settings, make_application: Callable[[Settings], Application]) -> Application:
    return make_application(settings)


@pytest.fixture
def owner(app: Application) -> Actor:
    return local_actor(app, "visitor-of-the-owner-0000")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data sets; tests that need them are skipped, and say so, where they are missing."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"public data sets not found at {SHARED_DATA}; set PILOTLIGHT_SHARED_DATA to their folder")
    return SHARED_DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop on the main thread, in which no asyncio test can run."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
