"""Nothing crosses a workspace: every use case is called by one workspace's owner with what belongs to the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, DateTime, Float, Integer, LargeBinary, String, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import Column

from core.access.actor import Actor
from core.bootstrap import build, local_actor
from core.db.people_tables import Account
from core.db.tables import Base, Scoped, Workspace
from core.errors import NotFound, PilotlightError
from core.models.hub import ModelHub
from core.services.application import Application
from tests.conftest import NewPlace
from tests.integration.access.use_cases import called, use_cases

RIVAL = 2  # their workspace
THEIRS = 4711  # the id of each of their rows
SECRET = "rival-secret"
FOUND = use_cases()
TABLES = [
    mapper.class_.__table__
    for mapper in sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__name__)
    if issubclass(mapper.class_, Scoped)
]
# Take no id of theirs, or are long work of their own (the demo); what they do is tested elsewhere.
LEFT_OUT = {("demo", "load_demo"), ("recommend.demo", "load_demo_catalogue")}


def value_of(column: Column[Any]) -> Any:
    """Something for a column of one of their rows; its text says whose it is."""
    if column.name == "workspace_id":
        return RIVAL
    if column.primary_key or column.foreign_keys:
        return THEIRS if isinstance(column.type, Integer) else SECRET
    if column.default is not None and column.default.is_callable:
        return column.default.arg(None)
    length = getattr(column.type, "length", None)  # PostgreSQL holds to it
    if column.name in ("state", "role", "kind", "task", "language"):
        return {"state": "ready", "role": "editor", "language": "en"}.get(column.name, "classification")[:length]
    kinds: list[tuple[type, Any]] = [
        (Boolean, True), (Integer, 1), (Float, 0.5), (DateTime, datetime.now(UTC)), (LargeBinary, b""),
        (String, f"{SECRET}-{column.name}"),
    ]  # fmt: skip
    kind = getattr(column.type, "impl", column.type)
    found = next((value for wanted, value in kinds if isinstance(kind, wanted)), {})
    return found[:length] if isinstance(found, str) else found


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, models: ModelHub, new_place: NewPlace) -> Iterator[Application]:
    with new_place(tmp_path_factory.mktemp("isolation")) as settings:
        yield from _two_workspaces(build(settings, models=models))


def _two_workspaces(made: Application) -> Iterator[Application]:
    with made.database.system(writing=True) as session:
        session.add(Workspace(id=RIVAL, slug="rival", name=SECRET, settings={}))
        session.add(Account(id=THEIRS, email=f"{SECRET}@example.org"))
        session.flush()
        for table in Base.metadata.sorted_tables:
            if table in TABLES:
                session.execute(insert(table).values({column.key: value_of(column) for column in table.columns}))
    yield made
    made.queue.close()
    made.database.engine.dispose()


@pytest.fixture(scope="module")
def me(app: Application) -> Actor:
    return replace(local_actor(app, "browser-of-the-owner-000"), name="me")


def theirs(app: Application) -> dict[str, Any]:
    """Everything of the other workspace."""
    with app.database.system() as session:
        rows = {
            table.name: [tuple(row) for row in session.execute(select(table).where(table.c.workspace_id == RIVAL))]
            for table in TABLES
        }
        rows["workspace"] = [
            tuple(row) for row in session.execute(select(Workspace.__table__).where(Workspace.id == RIVAL))
        ]
        rows["account"] = [tuple(row) for row in session.execute(select(Account.__table__))]
    return rows


def test_every_table_of_a_workspace_has_a_row_of_theirs(app: Application) -> None:
    found = theirs(app)
    assert len(TABLES) > 30
    assert [table.name for table in TABLES if not found[table.name]] == []


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.one_of(st.just(SECRET[:5]), st.text(max_size=20)))
@pytest.mark.parametrize("key", sorted(FOUND.keys() - LEFT_OUT), ids=".".join)
def test_what_is_theirs_is_not_there_for_us(app: Application, me: Actor, key: tuple[str, str], text: str) -> None:
    before = theirs(app)
    try:
        said = repr(called(FOUND[key], app, me, THEIRS, text))
    except PilotlightError as error:
        said = "" if isinstance(error, NotFound) else error.sentence()
    except (TypeError, AttributeError, ValueError, KeyError, AssertionError, IntegrityError) as error:
        said = repr(error)  # an argument we could only guess; what it says must still not be theirs
    assert SECRET not in said, f"{key} shows what belongs to another workspace: {said[:400]}"
    assert theirs(app) == before, f"{key} changed what belongs to another workspace"


def test_ids_of_theirs_are_not_found(app: Application, me: Actor) -> None:
    """Not refused by chance: use cases of one id answer NotFound, as for a number that was never given."""
    import inspect

    answers = {}
    for key, function in FOUND.items():
        parameters = list(inspect.signature(function).parameters.values())[2:]
        needed = [parameter for parameter in parameters if parameter.default is parameter.empty]
        if [p.name.endswith("_id") for p in needed if p.kind is not p.VAR_KEYWORD] == [True]:
            try:
                answers[key] = repr(called(function, app, me, THEIRS))
            except NotFound:
                answers[key] = "not found"
            except PilotlightError as error:
                answers[key] = error.code
    assert len(answers) > 60
    others = {key: answer for key, answer in answers.items() if answer != "not found"}
    assert set(others.values()) <= EMPTY, others


# What a list of nothing looks like, and actions on nothing.
EMPTY = {"'gone'", "PageOf(rows=(), total=0)", "[]", "()", "{}", "None", "0", "''"}
