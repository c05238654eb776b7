"""The database moved between SQLite and a real PostgreSQL and back, killed on the way, refused where it must be."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.access.actor import Actor
from core.db.engine import make_engine
from core.db.portable import digest, filled, shapes, snapshot
from core.db.tables import KnowledgeBase, Message
from core.errors import BadInput, Conflict, Unavailable
from core.services.application import Application
from core.services.ask import answer_question
from core.services.keeping.move import move_database
from core.settings import Settings
from tests.environment import environment_of
from tests.integration.services.conftest import Shop, say
from tests.postgresql import PostgreSql

ROOT = Path(__file__).resolve().parents[3]
QUESTION = "How long can I return a lamp?"


@pytest.fixture
def target(postgresql: PostgreSql) -> Iterator[str]:
    with postgresql.database(migrated=False) as url:
        yield url


def digests(url: str) -> dict[str, tuple[int, str]]:
    engine = make_engine(url)
    try:
        with snapshot(engine) as connection:
            return {shape.name: digest(connection, shape) for shape in shapes()}
    finally:
        engine.dispose()


def test_there_and_back_is_the_same(
    app: Application,
    lamps: Shop,
    ann: Actor,
    talk: int,
    target: str,
    tmp_path: Path,
    make_application: Callable[[Settings], Application],
) -> None:
    say(app, ann, talk, QUESTION)
    before = answer_question(app, lamps.workspace, lamps.kb, QUESTION)
    seen: list[str] = []
    moved = move_database(app.settings, target, lambda table, rows: seen.append(table))
    ours = digests(app.settings.database)
    assert moved == sum(rows for rows, _ in ours.values()) > 10
    assert digests(target) == ours
    assert seen == [shape.name for shape in shapes()]

    place = Settings(data_dir=app.settings.data_dir, index_dir=tmp_path / "pg", database_url=target, _env_file=None)
    there = make_application(place)
    after = answer_question(there, lamps.workspace, lamps.kb, QUESTION)
    assert (after.text, after.citations, after.rung) == (before.text, before.citations, before.rung)
    with there.database.write(lamps.workspace) as rows:  # ids go on after those that came
        assert rows.add(KnowledgeBase(name="new")).id == lamps.kb + 1
        assert rows.add(Message(conversation_id=talk, role="customer", text="after")).id == 3

    back = f"sqlite:///{tmp_path / 'back.sqlite3'}"
    move_database(there.settings, back)
    assert digests(back) == digests(target)


def test_a_move_that_is_killed_leaves_the_target_empty_and_can_begin_again(
    app: Application, shop: Shop, ann: Actor, talk: int, target: str
) -> None:
    with app.database.write(shop.workspace) as rows:
        rows.add_all([Message(conversation_id=talk, role="customer", text=f"text {n} " * 50) for n in range(4_000)])
    command = [sys.executable, "-m", "core", "database", "move", "--to", target]
    environment = environment_of(app.settings.data_dir.parent, app.settings.database_url) | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=app.settings.data_dir, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "workspace" in process.stdout.readline()  # rows are on their way
    process.send_signal(signal.SIGKILL)
    process.wait()
    engine = make_engine(target)
    for _ in range(100):  # until the server has noticed that nobody is there
        with engine.connect() as connection:
            held = filled(connection, [shape.name for shape in shapes()])
            busy = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' OR state = 'active'"
            ).scalar_one()
        if busy <= 1:
            break
        time.sleep(0.1)
    engine.dispose()
    assert held == []
    assert move_database(app.settings, target) > 4_000


def test_a_target_with_rows_is_refused(app: Application, shop: Shop, target: str) -> None:
    move_database(app.settings, target)
    with pytest.raises(Conflict, match="workspace"):
        move_database(app.settings, target)


def test_what_is_no_database_is_refused(app: Application, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="same database"):
        move_database(app.settings, app.settings.database)
    with pytest.raises(BadInput, match="no database URL"):
        move_database(app.settings, "somewhere")
    with pytest.raises(BadInput, match="mysql"):
        move_database(app.settings, "mysql://h/n")
    with pytest.raises(Unavailable) as unreachable:
        move_database(app.settings, "postgresql://me:pw-secret@127.0.0.1:1/none")
    assert "pw-secret" not in str(unreachable.value)


def test_a_text_that_postgresql_cannot_hold_is_named(app: Application, shop: Shop, target: str) -> None:
    if app.database.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite can hold it in the first place")
    with app.database.write(shop.workspace) as rows:
        rows.add(KnowledgeBase(name="a\0b"))
    with pytest.raises(Conflict, match="knowledge_base"):
        move_database(app.settings, target)
    engine = make_engine(target)
    with engine.connect() as connection:
        assert filled(connection, [shape.name for shape in shapes()]) == []
    engine.dispose()
