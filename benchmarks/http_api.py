"""The HTTP API on this machine: requests a second, p50 and p95 of four routes, with one client and with eight.

``python -m benchmarks.http_api [--json FILE]`` starts the real web app and worker as processes of their own, with the
demo's documents and a shop of 500 items and 400 people served by EASE, and asks over loopback. Under two minutes, once
the encoder is exported (TEST_MODELS_DIR keeps it between runs).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert

from benchmarks.running import percentile, running
from core.bootstrap import build, local_actor, runner
from core.db.recommend_tables import CatalogueItem, Interaction
from core.db.tables import utc_now
from core.recommend.build import create
from core.services import demo, keys
from core.services.application import Application
from core.services.ingest import start_ingest
from core.services.knowledge import create_knowledge_base
from core.services.recommend import catalogues, versions
from core.services.recommend.importing import newest_interaction
from core.services.recommend.snapshot import read_interactions, snapshot
from core.services.views import Upload
from core.settings import Settings

SECONDS = 6.0  # of each measurement
CLIENTS = (1, 8)
ITEMS, PEOPLE, EACH = 500, 400, 20
QUESTIONS = [
    json.loads(line)["question"] for line in (demo.FOLDER / "golden.jsonl").read_text("utf-8").splitlines() if line
]
TEXTS = ("Arrived broken and nobody answers.", "Lovely lamp, thank you!", "It is a lamp.", "送货很快，质量很好。")

Body = Callable[[int], dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pilotlight-http-") as name:
        key, base, encoder = prepared(Path(name))
        limits = {"api_per_minute": 10**7, "api_per_minute_address": 10**7}
        rows = []
        with running(Path(name), **limits) as app:
            print(f"{'route':<18}{'clients':>8}{'requests/s':>12}{'p50 ms':>9}{'p95 ms':>9}{'errors':>8}")
            for route, path, body in routes(base, encoder):
                ask(app.address, key, path, body, 1, seconds=1.0)  # models load at the first request
                for clients in CLIENTS:
                    row = {"route": route, "clients": clients, **ask(app.address, key, path, body, clients)}
                    rows.append(row)
                    print(f"{route:<18}{clients:>8}{row['per_second']:>12.1f}{row['p50']:>9.1f}{row['p95']:>9.1f}"
                          f"{row['errors']:>8}", flush=True)  # fmt: skip
            print(f"memory of the web process: {app.memory_mb()['web']:.0f} MiB")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def routes(base: int, encoder: str) -> list[tuple[str, str, Body]]:
    return [
        ("ask", f"/v1/knowledge-bases/{base}/ask", lambda n: {"question": QUESTIONS[n % len(QUESTIONS)]}),
        ("sentiment", "/v1/sentiment", lambda n: {"texts": [TEXTS[n % len(TEXTS)]]}),
        ("recommendations", "/v1/recommendations", lambda n: {"catalogue": "Shop", "person": f"p{n % PEOPLE}"}),
        ("embeddings", "/v1/embeddings", lambda n: {"model": encoder, "input": f"{QUESTIONS[n % 4]} {n}"}),
    ]


def ask(address: str, key: str, path: str, body: Body, clients: int, *, seconds: float = SECONDS) -> dict[str, float]:
    """``clients`` threads, each with a connection of its own, one request after the other for ``seconds``."""
    taken: list[float] = []
    errors: list[int] = []
    end = time.monotonic() + seconds

    def one(number: int) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            turn = number * 1000
            while time.monotonic() < end:
                begun = time.perf_counter()
                answer = client.post(path, json=body(turn))
                taken.append((time.perf_counter() - begun) * 1000)
                turn += 1
                if answer.status_code != 200:
                    errors.append(answer.status_code)

    begun = time.monotonic()
    threads = [threading.Thread(target=one, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    per_second = len(taken) / (time.monotonic() - begun)
    return {"per_second": per_second, "p50": percentile(taken, 0.5), "p95": percentile(taken, 0.95),
            "errors": len(errors), "requests": len(taken)}  # fmt: skip


def prepared(folder: Path) -> tuple[str, int, str]:
    """A key, the id of a published knowledge base, and the encoder's name."""
    settings = Settings(data_dir=folder / "var", index_dir=folder / "indexes", _env_file=None)
    settings.data_dir.mkdir()
    if kept := os.environ.get("TEST_MODELS_DIR"):
        (settings.data_dir / "models").symlink_to(Path(kept).resolve() / "models")
    app = build(settings)
    actor = local_actor(app, "benchmark")
    base = create_knowledge_base(app, actor, "Demo")
    files = sorted(path for path in (demo.FOLDER / "documents").iterdir() if path.is_file())
    runner(app).run(start_ingest(app, actor, base, [Upload(path.name, path=path) for path in files]))
    open_shop(app)
    key = keys.make_key(app, actor, "benchmark", ["ask", "documents", "sentiment", "recommend"]).secret
    app.queue.close()
    app.database.engine.dispose()
    return key, base, settings.encoder


def open_shop(app: Application) -> None:
    """People of ten tastes, each with twenty items, mostly of their taste; EASE serves."""
    actor = local_actor(app, "benchmark")
    number, chooser, now = catalogues.create_catalogue(app, actor, "Shop"), random.Random(1), utc_now()
    events = [
        {"person": f"p{person}", "item": f"i{item}", "at": now, "kind": "buy", "value": 1.0, "workspace_id": 1,
         "catalogue_id": number}
        for person in range(PEOPLE)
        for item in {
            chooser.randrange(person % 10, ITEMS, 10) if chooser.random() < 0.8 else chooser.randrange(ITEMS)
            for _ in range(EACH)
        }
    ]  # fmt: skip
    with app.database.write(1) as rows:
        rows.add_all([CatalogueItem(catalogue_id=number, code=f"i{item}", title=f"Item {item}", price=1.0)
                      for item in range(ITEMS)])  # fmt: skip
        rows.session.execute(insert(Interaction), events)
    with app.database.read(1) as rows:
        items, last = snapshot(app, rows, number).items, newest_interaction(rows, number)
        data = read_interactions(rows, number, items, last)
    model = create("ease").fit(data, items)
    stored = versions.store_model(app, 1, number, model, last_interaction_id=last)
    versions.serve_model(app, actor, number, stored)


if __name__ == "__main__":
    main()
