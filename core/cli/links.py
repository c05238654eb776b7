"""Demo links on the command line."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from core.access.actor import Actor, Role
from core.bootstrap import build
from core.db.tables import utc_now
from core.services import knowledge
from core.services.links import making
from core.services.links.places import address
from core.services.links.views import LinkRequest, LinkView
from core.settings import load_settings
from core.text.catalogue import translate

LanguageOption = Annotated[str, typer.Option("--language", help="Language of messages: en or zh.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(cli: typer.Typer) -> None:
    """Adds ``links`` to ``cli``."""
    links = typer.Typer(no_args_is_help=True, help="Demo links: make, list, revoke.")
    links.command("make")(make)
    links.command("list")(list_all)
    links.command("revoke")(revoke)
    cli.add_typer(links, name="links")


def _actor() -> Actor:
    return Actor(workspace_id=1, visitor="command-line", role=Role.OWNER, name="command-line")


def make(
    name: Annotated[str, typer.Argument(help="Who it is for; guests never see it.")],
    knowledge_base: Annotated[str, typer.Option("--knowledge-base", "-k", help="What guests may ask.")],
    days: Annotated[int, typer.Option("--days", help="How long it stays open; 0: without an end.")] = 14,
    messages: Annotated[int, typer.Option("--messages", help="Most messages of all guests; 0: no limit.")] = 100,
    people: Annotated[int, typer.Option("--people", help="Most people; 0: no limit.")] = 25,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="File whose first line is the password.", exists=True)
    ] = None,
    title: Annotated[str, typer.Option("--title", help="What guests read at the top.")] = "",
    site: Annotated[list[str] | None, typer.Option("--site", help="A site that may show it in a frame.")] = None,
    origin: Annotated[str, typer.Option("--origin", help="Where people reach the app.")] = "",
    as_json: JsonOption = False,
    language: LanguageOption = "en",
) -> None:
    """Makes a link to the chat and prints its address, which is shown only now."""
    settings = load_settings()
    app, actor = build(settings), _actor()
    base = knowledge.get_knowledge_base(app, actor, knowledge_base)
    password = password_file.read_text(encoding="utf-8").split("\n", 1)[0].strip() if password_file else None
    request = LinkRequest(
        name=name, knowledge_base_id=base.id, most_messages=messages or None, most_people=people or None,
        expires_at=utc_now() + timedelta(days=days) if days else None, password=password, title=title,
        sites=tuple(site or ()),
    )  # fmt: skip
    made = making.make_link(app, actor, request)
    where = address(origin or f"http://{settings.host}:{settings.port}", made.token)
    if as_json:
        print(json.dumps({"id": made.link.id, "name": made.link.name, "address": where}, ensure_ascii=False))
        return
    print(translate(language, "links.cli.made", number=made.link.id, name=made.link.name, address=where))
    print(translate(language, "links.cli.once"))


def list_all(as_json: JsonOption = False, language: LanguageOption = "en") -> None:
    """Lists the links with what was used of each."""
    links = making.list_links(build(load_settings()), _actor())
    if as_json:
        print(json.dumps([_plain(link) for link in links], ensure_ascii=False, default=str))
        return
    for link in links:
        used = f"{link.messages}/{link.most_messages or '∞'}  {link.people}/{link.most_people or '∞'}"
        print(f"{link.id:>4}  {translate(language, f'links.state.{link.state}'):<10}  {used}  {link.name}")
    if not links:
        print(translate(language, "links.cli.none"))


def revoke(
    number: Annotated[int, typer.Argument(help="Its number in the list.")], language: LanguageOption = "en"
) -> None:
    """Closes a link for good."""
    app, actor = build(load_settings()), _actor()
    making.revoke_link(app, actor, number)
    name = making.get_link(app, actor, number).name
    print(translate(language, "links.cli.revoked", number=number, name=name))


def _plain(link: LinkView) -> dict[str, object]:
    return {name: value for name, value in asdict(link).items() if name != "logo"}
