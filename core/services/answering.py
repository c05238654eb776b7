"""One answer while it is made: spoken piece by piece, alive for everybody who looks, stored once at its honest end."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import structlog

from core.assistant.dialogue import Turn
from core.db.tables import Conversation, FaqEntry, Message, utc_now
from core.errors import PilotlightError
from core.metrics import ANSWER_SECONDS, ANSWERS
from core.services import answers_codec, handoff
from core.services.application import Application
from core.services.chat_offers import offers_for
from core.services.ladder import Decided, decide, speak
from core.services.spoken import Clock, Speech
from core.types import Language, Rung

log = structlog.get_logger(__name__)

SIGN_SECONDS = 10.0
# A thread that waits for a model longer than this hangs: its signs of life would only hide that.
LONGEST_SECONDS = 1200.0


@dataclass(frozen=True, slots=True)
class Task:
    """An answer to be made."""

    workspace_id: int
    visitor: str
    conversation_id: int
    knowledge_base_id: int
    message_id: int
    question: str
    history: tuple[Turn, ...]
    language: Language
    waiting: int | None  # the handoff that waits for a person


class Making:
    """Makes one answer. ``run`` is read by one thread; ``stop`` may be called by any other."""

    def __init__(self, app: Application, task: Task) -> None:
        self.app, self.task = app, task
        self.clock = Clock()
        self.shown = ""
        self.speech: Speech | None = None
        self.error: dict[str, Any] | None = None
        self.handoff: dict[str, Any] | None = None
        self.offers: dict[str, Any] | None = None
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._storing = threading.Lock()

    def run(self) -> Generator[str, None, None]:
        """Yields an empty piece once it is ready, then the words; closing it is Stop."""
        threading.Thread(target=self._live, name=f"answer-{self.task.message_id}", daemon=True).start()
        state = "stopped"  # what it is if nothing else happens
        try:
            yield ""
            for piece in self._words():
                if self._stopping.is_set():
                    return
                self.shown += piece
                yield piece
            self._offer()
            state = "stopped" if self._stopping.is_set() else "done"
        except PilotlightError as error:
            state, self.error = "failed", {"code": error.code, "values": _plain(error.values)}
            log.warning("answer failed", message=self.task.message_id, code=error.code)
        except Exception as error:
            state = "failed"
            self.error = {"code": "chat.answer_failed", "values": {"reason": type(error).__name__}}
            log.error("answer failed", message=self.task.message_id, exc_info=True)
        finally:
            self._end(state)

    def stop(self) -> None:
        """Stores what was said so far, now; whoever reads ``run`` finds it ended."""
        self._stopping.set()
        self._end("stopped")

    def _words(self) -> Iterator[str]:
        task = self.task
        decided = decide(
            self.app,
            task.workspace_id,
            task.knowledge_base_id,
            task.question,
            history=task.history,
            language=task.language,
            clock=self.clock,
        )
        decided = self._with_person(decided)
        speech = speak(self.app, task.workspace_id, decided, self.clock)
        if speech.wording is not None:
            speech.wording = partial(cast(Any, speech.wording), cancelled=self._stopping.is_set)
        self.speech = speech
        with closing(speech):
            yield from speech

    def _with_person(self, decided: Decided) -> Decided:
        """Hands over when a person was asked for. While one is awaited, what the assistant cannot answer is theirs."""
        answer, task = decided.answer, self.task
        if answer.rung is not Rung.PERSON and not (task.waiting and answer.refusal is not None):
            return decided
        with self.clock.stage("handoff"):
            promise = handoff.hand_over(self.app, task.workspace_id, task.conversation_id, reason="asked")
        self.handoff = promise.as_detail()
        again = task.waiting is not None and answer.rung is not Rung.PERSON
        text = handoff.promise_text(promise, task.language, again=again)
        return replace(decided, answer=replace(answer, text=text, rung=Rung.PERSON, refusal=None), found=())

    def _offer(self) -> None:
        """Items below the answer, where the owner wants them. What goes wrong there never costs the answer."""
        task = self.task
        if self.speech is None or task.waiting or self._stopping.is_set():
            return
        try:
            with self.clock.stage("offers"):
                self.offers = offers_for(
                    self.app, task.workspace_id, task.knowledge_base_id, task.question, self.speech.answer, task.visitor
                )
        except PilotlightError as error:
            log.warning("no offers", message=task.message_id, code=error.code)
        except Exception:
            log.error("no offers", message=task.message_id, exc_info=True)

    # --- signs of life ---

    def _live(self) -> None:
        """Says now and then that the answer is still being made, however silent the model, and keeps what was shown."""
        begun = time.monotonic()
        while not self._ended.wait(SIGN_SECONDS) and time.monotonic() - begun < LONGEST_SECONDS:
            try:
                self._sign()
            except Exception:
                # One missed sign is forgiven: the next comes long before the message reads as failed.
                log.warning("sign of life failed", message=self.task.message_id, exc_info=True)

    def _sign(self) -> None:
        with self.app.database.write(self.task.workspace_id) as rows:
            alive = {"alive": utc_now().isoformat()}
            still = Message.id == self.task.message_id, Message.state == "answering"
            if not self._ended.is_set():
                rows.update(Message, *still, text=self.shown, detail=alive)

    # --- the end ---

    def _end(self, state: str) -> None:
        with self._storing:
            if not self._ended.is_set():
                self._ended.set()
                self._store(state)

    def _store(self, state: str) -> None:
        task, speech, detail = self.task, self.speech, {"timings": self.clock.timings()}
        # Of a stopped answer the whole sentences that were shown are kept, with their citations; of a failed one none.
        spoken = state == "done" or (state == "stopped" and self.shown)
        answer = speech.answer if speech is not None and spoken else None
        if self.error is not None:
            detail["error"] = self.error
        if speech is not None and speech.trouble is not None:
            detail["trouble"] = speech.trouble
        if self.handoff is not None:
            detail["handoff"] = self.handoff
        if self.offers is not None and state == "done":
            detail["offers"] = self.offers
        with self.app.database.write(task.workspace_id) as rows:
            row = rows.find(Message, Message.id == task.message_id)
            if row is None:  # the conversation was deleted while it was answered
                return
            row.state = state
            row.text = self.shown if answer is None or state != "done" else answer.text or ""
            if answer is not None:
                row.rung, row.confidence = answer.rung.value, answer.confidence
                detail = {**answers_codec.to_detail(answer), **detail}
            row.detail = detail
            rows.update(Conversation, Conversation.id == task.conversation_id, updated_at=utc_now())
            if state == "done" and answer is not None and answer.faq_id is not None:
                # A hit is no edit: the entry keeps its date, by which caches tell that it changed.
                entry = FaqEntry.id == answer.faq_id
                rows.update(FaqEntry, entry, hits=FaqEntry.hits + 1, updated_at=FaqEntry.updated_at)
        milliseconds = detail["timings"]["total"]
        ANSWERS.labels(row.rung or state).inc()
        ANSWER_SECONDS.observe(milliseconds / 1000)
        log.info("answered", message=task.message_id, state=state, milliseconds=milliseconds)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {k: v if isinstance(v, str | int | float | bool) else str(v) for k, v in values.items()}
