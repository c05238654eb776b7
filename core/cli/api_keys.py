"""Commands of the HTTP API's keys: make (shown once), list, revoke."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from core.access.actor import Actor, Role
from core.errors import NotFound
from core.services.application import Application

keys_cli = typer.Typer(no_args_is_help=True, help="Keys of the HTTP API.")
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
WorkspaceOption = Annotated[str, typer.Option("--workspace", help="Short name of the workspace.")]


def register(cli: typer.Typer) -> None:
    """Adds ``api-keys make``, ``list`` and ``revoke`` to ``cli``."""
    keys_cli.command("make")(make)
    keys_cli.command("list")(list_all)
    keys_cli.command("revoke")(revoke)
    cli.add_typer(keys_cli, name="api-keys")


def make(
    name: Annotated[str, typer.Argument(help="The program that will use it.")],
    scope: Annotated[
        list[str], typer.Option("--scope", "-s", help="ask, documents, sentiment, write, recommend, studio.")
    ],
    days: Annotated[int | None, typer.Option("--days", min=1, help="Days until it expires; never if left out.")] = None,
    workspace: WorkspaceOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Makes a key and prints it, this once."""
    from core.db.tables import utc_now
    from core.services import keys

    app, actor = _opened(workspace)
    until = utc_now() + timedelta(days=days) if days else None
    made = keys.make_key(app, actor, name, scope, expires_at=until)
    print(json.dumps({"id": made.view.id, "name": made.view.name, "key": made.secret}) if as_json else made.secret)


def list_all(workspace: WorkspaceOption = "local", as_json: JsonOption = False) -> None:
    """The keys of a workspace, the newest first, without the keys themselves."""
    from core.services import keys

    found = keys.list_keys(*_opened(workspace))
    if as_json:
        print(json.dumps([asdict(one) for one in found], default=str, ensure_ascii=False))
        return
    for one in found:
        last = f"{one.last_used_at:%Y-%m-%d %H:%M}" if one.last_used_at else "-"
        held = ",".join(one.bundles) or ",".join(one.scopes)
        print(f"{one.id:>5}  {one.prefix}…  {one.state:<8} {last:<16}  {held}  {one.name}")


def revoke(
    key_id: Annotated[int, typer.Argument(help="Its number, as list shows it.")], workspace: WorkspaceOption = "local"
) -> None:
    """The key opens nothing any more."""
    from core.services import keys

    keys.revoke_key(*_opened(workspace), key_id)


def _opened(slug: str) -> tuple[Application, Actor]:
    from core.bootstrap import build
    from core.settings import load_settings

    app = build(load_settings())
    workspace = app.database.workspace(slug)
    if workspace is None:
        raise NotFound("api.workspace_unknown", name=slug)
    return app, Actor(workspace_id=workspace.id, visitor="command-line", role=Role.OWNER, name="command-line")
