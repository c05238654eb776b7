"""The columns of interleaving come to a database that has experiments already, and nothing of them is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from core.bootstrap import build
from core.db.engine import make_engine
from core.db.migrate import migrate
from core.settings import Settings
from tests.conftest import NewDatabase

BEFORE = "0010"
NOW = "2026-01-02 03:04:05"


@pytest.fixture
def settings(tmp_path: Path, new_database: NewDatabase) -> Iterator[Settings]:
    with new_database(migrated=False) as url:
        yield Settings(data_dir=tmp_path / "var", index_dir=tmp_path / "indexes", database_url=url, _env_file=None)


def test_experiments_that_were_there_are_there_after_it(settings: Settings) -> None:
    engine = make_engine(settings.database)
    migrate(engine, BEFORE)
    with engine.execution_options(writing=True).begin() as rows:
        said = {"now": NOW, "none": "{}", "list": "[]"}
        for statement in (
            "INSERT INTO workspace (id, slug, name, settings, created_at) VALUES (7, 'w', 'W', :none, :now)",
            "INSERT INTO recommend_catalogue (id, name, settings, rules, workspace_id, created_at)"
            " VALUES (1, 'Shop', :none, :list, 7, :now)",
            "INSERT INTO recommend_experiment (id, catalogue_id, name, state, arms, plan, result, workspace_id,"
            " created_at) VALUES (1, 1, 'Old', 'running', :none, :none, :none, 7, :now)",
            "INSERT INTO recommend_shown (id, catalogue_id, experiment_id, arm, person, items, workspace_id,"
            " created_at) VALUES (1, 1, 1, 'a', 'ann', :list, 7, :now)",
            "INSERT INTO recommend_feedback (id, catalogue_id, person, item, kind, shown_id, workspace_id, created_at)"
            " VALUES (1, 1, 'ann', 'x', 'clicked', 1, 7, :now)",
        ):
            used = {name: value for name, value in said.items() if f":{name}" in statement}
            rows.execute(text(statement), used)
    migrate(engine)
    with engine.connect() as found:
        assert found.execute(text("SELECT name, design FROM recommend_experiment")).one() == ("Old", "ab")
        assert found.execute(text("SELECT person, teams FROM recommend_shown")).one() == ("ann", "")
        assert found.execute(text("SELECT shown_id, team FROM recommend_feedback")).one() == (1, "")
    engine.dispose()
    app = build(settings)
    assert app.database.workspace("w") is not None
    app.queue.close()
    app.database.engine.dispose()
