"""Long work in a process of its own: killed and resumed, cancelled, retried, honest about its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.access.actor import Actor
from core.bootstrap import runner
from core.db.tables import DocumentVersion, IndexVersion, Job, JobFile, Passage
from core.services import ingest, jobs, knowledge
from core.services.application import Application
from core.services.views import JobView, Upload
from tests.environment import environment_of

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def worker_process(app: Application, model_folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker on the application's folders; killed at the end."""
    # The exported encoder is taken from where the other tests made it: exporting is not what is tested here.
    target = app.settings.data_dir / "models"
    if not target.exists() and (model_folder / "models").exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(model_folder / "models")
    more = {"QUEUE_URL": app.settings.queue_url, "HEARTBEAT_SECONDS": "0.3"}
    environment = environment_of(app.settings.data_dir.parent, app.settings.database_url, **more)
    environment["PYTHONPATH"] = str(ROOT)
    process = subprocess.Popen([sys.executable, "-m", "core", "worker"], cwd=app.settings.data_dir, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"never happened: {what}")
        time.sleep(0.05)


def long_text(passages: int) -> bytes:
    """A heading and a sentence each, so that there are many passages and each is embedded fast."""
    return "\n\n".join(
        f"## Device {n}\n\nThe device number {n} is kept in room {n % 17} and is cleaned every {n % 9 + 1} days."
        for n in range(passages)
    ).encode()


def embedded(app: Application, owner: Actor) -> int:
    with app.database.read(owner.workspace_id) as rows:
        return rows.count(Passage, Passage.vector.is_not(None))


@pytest.fixture
def base(app: Application, owner: Actor) -> int:
    return knowledge.create_knowledge_base(app, owner, "Help")


@pytest.mark.server
def test_a_killed_worker_is_resumed_where_it_was(app: Application, owner: Actor, base: int, model_folder: Path) -> None:
    app.encoder()
    job_id = ingest.start_ingest(app, owner, base, [Upload("long.md", data=long_text(2000))])
    with worker_process(app, model_folder) as first:
        wait_for(lambda: embedded(app, owner) >= 256, "the first batch of vectors")
        first.send_signal(signal.SIGKILL)
        first.wait()
    before = embedded(app, owner)
    with app.database.read(owner.workspace_id) as rows:
        total = rows.count(Passage)
        assert rows.get(Job, job_id).state == "running"
    assert 256 <= before < total, "the kill came too late to test anything"
    assert app.indexes.live(owner.workspace_id, base) is None
    with worker_process(app, model_folder):
        wait_for(lambda: jobs.get_job(app, owner, job_id).finished, "the end of the resumed job")
    with app.database.read(owner.workspace_id) as rows:
        assert rows.get(Job, job_id).state == "done"
        assert rows.get(Job, job_id).attempts == 2
        assert rows.count(DocumentVersion) == 1, "the version was resumed, not made again"
        assert rows.count(Passage) == total
    assert embedded(app, owner) == total
    live = app.indexes.live(owner.workspace_id, base)
    assert live is not None
    assert live.knowledge.size == total


@pytest.mark.server
def test_a_stopped_worker_puts_its_job_back(app: Application, owner: Actor, base: int, model_folder: Path) -> None:
    app.encoder()
    job_id = ingest.start_ingest(app, owner, base, [Upload("long.md", data=long_text(2000))])
    with worker_process(app, model_folder) as process:
        wait_for(lambda: embedded(app, owner) >= 256, "the first batch of vectors")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with app.database.read(owner.workspace_id) as rows:
        assert rows.get(Job, job_id).state == "queued"


def run(app: Application, owner: Actor, job_id: int) -> JobView:
    runner(app).run(job_id)
    return jobs.get_job(app, owner, job_id)


def test_one_bad_file_never_stops_the_others(app: Application, owner: Actor, base: int) -> None:
    uploads = [
        Upload("broken.pdf", data=b"%PDF-1.7\nnothing that follows is a PDF"),
        Upload("good.md", data=b"# Returns\n\nReturns are accepted within 30 days."),
        Upload("empty.txt", data=b""),
    ]
    job = run(app, owner, ingest.start_ingest(app, owner, base, uploads))
    assert job.state == "done"
    assert {line.name: line.state for line in job.files} == {
        "broken.pdf": "failed",
        "good.md": "done",
        "empty.txt": "failed",
    }
    assert all(line.error["code"].startswith("documents.") for line in job.files if line.state == "failed")
    with app.database.read(owner.workspace_id) as rows:
        assert rows.count(DocumentVersion) == 1


def test_a_file_over_the_limit_is_refused_before_it_is_stored(app: Application, owner: Actor, base: int) -> None:
    small = app.settings.model_copy(update={"max_file_mb": 1})
    object.__setattr__(app, "settings", small)
    job = run(app, owner, ingest.start_ingest(app, owner, base, [Upload("big.txt", data=b"x" * (1 << 20) + b"y")]))
    assert job.files[0].error["code"] == "ingest.too_large"
    assert list(small.files_dir.glob("*/*")) == []


def test_the_same_content_is_recognised_and_an_edit_replaces(app: Application, owner: Actor, base: int) -> None:
    first = b"# Returns\n\nReturns are accepted within 30 days.\n\n# Shipping\n\nShipping takes five days.\n"
    run(app, owner, ingest.start_ingest(app, owner, base, [Upload("a.md", data=first)]))
    same = [Upload("a.md", data=first), Upload("b.md", data=first)]
    again = run(app, owner, ingest.start_ingest(app, owner, base, same))
    assert [line.error["code"] for line in again.files] == ["ingest.unchanged", "ingest.duplicate"]
    edited = first.replace(b"30 days", b"60 days")
    run(app, owner, ingest.start_ingest(app, owner, base, [Upload("a.md", data=edited)]))
    live = app.indexes.live(owner.workspace_id, base)
    assert live is not None
    found, _ = live.found("How many days for returns?")
    assert "60 days" in found[0].passage.text
    assert not any("30 days" in hit.passage.text for hit in found)
    with app.database.read(owner.workspace_id) as rows:
        documents = rows.session.scalar(select(func.count(func.distinct(Passage.document_id))))
        assert documents == 1


def test_only_changed_passages_are_embedded_again(app: Application, owner: Actor, base: int) -> None:
    text = long_text(60)
    run(app, owner, ingest.start_ingest(app, owner, base, [Upload("a.md", data=text)]))
    with app.database.read(owner.workspace_id) as rows:
        before = {p.content_sha256 for p in rows.all(rows.select(Passage))}
    asked: list[str] = []
    encoder = app.encoder()

    class Counting:
        name, dimension, languages, floor = encoder.name, encoder.dimension, encoder.languages, encoder.floor

        def encode(self, texts, *, kind):
            asked.extend(texts)
            return encoder.encode(texts, kind=kind)

    app.models.evict("encoder")
    app.models.once("encoder", Counting)
    try:
        edited = text.replace(b"device number 30 ", b"apparatus number 30 ")
        run(app, owner, ingest.start_ingest(app, owner, base, [Upload("a.md", data=edited)]))
    finally:
        app.models.evict("encoder")
    with app.database.read(owner.workspace_id) as rows:
        changed = {p.content_sha256 for p in rows.all(rows.select(Passage))} - before
    assert 0 < len(asked) == len(changed) < len(before)


def test_a_waiting_job_is_cancelled_at_once_and_can_be_tried_again(app: Application, owner: Actor, base: int) -> None:
    job_id = ingest.start_ingest(app, owner, base, [Upload("a.md", data=b"# Plans\n\nThe Team plan costs $49.")])
    jobs.cancel_job(app, owner, job_id)
    assert run(app, owner, job_id).state == "cancelled"
    jobs.retry_job(app, owner, job_id)
    assert run(app, owner, job_id).state == "done"


def test_a_running_job_stops_when_asked_and_leaves_nothing_half_indexed(
    app: Application, owner: Actor, base: int
) -> None:
    job_id = ingest.start_ingest(app, owner, base, [Upload("long.md", data=long_text(900))])
    encoder = app.encoder()

    class CancelsItself:
        name, dimension, languages, floor = encoder.name, encoder.dimension, encoder.languages, encoder.floor

        def encode(self, texts, *, kind):
            jobs.cancel_job(app, owner, job_id)
            time.sleep(0.6)
            return encoder.encode(texts, kind=kind)

    app.models.evict("encoder")
    app.models.once("encoder", CancelsItself)
    try:
        job = run(app, owner, job_id)
    finally:
        app.models.evict("encoder")
    assert job.state == "cancelled"
    assert [line.state for line in job.files] == ["cancelled"]
    assert app.indexes.live(owner.workspace_id, base) is None
    assert knowledge.list_documents(app, owner, base).total == 0, "no row says that it is still being read"
    with app.database.read(owner.workspace_id) as rows:
        assert rows.count(Passage) == 0
        assert rows.count(DocumentVersion) == 0
    jobs.retry_job(app, owner, job_id)
    assert run(app, owner, job_id).state == "done"


def cancel_during(app: Application, owner: Actor, job_id: int, name: str, monkeypatch: pytest.MonkeyPatch) -> JobView:
    """Runs a job that somebody cancels while ``name`` is split."""
    from core.services import ingest_job

    def split(document, config):
        drafts = real(document, config)
        if name in document.text:
            jobs.cancel_job(app, owner, job_id)
            time.sleep(0.6)
        return drafts

    real = ingest_job.split
    monkeypatch.setattr(ingest_job, "split", split)
    job = run(app, owner, job_id)
    monkeypatch.undo()
    return job


def test_files_finished_before_a_cancel_answer_soon(
    app: Application, owner: Actor, base: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads = [
        Upload("plans.md", data=b"# Plans\n\nThe Team plan costs $49 a month."),
        Upload("slow.md", data=b"# Slow\n\nThis one is cancelled."),
        Upload("last.md", data=b"# Last\n\nThis one was never begun."),
    ]
    job = cancel_during(app, owner, ingest.start_ingest(app, owner, base, uploads), "This one is", monkeypatch)
    assert (job.state, {line.name: line.state for line in job.files}) == (
        "cancelled",
        {"plans.md": "done", "slow.md": "cancelled", "last.md": "cancelled"},
    )
    [build] = [job for job in jobs.list_jobs(app, owner) if job.kind == "build"]
    assert run(app, owner, build.id).state == "done"
    assert [(d.name, d.live) for d in knowledge.list_documents(app, owner, base).rows] == [("plans.md", True)]


def test_a_cancelled_edit_leaves_the_version_before(
    app: Application, owner: Actor, base: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "# Plans\n\nThe Team plan costs ${} a month."
    run(app, owner, ingest.start_ingest(app, owner, base, [Upload("plans.md", data=text.format(49).encode())]))
    edited = ingest.start_ingest(app, owner, base, [Upload("plans.md", data=text.format(59).encode())])
    assert cancel_during(app, owner, edited, "$59", monkeypatch).state == "cancelled"
    [document] = knowledge.list_documents(app, owner, base).rows
    assert (document.state, document.live, document.passages) == ("ready", True, 1)
    live = app.indexes.live(owner.workspace_id, base)
    assert live is not None
    assert "$49" in live.found("What does the Team plan cost?")[0][0].passage.text


def test_a_deleted_document_stops_answering_at_once(app: Application, owner: Actor, base: int) -> None:
    uploads = [
        Upload("plans.md", data=b"# Plans\n\nThe Team plan costs $49 a month."),
        Upload("returns.md", data=b"# Returns\n\nReturns are accepted within 30 days."),
    ]
    run(app, owner, ingest.start_ingest(app, owner, base, uploads))
    live = app.indexes.live(owner.workspace_id, base)
    assert live is not None
    assert live.found("What does the Team plan cost?")[0][0].passage.document_name == "plans.md"
    [document] = [d for d in knowledge.list_documents(app, owner, base).rows if d.name == "plans.md"]
    knowledge.delete_document(app, owner, document.id)
    assert all(f.passage.document_name != "plans.md" for f in live.found("What does the Team plan cost?")[0])
    [job] = [job for job in jobs.list_jobs(app, owner) if job.kind == "clean_up"]
    assert run(app, owner, job.id).state == "done"
    with app.database.read(owner.workspace_id) as rows:
        assert rows.count(Passage, Passage.document_id == document.id) == 0
        assert rows.count(DocumentVersion, DocumentVersion.document_id == document.id) == 0
    assert len(list(app.settings.files_dir.glob("??/*"))) == 1, "the original went too"


@pytest.mark.parametrize("damage", ["remove", "truncate", "flip"])
def test_a_damaged_index_is_rebuilt_from_the_database(
    app: Application, owner: Actor, base: int, damage: str, make_application: Callable[..., Application]
) -> None:
    run(
        app, owner, ingest.start_ingest(app, owner, base, [Upload("a.md", data=b"# Plans\n\nThe Team plan costs $49.")])
    )
    with app.database.read(owner.workspace_id) as rows:
        version = rows.all(rows.select(IndexVersion, IndexVersion.state == "live"))[0]
    folder = app.settings.index_dir / str(base) / str(version.id)
    file = folder / "dense.faiss"
    if damage == "remove":
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    elif damage == "truncate":
        file.write_bytes(file.read_bytes()[:-20])
    else:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)
    fresh = make_application(app.settings)
    live = fresh.indexes.live(owner.workspace_id, base)
    assert live is not None
    assert "$49" in live.found("What does the Team plan cost?")[0][0].passage.text
    assert (folder / "manifest.json").exists()


def test_what_gives_up_after_five_deaths_says_so(app: Application, owner: Actor, base: int) -> None:
    job_id = ingest.start_ingest(app, owner, base, [Upload("a.md", data=b"# A\n\nText.")])
    with app.database.write(owner.workspace_id) as rows:
        job = rows.get(Job, job_id)
        job.state, job.worker, job.attempts = "running", "some-host-that-is-gone:1", 5
    assert runner(app).recover() == []
    found = jobs.get_job(app, owner, job_id)
    assert found.state == "failed"
    assert found.error["code"] == "job_gave_up"


def test_files_of_other_workspaces_are_out_of_reach(app: Application, owner: Actor, base: int) -> None:
    job_id = ingest.start_ingest(app, owner, base, [Upload("a.md", data=b"# A\n\nText.")])
    stranger = Actor(workspace_id=owner.workspace_id + 1, visitor="v" * 24)
    from core.errors import NotFound

    with pytest.raises(NotFound):
        jobs.get_job(app, stranger, job_id)
    with pytest.raises(NotFound):
        ingest.start_ingest(app, stranger, base, [Upload("b.md", data=b"# B\n\nText.")])
    with app.database.read(stranger.workspace_id) as rows:
        assert rows.count(JobFile) == 0
