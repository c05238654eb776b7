"""People by the command line, for whoever runs the server: the first owner, and a way back in for those locked out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from core.access.actor import Actor
from core.cli.batch import open_application
from core.errors import BadInput, NotFound
from core.services.application import Application
from core.services.people import accounts, links, members
from core.services.people.views import MemberView, NewLink
from core.text.catalogue import translate

users = typer.Typer(no_args_is_help=True, help="Accounts and members.")

EmailOption = Annotated[str, typer.Option("--email", help="E-mail address of the account.")]
WorkspaceOption = Annotated[int, typer.Option("--workspace", help="Number of the workspace.")]


def register(cli: typer.Typer) -> None:
    cli.add_typer(users, name="users")


def _actor(workspace: int) -> Actor:
    return Actor(workspace_id=workspace, visitor="command-line", name="command-line")


@users.command("create-owner")
def create_owner(
    email: EmailOption,
    name: Annotated[str, typer.Option("--name", help="How the pages call them.")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
    workspace: WorkspaceOption = 1,
) -> None:
    """Makes the first account, owner of the workspace. The password comes from stdin or is asked for twice."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        raise BadInput("people.cli_password")
    accounts.create_first_owner(open_application(), workspace, email, password, name=name, trusted=True)
    print(translate("en", "people.cli.owner", email=email.strip().lower()))


@users.command("list")
def list_users(workspace: WorkspaceOption = 1) -> None:
    """Members of a workspace with their roles."""
    for member in members.list_members(open_application(), _actor(workspace)):
        state = "disabled" if member.disabled else ""
        print("\t".join((str(member.account_id), member.email, member.role.value, state)).rstrip())


@users.command()
def invite(
    email: EmailOption,
    role: Annotated[str, typer.Option("--role", help="owner, editor, agent or analyst.")] = "editor",
    workspace: WorkspaceOption = 1,
) -> None:
    """Prints a link that lets somebody join, once."""
    app = open_application()
    _print(app, links.invite(app, _actor(workspace), email, role))


@users.command()
def reset(email: EmailOption, workspace: WorkspaceOption = 1) -> None:
    """Prints a link to a new password, once; also for an account of several workspaces."""
    app = open_application()
    member = _member(app, email, workspace)
    _print(app, links.make_reset_link(app, _actor(workspace), member.account_id, anywhere=True))


@users.command()
def disable(email: EmailOption, workspace: WorkspaceOption = 1) -> None:
    """Switches an account off: it is signed out everywhere and cannot sign in."""
    _switch(email, workspace, disabled=True)


@users.command()
def enable(email: EmailOption, workspace: WorkspaceOption = 1) -> None:
    """Switches an account on again."""
    _switch(email, workspace, disabled=False)


def _switch(email: str, workspace: int, *, disabled: bool) -> None:
    app = open_application()
    accounts.disable_account(app, _actor(workspace), _member(app, email, workspace).account_id, disabled=disabled)
    print(translate("en", "people.cli.disabled" if disabled else "people.cli.enabled", email=email))


def _member(app: Application, email: str, workspace: int) -> MemberView:
    wanted = email.strip().lower()
    found = [view for view in members.list_members(app, _actor(workspace)) if view.email == wanted]
    if not found:
        raise NotFound("people.cli_unknown", email=wanted, workspace=workspace)
    return found[0]


def _print(app: Application, link: NewLink) -> None:
    from core.cli.supervise import address_of

    print(f"{app.settings.public_url.rstrip('/') or address_of(app.settings)}{link.path}")
