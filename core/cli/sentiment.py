"""The command ``sentiment``: one text, or a file of one text a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.access.actor import Actor, Role
from core.errors import BadInput
from core.text.catalogue import translate

if TYPE_CHECKING:
    from core.services.sentiment.one import Scored


def register(cli: typer.Typer) -> None:
    """Adds the command to ``cli``."""
    cli.command()(sentiment)


def sentiment(
    text: Annotated[str, typer.Argument(help="The text; leave out with --file.")] = "",
    file: Annotated[Path | None, typer.Option("--file", help="One text a line.", exists=True, dir_okay=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    language: Annotated[str, typer.Option("--language", help="Language of messages: en or zh.")] = "en",
) -> None:
    """Says whether a text is negative, neutral, positive or uncertain. With --file one JSON object a line comes out."""
    from core.cli.batch import open_application
    from core.services.sentiment import one

    if not text and file is None:
        raise BadInput("sentiment.nothing")
    actor = Actor(workspace_id=1, visitor="command-line", role=Role.OWNER, language=language)
    app = open_application()
    if file is None:
        scored = one.score_text(app, actor, text)
        print(json.dumps(to_json(scored), ensure_ascii=False) if as_json else to_text(scored, language))
        return
    for scored in one.score_stream(app, actor, _lines(file)):
        print(json.dumps(to_json(scored), ensure_ascii=False), flush=True)


def _lines(file: Path) -> Iterator[str]:
    """The lines that hold a text; reading is not begun twice and no line is kept."""
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        yield from (line.strip() for line in lines if line.strip())


def to_json(scored: Scored) -> dict[str, Any]:
    """The documented shape of ``sentiment --json``."""
    from core.services.sentiment.one import POLARITIES

    found = scored.judgement
    chances = {name: round(value, 4) for name, value in zip(POLARITIES, found.probabilities, strict=True)}
    return {
        "text": scored.text,
        "label": found.label,
        "confidence": round(found.confidence, 4),
        "probabilities": chances,
        "language": found.language,
        "model": scored.model,
    }


def to_text(scored: Scored, language: str) -> str:
    found = scored.judgement
    label = translate(language, f"sentiment.label.{found.label}")
    chances = ", ".join(
        f"{translate(language, f'sentiment.label.{name}')} {value:.0%}"
        for name, value in to_json(scored)["probabilities"].items()
    )
    return f"{label} ({chances})"
