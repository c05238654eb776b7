"""Builds the product from its settings. The only file that names concrete classes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select

from core.access.actor import Actor, Role
from core.access.encryption import cipher_of
from core.access.privacy import mask_personal
from core.db.encrypted import set_cipher
from core.db.engine import make_engine
from core.db.migrate import migrate
from core.db.tables import Workspace
from core.db.unit_of_work import Database
from core.jobs.context import JobContext
from core.jobs.queue import JobQueue
from core.jobs.worker import Handler, JobRunner, alive, work
from core.logs import set_up_logs
from core.models.hub import ModelHub
from core.services.application import Application
from core.services.build import run_build, run_rebuild
from core.services.content.batch_job import run_batch as run_briefs
from core.services.content.voices import run_voice
from core.services.embed import follow_encoder
from core.services.golden import run_golden_job
from core.services.ingest_job import run_ingest
from core.services.keeping.retention import Keeper
from core.services.keeping.rotation import check_key
from core.services.recommend.import_job import run_import
from core.services.recommend.vectors_job import run_vectors
from core.services.recommend.wizard_job import run_comparison
from core.services.retrieve import IndexCache
from core.services.sentiment.batch_job import run_batch as run_sentiment
from core.services.snapshot import sweep
from core.services.studio.data_set_job import run_data_set
from core.services.studio.run_job import run_training
from core.services.watch import WatchedFolder
from core.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

T = TypeVar("T")
LOCAL_WORKSPACE = "local"


def once(make: Callable[[], T]) -> Callable[[], T]:
    """``make`` called at the first use, once, whatever the number of threads."""
    lock = threading.Lock()
    made: list[T] = []

    def get() -> T:
        if not made:
            with lock:
                if not made:
                    made.append(make())
        return made[0]

    return get


def start_logs(settings: Settings) -> None:
    """Logs of this process, with personal data masked unless the settings say otherwise."""
    set_up_logs(settings, (lambda text: mask_personal(text).text) if settings.mask_logs else str)


def build(settings: Settings, *, models: ModelHub | None = None) -> Application:
    """The wired application on a migrated database. Loads no model and opens no index yet."""
    database = Database(make_engine(settings.database))
    migrate(database.engine)
    cipher = cipher_of(settings)
    check_key(database, cipher)
    set_cipher(database.engine, cipher)
    _ensure_workspace(database)
    indexes = IndexCache()

    def chat_model() -> BaseChatModel | None:
        from core.models.chat import build_chat

        return build_chat(settings)

    app = Application(settings, database, JobQueue(settings), models or ModelHub(settings), once(chat_model), indexes)
    indexes.bind(app)
    return app


def _ensure_workspace(database: Database) -> None:
    """The workspace of a single machine, which every installation has."""
    if database.workspace(LOCAL_WORKSPACE) is not None:
        return
    with database.system(writing=True) as session:
        if session.scalars(select(Workspace).where(Workspace.slug == LOCAL_WORKSPACE)).first() is None:
            session.add(Workspace(slug=LOCAL_WORKSPACE, name="Pilotlight", settings={}))


def handlers(app: Application) -> dict[str, Handler]:
    """What the worker does for each kind of job."""

    def bound(run: Callable[[Application, JobContext], None]) -> Handler:
        return lambda context: run(app, context)

    return {
        "ingest": bound(run_ingest),
        "build": bound(run_build),
        "clean_up": bound(run_build),
        "rebuild": bound(run_rebuild),
        "golden": bound(run_golden_job),
        "briefs": bound(run_briefs),
        "voice": bound(run_voice),
        "data_set": bound(run_data_set),
        "train": bound(run_training),
        "tune": bound(run_training),
        "compress": bound(run_training),
        "sentiment": bound(run_sentiment),
        "recommend_import": bound(run_import),
        "recommend_compare": bound(run_comparison),
        "recommend_vectors": bound(run_vectors),
    }


def runner(app: Application) -> JobRunner:
    lock = app.settings.data_dir / "jobs.lock"
    return JobRunner(app.database, handlers(app), app.settings.heartbeat_seconds, lock)


def local_actor(app: Application, visitor: str) -> Actor:
    """The owner at this machine, until there are accounts."""
    workspace = app.database.workspace(LOCAL_WORKSPACE)
    assert workspace is not None, "build() makes the local workspace"
    return Actor(workspace_id=workspace.id, visitor=visitor, role=Role.OWNER)


def run_worker(app: Application) -> None:
    """The worker process: runs until SIGINT or SIGTERM."""
    sweep(app)
    follow_encoder(app, "build")
    folder = app.settings.watch_dir
    watched = WatchedFolder(app, local_actor(app, "watched-folder"), folder) if folder else None
    keeper = Keeper(app)

    def between() -> None:
        keeper.look()
        if watched:
            watched.look()

    work(runner(app), app.queue, every=between)


def finish_job(app: Application, job_id: int) -> None:
    """Runs the job here when no worker is alive to do it."""
    if not alive(app.database, app.settings.heartbeat_seconds):
        runner(app).run(job_id)


def prepare(settings: Settings) -> None:
    """What the first start needs: the database, and the demo workspace's job on the queue."""
    from core.services.demo import load_demo

    app = build(settings)
    load_demo(app, local_actor(app, "demo"))
