"""The demo's catalogue: Larkmoss's items and what invented people did, with a quick model that serves at once."""

from __future__ import annotations

from pathlib import Path

from core.access.actor import Actor, Permission
from core.db.recommend_tables import RecommendCatalogue
from core.recommend.build import create
from core.services.application import Application
from core.services.recommend import importing
from core.services.recommend.catalogues import create_catalogue
from core.services.recommend.snapshot import read_interactions, snapshot
from core.services.recommend.versions import serve_model, store_model
from core.services.recommend.wizard import start_comparison
from core.services.studio.uploads import store_upload
from core.services.views import Upload
from core.training.watch import Quiet

QUICK = "neighbours"  # fitted in a fraction of a second
ITEM_COLUMNS = {
    "id": "sku",
    "title": "title_en",
    "title_zh": "title_zh",
    "category": "category",
    "price": "price_gbp",
    "tags": "tags",
    "stock": "stock",
}
EVENT_COLUMNS = {"user": "person", "item": "item", "time": "time", "kind": "kind"}


def load_demo_catalogue(app: Application, actor: Actor, folder: Path, name: str) -> int | None:
    """Makes it, puts the quick model in force and queues the wizard; its id. None when there is a catalogue already."""
    actor.require(Permission.WORKSPACE)
    with app.database.read(actor.workspace_id) as rows:
        if rows.count(RecommendCatalogue):
            return None
    catalogue_id = create_catalogue(app, actor, name, settings={"currency": "£"})
    for part, file, columns in (
        ("items", "items.csv", ITEM_COLUMNS),
        ("interactions", "interactions.csv", EVENT_COLUMNS),
    ):
        stored = store_upload(app, Upload(file, path=folder / file))
        importing.import_file(app, actor.workspace_id, catalogue_id, part, stored, columns, {}, Quiet())
    with app.database.read(actor.workspace_id) as rows:
        items = snapshot(app, rows, catalogue_id).items
        last = importing.newest_interaction(rows, catalogue_id)
        data = read_interactions(rows, catalogue_id, items, last)
    model = create(QUICK).fit(data, items)
    serve_model(
        app, actor, catalogue_id, store_model(app, actor.workspace_id, catalogue_id, model, last_interaction_id=last)
    )
    start_comparison(app, actor, catalogue_id)
    return catalogue_id
