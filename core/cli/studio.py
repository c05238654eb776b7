"""Commands of the studio: train, compress, promote, roll back, embed, list models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.access.actor import Actor, Role
from core.errors import BadInput

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML or JSON: recipe, data, args, name.", exists=True)
]
ResumeOption = Annotated[int, typer.Option("--resume", help="Number of a run to go on with.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
LanguageOption = Annotated[str, typer.Option("--language", help="Language of messages: en or zh.")]
ModelArgument = Annotated[str, typer.Argument(help="A model by name, or name:number.")]
TaskArgument = Annotated[str, typer.Argument(help="What it shall serve: sentiment, intents, generation, ...")]


def register(cli: typer.Typer) -> None:
    """Adds the studio's commands to ``cli``."""
    for name, command in (
        ("train", train),
        ("compress", compress),
        ("promote", promote),
        ("rollback", rollback),
        ("models", models),
        ("embed", embed),
    ):
        cli.command(name)(command)
    cli.command("work-on", hidden=True)(work_on)
    cli.command("probe", hidden=True)(probe)


def actor(language: str = "en") -> Actor:
    """The owner at the command line."""
    return Actor(workspace_id=1, visitor="command-line", role=Role.OWNER, language=language)


def train(
    config: ConfigOption = None, resume: ResumeOption = 0, as_json: JsonOption = False, language: LanguageOption = "en"
) -> None:
    """Trains a model as the file says, or goes on with a run; the pages show it too.

    Exits with 0 when it is trained, 1 when it failed, 3 when somebody cancelled it, 130 on Ctrl-C.
    """
    from core.cli import studio_work
    from core.cli.studio_config import read_config

    if resume:
        raise typer.Exit(studio_work.resume(actor(language), resume, as_json=as_json))
    if config is None:
        raise BadInput("studio.config_needed")
    raise typer.Exit(studio_work.train(actor(language), read_config(config), as_json=as_json))


def compress(
    model: ModelArgument,
    variant: Annotated[list[str] | None, typer.Option("--variant", help="Which variants; all where left out.")] = None,
    limit: Annotated[float, typer.Option("--limit", help="Share of accuracy a variant may lose.")] = 0.01,
    as_json: JsonOption = False,
    language: LanguageOption = "en",
) -> None:
    """Makes smaller variants of a model and prints size, speed and accuracy of each beside the original's."""
    from core.cli import studio_work

    raise typer.Exit(studio_work.compress(actor(language), model, variant or [], limit, as_json=as_json))


def promote(
    task: TaskArgument,
    model: ModelArgument,
    share: Annotated[float, typer.Option("--share", help="Share of requests, for a canary; 1 is all.")] = 1.0,
    language: LanguageOption = "en",
) -> None:
    """Lets a model serve a task: all of its requests, or a share of them."""
    from core.cli import studio_work

    studio_work.promote(actor(language), task, model, share)


def rollback(task: TaskArgument, language: LanguageOption = "en") -> None:
    """Takes the last promotion of a task back."""
    from core.cli import studio_work

    studio_work.rollback(actor(language), task)


def models(as_json: JsonOption = False, language: LanguageOption = "en") -> None:
    """Lists the model versions and what they serve."""
    from core.cli import studio_work

    studio_work.models(actor(language), as_json=as_json)


def embed(
    file: Annotated[Path, typer.Option("--file", help="One text a line.", exists=True)],
    out: Annotated[Path, typer.Option("--out", help="Where the vectors go (.npy, float32).")],
    kind: Annotated[str, typer.Option("--kind", help="passage or query.")] = "passage",
    language: LanguageOption = "en",
) -> None:
    """Turns texts into vectors with the workspace's encoder."""
    from core.cli import studio_work

    if kind not in ("passage", "query"):
        raise typer.BadParameter("passage or query")
    studio_work.embed(actor(language), file, out, kind)


def evaluate(model: str, file: Path, columns: list[str], *, as_json: bool) -> None:
    """Judges a model on the rows of a file; part of the command of that name. ``columns``: "part=name" each."""
    from core.cli import studio_work

    pairs = [column.partition("=") for column in columns]
    studio_work.evaluate(actor(), model, file, {part: name for part, _, name in pairs}, as_json=as_json)


def work_on(job_id: Annotated[int, typer.Argument(help="Number of the job.")]) -> None:
    """The process of one training run; started by the worker."""
    from core.cli import training_process

    training_process.work_on(job_id)


def probe() -> None:
    """The process that estimates a run; started by the pages."""
    from core.cli import training_process

    training_process.probe()
