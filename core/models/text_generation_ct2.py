"""GPT-2 in int8 on CTranslate2: a whole batch is handed over and comes back token by token.

The library gives no hand in the choice of a token: sampling is its own, its random numbers belong to a thread of the
library that is seeded once, when it first draws. So a text with a seed is written alone, by a thread made for it; texts
whose settings differ in anything but their length cannot share a batch; and no text joins a batch that has begun.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import Unavailable
from core.models.batching import IDLE_SECONDS, Waiting, Writing
from core.models.ct2_export import exported, vocabulary
from core.models.gpt2_shape import read_shape

log = logging.getLogger(__name__)
_SEEDING = threading.Lock()  # the seed is one for the process: it is set and first used under this lock


class Ct2Scheduler:
    """Writes with ``ctranslate2.Generator``. Settings without a seed of their own are batched, others are not."""

    engine = "ctranslate2 int8"

    def __init__(
        self, folder: Path, cache: Path, tokenizer: Any, *, most_rows: int, threads: int, waiting: int
    ) -> None:
        shape = read_shape(folder)
        if shape is None:
            raise Unavailable("generation.not_gpt2", name=folder.name)
        self.window, self._most_rows, self._threads = shape.positions, most_rows, threads
        self._path = exported(folder, cache, tokenizer)
        self._tokens, self._end_ids = vocabulary(tokenizer, shape), frozenset(shape.end_ids)
        self._shared = self._new_generator()
        self.waiting = Waiting(waiting)
        self._running = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    def submit(self, texts: Sequence[Writing]) -> None:
        """Raises Unavailable generation.busy, generation.no_shape."""
        if any(text.request.shape is not None for text in texts):
            raise Unavailable("generation.no_shape", engine=self.engine)
        self.waiting.add(texts, self._running)
        with self.waiting.condition:
            if self._closed:
                self.waiting.clear(Unavailable("generation.closed"))
            elif self._thread is None:
                self._thread = threading.Thread(target=self._work, name="text-generation", daemon=True)
                self._thread.start()

    def close(self) -> None:
        with self.waiting.condition:
            self._closed = True
            self.waiting.condition.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=30)

    def _work(self) -> None:
        while self._wait():
            batch = self._batch()
            self._running = len(batch)
            try:
                if batch:
                    self._write(batch)
            except Exception as error:
                log.exception("text generation failed")
                for text in batch:
                    if text.reason is None:
                        text.fail(Unavailable("generation.failed", problem=type(error).__name__))
            self._running = 0
        if self._closed:
            self.waiting.clear(Unavailable("generation.closed"))

    def _wait(self) -> bool:
        """Sleeps while there is nothing to do; False after a while without work, and when it is time to end."""
        with self.waiting.condition:
            if not len(self.waiting) and not self._closed:
                self.waiting.condition.wait(IDLE_SECONDS)
            if len(self.waiting) and not self._closed:
                return True
            self._thread = None
            return False

    def _batch(self) -> list[Writing]:
        """The first text that waits, and those behind it that ask for the same kind of sampling."""
        first = self.waiting.take()
        if first is None:
            return []
        batch = [first]
        while len(batch) < self._most_rows and not first.request.repeatable:
            other = self.waiting.take(fits=lambda text: not text.request.repeatable and _kind(text) == _kind(first))
            if other is None:
                break
            batch.append(other)
        return batch

    def _write(self, batch: list[Writing]) -> None:
        def taken(result: Any) -> bool:
            text = batch[result.batch_id]
            return text.reason is not None or self._closed or text.push(result.token_id, self._end_ids)

        if batch[0].request.repeatable:
            import ctranslate2

            with _SEEDING:
                # A generator made anew has a thread of its own, which reads the seed when it draws its first number.
                generator = self._new_generator()
                ctranslate2.set_random_seed(_mixed(batch[0]))
                self._call(generator, batch, taken)
        else:
            self._call(self._shared, batch, taken)
        for text in batch:
            if text.reason is None:
                text.finish("cancelled" if text.request.cancelled.is_set() or self._closed else "end")

    def _call(self, generator: Any, batch: list[Writing], taken: Any) -> None:
        settings = batch[0].request.settings
        greedy = settings.temperature == 0
        generator.generate_batch(
            [[self._tokens[number] for number in text.ids] for text in batch],
            max_length=max(text.limit for text in batch),
            sampling_topk=1 if greedy else settings.top_k,
            sampling_topp=1 if greedy else settings.top_p,
            sampling_temperature=1 if greedy else settings.temperature,
            repetition_penalty=settings.repetition_penalty,
            include_prompt_in_result=False,
            callback=taken,
        )

    def _new_generator(self) -> Any:
        import ctranslate2

        return ctranslate2.Generator(str(self._path), device="cpu", compute_type="int8", intra_threads=self._threads)


def _kind(text: Writing) -> tuple[float, ...]:
    settings = text.request.settings
    return (settings.temperature, settings.top_p, settings.top_k, settings.repetition_penalty)


def _mixed(text: Writing) -> int:
    """A seed of its own for each variant."""
    return ((text.request.settings.seed or 0) * 2654435761 + text.variant * 40503 + 1) % (2**32 - 1)
