"""The commands that keep the data: ``backup``, ``restore``, ``database move``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.access.actor import Actor, Role
from core.text.catalogue import translate

LanguageOption = Annotated[str, typer.Option("--language", help="Language of messages: en or zh.")]


def register(cli: typer.Typer) -> None:
    """Adds the commands to ``cli``."""
    cli.command()(backup)
    cli.command()(restore)
    database = typer.Typer(no_args_is_help=True, help="The database as a whole.")
    database.command()(move)
    cli.add_typer(database, name="database")


def actor(language: str = "en") -> Actor:
    return Actor(workspace_id=1, visitor="command-line", role=Role.OWNER, language=language, name="command-line")


def backup(
    target: Annotated[Path, typer.Argument(help="The file to write: NAME.tar.zst or NAME.tar.gz.")],
    language: LanguageOption = "en",
) -> None:
    """Writes everything that cannot be made again into one file, while the product runs."""
    from core.cli.batch import open_application
    from core.services.keeping.backup import back_up

    made = back_up(open_application(), actor(language), target)
    size = f"{made.size / (1 << 20):.1f}"
    print(translate(language, "keeping.backed_up", path=made.path, rows=made.rows, files=made.files, size=size))


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    into: Annotated[
        Path | None, typer.Option("--into", help="An empty data folder; left out, the configured one and its database.")
    ] = None,
    language: LanguageOption = "en",
) -> None:
    """Restores a backup into an empty place; a damaged file is refused before anything is changed."""
    from core.services.keeping.restore import restore as put_back
    from core.settings import load_settings

    settings = load_settings() if into is None else load_settings(data_dir=into, database_url="")
    done = put_back(settings, file)
    values = {"rows": done.rows, "files": done.files, "folder": settings.data_dir, "made": done.made_at}
    print(translate(language, "keeping.restored", **values))
    for name, value in done.settings.items():
        print(translate(language, "keeping.setting", name=f"PILOTLIGHT_{name.upper()}", value=value))


def move(
    to: Annotated[str, typer.Option("--to", help="SQLAlchemy URL of an empty database.")],
    language: LanguageOption = "en",
) -> None:
    """Copies the database to another one and compares counts and checksums. Stop the product first."""
    from core.services.keeping.move import move_database
    from core.settings import load_settings

    def say(table: str, rows: int) -> None:
        if rows:
            print(translate(language, "keeping.moved_table", table=table, rows=rows), flush=True)

    print(translate(language, "keeping.moved", rows=move_database(load_settings(), to, say)))
