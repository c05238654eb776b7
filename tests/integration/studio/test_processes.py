"""Training in a process of its own: killed, orphaned, cancelled, stopped, out of disk, and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.bootstrap import runner
from core.db.tables import Job
from core.services.application import Application
from core.services.studio import registry, runs
from core.services.studio.places import run_folder
from core.services.studio.run_work import LOCK
from core.services.studio.views import DataSetVersionView, RunView
from core.settings import Settings
from tests.integration.studio.conftest import Studio
from tests.integration.test_worker import wait_for, worker_process

LONG = {"epochs": 300, "patience": 300, "embedding": 8, "hidden": 8, "batch_size": 64}
BERT = {"epochs": 80, "patience": 0, "batch_size": 32, "checkpoint_seconds": 0.2}
# Each starts, kills and resumes real training processes, which load torch anew: minutes on two cores.
pytestmark = [pytest.mark.server, pytest.mark.slow]


def folder_of(studio: Studio, run_id: int) -> Path:
    return run_folder(studio.app.settings, studio.shop.workspace, run_id)


def process_of(studio: Studio, run_id: int) -> int | None:
    """The number of the process that works on the run, once it does."""
    path = folder_of(studio, run_id) / LOCK
    text = path.read_text() if path.exists() else ""
    return int(text) if text else None


def checkpoints(studio: Studio, run_id: int) -> list[Path]:
    return [path for path in folder_of(studio, run_id).glob("**/checkpoints/**/*.safetensors") if path.is_file()]


def state(studio: Studio, run_id: int) -> str:
    return runs.get_run(studio.app, studio.owner, run_id).state


def epochs_done(studio: Studio, run_id: int) -> int:
    curves = runs.run_events(studio.app, studio.owner, run_id)[0].curves
    return len(curves.get("validation_loss", ()))


def log_of(studio: Studio, run_id: int) -> list[str]:
    return [line for _, line in runs.run_events(studio.app, studio.owner, run_id)[0].log]


@contextmanager
def working(studio: Studio, run_id: int) -> Iterator[threading.Thread]:
    """The run's job, done by the real runner in the background; over at the end."""
    job_id = runs.get_run(studio.app, studio.owner, run_id).job_id
    assert job_id is not None
    thread = threading.Thread(target=runner(studio.app).run, args=(job_id,))
    thread.start()
    try:
        yield thread
    finally:
        thread.join(900)
        assert not thread.is_alive()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]


@pytest.fixture
def version(studio: Studio) -> DataSetVersionView:
    return studio.data_set()


def whole(studio: Studio, version: DataSetVersionView, recipe: str = "lstm", **args: Any) -> RunView:
    """The same run, never disturbed."""
    return studio.through_the_runner(studio.start(version, recipe, **(args or LONG)))


@pytest.mark.parametrize(("recipe", "args"), [("lstm", LONG), ("text_classifier", BERT)])
def test_a_killed_training_process_is_started_again_where_it_was(
    studio: Studio, version: DataSetVersionView, recipe: str, args: dict[str, Any]
) -> None:
    run_id = studio.start(version, recipe, **args)
    with working(studio, run_id):
        wait_for(lambda: epochs_done(studio, run_id) >= 3 and checkpoints(studio, run_id) != [], "three epochs", 900)
        first = process_of(studio, run_id)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        wait_for(
            lambda: process_of(studio, run_id) != first or state(studio, run_id) != "running", "a new process", 240
        )
    run = runs.get_run(studio.app, studio.owner, run_id)
    assert run.state == "done", run.error
    assert any(line.startswith("resumed at epoch") for line in log_of(studio, run_id))
    undisturbed = whole(studio, version, recipe, **args)
    assert run.metrics == undisturbed.metrics, "killed and gone on with is as good as never killed"
    assert len(registry.list_versions(studio.app, studio.owner)) == 2


def test_one_that_is_killed_before_it_got_anywhere_fails_with_a_sentence(
    studio: Studio, version: DataSetVersionView
) -> None:
    run_id = studio.start(version, "lstm", **LONG)
    with working(studio, run_id):
        wait_for(lambda: process_of(studio, run_id) is not None, "the process", 900)
        first = process_of(studio, run_id)
        assert first is not None
        os.kill(first, signal.SIGKILL)
    run = runs.get_run(studio.app, studio.owner, run_id)
    assert run.state == "failed"
    assert run.error["code"] == "studio.process_died"
    assert run.error["values"]["signal"] == "SIGKILL"
    assert registry.list_versions(studio.app, studio.owner) == []


def test_a_killed_worker_takes_its_training_along_and_the_next_one_goes_on(
    studio: Studio, version: DataSetVersionView, model_folder: Path
) -> None:
    run_id = studio.start(version, "lstm", **LONG)
    with worker_process(studio.app, model_folder) as first:
        wait_for(lambda: epochs_done(studio, run_id) >= 3, "three epochs", 900)
        training = process_of(studio, run_id)
        assert training is not None
        first.send_signal(signal.SIGKILL)
        first.wait()
    wait_for(lambda: not alive(training), "the end of the orphan", 30)
    assert state(studio, run_id) == "running", "the kill came too late to test anything"
    assert checkpoints(studio, run_id)
    with worker_process(studio.app, model_folder):
        wait_for(lambda: state(studio, run_id) in runs.FINISHED, "the end of the resumed run", 900)
    run = runs.get_run(studio.app, studio.owner, run_id)
    assert run.state == "done", run.error
    with studio.app.database.read(studio.shop.workspace) as rows:
        assert rows.get(Job, run.job_id or 0).attempts == 2
    assert any(line.startswith("resumed at epoch") for line in log_of(studio, run_id))
    assert run.metrics == whole(studio, version).metrics


def test_cancelled_then_tried_again_it_goes_on(studio: Studio, version: DataSetVersionView) -> None:
    run_id = studio.start(version, "lstm", **LONG)
    with working(studio, run_id):
        wait_for(lambda: epochs_done(studio, run_id) >= 3, "three epochs", 900)
        training = process_of(studio, run_id)
        assert training is not None
        runs.cancel_run(studio.app, studio.owner, run_id)
    assert state(studio, run_id) == "cancelled"
    assert not alive(training)
    assert registry.list_versions(studio.app, studio.owner) == []
    done = epochs_done(studio, run_id)
    assert done < LONG["epochs"], "the cancel came too late to test anything"
    runs.retry_run(studio.app, studio.owner, run_id)
    assert studio.through_the_runner(run_id).state == "done"
    assert any(line.startswith("resumed at epoch") for line in log_of(studio, run_id))


def test_a_stopped_worker_leaves_a_checkpoint_and_puts_the_run_back(
    studio: Studio, version: DataSetVersionView, model_folder: Path
) -> None:
    run_id = studio.start(version, "lstm", **LONG)
    with worker_process(studio.app, model_folder) as process:
        wait_for(lambda: epochs_done(studio, run_id) >= 1, "an epoch", 900)
        training = process_of(studio, run_id)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert training is not None
    assert not alive(training)
    assert state(studio, run_id) == "queued"
    assert checkpoints(studio, run_id)


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """``folder`` as a file system of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize(("where", "kilobytes"), [("studio", 512), (".", 6 << 10)])
def test_a_full_disk_is_a_sentence_and_with_room_again_the_run_ends_well(
    settings: Settings,
    make_application: Callable[[Settings], Application],
    open_studio: Callable[[Application, str], Studio],
    where: str,
    kilobytes: int,
) -> None:
    """The studio's folder alone, and the whole data folder with the database that has to say so."""
    folder = settings.data_dir / where
    with small_disk(folder, kilobytes):
        studio = open_studio(make_application(settings), "lumen")
        wide = {"embedding": 256, "hidden": 256, "least_count": 1}
        run_id = studio.start(studio.data_set(), "lstm", epochs=4, patience=4, **wide)
        run = studio.through_the_runner(run_id)
        assert run.state == "failed", run.metrics
        assert run.error["code"] in ("networks.no_space", "studio.disk_full")
        assert not list(folder_of(studio, run_id).glob("**/*.draft"))
        assert registry.list_versions(studio.app, studio.owner) == []
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
        runs.retry_run(studio.app, studio.owner, run_id)
        run = studio.through_the_runner(run_id)
        assert run.state == "done", run.error
        assert len(registry.list_versions(studio.app, studio.owner)) == 1
        studio.app.queue.close()
        studio.app.database.engine.dispose()


def test_nothing_is_left_running(studio: Studio, version: DataSetVersionView) -> None:
    """A runner that is stopped hard in the middle (Ctrl-C at the command line) takes the process along."""
    run_id = studio.start(version, "lstm", **LONG)
    job_id = runs.get_run(studio.app, studio.owner, run_id).job_id
    assert job_id is not None
    own = runner(studio.app)
    thread = threading.Thread(target=own.run, args=(job_id,))
    thread.start()
    wait_for(lambda: process_of(studio, run_id) is not None, "the process", 900)
    own.stopping.set()
    thread.join(60)
    assert not thread.is_alive()
    training = process_of(studio, run_id)
    assert training is not None
    end = time.monotonic() + 10
    while alive(training) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(training)
    assert state(studio, run_id) == "queued"
