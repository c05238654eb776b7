"""What the commands do: each function calls services and prints."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.access.actor import Actor
from core.bootstrap import build, finish_job, start_logs
from core.errors import BadInput
from core.services import jobs, knowledge
from core.services.application import Application
from core.services.ask import answer_question
from core.services.demo import load_demo
from core.services.golden import run_golden
from core.services.ingest import start_ingest
from core.services.publish import start_build
from core.services.views import JobView, Upload
from core.settings import load_settings
from core.text.catalogue import translate
from core.types import Answer


def open_application() -> Application:
    """The application for one command; logs at WARNING unless asked otherwise, since the output is for reading."""
    settings = load_settings()
    start_logs(settings.model_copy(update={"log_level": "WARNING"}) if settings.log_level == "INFO" else settings)
    return build(settings)


def files_in(paths: list[Path]) -> Iterator[Upload]:
    """Files as they are, folders with everything below them; hidden files are left out."""
    for path in paths:
        if path.is_dir():
            found = (p for p in sorted(path.rglob("*")) if p.is_file())
            kept = (p for p in found if not any(part.startswith(".") for part in p.relative_to(path).parts))
            yield from (Upload(p.name, path=p) for p in kept)
        else:
            yield Upload(path.name, path=path)


def ingest(actor: Actor, paths: list[Path], name: str) -> int:
    """0: everything can be asked about. 1: a file failed. 2: the new version waits for the owner."""
    app = open_application()
    uploads = list(files_in(paths))
    if not uploads:
        raise BadInput("ingest.no_files")
    names = {view.name: view.id for view in knowledge.list_knowledge_bases(app, actor)}
    knowledge_base_id = names.get(name) or knowledge.create_knowledge_base(app, actor, name)
    job = _wait(app, actor, start_ingest(app, actor, knowledge_base_id, uploads))
    return _report(app, actor, job, name)


def _wait(app: Application, actor: Actor, job_id: int) -> JobView:
    """A living worker does the job; without one it is done here."""
    finish_job(app, job_id)
    while not (job := jobs.get_job(app, actor, job_id)).finished:
        time.sleep(0.3)
    return job


def _report(app: Application, actor: Actor, job: JobView, name: str) -> int:
    lang = actor.language
    counts = dict.fromkeys(("done", "unchanged", "held", "failed"), 0)
    for line in job.files:
        counts[line.state] = counts.get(line.state, 0) + 1
        note = _sentence(lang, line.error)
        if note or line.state in {"failed", "held"}:
            print(translate(lang, "cli.file_line", state=line.state, name=line.name, note=note))
    print(translate(lang, "cli.ingested", **{k: counts[k] for k in ("done", "unchanged", "held", "failed")}))
    if counts["held"]:
        print(translate(lang, "cli.held_hint"))
    view = knowledge.get_knowledge_base(app, actor, name)
    if view.blocked_by:
        print(translate(lang, "cli.blocked", count=len(view.blocked_by)))
        return 1 if counts["failed"] else 2
    print(translate(lang, "cli.published", passages=view.passages))
    if job.state != "done":
        print(_sentence(lang, job.error))
    return 1 if counts["failed"] or job.state != "done" else 0


def _sentence(language: str, error: Any) -> str:
    return translate(language, f"errors.{error['code']}", **error.get("values", {})) if error else ""


def ask(actor: Actor, question: str, file: Path | None, name: str, *, as_json: bool) -> None:
    if not question and file is None:
        raise BadInput("cli_no_question")
    app = open_application()
    views = knowledge.list_knowledge_bases(app, actor)
    chosen = knowledge.get_knowledge_base(app, actor, name) if name or not views else views[0]
    if file is None:
        answer = answer_question(app, actor.workspace_id, chosen.id, question)
        print(json.dumps(to_json(question, answer), ensure_ascii=False) if as_json else to_text(answer, actor.language))
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip():
            asked = str(json.loads(line)["question"])
            answer = answer_question(app, actor.workspace_id, chosen.id, asked)
            print(json.dumps(to_json(asked, answer), ensure_ascii=False), flush=True)


def to_json(question: str, answer: Answer) -> dict[str, Any]:
    """The documented shape of ``ask --json``."""
    keys = ("document", "page", "section", "start", "end", "quote")
    cited = [{key: getattr(citation, key) for key in keys} for citation in answer.citations]
    refusal = None
    if answer.refusal is not None:
        best = [{key: getattr(citation, key) for key in keys} for citation in answer.refusal.best]
        refusal = {"reason": answer.refusal.reason.value, "best": best}
    return {
        "question": question,
        "answer": answer.text,
        "rung": answer.rung.value,
        "confidence": round(answer.confidence, 4),
        "refusal": refusal,
        "citations": cited,
    }


def to_text(answer: Answer, language: str) -> str:
    if answer.refusal is not None:
        lines = [translate(language, f"assistant.refusal.{answer.refusal.reason.value}")]
        cited = answer.refusal.best
    else:
        lines, cited = [answer.text or ""], answer.citations
    lines += [f"[{n}] {c.document}, p. {c.page} ({c.start}–{c.end}): {c.quote}" for n, c in enumerate(cited, start=1)]
    return "\n".join(lines)


def evaluate(actor: Actor, name: str, *, as_json: bool) -> int:
    app = open_application()
    view = knowledge.get_knowledge_base(app, actor, name)
    run = run_golden(app, actor, view.id)
    broken = [line for line in run.lines if line.change == "broken"]
    if as_json:
        print(json.dumps(asdict(run), ensure_ascii=False, default=str))
    else:
        for line in run.lines:
            mark = "✓" if line.passed else "✗"
            print(f"{mark} {line.question}  [{line.why}]" if line.why else f"{mark} {line.question}")
        total = run.passed + run.failed
        print(translate(actor.language, "cli.golden", passed=run.passed, total=total, broken=len(broken)))
    return 1 if broken else 0


def rebuild(actor: Actor, name: str) -> None:
    app = open_application()
    view = knowledge.get_knowledge_base(app, actor, name)
    _wait(app, actor, start_build(app, actor, view.id))
    view = knowledge.get_knowledge_base(app, actor, name)
    print(translate(actor.language, "cli.rebuilt", passages=view.passages, rule=view.rule))


def demo(actor: Actor, *, wait: bool) -> None:
    app = open_application()
    made = load_demo(app, actor)
    if made is None:
        print(translate(actor.language, "cli.demo_there"))
        return
    if wait:
        _wait(app, actor, made.job_id)
    print(translate(actor.language, "cli.demo_ready" if wait else "cli.demo_queued", name=made.name))
