"""Twenty people chatting at once: 17 through the services in threads and 3 in real browsers against the running app.

Each thread is one visitor with one conversation, asks the demo's golden questions in an order of its own and checks
that the conversation holds exactly its own questions. Browsers type into the page and wait for the answer to be drawn.
Prints errors, foreign messages and the p50, p95 of a document answer; targets: none, none, p95 under 2 s.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.running import Running, percentile, running
from core.access.actor import Actor, Role
from core.bootstrap import build, local_actor
from core.logs import set_up_logs
from core.services import ask, conversations, demo, jobs, knowledge
from core.services.application import Application

QUESTIONS = [
    json.loads(line)["question"] for line in (demo.FOLDER / "golden.jsonl").read_text("utf-8").splitlines() if line
]


class Tally:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.errors: list[str] = []
        self.foreign = 0
        self.seconds: dict[str, list[float]] = {}

    def add(self, kind: str, seconds: float) -> None:
        with self.lock:
            self.seconds.setdefault(kind, []).append(seconds)

    def fail(self, what: str) -> None:
        with self.lock:
            self.errors.append(what)


def person(app: Application, base: int, number: int, end: float, tally: Tally) -> None:
    """One visitor in a thread: ask, read, think for a moment, ask again."""
    actor = Actor(1, f"load-visitor-{number:04d}-{'x' * 12}", Role.GUEST)
    chooser = random.Random(number)
    asked: list[str] = []
    try:
        conversation = conversations.start_conversation(app, actor, base)
        while time.monotonic() < end:
            question = f"{chooser.choice(QUESTIONS)}"
            start = time.monotonic()
            handle = ask.ask(app, actor, conversation, question)
            for _ in handle.stream:
                pass
            message = handle.result()
            tally.add(message.rung or message.state, time.monotonic() - start)
            if message.state != "done":
                tally.fail(f"state {message.state}: {message.detail.get('error')}")
            asked.append(question)
            time.sleep(chooser.uniform(0.5, 2.5))
        mine = [m.text for m in conversations.messages(app, actor, conversation, limit=1000) if m.role == "customer"]
        if mine != asked:
            with tally.lock:
                tally.foreign += 1
        if len(conversations.list_conversations(app, actor)) != 1:
            with tally.lock:
                tally.foreign += 1
    except Exception as error:
        tally.fail(f"{type(error).__name__}: {error}")


def browser_person(address: str, number: int, end: float, tally: Tally) -> None:
    """One visitor in a real browser."""
    from playwright.sync_api import sync_playwright

    chooser = random.Random(1000 + number)
    asked: list[str] = []
    try:
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_context(locale="en-US").new_page()
            page.goto(f"{address}/chat")
            box = page.get_by_test_id("stChatInputTextArea")
            box.wait_for(timeout=60_000)
            while time.monotonic() < end:
                if len(asked) == 15:  # the page shows the last messages only, and what is drawn is counted below
                    page.locator(".st-key-chat-new button").click()
                    page.get_by_test_id("stChatMessage").nth(2).wait_for(state="detached", timeout=30_000)
                    asked.clear()
                question = chooser.choice(QUESTIONS)
                start = time.monotonic()
                box.fill(question)
                box.press("Enter")
                page.wait_for_function(
                    "n => document.querySelectorAll('[data-testid=stChatMessage] [class*=st-key-text-],"
                    "[data-testid=stChatMessage] [class*=st-key-ways-]').length >= n",
                    arg=len(asked) + 1,
                    timeout=30_000,
                )
                tally.add("browser", time.monotonic() - start)
                asked.append(question)
                time.sleep(chooser.uniform(0.5, 2.5))
            browser.close()
    except Exception as error:
        tally.fail(f"browser: {type(error).__name__}: {str(error)[:300]}")


def ready(app: Application, actor: Actor) -> int:
    """The demo workspace, read in by the running worker; the id of its knowledge base."""
    made = demo.load_demo(app, actor)
    assert made is not None
    while not jobs.get_job(app, actor, made.job_id).finished:
        time.sleep(0.5)
    [view] = [v for v in knowledge.list_knowledge_bases(app, actor) if v.id == made.knowledge_base_id]
    assert view.live_version is not None, "the demo was not published"
    return view.id


def measure(app_running: Running, seconds: float, people: int, browsers: int) -> dict[str, Any]:
    set_up_logs(app_running.settings.model_copy(update={"log_level": "WARNING"}))
    app = build(app_running.settings)
    base = ready(app, local_actor(app, "load"))
    tally = Tally()
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=person, args=(app, base, n, end, tally)) for n in range(people - browsers)]
    threads += [
        threading.Thread(target=browser_person, args=(app_running.address, n, end, tally)) for n in range(browsers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "people": people,
        "browsers": browsers,
        "seconds": seconds,
        "errors": len(tally.errors),
        "first_errors": tally.errors[:5],
        "foreign_messages": tally.foreign,
        "answers": {kind: len(values) for kind, values in tally.seconds.items()},
        "p50_s": {kind: round(percentile(values, 0.5), 3) for kind, values in tally.seconds.items()},
        "p95_s": {kind: round(percentile(values, 0.95), 3) for kind, values in tally.seconds.items()},
        "memory_mb": {k: round(v) for k, v in app_running.memory_mb().items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--browsers", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chat-load-") as folder, running(Path(folder)) as app_running:
        result = measure(app_running, options.seconds, options.people, options.browsers)
    for key, value in result.items():
        print(f"{key:18} {value}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
