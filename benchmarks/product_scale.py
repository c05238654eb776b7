"""The whole product at size, through its own doors: a large CSV by the CLI's way, a long PDF, deletion, memory.

Prints: seconds to ingest an 80-page text PDF (target under 30), rows a second and memory of web and worker with N short
CSV rows (target under 4 GB in all), p50 and p95 of retrieval over them (target p95 under 60 ms), seconds until a
deleted document no longer answers (target under 5). Run it alone on the machine; --rows 400000 takes a while.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.running import Running, percentile, running
from core.bootstrap import build, local_actor
from core.logs import set_up_logs
from core.services import ingest, jobs, knowledge
from core.services.views import Upload

PRODUCTS = (
    "lamp pump seed filter tray sensor cable light tank lid pod stand timer valve tube clip bracket sponge".split()
)
WORDS = (
    "order arrived late box damaged colour wrong size fits well quiet noisy strong weak light easy hard to clean "
    "battery lasts long short manual missing part replaced refund asked support answered quickly slowly kitchen "
    "balcony office"
).split()
FILES = 8


def rows_csv(first: int, count: int) -> bytes:
    """Short rows of customer notes, no two alike."""
    chooser = random.Random(first)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["ticket", "product", "note"])
    for number in range(first, first + count):
        note = " ".join(chooser.sample(WORDS, 9))
        writer.writerow([f"T{number:07d}", chooser.choice(PRODUCTS), note])
    return out.getvalue().encode()


def long_pdf(pages: int) -> bytes:
    """A text PDF with headings and about 350 words a page."""
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

    chooser, styles, story = random.Random(7), getSampleStyleSheet(), []
    for page in range(pages):
        story.append(Paragraph(f"Chapter {page + 1}: the {chooser.choice(PRODUCTS)}", styles["Heading1"]))
        for paragraph in range(5):
            words = " ".join(chooser.choices(WORDS, k=68))
            story.append(Paragraph(f"{words.capitalize()} in step {page}.{paragraph}.", styles["BodyText"]))
        story.append(PageBreak())
    out = io.BytesIO()
    SimpleDocTemplate(out).build(story)
    return out.getvalue()


def wait(app: Any, actor: Any, job_id: int) -> None:
    while not (job := jobs.get_job(app, actor, job_id)).finished:
        time.sleep(0.2)
    assert job.state == "done", (job.state, job.error, [f.error for f in job.files][:3])


def measure(app_running: Running, rows: int, questions: int) -> dict[str, Any]:
    set_up_logs(app_running.settings.model_copy(update={"log_level": "WARNING"}))
    app = build(app_running.settings)
    actor = local_actor(app, "scale")
    result: dict[str, Any] = {}
    app.encoder()  # its one-time export is not what is measured

    base = knowledge.create_knowledge_base(app, actor, "Manual")
    pdf = long_pdf(80)
    start = time.monotonic()
    wait(app, actor, ingest.start_ingest(app, actor, base, [Upload("manual.pdf", data=pdf)]))
    result["pdf_80_pages_s"] = round(time.monotonic() - start, 1)

    base = knowledge.create_knowledge_base(app, actor, "Notes")
    each = rows // FILES
    uploads = [Upload(f"notes-{n}.csv", data=rows_csv(n * each, each)) for n in range(FILES)]
    start = time.monotonic()
    job_id = ingest.start_ingest(app, actor, base, uploads)
    peak = 0.0
    while not jobs.get_job(app, actor, job_id).finished:
        peak = max(peak, app_running.memory_mb()["worker"])
        time.sleep(1)
    wait(app, actor, job_id)
    seconds = time.monotonic() - start
    result |= {"rows": each * FILES, "ingest_s": round(seconds), "rows_per_s": round(each * FILES / seconds)}

    result |= ask_in_browser(app_running)
    memory = app_running.memory_mb()
    result["memory_mb"] = {
        **{k: round(v) for k, v in memory.items()},
        "worker_peak": round(max(peak, memory["worker"])),
    }
    result["memory_total_mb"] = round(memory["web"] + max(peak, memory["worker"]))

    opened = app.indexes.live(actor.workspace_id, base)
    assert opened is not None
    result |= {"passages": opened.knowledge.size, "rule": opened.knowledge.rule}
    chooser, times = random.Random(1), []
    for _ in range(questions):
        question = f"Which {chooser.choice(PRODUCTS)} {' '.join(chooser.sample(WORDS, 5))}?"
        start = time.monotonic()
        opened.found(question)
        times.append(1000 * (time.monotonic() - start))
    result |= {
        "retrieval_p50_ms": round(percentile(times, 0.5), 1),
        "retrieval_p95_ms": round(percentile(times, 0.95), 1),
    }

    [document] = knowledge.list_documents(app, actor, base, search="notes-0").rows
    start = time.monotonic()
    knowledge.delete_document(app, actor, document.id)
    found, _ = opened.found("Which lamp arrived late?", k=50)
    result["deleted_s"] = round(time.monotonic() - start, 2)
    assert found and all(f.passage.document_id != document.id for f in found)
    return result


def ask_in_browser(app_running: Running) -> dict[str, Any]:
    """One question through the page, so that the web process holds the index as it would in use."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_context(locale="en-US").new_page()
        page.goto(f"{app_running.address}/knowledge")
        page.get_by_test_id("stAppViewContainer").wait_for(timeout=60_000)
        page.goto(f"{app_running.address}/chat")
        box = page.get_by_test_id("stChatInputTextArea")
        box.wait_for(timeout=60_000)
        chooser = page.get_by_test_id("stSidebar").get_by_test_id("stSelectbox").first
        chooser.click()
        page.get_by_role("option", name="Notes").first.click()
        page.wait_for_timeout(1500)
        box.fill("Which lamp arrived late and was damaged?")
        start = time.monotonic()
        box.press("Enter")
        page.wait_for_selector(
            "[data-testid=stChatMessage] [class*=st-key-text-], [class*=st-key-ways-]", timeout=120_000
        )
        first = time.monotonic() - start
        browser.close()
    return {"first_browser_answer_s": round(first, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scale-") as folder, running(Path(folder)) as app_running:
        result = measure(app_running, options.rows, options.questions)
    for key, value in result.items():
        print(f"{key:24} {value}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
