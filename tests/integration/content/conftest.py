"""A workspace whose models folder holds a tiny GPT-2 that knows continuation and dialogue, in English and Chinese."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.access.actor import Actor
from core.bootstrap import local_actor, runner
from core.models.manifest import Manifest, write_manifest
from core.services import knowledge
from core.services.application import Application
from core.services.ingest import start_ingest
from core.services.views import Upload
from core.settings import Settings
from tests.conftest import NewPlace
from tests.tiny_models import tiny_gpt2

HANDBOOK = (
    "# Money\n\n## Refunds\n\nRefunds are paid within 5 working days after the returned lamp has arrived. "
    "The money goes back to the card that was used.\n\n## Prices\n\nStudents pay 12 EUR a month instead of 20 EUR.\n\n"
    "# Shipping\n\nParcels to Norway take 8 days. Express parcels are not offered on weekends.\n"
)
KNOWN = "folder:knows-two"  # says what it has learnt
UNKNOWN = "folder:says-nothing"


@pytest.fixture(scope="session")
def writers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writers")
    tiny_gpt2(folder / "knows-two", positions=256)
    facts = {"separator": "<|endoftext|>", "tasks": ["continuation", "dialogue"], "languages": ["en"]}
    write_manifest(folder / "knows-two", Manifest("language_model", "knows-two", facts=facts))
    tiny_gpt2(folder / "says-nothing", positions=256, seed=8)
    return folder


@pytest.fixture
def settings(tmp_path: Path, writers: Path, new_place: NewPlace) -> Iterator[Settings]:
    with new_place(tmp_path, models_dir=writers, threads=1) as place:
        yield place


@pytest.fixture
def me(app: Application) -> Actor:
    return local_actor(app, "visitor-of-content-tests-00")


@pytest.fixture
def work(app: Application) -> Callable[[int], None]:
    return lambda job_id: runner(app).run(job_id)


@pytest.fixture
def handbook(app: Application, me: Actor, work: Callable[[int], None]) -> int:
    number = knowledge.create_knowledge_base(app, me, "Help")
    work(start_ingest(app, me, number, [Upload("handbook.md", HANDBOOK.encode())]))
    return number
