"""The commands. Each loads settings, builds the application and calls services; sentences are in the catalogues."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.access.actor import Actor, Role
from core.cli import api_keys, batch, keeping, links, recommend, sentiment, studio, users, write
from core.errors import BadInput, PilotlightError
from core.text.catalogue import LANGUAGES

cli = typer.Typer(add_completion=False, no_args_is_help=True, help="Pilotlight on the command line.")
studio.register(cli)
sentiment.register(cli)
write.register(cli)
recommend.register(cli)
users.register(cli)
keeping.register(cli)
api_keys.register(cli)
links.register(cli)

KnowledgeBaseOption = Annotated[str, typer.Option("--knowledge-base", "-k", help="Name of the knowledge base.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
LanguageOption = Annotated[str, typer.Option("--language", help="Language of messages: en or zh.")]


def main() -> None:
    """Runs a command; an error a person can mend is one sentence on stderr and exit code 1."""
    try:
        cli()
    except PilotlightError as error:
        language = next((item for item in LANGUAGES if f"--language={item}" in sys.argv or item in sys.argv), "en")
        print(error.sentence(language), file=sys.stderr)
        raise SystemExit(1) from error


def _actor(language: str = "en") -> Actor:
    return Actor(workspace_id=1, visitor="command-line", role=Role.OWNER, language=language)


@cli.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders.", exists=True)],
    knowledge_base: KnowledgeBaseOption,
    language: LanguageOption = "en",
) -> None:
    """Reads files into a knowledge base (made when missing); returns when they can be asked about.

    Exits with 1 when a file failed, 2 when the new version waits because a golden question would break.
    """
    raise typer.Exit(batch.ingest(_actor(language), paths, knowledge_base))


@cli.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question; leave out with --file.")] = "",
    knowledge_base: KnowledgeBaseOption = "",
    file: Annotated[Path | None, typer.Option("--file", help="JSONL with a `question` a line.", exists=True)] = None,
    as_json: JsonOption = False,
) -> None:
    """Asks one question, or a file of them (one JSON object a line comes out)."""
    batch.ask(_actor(), question, file, knowledge_base, as_json=as_json)


@cli.command()
def evaluate(
    knowledge_base: KnowledgeBaseOption = "",
    model: Annotated[str, typer.Option("--model", help="A model of the studio, by name or name:number.")] = "",
    file: Annotated[Path | None, typer.Option("--file", help="Rows to judge the model on.", exists=True)] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="part=name of a column, guessed where left out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Runs the golden questions (exits with 1 when one that passed before now fails), or judges a model on rows."""
    if model and file is not None:
        studio.evaluate(model, file, column or [], as_json=as_json)
        return
    if not knowledge_base:
        raise BadInput("studio.evaluate_which")
    raise typer.Exit(batch.evaluate(_actor(), knowledge_base, as_json=as_json))


@cli.command()
def web() -> None:
    """Becomes the web app alone, for a machine or container of its own; see ``worker`` for the other half."""
    import os

    from core.cli.supervise import web_command
    from core.settings import load_settings

    command = web_command(load_settings())
    os.execv(command[0], command)  # so that signals and the exit code are the server's own


@cli.command()
def healthy() -> None:
    """Exits with 0 when the web app at the configured port answers, with 1 when it does not."""
    from core.cli.supervise import answers
    from core.settings import load_settings

    raise typer.Exit(0 if answers(load_settings()) else 1)


@cli.command()
def worker() -> None:
    """Runs the worker in the foreground until SIGINT or SIGTERM."""
    from core.bootstrap import build, run_worker, start_logs
    from core.settings import load_settings

    settings = load_settings()
    start_logs(settings)
    run_worker(build(settings))


@cli.command("rebuild-index")
def rebuild_index(knowledge_base: KnowledgeBaseOption) -> None:
    """Builds a knowledge base's index anew from the database."""
    batch.rebuild(_actor(), knowledge_base)


@cli.command()
def demo(wait: Annotated[bool, typer.Option(help="Return when it can be asked about.")] = True) -> None:
    """Makes the demo workspace: documents, FAQ, golden questions. Running it twice changes nothing."""
    batch.demo(_actor(), wait=wait)


@cli.command()
def run() -> None:
    """Starts everything: database, demo workspace on the first start, web app and worker; Ctrl-C stops both."""
    from core.cli.supervise import supervise
    from core.settings import load_settings

    raise typer.Exit(supervise(load_settings()))


@cli.command()
def version(as_json: JsonOption = False) -> None:
    """Versions of what matters."""
    from importlib.metadata import version as of

    names = (
        "streamlit",
        "torch",
        "transformers",
        "sentence-transformers",
        "faiss-cpu",
        "onnxruntime",
        "langchain-core",
    )
    found = {name: of(name) for name in names}
    print(json.dumps(found) if as_json else "\n".join(f"{name} {number}" for name, number in found.items()))
