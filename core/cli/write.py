"""Writes texts from a template on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import BadInput, PilotlightError
from core.text.catalogue import translate
from core.text.language import detect_language
from core.types import Language

FieldOption = Annotated[list[str] | None, typer.Option("--field", help="NAME=VALUE of a field; once for each.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(cli: typer.Typer) -> None:
    """Adds ``write`` to ``cli``."""
    cli.command("write")(write)


def write(
    template: Annotated[str, typer.Option("--template", help="Id of a template; without one they are listed.")] = "",
    field: FieldOption = None,
    variants: Annotated[int, typer.Option("--variants", help="Texts to write, 1 to 8.")] = 1,
    seed: Annotated[int | None, typer.Option("--seed", help="Gives the same texts again.")] = None,
    model: Annotated[str, typer.Option("--model", help="Key of a model; left out: the best that can do it.")] = "",
    knowledge_base: Annotated[str, typer.Option("--knowledge-base", "-k", help="Sources to build it from.")] = "",
    voice: Annotated[int, typer.Option("--voice", help="Number of a voice.")] = 0,
    length: Annotated[int, typer.Option("--length", help="Most tokens of a text.")] = 120,
    temperature: Annotated[float, typer.Option("--temperature", help="0 takes the likeliest word.")] = 0.8,
    top_p: Annotated[float, typer.Option("--top-p", help="Share of the likeliest words.")] = 0.95,
    repetition: Annotated[float, typer.Option("--repetition", help="Above 1: repeats less.")] = 1.1,
    briefs: Annotated[
        Path | None, typer.Option("--briefs", help="A table, a brief a row, instead of --field.", exists=True)
    ] = None,
    as_json: JsonOption = False,
    language: Annotated[str, typer.Option("--language", help="Of text and messages: en or zh; guessed.")] = "",
) -> None:
    """Writes texts from a template's fields, or from every row of a table (one JSON object a row with --json). The same
    seed gives the same text.

    Exits with 1 when a brief cannot be used or writing failed; the other rows of a table are written all the same.
    """
    values = _values(field or [])
    known = " ".join(values.values()) if briefs is None else briefs.read_bytes()[:100_000].decode("utf-8", "replace")
    spoken = language or detect_language(known)
    options = {
        "variants": variants, "seed": seed, "model": model, "max_tokens": length, "temperature": temperature,
        "top_p": top_p, "repetition_penalty": repetition, "voice_id": voice or None,
    }  # fmt: skip
    if briefs is not None:
        raise typer.Exit(_run_table(template, briefs, spoken, knowledge_base, options, as_json=as_json))
    raise typer.Exit(_run(template, values, spoken, knowledge_base, options, as_json=as_json))


def _values(given: list[str]) -> dict[str, str]:
    values = {}
    for one in given:
        name, found, value = one.partition("=")
        if not found:
            raise BadInput("content.field_unknown", names=one, known="NAME=VALUE")
        values[name.strip()] = value.replace("\\n", "\n")
    return values


def _run(
    template: str, values: dict[str, str], language: str, base: str, options: dict[str, Any], *, as_json: bool
) -> int:
    from core.cli.batch import open_application
    from core.cli.studio import actor
    from core.services import knowledge
    from core.services.content import templates, writing
    from core.services.content.views import DraftView, WriteRequest

    app, who = open_application(), actor(language)
    spoken: Language = "zh" if language == "zh" else "en"
    if not template:
        for one in templates.list_templates(app, who, spoken):
            fields = ", ".join(f"{field.name}{'*' if field.required else ''}" for field in one.fields)
            print(f"{one.id}\t{one.title}\t{fields}")
        return 0
    number = knowledge.get_knowledge_base(app, who, base).id if base else None
    request = WriteRequest(template, values, spoken, knowledge_base_id=number, **options)
    draft: DraftView = writing.write(app, who, request)
    if draft.error:
        raise SystemExit(_failed(draft, language))
    print(json.dumps(to_json(draft), ensure_ascii=False) if as_json else to_text(draft, language))
    return 0


def _run_table(template: str, table: Path, language: str, base: str, options: dict[str, Any], *, as_json: bool) -> int:
    """Row by row as they come; what is refused of one is said of that one."""
    from core.cli.batch import open_application
    from core.cli.studio import actor
    from core.services import knowledge
    from core.services.content import batch_job, templates, writing
    from core.services.content.views import WriteRequest
    from core.services.views import Upload

    app, who = open_application(), actor(language)
    spoken: Language = "zh" if language == "zh" else "en"
    number = knowledge.get_knowledge_base(app, who, base).id if base else None
    request = WriteRequest(template, {}, spoken, knowledge_base_id=number, **options)
    chosen = templates.get_template(app, who, template, spoken)
    failed = 0
    for row, values in enumerate(batch_job.read_briefs(app, chosen, Upload(table.name, path=table)), start=1):
        why = ""
        try:
            draft = writing.write(app, who, batch_job.request_of(request, values, row))
            why = _failed(draft, language) if draft.error else ""
        except PilotlightError as error:
            why = error.sentence(language)
        failed += bool(why)
        if as_json:
            said = {"row": row, "error": why} if why else {"row": row, **to_json(draft)}
            print(json.dumps(said, ensure_ascii=False), flush=True)
        else:
            print(f"## {row}\n\n{why or to_text(draft, language)}\n", flush=True)
    return 1 if failed else 0


def _failed(draft: Any, language: str) -> str:
    return translate(language, f"errors.{draft.error['code']}", **draft.error.get("values", {}))


def to_json(draft: Any) -> dict[str, Any]:
    """The documented shape of ``write --json``."""
    variants = [
        {"text": one.text, "reason": one.reason, "tokens": one.tokens, "number": one.number} for one in draft.variants
    ]
    return {
        "draft": draft.id, "template": draft.template, "language": draft.language, "model": draft.model,
        "seed": draft.settings["seed"], "settings": dict(draft.settings), "notes": [dict(one) for one in draft.notes],
        "variants": variants,
    }  # fmt: skip


def to_text(draft: Any, language: str) -> str:
    notes = [translate(language, f"content.notes.{note['code']}", **note["values"]) for note in draft.notes]
    texts = [one.text for one in draft.variants]
    return "\n\n---\n\n".join(texts) + "".join(f"\n\n({note})" for note in notes)
