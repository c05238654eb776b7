"""What tests share: settings on a temporary folder, a real application on a migrated SQLite file, the public data."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import pytest

from core.access.actor import Actor
from core.bootstrap import build, local_actor
from core.models.hub import ModelHub
from core.services.application import Application
from core.settings import Settings
from tests.postgresql import PostgreSql, start_postgresql

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = Path(os.environ.get("PILOTLIGHT_SHARED_DATA", ROOT.parent / "shared" / "data"))

# `make test-postgresql`: every test that touches the database, each with a database of its own on PostgreSQL.
# It stays in the environment, from which the processes that share the tests read it too; tests do not see it.
ON_POSTGRESQL = os.environ.get("PILOTLIGHT_TEST_DATABASE", "sqlite") == "postgresql"

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


class NewDatabase(Protocol):
    def __call__(self, *, migrated: bool = True, like: str = "") -> AbstractContextManager[str]: ...


class NewPlace(Protocol):
    def __call__(
        self, root: Path, *, like: Settings | None = None, **more: Any
    ) -> AbstractContextManager[Settings]: ...


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest) -> NewDatabase:
    """Lends the URL of a database that nobody else uses: empty for SQLite in the test's own folder, or one on
    PostgreSQL, with all tables or without, or a copy of ``like``, which nobody may be using. What takes neither this
    nor anything made of it is not run on PostgreSQL."""
    if ON_POSTGRESQL:
        server: PostgreSql = request.getfixturevalue("postgresql")
        return server.database
    return lambda **_: nullcontext("")


@pytest.fixture(scope="session")
def new_place(new_database: NewDatabase) -> NewPlace:
    """Lends settings on folders in ``root`` and a database of their own; with ``like``, on a copy of all that those
    settings hold, which nobody may be using. ``more``: other settings."""

    @contextmanager
    def lend(root: Path, *, like: Settings | None = None, **more: Any) -> Iterator[Settings]:
        if like:
            shutil.copytree(like.data_dir.parent, root)
        folders = {"data_dir": root / "var", "index_dir": root / "indexes"}
        with new_database(like=like.database_url if like else "") as url:
            yield Settings(**{**folders, "heartbeat_seconds": 0.2, **more}, database_url=url, _env_file=None)

    return lend


@pytest.fixture
def settings(new_place: NewPlace, tmp_path: Path) -> Iterator[Settings]:
    with new_place(tmp_path) as place:
        yield place


@pytest.fixture
def database_url(new_database: NewDatabase) -> Iterator[str]:
    with new_database() as url:
        yield url


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop on the main thread, in which no asyncio test can run."""
    if ON_POSTGRESQL:
        rest = [item for item in items if "new_database" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=rest)
        items[:] = [item for item in items if item not in set(rest)]
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
