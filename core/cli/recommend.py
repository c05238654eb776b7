"""Commands of recommendations: bring in files, compare all models and serve the winner; a list for somebody."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from core.access.actor import Actor, Role
from core.errors import BadInput, PilotlightError

recommend = typer.Typer(no_args_is_help=True, help="Recommendations: train on files, list what fits somebody.")

CatalogueOption = Annotated[str, typer.Option("--catalogue", "-c", help="Name of the catalogue.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
LanguageOption = Annotated[str, typer.Option("--language", help="Language of messages: en or zh.")]
POLL = 0.3


def register(cli: typer.Typer) -> None:
    """Adds ``recommend train`` and ``recommend for`` to ``cli``."""
    recommend.command("train")(train)
    recommend.command("for")(list_for)
    cli.add_typer(recommend, name="recommend")


def _actor(language: str) -> Actor:
    return Actor(workspace_id=1, visitor="command-line", role=Role.OWNER, language=language)


def train(
    catalogue: CatalogueOption,
    items: Annotated[
        Path | None, typer.Option("--items", help="CSV, TSV, JSONL or XLSX of items.", exists=True)
    ] = None,
    interactions: Annotated[
        Path | None, typer.Option("--interactions", help="CSV, TSV, JSONL or XLSX of who did what.", exists=True)
    ] = None,
    models: Annotated[str, typer.Option("--models", help="quick, all, or names parted by commas.")] = "quick",
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="items.part=name or interactions.part=name of a column, guessed where left out."),
    ] = None,
    least_value: Annotated[
        float | None, typer.Option("--least-value", help="Interactions with a smaller value were not liked.")
    ] = None,
    serve: Annotated[bool, typer.Option(help="Put the winner in force.")] = True,
    as_json: JsonOption = False,
    language: LanguageOption = "en",
) -> None:
    """Brings in files (the catalogue is made when missing), compares all models and serves the winner.

    Prints the comparison and the verdict. Exits with 0 when it ended, 1 when it failed, 3 when somebody cancelled it.
    """
    from core.cli.batch import open_application
    from core.services.recommend import wizard
    from core.services.recommend.views import ComparisonView

    actor, app = _actor(language), open_application()
    catalogue_id = _catalogue(app, actor, catalogue)
    columns = _columns(column or [])
    imported = []
    for part, path in (("items", items), ("interactions", interactions)):
        if path is not None:
            said = {"least_value": least_value} if part == "interactions" and least_value is not None else {}
            imported.append(_bring_in(app, actor, catalogue_id, part, path, columns.get(part, {}), said))
    names = wizard.SETS.get(models) or tuple(name.strip() for name in models.split(",") if name.strip())
    comparison_id = wizard.start_comparison(app, actor, catalogue_id, models=names)
    view: ComparisonView = wizard.get_comparison(app, actor, comparison_id)
    state = _finish(app, actor, view.job_id or 0, quiet=as_json)
    view = wizard.get_comparison(app, actor, comparison_id)
    if state != "done":
        raise typer.Exit(3 if state == "cancelled" else 1)
    if serve:
        wizard.serve_winner(app, actor, comparison_id)
    _print_comparison(catalogue, imported, view, language, served=serve, as_json=as_json)


def _catalogue(app: Any, actor: Actor, name: str) -> int:
    from core.services.recommend import catalogues

    found = {one.name: one.id for one in catalogues.list_catalogues(app, actor)}
    return found.get(" ".join(name.split())) or catalogues.create_catalogue(app, actor, name)


def _columns(said: list[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for one in said:
        place, equals, name = one.partition("=")
        kind, dot, part = place.partition(".")
        if not equals or not dot or not name:
            raise BadInput("recommend.column_option", found=one)
        found.setdefault(kind, {})[part] = name
    return found


def _bring_in(
    app: Any, actor: Actor, catalogue_id: int, part: str, path: Path, columns: dict[str, str], said: dict[str, Any]
) -> dict[str, Any]:
    from core.services import jobs
    from core.services.recommend import importing
    from core.services.views import Upload

    preview = importing.preview_file(app, actor, Upload(path.name, path=path))
    mapping = {**preview.guesses[part], **columns}
    job_id = importing.start_import(app, actor, catalogue_id, part, preview.file, mapping, said)
    _finish(app, actor, job_id, quiet=True)
    job = jobs.get_job(app, actor, job_id)
    if job.state != "done":
        raise BadInput(job.error["code"], **job.error["values"]) if job.error else BadInput("cancelled")
    return {
        "part": part,
        "file": path.name,
        **{name: job.result[name] for name in ("read", "added", "updated", "findings")},
    }


def _finish(app: Any, actor: Actor, job_id: int, *, quiet: bool) -> str:
    """Waits for a job; does it here when no worker lives. Its state at the end."""
    from core.bootstrap import finish_job
    from core.services import jobs

    finish_job(app, job_id)
    while not (job := jobs.get_job(app, actor, job_id)).finished:
        time.sleep(POLL)
    if job.state == "failed" and job.error:
        print(PilotlightError(job.error["code"], **job.error["values"]).sentence(actor.language), file=sys.stderr)
    return job.state


def _print_comparison(
    catalogue_name: str, imported: list[dict[str, Any]], view: Any, language: str, *, served: bool, as_json: bool
) -> None:
    from core.services.recommend.wording import verdict_sentence
    from core.text.catalogue import catalogue, translate

    verdict = verdict_sentence(view.result["verdict"], language)
    if as_json:
        said = {name: view.result[name] for name in ("main", "order", "splits")}
        said |= {"catalogue": catalogue_name, "imported": imported}
        said |= {"verdict": {**view.result["verdict"], "sentence": verdict}}
        said |= {"served": view.result["verdict"]["model"] if served else None}
        print(json.dumps(said, ensure_ascii=False))
        return
    for one in imported:
        left = ", ".join(f"{finding['code']} {finding['count']}" for finding in one["findings"]) or "-"
        print(translate(language, "recommend.cli.imported", **{**one, "left": left}))
    for kind, cell in view.result["splits"].items():
        print(f"\n{translate(language, f'recommend.split.{kind}')} ({cell['protocol']['people']})")
        print(f"{'':24}{'NDCG@10':>24}{'Recall@10':>11}{'MRR':>8}{'coverage':>10}{'novelty':>9}{'s':>8}")
        for model in view.result["order"]:
            row = cell["results"][model]
            ndcg = row["ndcg"]
            shown = f"{ndcg['value']:.3f} ({ndcg['low']:.3f}-{ndcg['high']:.3f})"
            title = catalogue(language).get(f"recommend.model.{model}", model)
            print(
                f"{title:24}{shown:>24}{row['recall']['value']:>11.3f}{row['mrr']['value']:>8.3f}"
                f"{row['coverage']:>10.2f}{row['novelty']:>9.1f}{row['seconds']:>8.1f}"
            )
    print(f"\n{verdict}")


def list_for(
    person: Annotated[str, typer.Argument(help="Id of the person; one never seen gets what is most popular.")],
    catalogue: CatalogueOption,
    k: Annotated[int, typer.Option("--k", help="Length of the list.")] = 10,
    words: Annotated[str, typer.Option("--words", help="What somebody new says they look for.")] = "",
    as_json: JsonOption = False,
    language: LanguageOption = "en",
) -> None:
    """The list that this person would get now: item, score and reason of each place."""
    from core.cli.batch import open_application
    from core.services.recommend import catalogues, serving
    from core.services.recommend.wording import reason_sentence

    actor, app = _actor(language), open_application()
    catalogue_id = catalogues.find_catalogue(app, actor, catalogue)
    made = serving.recommend(app, actor, catalogue_id, serving.Asked(person=person, words=words, k=k, counts=False))
    names = {one.id: one.called(language) for one in catalogues.named_items(app, actor, catalogue_id, _named(made))}
    rows = [
        {
            "item": offer.item.id,
            "title": offer.item.called(language),
            "score": round(offer.score, 4),
            "reason": reason_sentence(offer, made.basis, names, language),
            "reasons": [{"item": one.item, "share": round(one.share, 4)} for one in offer.reasons],
        }
        for offer in made.offers
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    for place, row in enumerate(rows, 1):
        print(f"{place:>3}. {row['item']:20} {row['score']:>8.3f}  {row['title']}\n     {row['reason']}")
    newest = f"{made.data_as_of:%Y-%m-%d %H:%M}" if made.data_as_of else "-"
    print(f"{made.model} {made.number}, {newest} UTC")


def _named(made: Any) -> list[str]:
    return list({one.item for offer in made.offers for one in offer.reasons})
