"""Who may do what: every use case for every role, against the written table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.access.actor import ALLOWED, Actor, NotAllowed, Permission, Role
from core.services.application import Application
from tests.integration.access.role_table import wanted
from tests.integration.access.use_cases import called, use_cases

FOUND, WANTED = use_cases(), wanted()
# What they do is long work of its own (the demo, its models); who may start it is tested like the others'.
LONG = {("demo", "load_demo"), ("recommend.demo", "load_demo_catalogue")}


def test_the_table_names_every_use_case_and_nothing_else() -> None:
    assert sorted(FOUND.keys() - WANTED.keys()) == [], "write these into role_table.py"
    assert sorted(WANTED.keys() - FOUND.keys()) == []
    assert len(FOUND) > 200


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_what_the_table_says_and_nothing_else(app: Application, owner: Actor, role: Role) -> None:
    actor = replace(owner, role=role)
    wrong = []
    for key, function in FOUND.items():
        permission = WANTED[key]
        if permission is None or (actor.may(permission) and key in LONG):
            continue
        refused = ""
        try:
            called(function, app, actor)
        except NotAllowed as error:
            refused = str(error.values["permission"])
        except Exception as error:  # what it says to a number that is not there is the other tests' matter
            if not actor.may(permission):
                wrong.append(f"{key}: {role} got as far as {error!r}")
                continue
        if refused != ("" if actor.may(permission) else permission.value):
            wrong.append(f"{key}: {role} was refused {refused or 'nothing'}, the table says {permission.value}")
    assert wrong == []


def test_scopes_narrow_what_a_role_may_do(app: Application, owner: Actor) -> None:
    narrow = replace(owner, scopes=frozenset({Permission.CHAT}))
    for key, function in FOUND.items():
        if WANTED[key] not in (None, Permission.CHAT):
            with pytest.raises(NotAllowed):
                called(function, app, narrow)


def test_only_owners_hold_what_opens_the_workspace_to_others() -> None:
    for permission in (Permission.MEMBERS, Permission.LINKS, Permission.KEYS, Permission.AUDIT, Permission.WORKSPACE):
        assert [role for role in Role if permission in ALLOWED[role]] == [Role.OWNER]


def test_readers_change_nothing() -> None:
    """An analyst holds nothing that the table gives to a function that changes."""
    reads = {permission for permission in Permission if permission.value.endswith(".read")}
    assert ALLOWED[Role.ANALYST] == reads | {Permission.CHAT, Permission.REPORT}
