"""The queue on a real Redis: a job put by one process is done by a worker in another, and no message is a pickle."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.access.actor import Actor
from core.bootstrap import local_actor
from core.db.tables import Job
from core.services import ingest, knowledge
from core.services.application import Application
from core.services.views import Upload
from core.settings import Settings
from tests.integration.test_worker import wait_for, worker_process
from tests.servers import free_port

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        shutil.which("redis-server") is None, reason="no Redis; install: sudo apt-get install redis-server"
    ),
]


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    import redis

    client = redis.Redis(port=port)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            client.ping()
            break
        except redis.exceptions.ConnectionError:
            time.sleep(0.1)
    yield f"redis://127.0.0.1:{port}/0"
    client.close()
    server.terminate()
    server.wait()


@pytest.fixture
def on_redis(settings: Settings, redis_url: str, make_application: Callable[[Settings], Application]) -> Application:
    return make_application(settings.model_copy(update={"queue_url": redis_url}))


def test_a_job_goes_through_redis_to_a_worker(on_redis: Application, model_folder: Path) -> None:
    owner: Actor = local_actor(on_redis, "visitor-of-the-owner-0000")
    base = knowledge.create_knowledge_base(on_redis, owner, "Help")
    file = Upload("returns.txt", b"Lamps can be returned within 30 days of delivery.")
    job_id = ingest.start_ingest(on_redis, owner, base, [file])
    waiting: list[Any] = on_redis.queue.huey.storage.conn.lrange(on_redis.queue.huey.storage.queue_key, 0, -1)
    assert job_id in [argument for message in waiting for argument in _arguments(message)]

    def done() -> bool:
        with on_redis.database.read(owner.workspace_id) as rows:
            return rows.get(Job, job_id).state == "done"

    with worker_process(on_redis, model_folder):
        wait_for(done, "the job is done by the worker")
        # A worker that starts queues again what the table says is waiting: the second message does no harm.
        wait_for(lambda: on_redis.queue.huey.storage.queue_size() == 0, "the queue is empty")


def _arguments(message: bytes) -> list[Any]:
    """The task's arguments; fails where the message is no JSON."""
    found = json.loads(message)
    return [argument for part in found if isinstance(part, list) for argument in _flat(part)]


def _flat(part: Any) -> list[Any]:
    return [one for child in part for one in _flat(child)] if isinstance(part, list) else [part]
