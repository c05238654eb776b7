"""The demo workspace: its documents, FAQ and golden questions, read from ``demo/`` on the first start."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from core.access.actor import Actor, Permission
from core.db.tables import KnowledgeBase
from core.services.application import Application
from core.services.faq import import_faq
from core.services.golden_questions import import_golden
from core.services.ingest import start_ingest
from core.services.knowledge import create_knowledge_base
from core.services.recommend.demo import load_demo_catalogue
from core.services.views import Upload
from core.services.workspace import save_workspace_settings

FOLDER = Path(__file__).resolve().parent.parent.parent / "demo"


@dataclass(frozen=True, slots=True)
class DemoMade:
    name: str
    knowledge_base_id: int
    job_id: int


def load_demo(app: Application, actor: Actor) -> DemoMade | None:
    """Queues the demo's documents and stores its questions. None when the workspace has a knowledge base already."""
    actor.require(Permission.WORKSPACE)
    with app.database.read(actor.workspace_id) as rows:
        if rows.count(KnowledgeBase):
            return None
    about = json.loads((FOLDER / "workspace.json").read_text(encoding="utf-8"))
    name = about["name"]
    base = create_knowledge_base(app, actor, name)
    save_workspace_settings(app, actor, **about["settings"])
    import_faq(app, actor, base, Upload("faq.jsonl", path=FOLDER / "faq.jsonl"))
    import_golden(app, actor, base, Upload("golden.jsonl", path=FOLDER / "golden.jsonl"))
    paths = sorted(p for folder in ("documents", "review") for p in (FOLDER / folder).iterdir() if p.is_file())
    job_id = start_ingest(app, actor, base, [Upload(path.name, path=path) for path in paths])
    load_demo_catalogue(app, actor, FOLDER, name)
    return DemoMade(name, base, job_id)
