"""Texts that several people ask for at once, written together in one batch that they join and leave at any token."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import PilotlightError, Unavailable
from core.models.generation.decoder import Decoder
from core.models.generation.sampling import GenerationSettings, Sampler
from core.models.generation.text_stream import TextStream

log = logging.getLogger(__name__)
T = TypeVar("T")
IDLE_SECONDS = 5.0  # a thread without work ends after so long

Reason = Literal["end", "stop_word", "length", "cancelled"]
# Changes the scores of the next token: (hidden state [width], logits [vocabulary]) -> logits.
Shape = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some more text of variant ``variant`` of prompt number ``prompt``."""

    prompt: int
    variant: int
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A variant is complete. ``tokens``: how many were written; ``prompt_tokens``: how many were read;
    ``dropped_tokens``: how many of the prompt's first ones did not fit; ``seed``: gives the same text again.
    """

    prompt: int
    variant: int
    reason: Reason
    tokens: int
    prompt_tokens: int
    dropped_tokens: int
    seed: int


Event = Piece | Finished
Sink = queue.SimpleQueue[Event | BaseException]


class Request:
    """What the texts of one call share: where their events go, and whether anybody still wants them."""

    def __init__(self, settings: GenerationSettings, shape: Shape | None = None) -> None:
        self.settings, self.shape = settings.seeded(), shape
        self.sink: Sink = queue.SimpleQueue()
        self.cancelled = threading.Event()


class Writing:
    """One variant in the making. ``ids``: its prompt, the same object for all variants of that prompt."""

    def __init__(
        self, request: Request, prompt: int, variant: int, ids: list[int], dropped: int, limit: int, stream: TextStream
    ) -> None:
        self.request, self.prompt, self.variant = request, prompt, variant
        self.ids, self._dropped, self.limit, self._stream = ids, dropped, limit, stream
        self.sampler = Sampler(request.settings, variant)
        self.produced = 0
        self._history = np.zeros(len(ids) + limit, np.int64)
        self._history[: len(ids)] = ids
        self.reason: Reason | None = None

    @property
    def last(self) -> int:
        return int(self._history[len(self.ids) + self.produced - 1])

    def take(self, logits: NDArray[np.float32], hidden: NDArray[np.float32], end_ids: frozenset[int]) -> bool:
        """Chooses the next token from ``logits`` [vocabulary] and ``hidden`` [width]. Whether the text is complete."""
        try:
            if self.request.shape is not None:
                logits = self.request.shape(hidden, logits)
            token = self.sampler.pick(logits, self._history[: len(self.ids) + self.produced])
        except Exception as error:  # noqa: BLE001 - the caller's own function: it ends this text, not its neighbours
            self.fail(error)
            return True
        return self.push(token, end_ids)

    def push(self, token: int, end_ids: frozenset[int]) -> bool:
        """Takes a token in, sends what can be shown, and says whether the text is complete."""
        if self.abandoned():
            return True
        self._history[len(self.ids) + self.produced] = token
        self.produced += 1
        if token in end_ids:
            self.finish("end")
            return True
        self._send(self._stream.push(token))
        if self._stream.stopped:
            self.finish("stop_word")
        elif self.produced >= self.limit:
            self.finish("length")
        return self.reason is not None

    def abandoned(self) -> bool:
        """Whether it was cancelled; says so to whoever still listens."""
        if self.reason is None and self.request.cancelled.is_set():
            self.finish("cancelled")
        return self.reason is not None

    def finish(self, reason: Reason) -> None:
        self.reason = reason
        self._send(self._stream.close())
        seed = self.request.settings.seed or 0
        done = Finished(self.prompt, self.variant, reason, self.produced, len(self.ids), self._dropped, seed)
        self.request.sink.put(done)

    def fail(self, error: BaseException) -> None:
        self.reason = "cancelled"
        self.request.sink.put(error)

    def _send(self, text: str) -> None:
        if text:
            self.request.sink.put(Piece(self.prompt, self.variant, text))


class Waiting:
    """The queue before a scheduler: bounded, without those that nobody wants any more."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.condition = threading.Condition()
        self._texts: deque[Writing] = deque()

    def add(self, texts: Sequence[Writing], running: int) -> None:
        """Raises Unavailable generation.busy when they do not all fit; then none is added."""
        with self.condition:
            if len(self._texts) + len(texts) > self.most:
                raise Unavailable("generation.busy", running=running, waiting=len(self._texts))
            self._texts.extend(texts)
            self.condition.notify_all()

    def __len__(self) -> int:
        return len(self._texts)

    def take(self, load: Callable[[Writing], int], fits: Callable[[Writing], bool] = lambda _: True) -> Writing | None:
        """The first of those with the least ``load``, if ``fits`` says so of it."""
        with self.condition:
            self._texts = deque(text for text in self._texts if not text.abandoned())
            chosen = min(self._texts, key=load, default=None)
            if chosen is None or not fits(chosen):
                return None
            self._texts.remove(chosen)
            return chosen

    def clear(self, error: BaseException) -> None:
        with self.condition:
            while self._texts:
                self._texts.popleft().fail(error)


class StepScheduler:
    """Writes with a ``Decoder``. A text that comes joins the batch at the next token; who stops leaves it at the next.

    What a text becomes does not depend on its neighbours: each has its own settings and random numbers.
    """

    def __init__(self, decoder: Decoder, *, most_waiting: int) -> None:
        self.decoder = decoder
        self.waiting = Waiting(most_waiting)
        self._active: list[Writing] = []
        self._thread: threading.Thread | None = None
        self._closed = False
        self._tasks: deque[tuple[Callable[[], Any], Future[Any]]] = deque()

    def submit(self, texts: Sequence[Writing]) -> None:
        """Raises Unavailable generation.busy when too many texts wait already, generation.closed after ``close``."""
        self.waiting.add(texts, len(self._active))
        self._start()

    def between_steps(self, task: Callable[[], T]) -> T:
        """The result of ``task``, which may use the decoder; writing goes on before and after it."""
        future: Future[T] = Future()
        with self.waiting.condition:
            self._tasks.append((task, future))
            self.waiting.condition.notify_all()
        self._start()
        return future.result()

    def close(self) -> None:
        """Ends the thread; texts that are not finished are cancelled."""
        with self.waiting.condition:
            self._closed = True
            self.waiting.condition.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=30)

    def _start(self) -> None:
        with self.waiting.condition:
            if self._closed:
                self._end()
            elif self._thread is None:
                self._thread = threading.Thread(target=self._work, name="text-generation", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while self._wait():
            try:
                self._run_task()
                self._admit()
                self._advance()
            except Exception as error:
                log.exception("text generation failed")
                self._abandon(error)
        if self._closed:
            self._end()

    def _end(self) -> None:
        closed = Unavailable("generation.closed")
        self._abandon(closed)
        while self._tasks:
            self._tasks.popleft()[1].set_exception(closed)

    def _wait(self) -> bool:
        """Sleeps while there is nothing to do. False when it is time to end: a thread without work would keep a model
        alive that nobody holds any more.
        """
        with self.waiting.condition:
            if not self._busy():
                self.waiting.condition.wait(IDLE_SECONDS)
            if self._busy() and not self._closed:
                return True
            self._thread = None
            return False

    def _busy(self) -> bool:
        return bool(self._active or len(self.waiting) or self._tasks)

    def _run_task(self) -> None:
        if not self._tasks:
            return
        task, future = self._tasks.popleft()
        try:
            future.set_result(task())
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    def _admit(self) -> None:
        """Reads one waiting prompt: one, so that those who are being written for wait no longer than that."""
        if len(self._active) >= self.decoder.most_rows:
            return
        first = self.waiting.take(self._load)
        if first is None:
            return
        self._active.append(first)
        step = self.decoder.read(first.ids)
        joined = 1
        while len(self._active) < self.decoder.most_rows:
            sibling = self.waiting.take(self._load, lambda text: text.ids is first.ids)
            if sibling is None:
                break
            self._active.append(sibling)
            self.decoder.fork()
            joined += 1
        rows = range(len(self._active) - joined, len(self._active))
        self._append(rows, np.repeat(step.logits, joined, 0), np.repeat(step.hidden, joined, 0))

    def _load(self, text: Writing) -> int:
        """Who has fewer places goes first, so that thirty variants for one person do not shut out the next."""
        return sum(other.request is text.request for other in self._active)

    def _advance(self) -> None:
        for row in reversed(range(len(self._active))):
            if self._active[row].abandoned():
                self._drop(row)
        if not self._active:
            return
        step = self.decoder.step([text.last for text in self._active])
        self._append(range(len(self._active)), step.logits, step.hidden)

    def _append(self, rows: range, logits: NDArray[np.float32], hidden: NDArray[np.float32]) -> None:
        for place, row in reversed(list(enumerate(rows))):
            if self._active[row].take(logits[place], hidden[place], self.decoder.end_ids):
                self._drop(row)

    def _drop(self, row: int) -> None:
        self.decoder.drop(row)
        self._active[row] = self._active[-1]
        self._active.pop()

    def _abandon(self, error: Exception) -> None:
        known = error if isinstance(error, PilotlightError) else None
        shown = known or Unavailable("generation.failed", problem=type(error).__name__)
        while self._active:
            self._active.pop().fail(shown)
        self.decoder.clear()
        self.waiting.clear(shown)
