"""Many open browser sessions on one web process: what each costs in memory, and how fast the active ones are answered.

Opens ``--sessions`` sessions as a browser does (a websocket with a visitor's cookie, Streamlit's messages, the chat
page drawn to its end), then lets ``--active`` of them ask the demo's golden questions for ``--seconds`` while the
others stay open. Seconds run from sending a question to the end of the page's last drawing. Errors that the page shows
and pages without the session's own question are counted.

    python -m benchmarks.sessions [--sessions 200] [--active 20] [--seconds 60] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from benchmarks.beir import print_table, write_json
from benchmarks.running import Running, percentile, resident_mb, running
from core.services import demo

QUESTIONS = [
    json.loads(line)["question"] for line in (demo.FOLDER / "golden.jsonl").read_text("utf-8").splitlines() if line
]
LONGEST = 120.0  # seconds for one drawing of a page


class Session:
    """One browser tab on the chat page, without the browser."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.page, self.input = "", ""
        self.texts: list[str] = []
        self.problems: list[str] = []

    @classmethod
    async def open(cls, address: str) -> Session:
        from streamlit.proto.ClientState_pb2 import ClientState
        from websockets.asyncio.client import connect
        from websockets.typing import Subprotocol

        cookie = f"pilotlight_visitor={secrets.token_urlsafe(24)}; pilotlight_language=en"
        socket = await connect(
            address.replace("http", "ws") + "/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")], additional_headers={"Cookie": cookie}, max_size=None,
            ping_interval=None, open_timeout=LONGEST,
        )  # fmt: skip
        session = cls(socket)
        await session._run(ClientState(page_name="chat"))
        return session

    async def ask(self, question: str) -> float:
        """Seconds until the page with the answer is drawn."""
        from streamlit.proto.ClientState_pb2 import ClientState

        state = ClientState(page_script_hash=self.page)
        widget = state.widget_states.widgets.add(id=self.input)
        widget.chat_input_value.data = question
        began = time.monotonic()
        await self._run(state)
        return time.monotonic() - began

    async def close(self) -> None:
        await self._socket.close()

    async def _run(self, state: Any) -> None:
        from streamlit.proto.BackMsg_pb2 import BackMsg

        self.texts, self.problems = [], []
        await self._socket.send(BackMsg(rerun_script=state).SerializeToString())
        async with asyncio.timeout(LONGEST):
            async for message in self._messages():
                kind = message.WhichOneof("type")
                if kind == "navigation":
                    self.page = message.navigation.page_script_hash
                elif kind == "delta":
                    self._drawn(message.delta)
                elif kind == "script_finished" and message.script_finished == message.FINISHED_SUCCESSFULLY:
                    return

    def _drawn(self, delta: Any) -> None:
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "chat_input":
            self.input = element.chat_input.id
        elif kind in ("markdown", "text"):
            self.texts.append(getattr(element, kind).body)
        elif kind in ("exception", "alert"):
            self.problems.append(str(getattr(element, kind))[:300])

    async def _messages(self) -> AsyncIterator[Any]:
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        async for data in self._socket:
            yield ForwardMsg.FromString(data)


async def active(session: Session, number: int, end: float, tally: dict[str, Any]) -> None:
    chooser = random.Random(number)
    while time.monotonic() < end:
        question = chooser.choice(QUESTIONS)
        try:
            tally["seconds"].append(await session.ask(question))
        except TimeoutError:
            tally["errors"].append("no answer")
            return
        tally["errors"] += session.problems
        if not any(question.rstrip("?？")[:30] in text.replace("\\", "") for text in session.texts):
            tally["foreign"] += 1
        await asyncio.sleep(chooser.uniform(1, 5))


async def measured(app: Running, sessions: int, count: int, seconds: float) -> dict[str, Any]:
    first = await Session.open(app.address)  # loads what is loaded once
    await first.ask(QUESTIONS[0])
    before = resident_mb(app.web.pid)
    began = time.monotonic()
    opened: list[Session] = [first]
    while len(opened) < sessions:
        room = min(10, sessions - len(opened))
        opened += await asyncio.gather(*(Session.open(app.address) for _ in range(room)))
    opening = time.monotonic() - began
    idle = resident_mb(app.web.pid)
    tally: dict[str, Any] = {"seconds": [], "errors": [], "foreign": 0}
    end = time.monotonic() + seconds
    await asyncio.gather(*(active(one, number, end, tally) for number, one in enumerate(opened[:count])))
    busy = resident_mb(app.web.pid)
    for one in opened:
        await one.close()
    return {
        "sessions": sessions, "active": count, "opening_seconds": opening, "web_mb": before, "web_mb_open": idle,
        "web_mb_after": busy, "mb_per_session": (idle - before) / max(1, sessions - 1),
        "answers": len(tally["seconds"]), "p50": percentile(tally["seconds"], 0.5),
        "p95": percentile(tally["seconds"], 0.95), "errors": tally["errors"], "foreign": tally["foreign"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--active", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    from core.bootstrap import build, local_actor
    from core.services import jobs

    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as app:
        built = build(app.settings)
        actor = local_actor(built, "benchmark-visitor-00000000")
        made = demo.load_demo(built, actor)
        assert made is not None, "a new workspace has no knowledge base"
        while jobs.get_job(built, actor, made.job_id).state in ("queued", "running"):
            time.sleep(0.5)
        found = asyncio.run(measured(app, options.sessions, options.active, options.seconds))
    rows = [
        ["sessions open / asking", f"{found['sessions']} / {found['active']}"],
        ["opened one after another by tens, seconds", f"{found['opening_seconds']:.1f}"],
        ["web process before, with all open, after the questions, MiB",
         f"{found['web_mb']:.0f}, {found['web_mb_open']:.0f}, {found['web_mb_after']:.0f}"],
        ["MiB a session", f"{found['mb_per_session']:.2f}"],
        ["answers", f"{found['answers']}"],
        ["from question to drawn page: p50 / p95, seconds", f"{found['p50']:.2f} / {found['p95']:.2f}"],
        ["errors / pages without the own question", f"{len(found['errors'])} / {found['foreign']}"],
    ]  # fmt: skip
    print_table(["sessions", "measured"], rows)
    for error in found["errors"][:5]:
        print(error)
    write_json(options.json, found)


if __name__ == "__main__":
    main()
