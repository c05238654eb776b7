"""The commands that keep the data: ``backup``, ``restore``, ``database move``, ``keys ...``, ``audit ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

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
    keys = typer.Typer(no_args_is_help=True, help="Keys that encrypt messages and documents at rest.")
    keys.command()(new)
    keys.command()(rotate)
    cli.add_typer(keys, name="keys")
    log = typer.Typer(no_args_is_help=True, help="The log of who did what.")
    log.command()(verify)
    log.command()(export)
    cli.add_typer(log, name="audit")


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


def new() -> None:
    """Prints a new random key. Keep it apart from the data and from their backups: without it nothing can be read."""
    from core.access.encryption import new_key

    print(new_key())


def rotate(
    decrypt: Annotated[bool, typer.Option("--decrypt", help="Make everything plain again.")] = False,
    language: LanguageOption = "en",
) -> None:
    """Encrypts everything with the first key of the settings; may be stopped and begun again at any time."""
    from core.cli.batch import open_application
    from core.services.keeping.rotation import rotate as run

    def say(place: str, number: int) -> None:
        if number:
            print(translate(language, "keeping.rotated_place", place=place, number=number), flush=True)

    number = run(open_application(), actor(language), decrypt=decrypt, progress=say)
    print(translate(language, "keeping.decrypted" if decrypt else "keeping.rotated", number=number))


def verify(
    expect: Annotated[
        str, typer.Option("--expect", help="NUMBER:SEAL as an earlier run printed it: also notices a cut end.")
    ] = "",
    workspace: Annotated[int, typer.Option("--workspace", help="One workspace by its id; 0 for all.")] = 0,
    language: LanguageOption = "en",
) -> None:
    """Checks the chain of every workspace's audit log; exits with 1 where an entry was changed, removed or put in."""
    from sqlalchemy import select

    from core.cli.batch import open_application
    from core.db.tables import Workspace
    from core.services.audit import holds, verify_chain

    app = open_application()
    with app.database.system() as session:
        found = list(session.execute(select(Workspace.id, Workspace.slug).order_by(Workspace.id)))
    sound = True
    for one, slug in found:
        if workspace not in (0, one):
            continue
        checked = verify_chain(app, one)
        if checked.broken is not None:
            sound = False
            print(translate(language, "keeping.audit_broken", slug=slug, number=checked.broken))
        else:
            print(translate(language, "keeping.audit_sound", slug=slug, entries=checked.entries, last=checked.last))
        if expect and workspace == one and not holds(app, one, expect):
            sound = False
            print(translate(language, "keeping.audit_cut", slug=slug, expected=expect))
    raise typer.Exit(0 if sound else 1)


def export(
    target: Annotated[Path, typer.Argument(help="The file to write: NAME.csv or NAME.json.")],
    workspace: Annotated[int, typer.Option("--workspace", help="Its id.")] = 1,
) -> None:
    """Writes the audit log of a workspace."""
    from dataclasses import replace

    from core.cli.batch import open_application
    from core.services.audit import export_entries

    form: Literal["csv", "json"] = "json" if target.suffix == ".json" else "csv"
    target.write_bytes(export_entries(open_application(), replace(actor(), workspace_id=workspace), form))
